//! Connections that a SYN cookie opened, on a path of 50 ms: as fast as any other, and taken by another machine with the same
//! secret.
//!
//! ```text
//!          25 ms, 1 Gbit/s           ┌─▶ server 0: the SYNs
//!  client ◀───────────────▶ balancer ┤
//!                                    └─▶ server 1, if there is one: all else
//! ```

use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use stack::{
    Batch, Budget, Config, ConnectOptions, ConnectionId, CookieOptions, Duration, Ended, Event, Full, Instant,
    ListenOptions, ListenerId, Now, Packet, Received, Secrets, Sink, Stack, Status, SynCookies,
};
use syndic_lab::glance::Glance;
use syndic_lab::link::Link;
use syndic_lab::{Impairment, Rng};

const SERVER: ([u8; 4], u16) = ([10, 7, 0, 2], 80);
const CLIENT: [u8; 4] = [10, 7, 0, 1];

/// A server and what it has accepted.
struct Server {
    stack: Stack,
    listener: ListenerId,
    /// The connection, and what it has still to send.
    sending: Option<(ConnectionId, Bytes)>,
}

/// The path, and who is at its ends.
struct Path {
    now: Instant,
    client: Stack,
    connection: ConnectionId,
    servers: Vec<Server>,
    forth: Link<Vec<u8>>,
    back: Link<Vec<u8>>,
    received: usize,
}

/// What came of a transfer.
#[derive(Debug)]
struct Transfer {
    /// From the SYN to the last byte; `None`: it was not all received.
    took: Option<Duration>,
    ended: Option<Ended>,
    /// The connection as the server that has it sees it, in the end.
    server: Option<Status>,
    /// For each server: cookies sent, and taken.
    cookies: Vec<(u64, u64)>,
}

#[derive(Default)]
struct Outbox(Vec<Vec<u8>>);

impl Sink for Outbox {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: stack::io::Offload) -> Result<(), Full> {
        let mut packet = head.to_vec();
        payload.iter().for_each(|slice| packet.extend_from_slice(slice));
        self.0.push(packet);
        Ok(())
    }
}

fn now_of(at: Instant) -> Now {
    Now {
        mono: at,
        unix_s: 1_800_000_000 + at.as_nanos() / 1_000_000_000,
    }
}

fn secrets(byte: u8) -> Secrets {
    Secrets {
        master: [byte; 32],
        public: u64::from(byte),
    }
}

fn drain(stack: &mut Stack, now: Instant, link: &mut Link<Vec<u8>>) {
    let mut outbox = Outbox::default();
    while stack.poll_transmit(now_of(now), Budget::default(), &mut outbox) {}
    for packet in outbox.0 {
        link.push(now, packet);
    }
}

fn give(stack: &mut Stack, now: Instant, packet: &[u8]) {
    let mut batch = Batch::new();
    batch.push(Packet {
        bytes: BytesMut::from(packet),
        arrived: now,
        checksum: stack::io::Checksum::Unverified,
    });
    stack.handle_packets(now_of(now), &mut batch);
}

impl Path {
    fn new(timestamps: bool, servers: Vec<Stack>, cookies: SynCookies) -> Self {
        let config = Config {
            addresses: vec![IpAddr::from(CLIENT)],
            timestamps,
            ..Config::default()
        };
        let mut client = Stack::new(config, secrets(1), ());
        let options = ConnectOptions {
            remote: SocketAddr::from(SERVER),
            local: None,
            connection: None,
        };
        let connection = client.connect(now_of(Instant::ZERO), options).expect("a free port");
        let servers = servers.into_iter().map(|mut stack| {
            let options = ListenOptions {
                syn_cookies: cookies,
                ..ListenOptions::new(SocketAddr::from(SERVER))
            };
            Server {
                listener: stack.listen(options).expect("a free port"),
                stack,
                sending: None,
            }
        });
        let link = |name| {
            let delay: Impairment = "delay=25ms,rate=1gbit".parse().expect("an impairment");
            Link::new(delay, Vec::new(), Rng::fork(1, name))
        };
        Self {
            now: Instant::ZERO,
            client,
            connection,
            servers: servers.collect(),
            forth: link("forth"),
            back: link("back"),
            received: 0,
        }
    }

    /// Lets whichever server accepts send so many bytes, until they are all there, or nothing happens any more.
    fn transfer(mut self, bytes: usize) -> Transfer {
        let data = Bytes::from(vec![b'd'; bytes]);
        loop {
            self.settle(&data);
            if self.received == bytes {
                break;
            }
            let servers = self.servers.iter().filter_map(|server| server.stack.poll_timeout());
            let others = [self.client.poll_timeout(), self.forth.next(), self.back.next()];
            let Some(next) = servers.chain(others.into_iter().flatten()).min() else {
                break;
            };
            if next > Instant::ZERO + Duration::from_secs(60) {
                break;
            }
            self.now = self.now.max(next);
            self.happen();
        }
        let status = self.client.status(now_of(self.now), self.connection);
        Transfer {
            took: (self.received == bytes).then(|| self.now.since(Instant::ZERO)),
            ended: status.ok().and_then(|status| status.ended),
            server: self.servers.iter().find_map(|server| {
                let (id, _) = server.sending.as_ref()?;
                server.stack.status(now_of(self.now), *id).ok()
            }),
            cookies: self
                .servers
                .iter()
                .map(|server| {
                    (
                        server.stack.counters().cookies_sent,
                        server.stack.counters().cookies_taken,
                    )
                })
                .collect(),
        }
    }

