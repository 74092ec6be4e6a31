//! One stack, and a peer that is nothing but the packets a test sends: packets in, packets out, in virtual time.
//!
//! Numbers are relative, as in the field's own scripts: the peer's to [`PEER_ISN`], the stack's to the ISS it chose. A
//! failed expectation prints everything that went over the wire so far.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use syndic_stack::io::{Checksum, Offload};
use syndic_stack::observer::{Fact, Observer};
use syndic_stack::*;
use wire::ether::{self, EtherType};
use wire::option::{Options, SackBlocks, Timestamps, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};
use wire::{ip, tcp};

/// Near the end of the number space, so that every scenario wraps around.
pub(crate) const PEER_ISN: u32 = u32::MAX - 20;
/// The peer's TSval at the origin of time.
pub(crate) const PEER_TS: u32 = 5_000;

/// A segment, its numbers relative.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Seg {
    pub(crate) flags: Flags,
    /// Relative to the sender's ISN. On an RST to nobody, and before the ISN is known: absolute.
    pub(crate) seq: u32,
    /// Relative to the receiver's ISN; 0 without ACK.
    pub(crate) ack: u32,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    pub(crate) options: Options,
    pub(crate) payload: Vec<u8>,
}

/// `S`, `S.`, `.`, `P.`, `F.`, `R`, `R.`, `U`: flags as tcpdump writes them, `-` for none.
pub(crate) fn flags(text: &str) -> Flags {
    text.chars().fold(Flags::NONE, |all, c| {
        all | match c {
            'F' => Flags::FIN,
            'S' => Flags::SYN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            '.' => Flags::ACK,
            'U' => Flags::URG,
            'E' => Flags::ECE,
            'W' => Flags::CWR,
            '-' => Flags::NONE,
            other => panic!("unknown flag {other}"),
        }
    })
}

impl Seg {
    pub(crate) fn new(text: &str, seq: u32) -> Self {
        Self {
            flags: flags(text),
            seq,
            ack: 0,
            window: 65_535,
            urgent: 0,
            options: Options::default(),
            payload: Vec::new(),
        }
    }

    pub(crate) fn ack(mut self, ack: u32) -> Self {
        self.ack = ack;
        self
    }

    pub(crate) fn win(mut self, window: u16) -> Self {
        self.window = window;
        self
    }

    pub(crate) fn urg(mut self, urgent: u16) -> Self {
        self.urgent = urgent;
        self
    }

    /// `len` bytes whose values follow from their sequence numbers, so that order can be checked.
    pub(crate) fn data(mut self, len: usize) -> Self {
        self.payload = pattern(self.seq, len);
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.payload = bytes.to_vec();
        self
    }

    pub(crate) fn mss(mut self, mss: u16) -> Self {
        self.options.mss = Some(mss);
        self
    }

    pub(crate) fn wscale(mut self, shift: u8) -> Self {
        self.options.window_scale = Some(WindowScale::new(shift));
        self
    }

    pub(crate) fn sack_ok(mut self) -> Self {
        self.options.sack_permitted = true;
        self
    }

    /// SACK blocks, numbers as in `ack`.
    pub(crate) fn sack(mut self, blocks: &[(u32, u32)]) -> Self {
        for &(left, right) in blocks {
            self.options.sack.push(SeqNumber::new(left), SeqNumber::new(right));
        }
        self
    }

    pub(crate) fn ts(mut self, val: u32, ecr: u32) -> Self {
        self.options.timestamps = Some(Timestamps { val, ecr });
        self
    }
}

/// The byte at each relative sequence number of a stream.
pub(crate) fn pattern(seq: u32, len: usize) -> Vec<u8> {
    (0..len as u32)
        .map(|i| (seq.wrapping_add(i).wrapping_mul(31) >> 2) as u8)
        .collect()
}

