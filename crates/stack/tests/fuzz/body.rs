//! The body of the fuzz target `input`: arbitrary bytes become packets, steps of time and calls of a user, and after each
//! the stack is looked over.
//!
//! Most packets are made for a connection that lives, from the numbers it has shown on the wire, and then bent a little: so
//! the deep parts of the machine are reached, which noise alone never finds. Shared by cargo-fuzz and by a plain test.

mod check;
mod host;
mod input;
mod link;
mod neighbour;
mod packet;
mod watch;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use syndic_stack::io::Checksum;
use syndic_stack::*;

use host::{mac, ours, someone, theirs};
use input::Input;
use link::Link;
use neighbour::said;
use watch::Watch;

/// Bounds so small that they are reached.
fn limits() -> Limits {
    Limits {
        connections: 6,
        embryos: 4,
        time_waits: 3,
        spent_cookies: 3,
        listeners: 3,
        islands: 4,
        runs: 16,
        replies: 16,
        send_buffer_max: 20_000,
        receive_buffer_max: 20_000,
        datagrams: 3,
        datagram_bytes: 8_000,
        challenge_acks_per_5s: 5,
        neighbours: NEIGHBOURS,
        resolutions_per_s: 3,
        neighbour_replies_per_s: 3,
        ..Limits::default()
    }
}

/// The least that there may be.
const NEIGHBOURS: usize = 16;

const SYN_BACKLOG: usize = 3;
const ACCEPT_BACKLOG: usize = 2;
const PER_SOURCE: usize = 4;

/// What the user of a connection believes: it acts on what it is told, and waits when it was told to wait.
#[derive(Debug, Clone, Copy)]
struct Belief {
    readable: bool,
    writable: bool,
}

struct World<'a> {
    input: Input<'a>,
    stack: Stack<Watch>,
    listeners: Vec<ListenerId>,
    ids: Vec<ConnectionId>,
    beliefs: BTreeMap<ConnectionId, Belief>,
    now: Instant,
    /// Unix time at the origin of `now`. Units: seconds.
    unix_s: u64,
    /// The Unix clock was set back, or so far on that an entry may not know its epoch any more: 128 of them.
    is_adrift: bool,
    /// How far it was set on, all in all. Units: seconds.
    jumped: u64,
    per_source: Option<usize>,
    full: u8,
    mtu: usize,
    is_ethernet: bool,
    /// Neighbours answer when they are asked.
    has_answers: bool,
}

/// Limits that are soon reached, or none.
fn limiter(bits: u8) -> flood::LimiterOptions {
    let rate = |per_s| Some(flood::Rate::new(per_s, 2 * per_s));
    match bits & 3 {
        0 => flood::LimiterOptions::default(),
        1 => flood::LimiterOptions::unlimited(),
        n => flood::LimiterOptions {
            per_address: rate(2),
            per_prefix: rate(3),
            proven: rate(4),
            proven_lifetime: Duration::from_secs(5),
            proven_sources: 64,
            address_cells: 64,
            prefix_cells: 64,
            allow: Vec::new(),
            over: if n == 2 {
                flood::OverLimit::Cookie
            } else {
                flood::OverLimit::Drop
            },
        },
    }
}

