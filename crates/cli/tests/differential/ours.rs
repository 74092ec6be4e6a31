//! Our stack as the host under test, in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use stack::io::{Checksum, Offload};
use stack::{
    Batch, Budget, Config, ConnectError, ConnectOptions, ConnectionId, ConnectionOptions, Ended, FourTuple, Full,
    Instant, KeepAlive, ListenOptions, ListenerId, Now, Packet, ReceiveError, Received, Secrets, SendError, Sink,
    Stack, State, SynCookies,
};
use wire::icmp::Unreachable;

use crate::peer::Peer;
use crate::run::{Host, Run, runs};
use crate::script::{Call, Case, Setting};
use crate::transcript::Transcript;
use crate::{FIN_WAIT_2, SYN_ACK_RETRANSMISSIONS, accepted_text, answer, link_mtu};

/// Plays a case on our stack.
pub(crate) fn play(case: Case, host: SocketAddr, peer: SocketAddr) -> Transcript {
    let mut run = Run::new(case, Ours::new(case, host, peer), Peer::new(peer, host));
    while let Some(wake) = run.wake() {
        run.host.pass_until(wake);
        run.advance();
    }
    run.into_played().transcript
}

struct Ours {
    stack: Stack<()>,
    now: Duration,
    local: SocketAddr,
    remote: SocketAddr,
    options: ConnectionOptions,
    syn_cookies: SynCookies,
    listener: Option<ListenerId>,
    connection: Option<ConnectionId>,
    out: Wire,
}

/// What was sent, with the times.
#[derive(Default)]
struct Wire {
    now: Duration,
    packets: VecDeque<(Duration, Vec<u8>)>,
}

impl Sink for Wire {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        let mut packet = head.to_vec();
        payload.iter().for_each(|piece| packet.extend_from_slice(piece));
        self.packets.push_back((self.now, packet));
        Ok(())
    }
}

impl Ours {
    fn new(case: Case, local: SocketAddr, remote: SocketAddr) -> Self {
        let config = Config {
            addresses: vec![local.ip()],
            mtu: link_mtu(case.version).into(),
            ..Config::default()
        };
        let secrets = Secrets {
            master: [3; 32],
            public: 1,
        };
        Self {
            stack: Stack::new(config, secrets, ()),
            now: Duration::from_secs(1_000),
            local,
            remote,
            options: ConnectionOptions {
                fin_wait_2: FIN_WAIT_2.into(),
                ..ConnectionOptions::default()
            },
            syn_cookies: SynCookies::default(),
            listener: None,
            connection: None,
            out: Wire::default(),
        }
    }

    fn at(&self) -> Now {
        Now {
            mono: Instant::ZERO + self.now.into(),
            unix_s: self.now.as_secs(),
        }
    }

    /// Lets the stack send what it will.
    fn flush(&mut self) {
        self.out.now = self.now;
        while self.stack.poll_transmit(self.at(), Budget::default(), &mut self.out) {}
    }

