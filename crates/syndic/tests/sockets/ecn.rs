//! ECN with the kernel (RFC 3168 section 6.1), both ways: what it and we agree on, and what becomes of a mark that a router sets
//! on the way. What crosses is written down between us and the TUN; what the kernel makes of it is asked of `ss`.

use std::fs;
use std::io;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use link::testing::in_private_namespace;
use link::{Offload as TunOffload, Tun, TunOptions};
use syndic::stack::io::Offload;
use syndic::stack::{Batch, Config, EcnMode};
use syndic::{Abilities, Bytes, Clock, Link, Net, NotSent, TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream as KernelStream;
use wire::ip::{self, Datagram, Ecn};
use wire::tcp::{Flags, Header};

use crate::rig::*;

/// Who has sent a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Us,
    Kernel,
}

/// A TCP segment, as it came out of the router.
#[derive(Debug, Clone, Copy)]
struct Crossed {
    from: Side,
    /// Ours, and the kernel's.
    ports: [u16; 2],
    flags: Flags,
    ecn: Ecn,
    /// Units: bytes.
    text: usize,
}

/// What a router writes down, and what it is to do.
#[derive(Debug, Default)]
struct Notes {
    crossed: Vec<Crossed>,
    /// Of the connection in question, once it is known: ours, the kernel's.
    ports: Option<[u16; 2]>,
    /// Whose text is to be marked, once, and how many ECN-capable segments of it are spared before.
    mark: Option<(Side, usize)>,
}

impl Notes {
    /// Takes down a packet of so many bytes that begins like this, and marks it if its turn has come.
    fn cross(&mut self, from: Side, packet: &mut [u8], len: usize) {
        let datagram = Datagram::parse_quoted(packet).expect("a datagram");
        if datagram.protocol != ip::TCP {
            return;
        }
        let start = datagram.payload.start;
        let (header, header_len) = Header::parse(&packet[datagram.payload.clone()]).expect("a segment");
        let ports = match from {
            Side::Us => [header.src_port, header.dst_port],
            Side::Kernel => [header.dst_port, header.src_port],
        };
        if self.ports.is_some_and(|those| those != ports) {
            return;
        }
        let text = len - start - header_len;
        let mut ecn = datagram.ecn;
        if let Some((whose, spared)) = &mut self.mark
            && *whose == from
            && ecn == Ecn::Ect0
        {
            if *spared > 0 {
                *spared -= 1;
            } else {
                ecn = Ecn::Ce;
                self.mark = None;
                let Datagram {
                    src,
                    dst,
                    protocol,
                    hop_limit,
                    dscp,
                    ..
                } = datagram;
                let marked = ip::Header {
                    src,
                    dst,
                    protocol,
                    hop_limit,
                    dscp,
                    ecn,
                };
                assert_eq!(
                    marked.emit(len - start, packet),
                    Some(start),
                    "a header without options"
                );
            }
        }
        self.crossed.push(Crossed {
            from,
            ports,
            flags: header.flags,
            ecn,
            text,
        });
    }
}

/// A router between us and the kernel.
struct Router<L> {
    link: L,
    received: Batch,
    notes: Arc<Mutex<Notes>>,
}

impl<L: Link> Link for Router<L> {
    fn abilities(&self) -> Abilities {
        self.link.abilities()
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        batch: &mut Batch,
        max: usize,
    ) -> Poll<io::Result<()>> {
        ready!(self.link.poll_receive(cx, clock, &mut self.received, max))?;
        let mut notes = self.notes.lock().unwrap();
        for mut packet in self.received.drain() {
            let len = packet.bytes.len();
            notes.cross(Side::Kernel, &mut packet.bytes, len);
            batch.push(packet);
        }
        Poll::Ready(Ok(()))
    }

    fn try_send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), NotSent> {
        let mut head = head.to_vec();
        let len = head.len() + payload.iter().map(Bytes::len).sum::<usize>();
        let mut notes = self.notes.lock().unwrap();
        let (mark, crossed) = (notes.mark, notes.crossed.len());
        notes.cross(Side::Us, &mut head, len);
        // What the link has no room for has not crossed, and comes again.
        self.link.try_send(&head, payload, offload).inspect_err(|_| {
            notes.mark = mark;
            notes.crossed.truncate(crossed);
        })
    }

    fn flush(&mut self) -> Result<(), NotSent> {
        self.link.flush()
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.poll_send_ready(cx)
    }
}