impl std::fmt::Debug for Seg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {}:{}({})",
            self.flags,
            self.seq,
            self.seq as usize + self.payload.len(),
            self.payload.len()
        )?;
        if self.flags.ack() {
            write!(f, " ack {}", self.ack)?;
        }
        write!(f, " win {}", self.window)?;
        if self.flags.urg() {
            write!(f, " urg {}", self.urgent)?;
        }
        let o = &self.options;
        let mut list = Vec::new();
        list.extend(o.mss.map(|m| format!("mss {m}")));
        list.extend(o.window_scale.map(|s| format!("wscale {}", s.shift())));
        list.extend(o.sack_permitted.then(|| "sackOK".to_owned()));
        list.extend(o.timestamps.map(|t| format!("TS {}:{}", t.val, t.ecr)));
        list.extend((!o.sack.is_empty()).then(|| format!("sack {:?}", o.sack.as_slice())));
        if list.is_empty() {
            Ok(())
        } else {
            write!(f, " <{}>", list.join(","))
        }
    }
}

/// Notes what the stack tells.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) states: Vec<(State, State)>,
    pub(crate) drops: Vec<Why>,
    pub(crate) causes: Vec<Cause>,
    pub(crate) ended: Vec<Ended>,
    /// How it showed that nothing had been lost.
    pub(crate) undone: Vec<syndic_stack::observer::Undone>,
    /// Levels of flood, as they changed.
    pub(crate) levels: Vec<flood::Level>,
    /// Whether listeners began to answer by cookies alone, or ceased to.
    pub(crate) stateless: Vec<bool>,
    /// What became known of neighbours.
    pub(crate) neighbours: Vec<NeighbourChange>,
    /// Which of our addresses others claim.
    pub(crate) conflicts: Vec<(IpAddr, Mac)>,
}

impl Observer for Log {
    fn observe(&mut self, _at: Instant, fact: &Fact<'_>) {
        match fact {
            Fact::State { from, to, arrow, .. } => {
                assert_eq!(
                    syndic_stack::tcp::state::next(*from, *arrow),
                    Some(*to),
                    "{from} -{arrow:?}-> {to} is not in the figure"
                );
                self.states.push((*from, *to));
            }
            Fact::Dropped { why, .. } => self.drops.push(*why),
            Fact::Sent { cause, .. } => self.causes.push(*cause),
            Fact::Ended { how, .. } => self.ended.push(*how),
            Fact::Undone { by, .. } => self.undone.push(*by),
            Fact::Level { change, .. } => self.levels.push(change.to),
            Fact::SynCookies { on, .. } => self.stateless.push(*on),
            Fact::Neighbour(change) => self.neighbours.push(*change),
            Fact::AddressConflict { address, mac } => self.conflicts.push((*address, *mac)),
            _ => {}
        }
    }
}

/// What a stack sent, with the tuple as the stack names it.
#[derive(Debug, Clone)]
pub(crate) struct Out {
    pub(crate) at: Instant,
    pub(crate) tuple: FourTuple,
    pub(crate) header: Header,
    pub(crate) dscp: Dscp,
    pub(crate) ecn: ip::Ecn,
    pub(crate) payload: Vec<u8>,
    /// On an Ethernet, the header of its frame.
    pub(crate) ether: Option<ether::Header>,
}

#[derive(Default)]
struct Wire {
    packets: Vec<Vec<u8>>,
    full: bool,
}

impl Sink for Wire {
    fn send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), Full> {
        if self.full {
            return Err(Full);
        }
        assert_eq!(offload, Offload::default());
        let mut packet = head.to_vec();
        payload.iter().for_each(|p| packet.extend_from_slice(p));
        self.packets.push(packet);
        Ok(())
    }
}

pub(crate) struct Rig {
    pub(crate) stack: Stack<Log>,
    pub(crate) now: Instant,
    /// Unix time at the origin of `now`. Units: seconds.
    pub(crate) unix_s: u64,
    pub(crate) ours: IpAddr,
    pub(crate) theirs: IpAddr,
    pub(crate) our_port: u16,
    pub(crate) their_port: u16,
    /// The stack's ISS, once a SYN or SYN-ACK has shown it.
    pub(crate) iss: u32,
    /// Sent and not yet expected.
    pub(crate) out: std::collections::VecDeque<Out>,
    /// Packets that are not TCP; on an Ethernet, whole frames.
    pub(crate) other: Vec<Vec<u8>>,
    /// On an Ethernet, the peer's hardware address, or that of its router.
    pub(crate) their_mac: Option<Mac>,
    last_timestamps: Option<Timestamps>,
    /// The link takes nothing.
    pub(crate) link_full: bool,
    history: String,
}

