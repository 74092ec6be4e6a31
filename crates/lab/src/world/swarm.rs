//! Worlds drawn from a seed: links, settings, amounts and orders that nobody thought of.

use super::*;

/// The two hosts, in the order of everything that is drawn for each.
const HOSTS: [&str; 2] = ["client", "server"];

/// Writes a world in which both ends send, shut down, read all and let go; everything else is drawn.
fn draw(seed: u64) -> String {
    let mut rng = Rng::fork(seed, "swarm");
    let mut text = "title = \"drawn\"\nuntil = \"50h\"\n".to_owned();
    text += &hosts(&mut rng);
    text += "\n[[link]]\nbetween = [\"client\", \"server\"]\n";
    for direction in ["forth", "back"] {
        text += &format!("{direction} = \"{}\"\n", impairment(&mut rng));
    }
    text += &step("server", "listen = { port = 80 }");
    text += &step("client", "connect = { to = \"server:80\" }");
    for host in HOSTS {
        text += &step(host, "wait = { until = { state = \"ESTABLISHED\" }, within = \"10h\" }");
    }
    let amounts = [(); 2].map(|()| rng.below(4).min(1) * rng.below(150_000));
    let mut sides = [0, 1].map(|side| side_of(&mut rng, HOSTS[side], amounts[side]));
    disturb(&mut rng, &mut sides);
    // Each side's steps keep their order; whose turn it is is drawn.
    while sides.iter().any(|steps| !steps.is_empty()) {
        let side = rng.below(2) as usize;
        if !sides[side].is_empty() {
            text += &sides[side].remove(0);
        }
    }
    for (host, amount) in [("client", amounts[1]), ("server", amounts[0])] {
        let until = format!("{{ received = {amount}, finished = true }}");
        text += &step(host, &format!("wait = {{ until = {until}, within = \"10h\" }}"));
    }
    for host in HOSTS {
        text += &step(host, "do = \"close\"");
    }
    for host in HOSTS {
        text += &step(
            host,
            "at = \"rest\"\nexpect = { connections = 0, embryos = 0, time_waits = 0 }",
        );
    }
    text
}

fn step(host: &str, what: &str) -> String {
    format!("\n[[step]]\nhost = \"{host}\"\n{what}\n")
}

fn hosts(rng: &mut Rng) -> String {
    let addresses = [["10.7.0.1", "10.7.0.2"], ["fd07::1", "fd07::2"]][rng.below(2) as usize];
    let mut text = String::new();
    for (name, address) in HOSTS.iter().zip(addresses) {
        text += &format!("\n[[host]]\nname = \"{name}\"\naddresses = [\"{address}\"]\n");
        for switch in ["window_scaling", "timestamps", "sack"] {
            text += &format!("{switch} = {}\n", rng.below(3) > 0);
        }
        text += &format!("mtu = {}\n", [1280, 1500, 9000][rng.below(3) as usize]);
        text += &format!("connection = {{ {} }}\n", connection(rng));
    }
    text
}

/// What one user does once the connection is open: reads in some way, sends in two parts, and shuts down.
fn side_of(rng: &mut Rng, host: &str, amount: u64) -> Vec<String> {
    let reading = ["everything", "200k/s", "nothing", "everything"][rng.below(4) as usize];
    let mut steps = vec![step(host, &format!("read = \"{reading}\""))];
    for part in [amount / 3, amount - amount / 3] {
        let pause = rng.below(400);
        steps.push(step(host, &format!("in = \"{pause}ms\"\nsend = {{ bytes = {part} }}")));
    }
    steps.push(step(host, &format!("in = \"{}ms\"\ndo = \"shutdown\"", rng.below(300))));
    if reading == "nothing" {
        steps.push(step(
            host,
            &format!("in = \"{}s\"\nread = \"everything\"", rng.below(20)),
        ));
    }
    steps
}

/// Blind attacks on both sides, and perhaps a host that is away for some seconds.
fn disturb(rng: &mut Rng, sides: &mut [Vec<String>; 2]) {
    for _ in 0..rng.below(12) {
        let side = rng.below(2) as usize;
        let place = rng.below(sides[side].len() as u64 + 1) as usize;
        sides[side].insert(place, step(HOSTS[side], &blind(rng)));
    }
    if rng.below(3) == 0 {
        let side = rng.below(2) as usize;
        let place = rng.below(sides[side].len() as u64 + 1) as usize;
        let away = format!("in = \"{}ms\"\ndo = \"return\"", rng.below(8_000));
        sides[side].insert(place, step(HOSTS[side], &away));
        sides[side].insert(place, step(HOSTS[side], "do = \"vanish\""));
    }
}

/// What an attacker may send who guesses, and whom a connection must survive. Never next to RCV.NXT, where a FIN that is
/// under way could make the guess an exact one.
fn blind(rng: &mut Rng) -> String {
    let anywhere = rng.bits() as u32;
    let flags = ["S", "S.", ".", "P.", "F.", "R", "R.", "SF", "-", "FPU", "SR", "EW."][rng.below(12) as usize];
    let near = ["S", "S.", "R", "R.", "SF"][rng.below(5) as usize];
    let payload = rng.below(3) * rng.below(1400);
    let (step, ack) = (2 + rng.below(300), rng.bits() as u32);
    match rng.below(2) {
        0 => format!("inject = {{ flags = \"{flags}\", seq = \"{anywhere}\", ack = \"{ack}\", payload = {payload} }}"),
        _ => format!("inject = {{ flags = \"{near}\", seq = \"rcv.nxt+{step}\", ack = \"snd.una\" }}"),
    }
}

fn connection(rng: &mut Rng) -> String {
    format!(
        "send_buffer = {}, receive_buffer = {}, no_delay = {}",
        1 << (9 + rng.below(10)),
        (1 << (11 + rng.below(9))) + rng.below(1000),
        rng.below(2) == 0
    )
}

fn impairment(rng: &mut Rng) -> String {
    let delay = 1 + rng.below(80);
    let mut text = format!("delay={delay}ms,jitter={}ms", rng.below(delay));
    for (key, percent_max) in [("loss", 8), ("reorder", 10), ("duplicate", 5), ("corrupt", 2)] {
        if rng.below(2) == 0 {
            text += &format!(",{key}={}%", 1 + rng.below(percent_max));
        }
    }
    if rng.below(3) == 0 {
        text += &format!(",rate={}mbit,queue=64k", 1 + rng.below(50));
    }
    text
}

fn play(seed: u64) {
    let text = draw(seed);
    let world = World::from_toml(&text, seed).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
    let outcome = world.run();
    let ladder = lens::Ladder::default().draw(&outcome.trace);
    assert!(
        outcome.verdict.is_pass(),
        "seed {seed}: {}\n{text}\n{ladder}",
        outcome.verdict
    );
}

#[test]
fn drawn_worlds_pass() {
    (0..60).for_each(play);
}