/// Plays the input against a new stack.
///
/// Panics when anything is wrong.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let flags = input.byte();
    let mtu = if flags & 8 == 0 { 1500 } else { 1280 };
    let (flood, modes) = (input.byte(), input.byte());
    let unix_s = [0, 1_000_000_062, u64::MAX - 300, 16_383];
    let unix_s = input.choose(&unix_s).unwrap_or_default();
    let per_source = (modes & 64 != 0).then_some(PER_SOURCE);
    let is_ethernet = flags & 96 == 96;
    let on_link = ["10.7.0.0/24", "fd07::/64"].map(|text| text.parse().expect("a subnet"));
    let gateways = [someone(2), someone(3)];
    let config = Config {
        medium: if is_ethernet {
            Medium::Ethernet(EthernetOptions::new(mac(2), on_link, gateways))
        } else {
            Medium::Ip
        },
        addresses: vec![ours(false), ours(true)],
        mtu,
        limits: limits(),
        timestamps: flags & 1 != 0,
        window_scaling: flags & 2 != 0,
        sack: flags & 4 != 0,
        ephemeral_ports: (50_000, 50_003),
        cookies: CookieOptions {
            shared_secret: flood & 1 != 0,
            bare_per_s: if flood & 2 != 0 { 2 } else { 1000 },
            refuse_bare_above: (flood & 4 != 0).then_some(2),
        },
        flood: FloodOptions {
            limiter: limiter(flood >> 3),
            replies: (flood & 32 != 0).then_some(flood::Rate::new(2, 6)),
            gauge: flood::GaugeOptions::default(),
        },
        ..Config::default()
    };
    let secrets = Secrets {
        master: [7; 32],
        public: 1,
    };
    let mut world = World {
        input,
        stack: Stack::new(config, secrets, Watch::default()),
        listeners: Vec::new(),
        ids: Vec::new(),
        beliefs: BTreeMap::new(),
        now: Instant::ZERO + Duration::from_secs(1),
        unix_s,
        is_adrift: false,
        jumped: 0,
        per_source,
        full: 0,
        mtu,
        is_ethernet,
        has_answers: flags & 128 != 0,
    };
    for is_v6 in [false, true] {
        let mut options = ListenOptions::new(SocketAddr::new(ours(is_v6), 80));
        options.syn_backlog = SYN_BACKLOG;
        options.accept_backlog = ACCEPT_BACKLOG;
        options.connections_per_source = per_source;
        options.syn_cookies = match modes >> if is_v6 { 2 } else { 0 } & 3 {
            0 | 1 => SynCookies::Auto,
            2 => SynCookies::Always,
            _ => SynCookies::Never,
        };
        if modes & 16 != 0 {
            options.half_open_lifetime = Duration::from_secs(100_000);
            options.syn_ack_retransmissions = u8::MAX;
        }
        if flags & 16 != 0 {
            options.accept_overflow = AcceptOverflow::Reset;
        }
        world
            .listeners
            .push(world.stack.listen(options).expect("the port is free"));
    }
    world.connect(false);
    while !world.input.0.is_empty() {
        world.step();
        world.settle();
    }
    world.end();
}

