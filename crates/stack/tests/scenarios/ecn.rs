//! Explicit congestion notification (RFC 3168 section 6.1).

use syndic_stack::*;
use wire::ip::{Dscp, Ecn};
use wire::tcp::Flags;

use crate::rig::*;

fn rig(ecn: EcnMode) -> Rig {
    Rig::with(Config {
        sack: false,
        ecn,
        connection: ConnectionOptions {
            no_delay: true,
            ..ConnectionOptions::default()
        },
        ..Config::default()
    })
}

fn both(seg: Seg) -> Seg {
    with(seg, Flags::ECE | Flags::CWR)
}

fn with(mut seg: Seg, flags: Flags) -> Seg {
    seg.flags = seg.flags | flags;
    seg
}

/// What a segment says of ECN.
fn said(out: &Out) -> Flags {
    let flags = [Flags::ECE, Flags::CWR].into_iter();
    let said = flags.filter(|&flag| out.header.flags.contains(flag));
    said.fold(Flags::NONE, |all, flag| all | flag)
}

fn take(rig: &mut Rig) -> Out {
    rig.out.pop_front().expect("a segment")
}

/// A connection that we opened and that agreed to ECN, with an MSS of 1000 for text.
fn open(rig: &mut Rig) -> ConnectionId {
    let id = rig.connect();
    let syn = take(rig);
    assert_eq!(said(&syn), Flags::ECE | Flags::CWR);
    rig.inject(with(Seg::new("S.", 0).ack(1).mss(1012).ts(1, 0), Flags::ECE));
    let ack = take(rig);
    assert_eq!((said(&ack), ack.ecn), (Flags::NONE, Ecn::NotEct));
    assert!(rig.status(id).ecn);
    id
}

/// Section 6.1.1: both flags ask, ECE alone agrees; anything else is no ECN.
#[test]
fn agreed_by_the_syns_of_an_active_open() {
    for (name, mode, answer, agreed) in [
        ("agreed", EcnMode::Ask, Flags::ECE, true),
        ("refused", EcnMode::Ask, Flags::NONE, false),
        (
            "echoed by somebody who knows nothing of it",
            EcnMode::Ask,
            Flags::ECE | Flags::CWR,
            false,
        ),
        ("never asked", EcnMode::Accept, Flags::ECE, false),
    ] {
        let mut rig = rig(mode);
        let id = rig.connect();
        let asks = if mode == EcnMode::Ask {
            Flags::ECE | Flags::CWR
        } else {
            Flags::NONE
        };
        let syn = take(&mut rig);
        assert_eq!((said(&syn), syn.ecn), (asks, Ecn::NotEct), "{name}");
        rig.inject(with(Seg::new("S.", 0).ack(1).mss(1000), answer));
        assert_eq!(rig.status(id).ecn, agreed, "{name}");
    }
}

/// Section 6.1.1.1: there are networks that drop such SYNs, so the second does not ask. If the first was answered after all,
/// we ask for no marks, but the peer may send with them, and is told.
#[test]
fn a_syn_that_is_sent_again_does_not_ask() {
    let mut rig = rig(EcnMode::Ask);
    let id = rig.connect();
    rig.advance(Duration::from_secs(1));
    let said: Vec<Flags> = rig.out.drain(..).map(|out| said(&out)).collect();
    assert_eq!(said, [Flags::ECE | Flags::CWR, Flags::NONE]);
    rig.inject(with(Seg::new("S.", 0).ack(1).mss(1000), Flags::ECE));
    assert!(!rig.status(id).ecn);
    rig.out.clear();
    rig.inject_ecn(Ecn::Ce, Seg::new(".", 1).ack(1).data(100));
    assert!(take(&mut rig).header.flags.contains(Flags::ECE));
}