    /// Time passes; timers run when they are due.
    fn pass_until(&mut self, until: Duration) {
        let end = Instant::ZERO + until.into();
        while let Some(at) = self.stack.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(Duration::from_nanos(at.as_nanos()));
            self.stack.handle_timeout(self.at());
            self.flush();
        }
        self.now = until;
    }

    fn set(&mut self, setting: Setting) -> String {
        let options = &mut self.options;
        match setting {
            Setting::NoDelay => options.no_delay = true,
            Setting::LingerZero => options.linger = Some(stack::Duration::ZERO),
            Setting::KeepAlive => {
                options.keep_alive = Some(KeepAlive {
                    idle: stack::Duration::from_secs(1),
                    interval: stack::Duration::from_secs(1),
                    probes: 2,
                });
            }
            Setting::UserTimeout(time) => options.user_timeout = Some(time.into()),
            Setting::ReceiveBuffer(bytes) => options.receive_buffer = bytes.into(),
            Setting::CookiesAlways => self.syn_cookies = SynCookies::Always,
        }
        if let Some(id) = self.connection {
            self.stack
                .set_options(self.at(), id, self.options)
                .expect("the id is held");
        }
        String::new()
    }

    /// Each queue holds one more than the backlog, as with Linux.
    fn listen(&mut self, backlog: usize) -> String {
        let options = ListenOptions {
            connection: self.options,
            accept_backlog: backlog + 1,
            syn_backlog: backlog + 1,
            syn_cookies: self.syn_cookies,
            syn_ack_retransmissions: SYN_ACK_RETRANSMISSIONS,
            ..ListenOptions::new(self.local)
        };
        self.listener = Some(self.stack.listen(options).expect("the port is free"));
        String::new()
    }

    fn accept(&mut self) -> String {
        let listener = self.listener.expect("listen comes before accept");
        match self.stack.accept(self.at(), listener).expect("the listener stands") {
            Some(accepted) => {
                self.connection = Some(accepted.id);
                accepted_text(self.remote, accepted.remote)
            }
            None => "nobody".to_owned(),
        }
    }

    fn unlisten(&mut self) -> String {
        let listener = self.listener.take().expect("listen comes before unlisten");
        self.stack
            .close_listener(self.at(), listener)
            .expect("the listener stands");
        String::new()
    }

    fn connect(&mut self) -> String {
        let options = ConnectOptions {
            remote: self.remote,
            local: Some(self.local),
            connection: Some(self.options),
        };
        match self.stack.connect(self.at(), options) {
            Ok(id) => {
                self.connection = Some(id);
                String::new()
            }
            Err(ConnectError::Exists(_)) => "in use".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn held(&self) -> ConnectionId {
        self.connection.expect("a connection is held")
    }

    fn opened(&self) -> String {
        let status = self.stack.status(self.at(), self.held()).expect("the id is held");
        match (status.ended, status.state) {
            (Some(how), _) => ended(how).to_owned(),
            (None, State::SynSent | State::SynReceived) => "opening".to_owned(),
            (None, _) => "open".to_owned(),
        }
    }

    fn send(&mut self, bytes: usize, urgent: bool) -> String {
        let (now, id) = (self.at(), self.held());
        let mut data = Bytes::from(vec![b's'; bytes]);
        let taken = if urgent {
            self.stack.send_urgent(now, id, &mut data)
        } else {
            self.stack.send(now, id, &mut data)
        };
        match taken {
            Ok(taken) if taken == bytes => String::new(),
            Ok(taken) => format!("took {taken}"),
            Err(SendError::Ended(how)) => ended(how).to_owned(),
            Err(SendError::Closing) => "closing".to_owned(),
            Err(error @ SendError::NoSuch) => error.to_string(),
        }
    }

    fn read(&mut self) -> String {
        let mut all = Vec::new();
        let end = loop {
            match self.stack.receive(self.at(), self.held(), usize::MAX) {
                Ok(Received::Data(bytes)) => all.extend_from_slice(&bytes),
                Ok(Received::Nothing) => break None,
                Ok(Received::Finished) => break Some("end"),
                Err(ReceiveError::Ended(how)) => break Some(ended(how)),
                Err(ReceiveError::NoSuch) => break Some("no such connection"),
            }
        };
        answer(&runs(&all), end)
    }

    fn shutdown(&mut self) -> String {
        match self.stack.shutdown(self.at(), self.held()) {
            Ok(()) => String::new(),
            Err(SendError::Ended(how)) => ended(how).to_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn close(&mut self) -> String {
        let id = self.connection.take().expect("a connection is held");
        self.stack.close(self.at(), id).expect("the id is held");
        String::new()
    }
}

impl Host for Ours {
    fn now(&self) -> Duration {
        self.now
    }

    fn call(&mut self, call: Call) -> String {
        let answer = match call {
            Call::Set(setting) => self.set(setting),
            Call::Listen(backlog) => self.listen(backlog),
            Call::Accept => self.accept(),
            Call::Unlisten => self.unlisten(),
            Call::Connect => self.connect(),
            Call::Opened => self.opened(),
            Call::Send(bytes) => self.send(bytes, false),
            Call::Urgent(bytes) => self.send(bytes, true),
            Call::Read => self.read(),
            Call::Drain => {
                self.read();
                String::new()
            }
            Call::Shutdown => self.shutdown(),
            Call::Close => self.close(),
        };
        self.flush();
        answer
    }

    fn has_connection(&self) -> bool {
        self.connection.is_some()
    }

    fn inject(&mut self, packet: &[u8]) {
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: BytesMut::from(packet),
            arrived: self.at().mono,
            checksum: Checksum::Unverified,
        });
        self.stack.handle_packets(self.at(), &mut batch);
        self.flush();
    }

    fn sent(&mut self) -> Vec<(Duration, Vec<u8>)> {
        self.out.packets.drain(..).collect()
    }

    fn state(&mut self, peer: SocketAddr) -> String {
        let tuple = FourTuple::new(self.local, peer);
        match self.stack.state_of(&tuple) {
            State::Listen => State::Closed.to_string(),
            state => state.to_string(),
        }
    }
}

/// The word that the kernel's error has too.
const fn ended(how: Ended) -> &'static str {
    match how {
        Ended::Refused | Ended::Unreachable(Unreachable::Port) => "refused",
        Ended::Reset => "reset",
        Ended::TimedOut => "timed out",
        Ended::Unreachable(_) => "unreachable",
        Ended::Aborted => "aborted",
    }
}