pub(crate) fn v4(last: u8) -> IpAddr {
    IpAddr::from([10, 7, 0, last])
}

pub(crate) fn v6(last: u16) -> IpAddr {
    IpAddr::from([0xfd07, 0, 0, 0, 0, 0, 0, last])
}

/// The hardware address of station `last`; ours is that of station 2.
pub(crate) fn mac(last: u8) -> Mac {
    Mac([2, 0, 0x5e, 0x10, 0, last])
}

/// On the Ethernet of 10.7.0.0/24 and fd07::/64, with gateways at 10.7.0.254 and fd07::fe.
pub(crate) fn ethernet() -> Medium {
    let on_link = ["10.7.0.0/24", "fd07::/64"].map(|text| text.parse().expect("a subnet"));
    Medium::Ethernet(EthernetOptions::new(mac(2), on_link, [v4(254), v6(0xfe)]))
}

pub(crate) fn secrets() -> Secrets {
    Secrets {
        master: [7; 32],
        public: 1,
    }
}

impl Rig {
    /// A stack at 10.7.0.2 and fd07::2 with this configuration; the peer is 10.7.0.1 port 40001, ours port 80.
    pub(crate) fn with(config: Config) -> Self {
        let config = Config {
            addresses: vec![v4(2), v6(2)],
            ..config
        };
        let their_mac = match config.medium {
            Medium::Ip => None,
            Medium::Ethernet(_) => Some(mac(1)),
        };
        Self {
            stack: Stack::new(config, secrets(), Log::default()),
            now: Instant::ZERO + Duration::from_secs(1),
            unix_s: 0,
            ours: v4(2),
            theirs: v4(1),
            our_port: 80,
            their_port: 40_001,
            iss: 0,
            out: Default::default(),
            other: Vec::new(),
            their_mac,
            last_timestamps: None,
            link_full: false,
            history: String::new(),
        }
    }