/// With an entry and by cookie alone; without timestamps no cookie could say it, so it is not agreed to.
#[test]
fn agreed_by_the_syns_of_a_passive_open() {
    for cookies in [SynCookies::Never, SynCookies::Always] {
        for (name, mode, timestamps, flags, agreed) in [
            ("agreed", EcnMode::Accept, true, Flags::ECE | Flags::CWR, true),
            ("not asked for", EcnMode::Accept, true, Flags::NONE, false),
            ("half asked for", EcnMode::Accept, true, Flags::ECE, false),
            (
                "without timestamps",
                EcnMode::Accept,
                false,
                Flags::ECE | Flags::CWR,
                false,
            ),
            ("off", EcnMode::Off, true, Flags::ECE | Flags::CWR, false),
        ] {
            let mut rig = rig(mode);
            let mut options = ListenOptions::new(rig.local());
            options.syn_cookies = cookies;
            let listener = rig.listen_with(options);
            let stamped = |seg: Seg, ecr| if timestamps { seg.ts(1, ecr) } else { seg };
            rig.inject(with(stamped(Seg::new("S", 0).mss(1000), 0), flags));
            let answer = take(&mut rig);
            let wanted = if agreed { Flags::ECE } else { Flags::NONE };
            assert_eq!((said(&answer), answer.ecn), (wanted, Ecn::NotEct), "{name}");
            let ecr = answer.header.options.timestamps.map_or(0, |option| option.val);
            rig.inject(stamped(Seg::new(".", 1).ack(1), ecr));
            let id = rig.accept(listener);
            assert_eq!(rig.status(id).ecn, agreed, "{name}, {cookies:?}");
        }
    }
}

/// A client whose SYN came twice may have ceased to ask in between.
#[test]
fn who_sends_its_syn_again_is_not_asked_for_marks() {
    let mut rig = rig(EcnMode::Accept);
    let mut options = ListenOptions::new(rig.local());
    options.syn_cookies = SynCookies::Never;
    let listener = rig.listen_with(options);
    rig.inject(both(Seg::new("S", 0).mss(1000).ts(1, 0)));
    rig.inject(Seg::new("S", 0).mss(1000).ts(2, 0));
    let answers: Vec<Out> = rig.out.drain(..).collect();
    assert_eq!(answers.len(), 2);
    let ecr = answers[1].header.options.timestamps.map_or(0, |option| option.val);
    rig.inject(Seg::new(".", 1).ack(1).ts(3, ecr));
    let id = rig.accept(listener);
    assert!(!rig.status(id).ecn);
    rig.inject_ecn(Ecn::Ce, Seg::new(".", 1).ack(1).data(100).ts(4, ecr));
    assert_eq!(said(&take(&mut rig)), Flags::ECE, "what it marks is echoed");
}

/// Text may come with the third ACK, and marked by a router: what its datagram says is heard, with an entry and by cookie alone.
#[test]
fn a_mark_on_the_third_ack_is_echoed() {
    for cookies in [SynCookies::Never, SynCookies::Always] {
        let mut rig = rig(EcnMode::Accept);
        let mut options = ListenOptions::new(rig.local());
        options.syn_cookies = cookies;
        let listener = rig.listen_with(options);
        rig.inject(both(Seg::new("S", 0).mss(1000).ts(1, 0)));
        let ecr = take(&mut rig).header.options.timestamps.map_or(0, |option| option.val);
        rig.inject_ecn(Ecn::Ce, Seg::new(".", 1).ack(1).data(100).ts(1, ecr));
        assert_eq!(said(&take(&mut rig)), Flags::ECE, "{cookies:?}");
        let id = rig.accept(listener);
        assert_eq!(rig.status(id).receive_queue, 100, "{cookies:?}");
        rig.inject(with(Seg::new(".", 101).ack(1).data(100).ts(1, ecr), Flags::CWR));
        assert_eq!(said(&take(&mut rig)), Flags::NONE, "{cookies:?}: the client knows");
    }
}

/// The codepoint of the third ACK's datagram counts as that of any other.
#[test]
fn a_codepoint_on_the_third_ack_is_noted() {
    for cookies in [SynCookies::Never, SynCookies::Always] {
        let mut rig = rig(EcnMode::Accept);
        let mut options = ListenOptions::new(rig.local());
        options.syn_cookies = cookies;
        let listener = rig.listen_with(options);
        rig.inject(Seg::new("S", 0).mss(1000).ts(1, 0));
        let ecr = take(&mut rig).header.options.timestamps.map_or(0, |option| option.val);
        rig.inject_marked(Dscp::LE, Seg::new(".", 1).ack(1).ts(1, ecr));
        let id = rig.accept(listener);
        assert_eq!(rig.status(id).dscp_received, Dscp::LE, "{cookies:?}");
    }
}