impl World<'_> {
    fn now(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: self.unix_s.saturating_add(self.now.as_nanos() / 1_000_000_000),
        }
    }

    fn step(&mut self) {
        let now = self.now();
        match self.input.byte() % 28 {
            0 => {
                let len = usize::from(self.input.byte());
                let bytes = self.input.take(len);
                self.packet(&bytes, Checksum::Unverified);
            }
            1 => self.noise(),
            2 => self.icmp(),
            3 => self.fragment(),
            4 => {
                let ms = [0, 1, 10, 39, 200, 999, 5_000, 61_000];
                let ms = self.input.choose(&ms).unwrap_or_default();
                self.now += Duration::from_millis(ms * 10);
                self.stack.handle_timeout(self.now());
            }
            5 | 6 => self.tick(),
            7 => self.full = self.input.byte() % 16,
            8 => {
                for listener in self.listeners.clone() {
                    if let Some(accepted) = self.stack.accept(now, listener).expect("it listens") {
                        self.hold(accepted.id);
                    }
                }
            }
            9 => {
                let is_v6 = self.input.byte() & 1 == 1;
                self.connect(is_v6);
            }
            24 | 25 => self.third_ack(),
            26 => self.set_clock(),
            23 if self.is_ethernet => self.neighbour(),
            n @ 10..=15 => {
                if let Some(id) = self.input.choose(&self.ids) {
                    self.call(n, id);
                }
            }
            _ => {
                if let Some(packet) = self.segment() {
                    self.packet(&packet, Checksum::Unverified);
                }
            }
        }
    }

    fn connect(&mut self, is_v6: bool) {
        let remote = match self.is_ethernet {
            true => someone(self.input.byte()),
            false => theirs(is_v6),
        };
        let options = ConnectOptions {
            remote: SocketAddr::new(remote, 443),
            local: None,
            connection: None,
        };
        if let Ok(id) = self.stack.connect(self.now(), options) {
            self.hold(id);
        }
    }

    fn hold(&mut self, id: ConnectionId) {
        self.ids.push(id);
        let belief = Belief {
            readable: true,
            writable: true,
        };
        self.beliefs.insert(id, belief);
    }

    /// One of the user's calls.
    fn call(&mut self, which: u8, id: ConnectionId) {
        let now = self.now();
        let n = usize::from(self.input.short() % 5000);
        match which {
            10 => {
                let mut data = Bytes::from(vec![b'x'; n]);
                let sent = self.stack.send(now, id, &mut data);
                if let Some(belief) = self.beliefs.get_mut(&id).filter(|_| sent.is_ok()) {
                    belief.writable &= data.is_empty();
                }
            }
            11 => {
                let received = self.stack.receive(now, id, n);
                if let Some(belief) = self.beliefs.get_mut(&id).filter(|_| n > 0) {
                    belief.readable &= received != Ok(Received::Nothing);
                }
            }
            12 => {
                let _ = self.stack.shutdown(now, id);
            }
            13 => {
                let mut data = Bytes::from(vec![b'u'; n % 100]);
                let _ = self.stack.send_urgent(now, id, &mut data);
            }
            14 => {
                let mut options = self.stack.options(id).expect("held");
                options.receive_buffer = n.into();
                options.send_buffer = usize::from(self.input.short()).into();
                options.no_delay = n % 2 == 0;
                options.keep_alive = (n % 3 == 0).then(KeepAlive::default);
                options.user_timeout = (n % 5 == 0).then(|| Duration::from_millis(n as u64 * 10));
                options.linger = (n % 7 == 0).then(|| Duration::from_millis(n as u64 % 50 * 100));
                self.stack.set_options(now, id, options).expect("held");
            }
            _ => {
                self.ids.retain(|&other| other != id);
                self.beliefs.remove(&id);
                let done = if n % 4 == 0 {
                    self.stack.abort(now, id)
                } else {
                    self.stack.close(now, id)
                };
                done.expect("held");
            }
        }
    }

    /// The Unix clock jumps, or is set back.
    fn set_clock(&mut self) {
        let by = [1, 7, 8, 56, 63, 64, 65, 128, 129, 8_192, 16_384, 1 << 40];
        let by = self.input.choose(&by).unwrap_or_default();
        if self.input.byte() & 1 == 0 {
            self.unix_s = self.unix_s.saturating_add(by);
            self.jumped += by;
            self.is_adrift |= self.jumped > 7_000;
        } else {
            self.is_adrift = true;
            self.unix_s = self.unix_s.saturating_sub(by);
        }
    }

    /// Goes to the next time that the stack has asked for.
    fn tick(&mut self) {
        if let Some(at) = self.stack.poll_timeout() {
            self.now = self.now.max(at);
            self.stack.handle_timeout(self.now());
        }
    }

    /// What a driver does after each step; then the stack is looked over.
    fn settle(&mut self) {
        let now = self.now();
        self.stack.observer_mut().unix_s = now.unix_s;
        let mut link = Link {
            full: &mut self.full,
            mtu: self.mtu,
            is_ethernet: self.is_ethernet,
            asked: Vec::new(),
        };
        let mut rounds = 0;
        while self.stack.poll_transmit(now, Budget { packets: 5 }, &mut link) {
            if *link.full > 0 {
                break;
            }
            rounds += 1;
            assert!(rounds < 10_000, "it never has enough");
        }
        let asked = link.asked;
        if self.has_answers {
            for target in asked {
                let about = ours(target.is_ipv6());
                self.frame(&said(target, about, mac(1), 1), Checksum::Unverified);
            }
        }
        self.check_neighbours();
        while let Some(event) = self.stack.poll_event() {
            if let Event::Connection(id, ready) = event {
                let belief = self.beliefs.get_mut(&id).expect("events of what is held");
                belief.readable |= ready.readable;
                belief.writable |= ready.writable || ready.ended;
            }
        }
        self.check_beliefs();
        self.check_tables();
    }

    /// Everything is let go of, and nobody answers any more: after some time nothing is left.
    fn end(mut self) {
        self.full = 0;
        let now = self.now();
        for listener in core::mem::take(&mut self.listeners) {
            self.stack.close_listener(now, listener).expect("it listens");
        }
        self.beliefs.clear();
        for id in core::mem::take(&mut self.ids) {
            self.stack.close(now, id).expect("held");
        }
        let end = self.now + Duration::from_secs(24 * 3600);
        let mut ticks = 0;
        loop {
            self.settle();
            if self.stack.poll_timeout().is_none() {
                break;
            }
            self.tick();
            ticks += 1;
            assert!(ticks < 20_000 && self.now < end, "{:?}", self.stack.entries(self.now()));
        }
        assert_eq!(self.stack.counts(), (0, 0, 0), "{:?}", self.stack.entries(self.now()));
    }
}