    /// Without timestamps, window scale and SACK, so that numbers are plain.
    pub(crate) fn plain() -> Self {
        Self::with(Config {
            timestamps: false,
            window_scaling: false,
            sack: false,
            ..Config::default()
        })
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: self.unix_s.saturating_add(self.now.as_nanos() / 1_000_000_000),
        }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        SocketAddr::new(self.ours, self.our_port)
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        SocketAddr::new(self.theirs, self.their_port)
    }

    pub(crate) fn tuple(&self) -> FourTuple {
        FourTuple::new(self.local(), self.remote())
    }

    pub(crate) fn state(&self) -> State {
        self.stack.state_of(&self.tuple())
    }

    pub(crate) fn dropped(&self, why: Why) -> u64 {
        self.stack.counters().dropped(why)
    }

    /// Gives the stack one IP packet as it is.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.batch(&[bytes]);
        self.flush();
    }

    /// Gives the stack IP packets together; what it has to say to them waits.
    pub(crate) fn batch(&mut self, packets: &[impl AsRef<[u8]>]) {
        let mut batch = Batch::new();
        for bytes in packets {
            batch.push(Packet {
                bytes: BytesMut::from(bytes.as_ref()),
                arrived: self.now,
                checksum: Checksum::Unverified,
            });
        }
        self.stack.handle_packets(self.now(), &mut batch);
    }

    /// The peer sends a segment with this Diffserv codepoint.
    pub(crate) fn inject_marked(&mut self, dscp: Dscp, seg: Seg) {
        self.inject_in(dscp, ip::Ecn::NotEct, seg);
    }

    /// The peer sends a segment, which comes so marked by routers.
    pub(crate) fn inject_ecn(&mut self, ecn: ip::Ecn, seg: Seg) {
        self.inject_in(Dscp::DEFAULT, ecn, seg);
    }

    fn inject_in(&mut self, dscp: Dscp, ecn: ip::Ecn, seg: Seg) {
        let clock = self.clock();
        let _ = writeln!(self.history, "{clock:>9} < {seg:?} dscp {} {ecn:?}", dscp.value());
        let header = self.header(&seg);
        let packet = build_marked(dscp, ecn, self.theirs, self.ours, &header, &seg.payload);
        let packet = self.framed(packet);
        self.raw(&packet);
    }

    /// The bytes of a segment from the peer.
    pub(crate) fn packet(&self, seg: &Seg) -> Vec<u8> {
        self.framed(build(self.theirs, self.ours, &self.header(seg), &seg.payload))
    }

    /// A packet as the peer's medium carries it.
    pub(crate) fn framed(&self, packet: Vec<u8>) -> Vec<u8> {
        let Some(src) = self.their_mac else { return packet };
        let is_v4 = packet.first().is_some_and(|first| first >> 4 == 4);
        let ethertype = if is_v4 { EtherType::Ipv4 } else { EtherType::Ipv6 };
        let dst = mac(2);
        frame(ether::Header { dst, src, ethertype }, &packet)
    }

    fn header(&self, seg: &Seg) -> Header {
        let mut options = seg.options;
        options.sack = SackBlocks::default();
        for (left, right) in seg.options.sack.as_slice() {
            let absolute = |seq: &SeqNumber| SeqNumber::new(self.iss) + seq.value();
            options.sack.push(absolute(left), absolute(right));
        }
        Header {
            src_port: self.their_port,
            dst_port: self.our_port,
            seq: SeqNumber::new(PEER_ISN) + seg.seq,
            ack: if seg.flags.ack() {
                SeqNumber::new(self.iss) + seg.ack
            } else {
                SeqNumber::new(0)
            },
            flags: seg.flags,
            window: seg.window,
            urgent: seg.urgent,
            options,
        }
    }

    /// The peer sends a segment.
    pub(crate) fn inject(&mut self, seg: Seg) {
        let _ = writeln!(self.history, "{:>9} < {seg:?}", self.clock());
        let packet = self.packet(&seg);
        self.raw(&packet);
    }

    fn clock(&self) -> String {
        format!("{:.3}", self.now.since(Instant::ZERO).as_nanos() as f64 / 1e9 - 1.0)
    }

    /// Lets the stack send what it will.
    pub(crate) fn flush(&mut self) {
        if self.link_full {
            let mut wire = Wire {
                full: true,
                ..Wire::default()
            };
            self.stack.poll_transmit(self.now(), Budget::default(), &mut wire);
            return;
        }
        loop {
            let mut wire = Wire::default();
            let more = self.stack.poll_transmit(self.now(), Budget::default(), &mut wire);
            for packet in wire.packets {
                self.sent(packet);
            }
            if !more {
                break;
            }
        }
    }

    fn sent(&mut self, packet: Vec<u8>) {
        let ether = self
            .their_mac
            .map(|_| ether::Header::parse(&packet).expect("the stack sends sound frames"));
        if ether.is_some_and(|ether| ether.ethertype == EtherType::Arp) {
            self.other.push(packet);
            return;
        }
        let whole = packet;
        let packet = whole[if ether.is_some() { ether::HEADER } else { 0 }..].to_vec();
        let datagram = ip::Datagram::parse(&packet).expect("the stack sends sound IP");
        let body = &packet[datagram.payload.clone()];
        if datagram.protocol != ip::TCP {
            self.other.push(whole);
            return;
        }
        assert!(tcp::is_intact(datagram.src, datagram.dst, body), "checksum");
        let (header, len) = Header::parse(body).expect("the stack sends sound TCP");
        if header.flags.syn() {
            self.iss = header.seq.value();
        }
        let tuple = FourTuple::new(
            SocketAddr::new(datagram.src, header.src_port),
            SocketAddr::new(datagram.dst, header.dst_port),
        );
        let out = Out {
            at: self.now,
            tuple,
            header,
            dscp: datagram.dscp,
            ecn: datagram.ecn,
            payload: body[len..].to_vec(),
            ether,
        };
        let _ = writeln!(self.history, "{:>9} > {:?}", self.clock(), self.relative(&out));
        self.last_timestamps = out.header.options.timestamps;
        self.out.push_back(out);
    }

    /// A sent segment with relative numbers.
    pub(crate) fn relative(&self, out: &Out) -> Seg {
        let h = &out.header;
        let relative_ack = h.ack.since(SeqNumber::new(PEER_ISN));
        let mut options = h.options;
        let mut sack = SackBlocks::default();
        for (left, right) in options.sack.as_slice() {
            let relative = |n: &SeqNumber| SeqNumber::new(n.since(SeqNumber::new(PEER_ISN)));
            sack.push(relative(left), relative(right));
        }
        options.sack = sack;
        Seg {
            flags: h.flags,
            seq: h.seq.since(SeqNumber::new(self.iss)),
            ack: if h.flags.ack() { relative_ack } else { 0 },
            window: h.window,
            urgent: h.urgent,
            options,
            payload: out.payload.clone(),
        }
    }

    /// TSval of what the stack sent last.
    pub(crate) fn last_tsval(&self) -> Option<u32> {
        Some(self.last_timestamps?.val)
    }

    /// The next segment that the stack sent.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Seg {
        let out = self.out.pop_front();
        let out = out.unwrap_or_else(|| panic!("nothing was sent\n{}", self.history));
        self.relative(&out)
    }

    /// The next segment has these flags, this relative sequence number, length and acknowledgment.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str, seq: u32, len: usize, ack: u32) -> Seg {
        let seg = self.next();
        let got = (seg.flags, seg.seq, seg.payload.len(), seg.ack);
        assert_eq!(
            got,
            (flags(text), seq, len, ack),
            "flags, seq, len, ack\n{}",
            self.history
        );
        seg
    }

    /// Nothing (more) was sent.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        assert!(
            self.out.is_empty(),
            "more was sent than expected: {:?}\n{}",
            self.relative(&self.out[0]),
            self.history
        );
    }

    /// Time passes; timers run when they are due, and what they send is sent then.
    pub(crate) fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some(at) = self.stack.poll_timeout().filter(|&at| at <= end) {
            self.now = at.max(self.now);
            self.stack.handle_timeout(self.now());
            self.flush();
        }
        self.now = end;
    }

    /// How long until the stack sends something by itself, at most `limit`; what it sends is left to be expected.
    #[track_caller]
    pub(crate) fn wait_for_segment(&mut self, limit: Duration) -> Duration {
        self.expect_nothing();
        let start = self.now;
        while self.out.is_empty() {
            let at = self.stack.poll_timeout().filter(|&at| at <= start + limit);
            let at = at.unwrap_or_else(|| panic!("nothing was sent within {limit}\n{}", self.history));
            self.now = at.max(self.now);
            self.stack.handle_timeout(self.now());
            self.flush();
        }
        self.now.since(start)
    }

    /// A listener on our port.
    pub(crate) fn listen(&mut self) -> ListenerId {
        let local = self.local();
        self.listen_with(ListenOptions::new(local))
    }

    pub(crate) fn listen_with(&mut self, options: ListenOptions) -> ListenerId {
        self.stack.listen(options).expect("the port is free")
    }

    /// The peer opens a connection to a listener, without options but an MSS of 1000; the stack's user accepts it.
    pub(crate) fn open_passive(&mut self, listener: ListenerId) -> ConnectionId {
        self.inject(Seg::new("S", 0).mss(1000));
        self.expect("S.", 0, 0, 1);
        self.inject(Seg::new(".", 1).ack(1));
        self.expect_nothing();
        self.accept(listener)
    }

    pub(crate) fn accept(&mut self, listener: ListenerId) -> ConnectionId {
        let accepted = self.stack.accept(self.now(), listener).expect("the listener stands");
        accepted.expect("a connection waits").id
    }

    /// The stack's user opens a connection, which the peer answers with an MSS of 1000 and no other option.
    pub(crate) fn open_active(&mut self) -> ConnectionId {
        let id = self.connect();
        self.expect("S", 0, 0, 0);
        self.inject(Seg::new("S.", 0).ack(1).mss(1000));
        self.expect(".", 1, 0, 1);
        id
    }

    /// The same with a peer that speaks SACK.
    pub(crate) fn open_active_sack(&mut self) -> ConnectionId {
        let id = self.connect();
        self.expect("S", 0, 0, 0);
        self.inject(Seg::new("S.", 0).ack(1).mss(1000).sack_ok());
        self.expect(".", 1, 0, 1);
        id
    }

    pub(crate) fn connect(&mut self) -> ConnectionId {
        self.connect_with(None)
    }

    pub(crate) fn connect_with(&mut self, connection: Option<ConnectionOptions>) -> ConnectionId {
        let options = ConnectOptions {
            remote: self.remote(),
            local: Some(self.local()),
            connection,
        };
        let id = self.stack.connect(self.now(), options).expect("the tuple is free");
        self.flush();
        id
    }

    /// The user sends `len` bytes; they follow the pattern from relative number `seq` on.
    pub(crate) fn send(&mut self, id: ConnectionId, seq: u32, len: usize) -> usize {
        let mut data = Bytes::from(pattern(seq, len));
        let taken = self.stack.send(self.now(), id, &mut data).expect("may send");
        self.flush();
        taken
    }

    /// The user reads everything there is.
    pub(crate) fn read(&mut self, id: ConnectionId) -> Vec<u8> {
        let mut all = Vec::new();
        while let Ok(Received::Data(bytes)) = self.stack.receive(self.now(), id, usize::MAX) {
            all.extend_from_slice(&bytes);
        }
        self.flush();
        all
    }

    /// What one more RECEIVE says.
    pub(crate) fn receive(&mut self, id: ConnectionId) -> Result<Received, ReceiveError> {
        let received = self.stack.receive(self.now(), id, usize::MAX);
        self.flush();
        received
    }

    pub(crate) fn shutdown(&mut self, id: ConnectionId) {
        self.stack.shutdown(self.now(), id).expect("may shut down");
        self.flush();
    }

    pub(crate) fn close(&mut self, id: ConnectionId) {
        self.stack.close(self.now(), id).expect("the id is held");
        self.flush();
    }

    pub(crate) fn abort(&mut self, id: ConnectionId) {
        self.stack.abort(self.now(), id).expect("the id is held");
        self.flush();
    }

    pub(crate) fn status(&self, id: ConnectionId) -> Status {
        self.stack.status(self.now(), id).expect("the id is held")
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.stack.poll_event()).collect()
    }

    /// Nothing is left of anything: no entry, no timer.
    #[track_caller]
    pub(crate) fn assert_quiet(&mut self) {
        assert_eq!(
            self.stack.counts(),
            (0, 0, 0),
            "connections, half-open, TIME-WAIT\n{}",
            self.history
        );
        let now = self.now();
        self.stack.handle_timeout(now);
        assert_eq!(self.stack.poll_timeout(), None, "a timer runs\n{}", self.history);
    }
}

/// A frame.
pub(crate) fn frame(header: ether::Header, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; ether::HEADER];
    header.emit(&mut bytes).expect("fits");
    bytes.extend_from_slice(payload);
    bytes
}

/// An IP packet with a TCP segment, its checksums right.
pub(crate) fn build(src: IpAddr, dst: IpAddr, header: &Header, payload: &[u8]) -> Vec<u8> {
    build_marked(Dscp::DEFAULT, ip::Ecn::NotEct, src, dst, header, payload)
}

/// The same with the marks of its datagram.
fn build_marked(dscp: Dscp, ecn: ip::Ecn, src: IpAddr, dst: IpAddr, header: &Header, payload: &[u8]) -> Vec<u8> {
    let ip = ip::Header {
        src,
        dst,
        protocol: ip::TCP,
        hop_limit: 64,
        dscp,
        ecn,
    };
    let mut packet = vec![0; ip.len() + header.len()];
    ip.emit(header.len() + payload.len(), &mut packet).expect("fits");
    header.emit(&mut packet[ip.len()..]).expect("fits");
    tcp::seal(src, dst, &mut packet[ip.len()..], &[payload]);
    packet.extend_from_slice(payload);
    packet
}
