//! A good client: opens a connection at fixed times, asks, reads the answer and closes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use stack::{Config, ConnectOptions, ConnectionId, Duration, Event, FourTuple, Instant, Ready, Received};

use super::host::{Host, now_of};
use super::{ANSWER, CLIENT_EVERY, CLIENTS, ENDS, PATIENCE, REQUEST};

/// One in so many clients offers no timestamps.
const WITHOUT_TIMESTAMPS: usize = 4;

/// A good client.
pub(super) struct Client {
    pub(super) host: Host,
    pub(super) address: IpAddr,
    server: SocketAddr,
    /// When it opens its next connection.
    opens: Option<Instant>,
    /// Those that are not over, the oldest first.
    under_way: Vec<(ConnectionId, Attempt)>,
    /// Those that are over.
    pub(super) attempts: Vec<Attempt>,
    /// When its stack wants to be woken; kept, for it is asked for before every event.
    timer: Option<Instant>,
}

/// One connection, as its client sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// When OPEN was called.
    pub(super) begun: Instant,
    /// How long the handshake took, if it came to its end.
    pub(super) connected: Option<Duration>,
    /// Bytes of the answer so far.
    received: usize,
    /// When it had the whole answer.
    pub(super) answered: Option<Instant>,
}

impl Client {
    pub(super) fn new(number: usize, server: SocketAddr, seed: u64) -> Self {
        let address: IpAddr = Ipv4Addr::new(198, 18, number as u8, 7).into();
        let config = Config {
            addresses: vec![address],
            timestamps: number % WITHOUT_TIMESTAMPS != WITHOUT_TIMESTAMPS - 1,
            ..Config::default()
        };
        // They do not all open at one instant.
        let first = CLIENT_EVERY.times(number as u64).part(CLIENTS as u64);
        Self {
            host: Host::new(config, seed, &format!("client {number}")),
            address,
            server,
            opens: Some(Instant::ZERO + first),
            under_way: Vec::new(),
            attempts: Vec::new(),
            timer: None,
        }
    }

    /// When it has something to do by itself.
    pub(super) fn wakes(&self) -> Option<Instant> {
        let gives_up = self.under_way.first().map(|(_, attempt)| attempt.begun + PATIENCE);
        [self.opens, gives_up, self.timer].into_iter().flatten().min()
    }

    /// Does what is due. Gives the connection that it has just opened, if it has.
    pub(super) fn wake(&mut self, at: Instant) -> Option<FourTuple> {
        let mut opened = None;
        if self.timer.is_some_and(|timer| timer <= at) {
            self.host.stack.handle_timeout(now_of(at));
        }
        if let Some(&(id, attempt)) = self.under_way.first()
            && attempt.begun + PATIENCE <= at
        {
            self.under_way.remove(0);
            self.attempts.push(attempt);
            // It is over all the same if the stack has forgotten it.
            let _ = self.host.stack.abort(now_of(at), id);
        }
        if self.opens.is_some_and(|opens| opens <= at) {
            opened = self.open(at);
            self.opens = Some(at + CLIENT_EVERY).filter(|next| *next < Instant::ZERO + ENDS);
        }
        opened
    }

    fn open(&mut self, at: Instant) -> Option<FourTuple> {
        let options = ConnectOptions {
            remote: self.server,
            local: None,
            connection: None,
        };
        let attempt = Attempt {
            begun: at,
            connected: None,
            received: 0,
            answered: None,
        };
        match self.host.stack.connect(now_of(at), options) {
            Ok(id) => {
                self.under_way.push((id, attempt));
                self.host.stack.status(now_of(at), id).ok().map(|status| status.tuple)
            }
            Err(_) => {
                self.attempts.push(attempt);
                None
            }
        }
    }

    /// Lets its user act on every event that waits.
    pub(super) fn serve(&mut self, at: Instant) {
        while let Some(event) = self.host.stack.poll_event() {
            let Event::Connection(id, ready) = event else { continue };
            let Some(place) = self.under_way.iter().position(|(of, _)| *of == id) else {
                continue;
            };
            if self.act(at, place, ready) {
                let (_, attempt) = self.under_way.remove(place);
                self.attempts.push(attempt);
            }
        }
        self.timer = self.host.stack.poll_timeout();
    }

    /// Whether the connection is over for its user.
    fn act(&mut self, at: Instant, place: usize, ready: Ready) -> bool {
        let Some((id, attempt)) = self.under_way.get_mut(place) else {
            return true;
        };
        let (id, stack, now) = (*id, &mut self.host.stack, now_of(at));
        if ready.ended && attempt.connected.is_none() {
            let _ = stack.close(now, id);
            return true;
        }
        if ready.opened && attempt.connected.is_none() {
            attempt.connected = Some(at.since(attempt.begun));
            let mut request = bytes::Bytes::from(vec![b'?'; REQUEST]);
            // A connection that is just open has room for it.
            let _ = stack.send(now, id, &mut request);
        }
        loop {
            match stack.receive(now, id, ANSWER) {
                Ok(Received::Data(bytes)) => attempt.received += bytes.len(),
                Ok(Received::Nothing) if attempt.received < ANSWER => return false,
                Ok(_) => break,
                Err(_) => {
                    let _ = stack.close(now, id);
                    return true;
                }
            }
        }
        attempt.answered = (attempt.received >= ANSWER).then_some(at);
        let _ = stack.close(now, id);
        true
    }
}
