//! The Linux kernel as the host under test: real sockets behind a TUN in a private namespace, in real time.
//!
//! All cases are played at once, each with a peer of its own address, so that their waits overlap. The kernel takes a
//! packet that is written to a TUN at once, and what it answers lies in the TUN when the write returns: nothing has to be
//! waited for but its timers.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use link::{PACKET_BYTES_MAX, Tun, TunOptions, VnetHeader};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::diag::Diag;
use crate::peer::Peer;
use crate::run::{Host, LATE, Played, Run, runs};
use crate::script::{Call, Case, Setting, Version};
use crate::{FIN_WAIT_2, HOST_V4, HOST_V6, SYN_ACK_RETRANSMISSIONS, accepted_text, answer, link_mtu};

/// What is set in the namespace: what would else wait for minutes, and what would make one case disturb another. All
/// else is as the kernel has it.
const SETTINGS: [(&str, &str); 5] = [
    ("tcp_comp_sack_nr", "0"),
    ("tcp_invalid_ratelimit", "0"),
    ("tcp_no_metrics_save", "1"),
    ("tcp_moderate_rcvbuf", "0"),
    ("tcp_autocorking", "0"),
];

/// Cookies when a queue is full, which is what the kernel begins with, or always.
const COOKIES: &str = "tcp_syncookies";

/// How often the wire is looked at, though nothing is due: who looks later than that was not run in time, and does not know
/// when the kernel sent what lies there.
const LOOKS: Duration = Duration::from_millis(20);

/// How many cases may wait at once: with more of them, steps would be late.
const AT_ONCE: usize = 64;

/// Plays these cases at once on the kernel; `ends` gives each its two ends.
pub(crate) fn play(cases: &[Case], ends: impl Fn(Case) -> (SocketAddr, SocketAddr)) -> Vec<Played> {
    for (name, value) in SETTINGS {
        set(name, value);
    }
    set("tcp_fin_timeout", &FIN_WAIT_2.as_secs().to_string());
    set("tcp_synack_retries", &SYN_ACK_RETRANSMISSIONS.to_string());
    let wire = Rc::new(RefCell::new(Wire::open()));
    let mut runs: Vec<Run<Kernel>> = Vec::new();
    let mut looked = wire.borrow().now();
    loop {
        runs.iter_mut()
            .filter(|run| run.wake().is_some())
            .for_each(Run::collect);
        let now = wire.borrow().now();
        if now.saturating_sub(looked) > LOOKS + LATE {
            runs.iter_mut().for_each(Run::set_late);
        }
        looked = now;
        let waiting = || runs.iter().enumerate().filter_map(|(i, run)| Some((run.wake()?, i)));
        match waiting().min() {
            Some((wake, i)) if wake <= now => runs[i].advance(),
            _ if waiting().count() < AT_ONCE && runs.len() < cases.len() => {
                let case = cases[runs.len()];
                let (host, peer) = ends(case);
                let kernel = Kernel::new(Rc::clone(&wire), host, peer);
                runs.push(Run::new(case, kernel, Peer::new(peer, host)));
            }
            Some((wake, _)) => wire.borrow().wait_until(wake),
            None => break,
        }
    }
    runs.into_iter().map(Run::into_played).collect()
}

