//! Everything behind the lock: descriptors, virtual time, the stack, and the packets that wait to be fetched.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::RawFd;

use bytes::{Bytes, BytesMut};
use lab::pkt::Settings;
use stack::io::{Checksum, Offload};
use stack::{Batch, Budget, Duration, Entry, Event, Full, Instant, Now, Packet, Secrets, Sink, Stack, State, Status};

use crate::errno::Errno;
use crate::flags::Flags;
use crate::lines::Lines;
use crate::memory;
use crate::socket::{File, Role, Socket, Stream};
use crate::unsupported;

/// Unix time at the beginning: any fixed point would do.
const UNIX_ORIGIN_S: u64 = 1_800_000_000;

/// A run is repeatable: its secrets are no secrets.
const SECRETS: Secrets = Secrets {
    master: [0x5d; 32],
    public: 0x5d,
};

/// The largest IP packet.
const PACKET_MAX: usize = 65_535;

/// The world of one script.
pub(crate) struct Net {
    now: Instant,
    pub(crate) settings: Settings,
    /// Where settings arrive while the script runs.
    lines: Option<Lines>,
    /// Born with the first call that needs it, so that settings which come before it hold from its birth.
    stack: Option<Stack>,
    pub(crate) files: BTreeMap<RawFd, File>,
    outbox: VecDeque<(Instant, Vec<u8>)>,
}

/// Takes packets one by one.
struct Outbox<'a>(Instant, &'a mut VecDeque<(Instant, Vec<u8>)>);

impl Sink for Outbox<'_> {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        let mut packet = head.to_vec();
        payload.iter().for_each(|slice| packet.extend_from_slice(slice));
        self.1.push_back((self.0, packet));
        Ok(())
    }
}

impl Net {
    pub(crate) fn new(flags: &Flags) -> Self {
        let mut settings = Settings::new(flags.profile);
        settings.config.addresses = vec![flags.local];
        settings.config.mtu = flags.mtu;
        Self {
            now: Instant::ZERO,
            settings,
            lines: flags.settings.clone().map(Lines::new),
            stack: None,
            files: BTreeMap::new(),
            outbox: VecDeque::new(),
        }
    }

    /// Virtual time.
    pub(crate) const fn time(&self) -> Instant {
        self.now
    }

