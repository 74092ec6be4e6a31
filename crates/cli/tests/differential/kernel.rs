//! The Linux kernel as the host under test: real sockets behind a TUN in a private namespace, in real time.
//!
//! All cases are played at once, each with a peer of its own address, so that their waits overlap. The kernel takes a
//! packet that is written to a TUN at once, and what it answers lies in the TUN when the write returns: nothing has to be
//! waited for but its timers.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use link::{PACKET_BYTES_MAX, Tun, TunOptions, VnetHeader};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::peer::Peer;
use crate::run::{Host, Played, Run, runs};
use crate::script::{Call, Case, Setting};
use crate::{FIN_WAIT_2, HOST, answer};

/// What is set in the namespace: what would else wait for minutes, and what would make one case disturb another. All
/// else is as the kernel has it.
const SETTINGS: [(&str, &str); 5] = [
    ("tcp_comp_sack_nr", "0"),
    ("tcp_invalid_ratelimit", "0"),
    ("tcp_no_metrics_save", "1"),
    ("tcp_moderate_rcvbuf", "0"),
    ("tcp_autocorking", "0"),
];

/// How many cases may wait at once: with more of them, steps would be late.
const AT_ONCE: usize = 24;

/// Plays these cases at once on the kernel; `ends` gives each its two ends.
pub(crate) fn play(cases: &[Case], ends: impl Fn(Case) -> (SocketAddrV4, SocketAddrV4)) -> Vec<Played> {
    for (name, value) in SETTINGS {
        set(name, value);
    }
    set("tcp_fin_timeout", &FIN_WAIT_2.as_secs().to_string());
    let wire = Rc::new(RefCell::new(Wire::open()));
    let mut runs: Vec<Run<Kernel>> = Vec::new();
    loop {
        runs.iter_mut().for_each(Run::collect);
        let now = wire.borrow().now();
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

/// The TUN, and what came out of it for each peer.
struct Wire {
    tun: Tun,
    origin: Instant,
    buffer: BytesMut,
    inbox: HashMap<Ipv4Addr, VecDeque<(Duration, Vec<u8>)>>,
}

impl Wire {
    fn open() -> Self {
        let options = TunOptions {
            addresses: vec![(HOST.into(), 16)],
            ..TunOptions::default()
        };
        Self {
            tun: Tun::open(&options).expect("a TUN in the private namespace"),
            origin: Instant::now(),
            buffer: BytesMut::with_capacity(PACKET_BYTES_MAX),
            inbox: HashMap::new(),
        }
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Takes all that the kernel has sent.
    fn drain(&mut self) {
        loop {
            self.buffer.clear();
            self.buffer.reserve(PACKET_BYTES_MAX);
            match self.tun.try_read(&mut self.buffer) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("read from the TUN: {error}"),
            }
            let now = self.now();
            if let Ok(datagram) = wire::ip::Datagram::parse(&self.buffer)
                && let std::net::IpAddr::V4(to) = datagram.dst
            {
                self.inbox.entry(to).or_default().push_back((now, self.buffer.to_vec()));
            }
        }
    }

    /// Waits until the kernel sends something, at most until this time.
    fn wait_until(&self, until: Duration) {
        let left = until.saturating_sub(self.now()).as_millis() + 1;
        let timeout = PollTimeout::try_from(left.min(1_000)).expect("at most a second");
        let mut fds = [PollFd::new(self.tun.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("poll: {errno}"),
        }
    }
}

/// One case's sockets.
struct Kernel {
    wire: Rc<RefCell<Wire>>,
    local: SocketAddrV4,
    remote: SocketAddrV4,
    settings: Vec<Setting>,
    listener: Option<Socket>,
    connection: Option<Socket>,
}

impl Kernel {
    fn new(wire: Rc<RefCell<Wire>>, local: SocketAddrV4, remote: SocketAddrV4) -> Self {
        Self {
            wire,
            local,
            remote,
            settings: Vec::new(),
            listener: None,
            connection: None,
        }
    }

    /// A socket with the settings so far. Reno, for it is the only congestion control that both have and that paces
    /// nothing; urgent data in line, as RFC 6093 has it.
    fn socket(&self) -> Socket {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).expect("a socket");
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

    fn listen(&mut self) -> String {
        let socket = self.socket();
        socket.listen(128).expect("listen");
        self.listener = Some(socket);
        String::new()
    }

    fn accept(&mut self) -> String {
        match self.listener.as_ref().expect("listen comes before accept").accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(true).expect("non-blocking");
                self.connection = Some(socket);
                "accepted".to_owned()
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
            Call::Listen => self.listen(),
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

    fn inject(&mut self, packet: &[u8]) {
        let wire = self.wire.borrow();
        wire.tun
            .try_write(VnetHeader::default(), packet, &[])
            .expect("the TUN takes a packet");
    }

    fn sent(&mut self) -> Vec<(Duration, Vec<u8>)> {
        let mut wire = self.wire.borrow_mut();
        wire.drain();
        let inbox = wire.inbox.get_mut(self.remote.ip());
        inbox.map(|packets| packets.drain(..).collect()).unwrap_or_default()
    }

    /// As `/proc/net/tcp` has it: sockets, half-open and TIME-WAIT entries alike.
    fn state(&mut self) -> String {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp");
        let end = |end: SocketAddrV4| format!("{:08X}:{:04X}", u32::from_ne_bytes(end.ip().octets()), end.port());
        let (local, remote) = (end(self.local), end(self.remote));
        let code = table.lines().skip(1).find_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            (words.next() == Some(&local) && words.next() == Some(&remote)).then(|| words.next())?
        });
        let name = match code {
            None | Some("07") => "CLOSED",
            Some("01") => "ESTABLISHED",
            Some("02") => "SYN-SENT",
            Some("03" | "0C") => "SYN-RECEIVED",
            Some("04") => "FIN-WAIT-1",
            Some("05") => "FIN-WAIT-2",
            Some("06") => "TIME-WAIT",
            Some("08") => "CLOSE-WAIT",
            Some("09") => "LAST-ACK",
            Some("0B") => "CLOSING",
            Some(other) => panic!("state {other}?"),
        };
        name.to_owned()
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
        Some(Errno::EHOSTUNREACH | Errno::ENETUNREACH | Errno::ENOPROTOOPT | Errno::EPROTO) => "unreachable".to_owned(),
        Some(errno) => format!("{errno:?}"),
        None => error.to_string(),
    }
}