fn set(name: &str, value: &str) {
    let path = format!("/proc/sys/net/ipv4/{name}");
    std::fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// A TUN for each version of IP, what came out of them for each peer, and where to ask for states.
struct Wire {
    v4: Tun,
    v6: Tun,
    diag: Diag,
    origin: Instant,
    buffer: BytesMut,
    inbox: HashMap<IpAddr, VecDeque<(Duration, Vec<u8>)>>,
}

impl Wire {
    fn open() -> Self {
        let open = |version, address, prefix_len| {
            let options = TunOptions {
                addresses: vec![(address, prefix_len)],
                mtu: link_mtu(version),
                ..TunOptions::default()
            };
            Tun::open(&options).expect("a TUN in the private namespace")
        };
        Self {
            v4: open(Version::V4, HOST_V4.into(), 16),
            v6: open(Version::V6, HOST_V6.into(), 64),
            diag: Diag::open(),
            origin: Instant::now(),
            buffer: BytesMut::with_capacity(PACKET_BYTES_MAX),
            inbox: HashMap::new(),
        }
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The TUN that leads to this address.
    const fn tun(&self, to: IpAddr) -> &Tun {
        match to {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        }
    }

    /// Takes all that the kernel has sent.
    fn drain(&mut self) {
        let now = self.now();
        for tun in [&self.v4, &self.v6] {
            loop {
                self.buffer.clear();
                self.buffer.reserve(PACKET_BYTES_MAX);
                match tun.try_read(&mut self.buffer) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("read from the TUN: {error}"),
                }
                if let Ok(datagram) = wire::ip::Datagram::parse(&self.buffer) {
                    let inbox = self.inbox.entry(datagram.dst).or_default();
                    inbox.push_back((now, self.buffer.to_vec()));
                }
            }
        }
    }

    /// Waits until the kernel sends something, at most until this time or the next look.
    fn wait_until(&self, until: Duration) {
        let left = until.saturating_sub(self.now()).min(LOOKS).as_millis() + 1;
        let timeout = PollTimeout::try_from(left).expect("a fraction of a second");
        let mut fds = [&self.v4, &self.v6].map(|tun| PollFd::new(tun.as_fd(), PollFlags::POLLIN));
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("poll: {errno}"),
        }
    }
}

/// One case's sockets.
struct Kernel {
    wire: Rc<RefCell<Wire>>,
    local: SocketAddr,
    remote: SocketAddr,
    settings: Vec<Setting>,
    listener: Option<Socket>,
    connection: Option<Socket>,
    /// What was accepted before.
    others: Vec<Socket>,
}

impl Kernel {
    fn new(wire: Rc<RefCell<Wire>>, local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            wire,
            local,
            remote,
            settings: Vec::new(),
            listener: None,
            connection: None,
            others: Vec::new(),
        }
    }

    /// A socket with the settings so far. Reno, for it is the only congestion control that both have and that paces
    /// nothing; urgent data in line, as RFC 6093 has it.
    fn socket(&self) -> Socket {
        let socket = Socket::new(Domain::for_address(self.local), Type::STREAM, Some(Protocol::TCP)).expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        socket.set_out_of_band_inline(true).expect("SO_OOBINLINE");
        socket.set_send_buffer_size(200_000).expect("SO_SNDBUF");
        socket.set_tcp_congestion(b"reno").expect("Reno");
        for &setting in &self.settings {
            apply(&socket, setting);
        }
        socket.bind(&self.local.into()).expect("the port is free");
        socket
    }

    fn set(&mut self, setting: Setting) -> String {
        self.settings.push(setting);
        if let Some(socket) = &self.connection {
            apply(socket, setting);
        }
        String::new()
    }

    fn listen(&mut self, backlog: usize) -> String {
        let socket = self.socket();
        socket
            .listen(backlog.try_into().expect("a small backlog"))
            .expect("listen");
        self.listener = Some(socket);
        String::new()
    }

    fn accept(&mut self) -> String {
        match self.listener.as_ref().expect("listen comes before accept").accept() {
            Ok((socket, peer)) => {
                socket.set_nonblocking(true).expect("non-blocking");
                self.others.extend(self.connection.replace(socket));
                accepted_text(self.remote, peer.as_socket().expect("an address of IP"))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => "nobody".to_owned(),
            Err(error) => word(&error),
        }
    }

    fn connect(&mut self) -> String {
        let socket = self.socket();
        let outcome = socket.connect(&self.remote.into());
        self.connection = Some(socket);
        match outcome {
            Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => String::new(),
            Err(error) => word(&error),
            Ok(()) => "open".to_owned(),
        }
    }

    fn held(&self) -> &Socket {
        self.connection.as_ref().expect("a connection is held")
    }

    fn opened(&self) -> String {
        match (self.held().take_error(), self.held().peer_addr()) {
            (Ok(Some(error)) | Err(error), _) => word(&error),
            (Ok(None), Ok(_)) => "open".to_owned(),
            (Ok(None), Err(_)) => "opening".to_owned(),
        }
    }

    fn send(&self, bytes: usize, urgent: bool) -> String {
        let data = vec![b's'; bytes];
        let taken = if urgent {
            self.held().send_out_of_band(&data)
        } else {
            let mut socket = self.held();
            socket.write(&data)
        };
        match taken {
            Ok(taken) if taken == bytes => String::new(),
            Ok(taken) => format!("took {taken}"),
            Err(error) => word(&error),
        }
    }

    fn read(&self) -> String {
        let (mut all, mut buffer) = (Vec::new(), vec![0; 65_536]);
        let end = loop {
            let mut socket = self.held();
            match socket.read(&mut buffer) {
                Ok(0) => break Some("end".to_owned()),
                Ok(read) => all.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break None,
                Err(error) => break Some(word(&error)),
            }
        };
        answer(&runs(&all), end.as_deref())
    }

    fn shutdown(&self) -> String {
        match self.held().shutdown(std::net::Shutdown::Write) {
            Ok(()) => String::new(),
            Err(error) => word(&error),
        }
    }
}