    fn happen(&mut self) {
        let now = self.now;
        while let Some(arrival) = self.forth.pop(now) {
            let is_syn = Glance::of(&arrival.packet).is_some_and(|glance| glance.header.flags.syn());
            let last = self.servers.len() - 1;
            let server = &mut self.servers[if is_syn { 0 } else { last }];
            give(&mut server.stack, now, &arrival.packet);
        }
        while let Some(arrival) = self.back.pop(now) {
            give(&mut self.client, now, &arrival.packet);
        }
        self.client.handle_timeout(now_of(now));
        for server in &mut self.servers {
            server.stack.handle_timeout(now_of(now));
        }
    }

    /// Users accept, send and read, and everybody sends what is to be sent.
    fn settle(&mut self, data: &Bytes) {
        let now = now_of(self.now);
        while self.client.poll_event().is_some() {}
        while let Ok(Received::Data(bytes)) = self.client.receive(now, self.connection, 1 << 20) {
            self.received += bytes.len();
        }
        drain(&mut self.client, self.now, &mut self.forth);
        for server in &mut self.servers {
            while let Some(event) = server.stack.poll_event() {
                if let Event::Acceptable(_) = event
                    && let Ok(Some(accepted)) = server.stack.accept(now, server.listener)
                {
                    server.sending = Some((accepted.id, data.clone()));
                }
            }
            if let Some((id, data)) = &mut server.sending {
                while !data.is_empty() && server.stack.send(now, *id, data).is_ok_and(|taken| taken > 0) {}
            }
            drain(&mut server.stack, self.now, &mut self.back);
        }
    }
}

fn server(secret: u8, is_shared: bool) -> Stack {
    let config = Config {
        addresses: vec![IpAddr::from(SERVER.0)],
        cookies: CookieOptions {
            shared_secret: is_shared,
            ..CookieOptions::default()
        },
        ..Config::default()
    };
    Stack::new(config, secrets(secret), ())
}

/// What was agreed on when the connection was opened.
fn agreed(status: &Status) -> (usize, Option<(u8, u8)>, bool, bool) {
    (status.snd_mss, status.window_scales, status.timestamps, status.sack)
}

#[test]
fn a_connection_opened_by_cookie_is_as_fast_as_any_other() {
    const BYTES: usize = 8 << 20;
    for (name, timestamps) in [("with timestamps", true), ("without", false)] {
        let transfer = |cookies| Path::new(timestamps, vec![server(2, false)], cookies).transfer(BYTES);
        let (by_entry, by_cookie) = (transfer(SynCookies::Never), transfer(SynCookies::Always));
        assert_eq!(by_entry.cookies, [(0, 0)], "{name}");
        assert_eq!(by_cookie.cookies, [(1, 1)], "{name}");
        let [entry, cookie] = [&by_entry, &by_cookie].map(|transfer| transfer.server.as_ref().expect(name));
        assert_eq!(agreed(cookie), agreed(entry), "{name}");
        assert_eq!((cookie.timestamps, cookie.sack), (timestamps, true), "{name}");
        assert_eq!(cookie.window_scales, Some((8, 8)), "{name}");
        let [entry, cookie] = [by_entry.took, by_cookie.took].map(|took| took.expect(name).as_micros());
        assert!(
            entry.abs_diff(cookie) * 50 <= entry,
            "{name}: {entry} us, and {cookie} us by cookie"
        );
        // Without window scaling 64 KiB would cross in each round trip, and 6.4 s pass.
        assert!(cookie < 2_000_000, "{name}: {cookie} us");
    }
}

#[test]
fn machines_with_one_secret_take_each_others_cookies() {
    const BYTES: usize = 256 << 10;
    for (name, timestamps) in [("with timestamps", true), ("without", false)] {
        let servers = vec![server(2, true), server(2, true)];
        let transfer = Path::new(timestamps, servers, SynCookies::Always).transfer(BYTES);
        assert!(transfer.took.is_some(), "{name}: {transfer:?}");
        assert_eq!(transfer.cookies, [(1, 0), (0, 1)], "{name}");
        let status = transfer.server.expect(name);
        assert_eq!((status.timestamps, status.sack), (timestamps, true), "{name}");
        assert_eq!(status.window_scales, Some((8, 8)), "{name}");
    }
}

#[test]
fn machines_that_do_not_share_a_secret_refuse_each_others_cookies() {
    for (name, secret, is_shared) in [
        ("another secret", 3, true),
        ("the same secret, but nobody said that it is shared", 2, false),
    ] {
        let servers = vec![server(2, is_shared), server(secret, is_shared)];
        let transfer = Path::new(true, servers, SynCookies::Always).transfer(1_000);
        assert_eq!(transfer.took, None, "{name}");
        assert_eq!(transfer.ended, Some(Ended::Reset), "{name}");
        assert_eq!(transfer.cookies, [(1, 0), (0, 0)], "{name}");
    }
}