/// Us behind a TUN with the kernel in front, and the router between.
struct Path {
    net: Net,
    notes: Arc<Mutex<Notes>>,
}

/// A connection: our end, and the kernel's.
type Ends = (TcpStream, KernelStream);

#[derive(Debug, Clone, Copy)]
enum Version {
    V4,
    V6,
}

/// Who opens, over what.
const CASES: [(Side, Version); 4] = [
    (Side::Kernel, Version::V4),
    (Side::Us, Version::V4),
    (Side::Kernel, Version::V6),
    (Side::Us, Version::V6),
];

const DEVICE: &str = "ecn0";

/// What is carried where something is marked: much more than the first windows hold. Units: bytes.
const CARRIED: usize = 4 << 20;
/// Segments of text that cross before the one that is marked.
const SPARED: usize = 3;

impl Path {
    fn start(ecn: EcnMode) -> Self {
        let options = TunOptions {
            addresses: vec![(CLIENT, 24), (CLIENT6, 64)],
            offload: TunOffload::Tso,
            name: Some(DEVICE.to_owned()),
            ..TunOptions::default()
        };
        let notes = Arc::new(Mutex::new(Notes::default()));
        let router = Router {
            link: Tun::open(&options).unwrap().into_async().unwrap(),
            received: Batch::new(),
            notes: Arc::clone(&notes),
        };
        let net = Net::start(
            router,
            Config {
                ecn,
                ..config(&[SERVER, SERVER6])
            },
        );
        Self {
            net: net.unwrap(),
            notes,
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    /// Opens a connection, of which alone there are notes then.
    async fn connection(&self, opener: Side, version: Version) -> Ends {
        let (ours, kernels) = match version {
            Version::V4 => (SERVER, CLIENT),
            Version::V6 => (SERVER6, CLIENT6),
        };
        *self.notes() = Notes::default();
        let ends = match opener {
            Side::Kernel => {
                let listener = TcpListener::bind(&self.net, (ours, 80)).unwrap();
                let (kernel, us) = tokio::join!(KernelStream::connect((ours, 80)), listener.accept());
                (us.unwrap().0, kernel.unwrap())
            }
            Side::Us => {
                let listener = tokio::net::TcpListener::bind((kernels, 81)).await.unwrap();
                let (us, kernel) = tokio::join!(TcpStream::connect(&self.net, (kernels, 81)), listener.accept());
                (us.unwrap(), kernel.unwrap().0)
            }
        };
        // The one before may still be closing.
        let kernels = ends.1.local_addr().unwrap().port();
        let ours = ends.1.peer_addr().unwrap().port();
        let mut notes = self.notes();
        notes.ports = Some([ours, kernels]);
        notes.crossed.retain(|crossed| crossed.ports == [ours, kernels]);
        drop(notes);
        ends
    }

    /// Whether segments from this side echoed a mark: how that changed, the SYN left aside.
    fn echoes(&self, from: Side) -> Vec<bool> {
        let notes = self.notes();
        let segments = notes
            .crossed
            .iter()
            .filter(|crossed| crossed.from == from && !crossed.flags.syn());
        let mut echoes: Vec<bool> = segments.map(|crossed| crossed.flags.contains(Flags::ECE)).collect();
        echoes.dedup();
        echoes
    }

    /// Where in the notes the segments of this side are that this is true of, SYNs left aside.
    fn places(&self, from: Side, is: impl Fn(&Crossed) -> bool) -> Vec<usize> {
        let notes = self.notes();
        let segments = notes.crossed.iter().enumerate();
        let found = segments.filter(|(_, crossed)| crossed.from == from && !crossed.flags.syn() && is(crossed));
        found.map(|(place, _)| place).collect()
    }

    /// A mark was set on text of `sender`; the other end echoed it, at once and until the sender said CWR, which it did once, with
    /// new text.
    fn expect_an_echo(&self, sender: Side, case: &str) {
        let receiver = match sender {
            Side::Us => Side::Kernel,
            Side::Kernel => Side::Us,
        };
        let marks = self.places(sender, |crossed| crossed.ecn == Ecn::Ce);
        let echoes = self.places(receiver, |crossed| crossed.flags.contains(Flags::ECE));
        let answers = self.places(sender, |crossed| crossed.flags.contains(Flags::CWR));
        let ([mark], [echo, ..], [answer]) = (&marks[..], &echoes[..], &answers[..]) else {
            panic!("{case}: marks {marks:?}, echoes {echoes:?}, CWR {answers:?}");
        };
        assert!(mark < echo && echo < answer, "{case}: {mark}, {echo}, {answer}");
        let crossed = self.notes().crossed[*answer];
        assert!(crossed.text > 0 && crossed.ecn == Ecn::Ect0, "{case}: {crossed:?}");
        let changes = self.echoes(receiver);
        assert!(
            matches!(changes[..], [true, false] | [false, true, false]),
            "{case}: {changes:?}"
        );
    }
}

/// Of the flags, those of ECN.
fn said(flags: Flags) -> Flags {
    Flags::from_bits(flags.bits() & (Flags::ECE | Flags::CWR).bits())
}

fn command(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What the kernel says of its end of a connection. Without `-o` ss leaves out what the SYNs agreed on.
fn told(kernel: &KernelStream) -> String {
    let (local, remote) = (kernel.local_addr().unwrap(), kernel.peer_addr().unwrap());
    let told = command("ss", &["-tinoH", &format!("src {local} and dst {remote}")]);
    assert_eq!(told.lines().count(), 2, "one connection: {told}");
    told
}

fn has_word(told: &str, word: &str) -> bool {
    told.split_whitespace().any(|found| found == word)
}

/// A few bytes there and back.
async fn echo(us: &mut TcpStream, kernel: &mut KernelStream) {
    let mut heard = [0; 5];
    us.write_all(b"hello").await.unwrap();
    kernel.read_exact(&mut heard).await.unwrap();
    kernel.write_all(&heard).await.unwrap();
    us.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
}

/// Runs `body` in a network of its own, where the kernel can be asked what it thinks.
fn in_namespace(test: &str, body: impl FnOnce()) {
    if let Err(error) = Command::new("ss").arg("-V").output() {
        let must = std::env::var("SYNDIC_NO_SKIP").as_deref() == Ok("1");
        assert!(!must, "{test}: cannot run (ss: {error}), and SYNDIC_NO_SKIP is set");
        eprintln!("skipped: {test}: ss (package iproute2): {error}");
        return;
    }
    in_private_namespace(test, body);
}

/// Whether the kernel asks for ECN and agrees to it (1), or does neither (0).
fn set_kernel(tcp_ecn: &str) {
    fs::write("/proc/sys/net/ipv4/tcp_ecn", tcp_ecn).unwrap();
}

#[test]
fn agreed_with_the_kernel_by_either_ones_syn() {
    in_namespace("ecn::agreed_with_the_kernel_by_either_ones_syn", || {
        set_kernel("1");
        on_both(|| async {
            let path = Path::start(EcnMode::Ask);
            for (opener, version) in CASES {
                let case = format!("{opener:?} opens, {version:?}");
                let (mut us, mut kernel) = path.connection(opener, version).await;
                echo(&mut us, &mut kernel).await;
                assert!(us.status().unwrap().ecn, "{case}");
                let told = told(&kernel);
                assert!(has_word(&told, "ecn") && has_word(&told, "ecnseen"), "{case}: {told}");
                let notes = path.notes();
                assert_eq!(said(notes.crossed[0].flags), Flags::ECE | Flags::CWR, "{case}");
                assert_eq!(said(notes.crossed[1].flags), Flags::ECE, "{case}");
                for crossed in &notes.crossed[2..] {
                    let expected = if crossed.text > 0 { Ecn::Ect0 } else { Ecn::NotEct };
                    assert_eq!(
                        (crossed.ecn, said(crossed.flags)),
                        (expected, Flags::NONE),
                        "{case}: {crossed:?}"
                    );
                }
            }
        });
    });
}

#[test]
fn who_does_without_agrees_to_nothing() {
    in_namespace("ecn::who_does_without_agrees_to_nothing", || {
        for (tcp_ecn, ecn, asker) in [("1", EcnMode::Off, Side::Kernel), ("0", EcnMode::Ask, Side::Us)] {
            set_kernel(tcp_ecn);
            on_both(|| async {
                let path = Path::start(ecn);
                for (opener, version) in CASES {
                    let case = format!("{opener:?} opens, {version:?}, {ecn:?}");
                    let (mut us, mut kernel) = path.connection(opener, version).await;
                    echo(&mut us, &mut kernel).await;
                    assert!(!us.status().unwrap().ecn, "{case}");
                    let told = told(&kernel);
                    assert!(!has_word(&told, "ecn") && !has_word(&told, "ecnseen"), "{case}: {told}");
                    let asks = if opener == asker {
                        Flags::ECE | Flags::CWR
                    } else {
                        Flags::NONE
                    };
                    let notes = path.notes();
                    assert_eq!(said(notes.crossed[0].flags), asks, "{case}");
                    for crossed in &notes.crossed[1..] {
                        assert_eq!(
                            (crossed.ecn, said(crossed.flags)),
                            (Ecn::NotEct, Flags::NONE),
                            "{case}: {crossed:?}"
                        );
                    }
                }
            });
        }
    });
}

/// We send, and the kernel echoes the mark until we say CWR: we slow down. (That nothing is sent again cannot be asked here: a
/// busy machine is late with an acknowledgment, and then the last segment is sent as a probe.)
#[test]
fn a_mark_that_the_kernel_echoes_slows_us_down() {
    in_namespace("ecn::a_mark_that_the_kernel_echoes_slows_us_down", || {
        set_kernel("1");
        let text = noise(CARRIED, 21);
        on_both(|| async {
            let path = Path::start(EcnMode::Ask);
            for (opener, version) in CASES {
                let case = format!("{opener:?} opens, {version:?}");
                let (mut us, mut kernel) = path.connection(opener, version).await;
                path.notes().mark = Some((Side::Us, SPARED));
                let mut got = vec![0; CARRIED];
                let (sent, received) = tokio::join!(us.write_all(&text), kernel.read_exact(&mut got));
                sent.and(received.map(drop)).unwrap();
                assert!(got == text, "{case}: damaged");
                path.expect_an_echo(Side::Us, &case);
                let status = us.status().unwrap();
                assert!(status.ssthresh < u32::MAX, "{case}: {status:?}");
            }
        });
    });
}

/// The kernel sends, and we echo the mark until it says CWR: it counts what was marked, and slows down.
#[test]
fn a_mark_that_we_echo_slows_the_kernel_down() {
    in_namespace("ecn::a_mark_that_we_echo_slows_the_kernel_down", || {
        set_kernel("1");
        let text = noise(CARRIED, 22);
        on_both(|| async {
            let path = Path::start(EcnMode::Ask);
            // What is usual on a machine may be BBR, which does not care for an echo.
            for (to, metric) in [("10.0.0.0/24", "0"), ("fd00::/64", "1")] {
                let route = [
                    "route", "replace", to, "dev", DEVICE, "metric", metric, "congctl", "reno",
                ];
                command("ip", &route);
            }
            for (opener, version) in CASES {
                let case = format!("{opener:?} opens, {version:?}");
                let (mut us, mut kernel) = path.connection(opener, version).await;
                path.notes().mark = Some((Side::Kernel, SPARED));
                let mut got = vec![0; CARRIED];
                let (sent, received) = tokio::join!(kernel.write_all(&text), us.read_exact(&mut got));
                sent.and(received.map(drop)).unwrap();
                assert!(got == text, "{case}: damaged");
                path.expect_an_echo(Side::Kernel, &case);
                let told = told(&kernel);
                assert!(
                    told.contains("delivered_ce:") && told.contains("ssthresh:"),
                    "{case}: {told}"
                );
                assert!(has_word(&told, "reno"), "{case}: {told}");
            }
        });
    });
}