impl Host for Kernel {
    fn now(&self) -> Duration {
        self.wire.borrow().now()
    }

    fn call(&mut self, call: Call) -> String {
        match call {
            Call::Set(setting) => self.set(setting),
            Call::Listen(backlog) => self.listen(backlog),
            Call::Accept => self.accept(),
            Call::Unlisten => {
                self.listener = None;
                String::new()
            }
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
            Call::Close => {
                self.connection = None;
                String::new()
            }
        }
    }

    fn has_connection(&self) -> bool {
        self.connection.is_some()
    }

    /// The setting of cookies is one of the whole namespace, and holds for as long as the kernel looks at the packet.
    fn inject(&mut self, packet: &[u8]) {
        let has_cookies = self.settings.contains(&Setting::CookiesAlways);
        if has_cookies {
            set(COOKIES, "2");
        }
        let wire = self.wire.borrow();
        wire.tun(self.local.ip())
            .try_write(VnetHeader::default(), packet, &[])
            .expect("the TUN takes a packet");
        if has_cookies {
            set(COOKIES, "1");
        }
    }

    fn sent(&mut self) -> Vec<(Duration, Vec<u8>)> {
        let mut wire = self.wire.borrow_mut();
        wire.drain();
        let inbox = wire.inbox.get_mut(&self.remote.ip());
        inbox.map(|packets| packets.drain(..).collect()).unwrap_or_default()
    }

    fn state(&mut self, peer: SocketAddr) -> String {
        self.wire.borrow_mut().diag.state(self.local, peer).to_owned()
    }
}

fn apply(socket: &Socket, setting: Setting) {
    let socket = SockRef::from(socket);
    match setting {
        Setting::NoDelay => socket.set_tcp_nodelay(true),
        Setting::LingerZero => socket.set_linger(Some(Duration::ZERO)),
        Setting::KeepAlive => {
            let second = Duration::from_secs(1);
            socket.set_tcp_keepalive(
                &TcpKeepalive::new()
                    .with_time(second)
                    .with_interval(second)
                    .with_retries(2),
            )
        }
        Setting::UserTimeout(time) => socket.set_tcp_user_timeout(Some(time)),
        Setting::ReceiveBuffer(bytes) => socket.set_recv_buffer_size(bytes),
        Setting::CookiesAlways => Ok(()),
    }
    .unwrap_or_else(|error| panic!("{setting:?}: {error}"));
}

/// The word that ours has too.
fn word(error: &std::io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => "refused".to_owned(),
        Some(Errno::ECONNRESET) => "reset".to_owned(),
        Some(Errno::ETIMEDOUT) => "timed out".to_owned(),
        Some(Errno::EPIPE) => "closing".to_owned(),
        Some(Errno::EADDRNOTAVAIL) => "in use".to_owned(),
        Some(Errno::EHOSTUNREACH | Errno::ENETUNREACH | Errno::EACCES | Errno::ENOPROTOOPT | Errno::EPROTO) => {
            "unreachable".to_owned()
        }
        Some(errno) => format!("{errno:?}"),
        None => error.to_string(),
    }
}
