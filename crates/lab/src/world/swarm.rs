//! Worlds drawn from a seed: links, settings, amounts and orders that nobody thought of.

use super::*;

/// Writes a world in which both ends send, shut down, read all and let go; everything else is drawn.
fn draw(seed: u64) -> String {
    let mut rng = Rng::fork(seed, "swarm");
    let (client, server) = if rng.below(2) == 0 {
        ("10.7.0.1", "10.7.0.2")
    } else {
        ("fd07::1", "fd07::2")
    };
    let mut text = "title = \"drawn\"\nuntil = \"50h\"\n".to_owned();
    for (name, address) in [("client", client), ("server", server)] {
        text += &format!("\n[[host]]\nname = \"{name}\"\naddresses = [\"{address}\"]\n");
        for switch in ["window_scaling", "timestamps", "sack"] {
            text += &format!("{switch} = {}\n", rng.below(3) > 0);
        }
        text += &format!("mtu = {}\n", [1280, 1500, 9000][rng.below(3) as usize]);
        text += &format!("connection = {{ {} }}\n", connection(&mut rng));
    }
    text += "\n[[link]]\nbetween = [\"client\", \"server\"]\n";
    for direction in ["forth", "back"] {
        text += &format!("{direction} = \"{}\"\n", impairment(&mut rng));
    }
    text += "\n[[step]]\nhost = \"server\"\nlisten = { port = 80 }\n";
    text += "\n[[step]]\nhost = \"client\"\nconnect = { to = \"server:80\" }\n";
    let mut amounts = [0; 2];
    for (amount, host) in amounts.iter_mut().zip(["client", "server"]) {
        *amount = rng.below(4).min(1) * rng.below(150_000);
        let within = "within = \"10h\"";
        text +=
            &format!("\n[[step]]\nhost = \"{host}\"\nwait = {{ until = {{ state = \"ESTABLISHED\" }}, {within} }}\n");
    }
    // A server that has just become ESTABLISHED is accepted in the same moment.
    let mut steps = [Vec::new(), Vec::new()];
    for (index, host) in ["client", "server"].into_iter().enumerate() {
        let reading = ["everything", "200k/s", "nothing", "everything"][rng.below(4) as usize];
        steps[index].push(format!("host = \"{host}\"\nread = \"{reading}\""));
        for part in [amounts[index] / 3, amounts[index] - amounts[index] / 3] {
            let pause = rng.below(400);
            steps[index].push(format!(
                "host = \"{host}\"\nin = \"{pause}ms\"\nsend = {{ bytes = {part} }}"
            ));
        }
        steps[index].push(format!(
            "host = \"{host}\"\nin = \"{}ms\"\ndo = \"shutdown\"",
            rng.below(300)
        ));
        if reading == "nothing" {
            steps[index].push(format!(
                "host = \"{host}\"\nin = \"{}s\"\nread = \"everything\"",
                rng.below(20)
            ));
        }
    }
    for _ in 0..rng.below(12) {
        let (side, host) = [(0, "client"), (1, "server")][rng.below(2) as usize];
        let place = rng.below(steps[side].len() as u64 + 1) as usize;
        steps[side].insert(place, format!("host = \"{host}\"\n{}", blind(&mut rng)));
    }
    if rng.below(3) == 0 {
        let (side, host) = [(0, "client"), (1, "server")][rng.below(2) as usize];
        let place = rng.below(steps[side].len() as u64 + 1) as usize;
        let away = rng.below(8_000);
        steps[side].insert(place, format!("host = \"{host}\"\nin = \"{away}ms\"\ndo = \"return\""));
        steps[side].insert(place, format!("host = \"{host}\"\ndo = \"vanish\""));
    }
    while steps.iter().any(|steps| !steps.is_empty()) {
        let side = rng.below(2) as usize;
        if !steps[side].is_empty() {
            text += &format!("\n[[step]]\n{}\n", steps[side].remove(0));
        }
    }
    for (host, amount) in [("client", amounts[1]), ("server", amounts[0])] {
        text += &format!(
            "\n[[step]]\nhost = \"{host}\"\nwait = {{ until = {{ received = {amount}, finished = true }}, within = \"10h\" }}\n"
        );
    }
    for host in ["client", "server"] {
        text += &format!("\n[[step]]\nhost = \"{host}\"\ndo = \"close\"\n");
    }
    for host in ["client", "server"] {
        text += &format!(
            "\n[[step]]\nhost = \"{host}\"\nat = \"rest\"\nexpect = {{ connections = 0, embryos = 0, time_waits = 0 }}\n"
        );
    }
    text
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