/// Sections 6.1.4 to 6.1.6: text that is sent for the first time is ECN-capable; acknowledgments, what is sent again and
/// window probes are not.
#[test]
fn new_text_alone_is_ecn_capable() {
    let mut rig = rig(EcnMode::Ask);
    let id = open(&mut rig);
    rig.send(id, 1, 2000);
    let sent: Vec<(usize, Ecn)> = rig.out.drain(..).map(|out| (out.payload.len(), out.ecn)).collect();
    assert_eq!(sent, [(1000, Ecn::Ect0), (1000, Ecn::Ect0)]);
    rig.advance(Duration::from_secs(1));
    let again: Vec<Ecn> = rig.out.drain(..).map(|out| out.ecn).collect();
    assert!(
        !again.is_empty() && again.iter().all(|&ecn| ecn == Ecn::NotEct),
        "{again:?}"
    );
    rig.inject(Seg::new(".", 1).ack(2001).win(0).ts(2, 1));
    rig.send(id, 2001, 500);
    rig.out.clear();
    rig.advance(Duration::from_secs(10));
    let probes: Vec<Out> = rig.out.drain(..).collect();
    assert!(!probes.is_empty() && probes.iter().all(|out| out.ecn == Ecn::NotEct));
    rig.inject(Seg::new(".", 1).ack(2001).data(10).ts(3, 1));
    assert_eq!(take(&mut rig).ecn, Ecn::NotEct);
}

/// Section 6.1.2: a loss slows the sender down as well, and CWR says so with the next new text.
#[test]
fn a_loss_is_told_as_well() {
    let mut rig = rig(EcnMode::Ask);
    let id = open(&mut rig);
    rig.send(id, 1, 1000);
    rig.advance(Duration::from_secs(2));
    rig.inject(Seg::new(".", 1).ack(1001).ts(2, 1));
    rig.out.clear();
    rig.send(id, 1001, 2000);
    let said: Vec<Flags> = rig.out.drain(..).map(|out| said(&out)).collect();
    assert_eq!(said, [Flags::CWR, Flags::NONE]);
}

/// Section 6.1.3: marks are echoed on every acknowledgment, at once, until the sender says CWR.
#[test]
fn marks_are_echoed_until_the_sender_knows() {
    let mut rig = rig(EcnMode::Ask);
    let _id = open(&mut rig);
    for (seq, mark, flags, echo) in [
        (1, Ecn::Ect0, Flags::NONE, Flags::NONE),
        (101, Ecn::Ce, Flags::NONE, Flags::ECE),
        (201, Ecn::Ect0, Flags::NONE, Flags::ECE),
        (301, Ecn::Ect0, Flags::CWR, Flags::NONE),
        (401, Ecn::Ce, Flags::CWR, Flags::ECE),
    ] {
        rig.inject_ecn(mark, with(Seg::new(".", seq).ack(1).data(100).ts(2, 1), flags));
        let ack = take(&mut rig);
        assert_eq!((said(&ack), ack.ecn), (echo, Ecn::NotEct), "{seq}");
    }
}

/// Section 6.1.2: an echo halves the window, or what the algorithm makes of it, once for what was in flight; the next new
/// text says CWR, once; nothing is sent again.
#[test]
fn an_echo_slows_the_sender_down_once_in_a_window() {
    let mut rig = rig(EcnMode::Ask);
    let id = open(&mut rig);
    rig.send(id, 1, 100_000);
    assert_eq!(rig.out.len(), 10);
    rig.out.clear();
    let before = rig.status(id).cwnd;
    rig.advance(Duration::from_millis(20));
    rig.inject(with(Seg::new(".", 1).ack(1001).ts(2, 1), Flags::ECE));
    let slowed = rig.status(id).cwnd;
    assert!(
        slowed < before && rig.status(id).retransmitted == 0,
        "{before} to {slowed}"
    );
    for n in 2..=10 {
        rig.inject(with(Seg::new(".", 1).ack(1 + n * 1000).ts(2, 1), Flags::ECE));
    }
    assert!(rig.status(id).cwnd >= slowed, "the same window");
    let said: Vec<Flags> = rig.out.drain(..).map(|out| said(&out)).collect();
    assert!(said.len() > 1 && said[0] == Flags::CWR, "{said:?}");
    assert!(said[1..].iter().all(|&flags| flags == Flags::NONE), "{said:?}");
    let next = rig.status(id).snd_nxt.since(rig.status(id).iss);
    rig.inject(with(Seg::new(".", 1).ack(next).ts(3, 1), Flags::ECE));
    assert!(rig.status(id).cwnd < slowed, "another window");
    assert_eq!(rig.status(id).retransmitted, 0);
}