    /// Virtual time as the stack is told it.
    pub(crate) const fn now(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: UNIX_ORIGIN_S + self.now.as_nanos() / 1_000_000_000,
        }
    }

    /// Virtual time as the caller is told it. Units: microseconds of Unix time.
    pub(crate) const fn micros(at: Instant) -> i64 {
        (UNIX_ORIGIN_S * 1_000_000 + at.as_nanos() / 1_000) as i64
    }

    /// One microsecond goes by.
    pub(crate) fn tick(&mut self) -> i64 {
        self.now += Duration::from_micros(1);
        Self::micros(self.now)
    }

    /// The stack, born now if it was not.
    pub(crate) fn stack(&mut self) -> &mut Stack {
        let config = &self.settings.config;
        self.stack
            .get_or_insert_with(|| Stack::new(config.clone(), SECRETS, ()))
    }

    /// At the beginning of each call: what was set meanwhile, and timers that are due.
    pub(crate) fn refresh(&mut self) {
        for line in self.lines.as_mut().map(Lines::fresh).unwrap_or_default() {
            let (name, value) = line.split_once('=').unwrap_or((&line, ""));
            match (self.settings.set(name, value), &mut self.stack) {
                (Ok(()), Some(stack)) => stack.set_config(self.settings.config.clone()),
                (Ok(()), None) => {}
                (Err(_), _) => unsupported(format_args!("setting {line}")),
            }
        }
        if self.next_timer().is_some_and(|at| at <= self.now) {
            self.run_to(self.now);
        }
    }

    /// When the stack has something to do by itself.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.stack.as_ref()?.poll_timeout()
    }

    /// Time goes on to `at`, never back, and what is due happens.
    pub(crate) fn run_to(&mut self, at: Instant) {
        self.now = self.now.max(at);
        let now = self.now();
        if let Some(stack) = &mut self.stack {
            stack.handle_timeout(now);
        }
        self.settle();
        if self.next_timer().is_some_and(|next| next <= self.now) {
            // A timer that came early: without this, time would stand still before it.
            self.now += Duration::from_micros(1);
        }
    }

    /// Time goes on to `at` and nothing is due before it.
    pub(crate) fn idle_to(&mut self, at: Instant) {
        self.now = self.now.max(at);
    }

    /// A packet for the stack, whatever its size.
    pub(crate) fn receive_packet(&mut self, packet: &[u8]) -> Result<(), Errno> {
        if packet.len() > PACKET_MAX {
            return Err(Errno(libc::EMSGSIZE));
        }
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: BytesMut::from(packet),
            arrived: self.now,
            checksum: Checksum::Unverified,
        });
        let now = self.now();
        self.stack().handle_packets(now, &mut batch);
        self.settle();
        Ok(())
    }

    /// The oldest packet of the stack's, and when it left.
    pub(crate) fn fetch_packet(&mut self) -> Option<(Instant, Vec<u8>)> {
        self.outbox.pop_front()
    }

    /// After anything happened: packets leave, and sockets note what became of them.
    pub(crate) fn settle(&mut self) {
        let now = self.now();
        let Some(stack) = &mut self.stack else { return };
        while stack.poll_transmit(now, Budget::default(), &mut Outbox(self.now, &mut self.outbox)) {}
        let mut woken = Vec::new();
        while let Some(event) = stack.poll_event() {
            woken.push(event);
        }
        for file in self.files.values_mut() {
            let File::Socket(socket) = file else { continue };
            let concerns = |event: &Event| match (event, &socket.role) {
                (Event::Acceptable(id), Role::Listening(own)) => id == own,
                (Event::Connection(id, _), Role::Stream(own)) => *id == own.id,
                _ => false,
            };
            if woken.iter().any(concerns) {
                socket.edges += 1;
            }
            let Some(stream) = socket.stream_mut() else { continue };
            if let Ok(status) = stack.status(now, stream.id) {
                let is_opening = matches!(status.state, State::SynSent | State::SynReceived);
                stream.is_opened |= !is_opening && status.state != State::Closed;
                stream.after_fin |= status.state == State::CloseWait;
            }
        }
    }

    /// A descriptor for something new.
    pub(crate) fn open(&mut self, file: File) -> Result<RawFd, Errno> {
        let fd = memory::new_descriptor()?;
        // A number that comes again was closed behind our back, by the C library's own `close`.
        if let Some(former) = self.files.insert(fd, file) {
            self.let_go(fd, former);
        }
        Ok(fd)
    }

    /// `close`.
    pub(crate) fn close(&mut self, fd: RawFd) -> Result<(), Errno> {
        let file = self.files.remove(&fd).ok_or(Errno(libc::EBADF))?;
        self.let_go(fd, file);
        memory::close_descriptor(fd);
        Ok(())
    }

    /// What was behind a descriptor is nobody's any more.
    fn let_go(&mut self, fd: RawFd, file: File) {
        let now = self.now();
        match file {
            File::Socket(socket) => {
                // The stack may have given the connection up already, which is what is wanted.
                let _ = match (socket.role, &mut self.stack) {
                    (Role::Listening(id), Some(stack)) => stack.close_listener(now, id),
                    (Role::Stream(stream), Some(stack)) => stack.close(now, stream.id),
                    _ => Ok(()),
                };
            }
            File::PipeIn(out) => {
                if let Some(File::PipeOut(pipe)) = self.files.get_mut(&out) {
                    pipe.is_ended = true;
                }
            }
            File::Epoll(_) | File::PipeOut(_) => {}
        }
        for file in self.files.values_mut() {
            if let File::Epoll(epoll) = file {
                epoll.interests.remove(&fd);
            }
        }
    }

    /// The socket behind a descriptor.
    pub(crate) fn socket_of(&self, fd: RawFd) -> Result<&Socket, Errno> {
        match self.files.get(&fd) {
            Some(File::Socket(socket)) => Ok(socket),
            Some(_) => Err(Errno(libc::ENOTSOCK)),
            None => Err(Errno(libc::EBADF)),
        }
    }

    /// The socket behind a descriptor, to change.
    pub(crate) fn socket_mut(&mut self, fd: RawFd) -> Result<&mut Socket, Errno> {
        match self.files.get_mut(&fd) {
            Some(File::Socket(socket)) => Ok(socket),
            Some(_) => Err(Errno(libc::ENOTSOCK)),
            None => Err(Errno(libc::EBADF)),
        }
    }

    /// What the stack says of a connection.
    pub(crate) fn status(&self, stream: &Stream) -> Option<Status> {
        self.stack.as_ref()?.status(self.now(), stream.id).ok()
    }

    /// Room in a connection's send buffer. Units: bytes.
    pub(crate) fn room(&self, stream: &Stream) -> usize {
        let room = self.stack.as_ref().map(|stack| stack.send_room(stream.id));
        room.and_then(Result::ok).unwrap_or_default()
    }

    /// Everything the stack holds.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.stack
            .as_ref()
            .map(|stack| stack.entries(self.now()))
            .unwrap_or_default()
    }
}
