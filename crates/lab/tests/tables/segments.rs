//! Every kind of segment in every state, as scripts: what is answered, and which state follows.
//!
//! Spec: RFC 9293 section 3.10.7, with RFC 5961 (blind attacks), RFC 7323 section 5 (PAWS), RFC 1337 and RFC 6191 (TIME-WAIT).

use syndic_lab::pkt::{Profile, Script, Verdict, play};

use crate::way::{ACCEPT, LISTEN, SYN, WAYS, Way};

/// A kind of segment with what it is answered, `None` for silence. SND and RCV stand for the state's numbers.
type Row = (&'static str, String, Option<String>);

/// The segments that mean the same in every synchronized state.
fn rows(way: &Way, with_timestamps: bool) -> Vec<Row> {
    let (snd, rcv) = (way.snd, way.rcv);
    let far = rcv + 70_000;
    let is = |state: &str| way.state == state;
    let ack = Some(format!("> . {snd}:{snd}(0) ack {rcv} <...>"));
    let mut rows = vec![
        // RFC 9293 section 3.10.7.4, first step; RFC 1337 where only TIME-WAIT hears it.
        ("RST outside the window", format!("< R {far}:{far}(0) win 0"), None),
        // RFC 5961 section 4.2: a SYN is challenged wherever it lies; RFC 6191 governs TIME-WAIT.
        (
            "SYN-ACK in the window",
            format!("< S. {}:{}(0) ack {snd} win 5000 <TS>", rcv + 9, rcv + 9),
            ack.clone(),
        ),
        // What no segment may carry is dropped without an answer.
        ("no flags", format!("< - {rcv}:{rcv}(0) win 5000"), None),
        ("SYN and FIN", format!("< SF {rcv}:{rcv}(0) win 5000"), None),
        ("SYN and RST", format!("< SR {rcv}:{rcv}(0) win 5000"), None),
        // First step: what lies outside of the window is acknowledged.
        (
            "data right of the window",
            format!("< P. {far}:{}(100) ack {snd} win 5000 <TS>", far + 100),
            ack.clone(),
        ),
        (
            "no ACK",
            format!("< P {rcv}:{}(10) win 5000 <TS>", rcv + 10),
            if is("TIME-WAIT") { ack.clone() } else { None },
        ),
    ];
    if is("TIME-WAIT") {
        rows.push(("RST exact: RFC 1337", format!("< R {rcv}:{rcv}(0) win 0"), None));
        rows.push((
            "RST in the window: RFC 1337",
            format!("< R {}:{}(0) win 0", rcv + 9, rcv + 9),
            None,
        ));
        rows.push(("old data", format!("< P. 1:2(1) ack {snd} win 5000 <TS>"), ack.clone()));
        // A bare ACK may be the answer to ours: two ends would answer each other (docs/linux-differences.md).
        rows.push(("ACK old", "< . 1:1(0) ack 1 win 5000 <TS>".to_owned(), None));
        rows.push((
            "ACK right of the window",
            format!("< . {far}:{far}(0) ack {snd} win 5000 <TS>"),
            None,
        ));
    } else {
        rows.push((
            "RST in the window: RFC 5961 section 3.2",
            format!("< R {}:{}(0) win 0", rcv + 9, rcv + 9),
            ack.clone(),
        ));
    }
    if is("SYN-RECEIVED") {
        // Fifth step: an ACK of what was never sent is reset.
        rows.push((
            "ACK too new",
            format!("< . {rcv}:{rcv}(0) ack {} win 5000 <TS>", snd + 9),
            Some(format!("> R {}:{}(0)", snd + 9, snd + 9)),
        ));
    } else if !is("TIME-WAIT") {
        // RFC 5961 section 5.2.
        rows.push((
            "ACK too new",
            format!("< . {rcv}:{rcv}(0) ack {} win 5000 <TS>", snd + 9),
            ack.clone(),
        ));
        rows.push((
            "data left of the window",
            format!("< P. 0:1(1) ack {snd} win 5000 <TS>"),
            ack.clone(),
        ));
        rows.push(("ACK old", format!("< . {rcv}:{rcv}(0) ack 1 win 5000 <TS>"), None));
        rows.push((
            "SYN in the window: RFC 5961 section 4.2",
            format!("< S {}:{}(0) win 5000 <TS>", rcv + 9, rcv + 9),
            ack.clone(),
        ));
        if with_timestamps {
            rows.push((
                "PAWS",
                format!(
                    "< P. {rcv}:{}(10) ack {snd} win 5000 <nop,nop,TS val 1 ecr 0>",
                    rcv + 10
                ),
                ack.clone(),
            ));
        }
    }
    if way.takes_text && !is("SYN-RECEIVED") {
        let acks = |end: u32| Some(format!("> . {snd}:{snd}(0) ack {end} <...>"));
        rows.push((
            "data inside the window",
            format!("< P. {rcv}:{}(10) ack 1 win 5000 <TS>", rcv + 10),
            acks(rcv + 10),
        ));
        rows.push((
            "data beyond a hole",
            format!("< P. {}:{}(10) ack 1 win 5000 <TS>", rcv + 5, rcv + 15),
            ack.clone(),
        ));
        rows.push((
            "data across the left edge",
            format!("< P. 0:{}(11) ack 1 win 5000 <TS>", 11),
            acks(11),
        ));
        rows.push((
            "FIN beyond a hole",
            format!("< F. {}:{}(0) ack 1 win 5000 <TS>", rcv + 5, rcv + 5),
            ack.clone(),
        ));
        rows.push((
            "FIN with data",
            format!("< FP. {rcv}:{}(10) ack 1 win 5000 <TS>", rcv + 10),
            acks(rcv + 11),
        ));
    }
    rows
}

fn script(way: &Way, row: &Row, with_timestamps: bool) -> String {
    let (_, segment, answer) = row;
    // A segment whose answer is known shows that nothing else was sent before it.
    let probe = if way.state == "SYN-RECEIVED" {
        "+.6 < S 0:0(0) win 5000 <MSS,SYNTS>\n+0 > S. 0:0(0) ack 1 <...>\n".to_owned()
    } else {
        format!(
            "+.01 < P. 0:1(1) ack {} win 5000 <TS>\n+0 > . {}:{}(0) ack NEXT <...>\n",
            way.snd, way.snd, way.snd
        )
    };
    let answer_line = answer.as_ref().map_or(String::new(), |answer| format!("+0 {answer}\n"));
    let next = answer
        .as_ref()
        .and_then(|answer| answer.split("ack ").nth(1))
        .and_then(|rest| rest.split_whitespace().next())
        .map_or(way.rcv.to_string(), str::to_owned);
    let is_killed = segment.starts_with("< FP.") && way.state != "ESTABLISHED";
    let probe = if is_killed { String::new() } else { probe };
    let (syn_ts, ts) = if with_timestamps {
        ("TS val 1000 ecr 0", "nop,nop,TS val 1000 ecr 0")
    } else {
        ("nop", "")
    };
    let text = format!(
        "{LISTEN}{SYN}{}+0 {segment}\n{answer_line}{}",
        way.script.replace("ACCEPT", ACCEPT),
        probe.replace("NEXT", &next)
    );
    text.replace("MSS", "mss 1000")
        .replace("SYNTS", syn_ts)
        .replace("<TS>", &format!("<{ts}>"))
}

#[test]
fn state_segment_table() {
    let mut failed = String::new();
    let mut cases = 0;
    for with_timestamps in [false, true] {
        for way in WAYS {
            for row in rows(way, with_timestamps) {
                cases += 1;
                let stamps = if with_timestamps { "with" } else { "without" };
                let name = format!("{} meets {}, {stamps} timestamps", way.state, row.0);
                let text = script(way, &row, with_timestamps);
                let script = Script::parse(&name, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
                let played = play(&script, Profile::Linux);
                if played.verdict != Verdict::Pass {
                    failed.push_str(&format!("{played}\n"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "of {cases} cases:\n{failed}");
    assert!(cases > 180, "only {cases} cases");
}

/// States without a peer's numbers: each script is whole. Spec: RFC 9293 sections 3.10.7.1 to 3.10.7.3.
#[test]
fn closed_listen_and_syn_sent() {
    const CLOSED: &str = "";
    const SYN_SENT: &str = "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n+0 connect(3, ..., ...) = -1 EINPROGRESS\n+0 > S 0:0(0) <...>\n";
    // Sent again after its timeout: the SYN is still out, and nothing was said before it.
    const STILL: &str = "+1 > S 0:0(0) <...>";
    #[rustfmt::skip]
    let rows = [
        ("CLOSED: SYN",              CLOSED,   "< S 5:5(0) win 9",              "+0 > R. 0:0(0) ack 6"),
        ("CLOSED: SYN with data",    CLOSED,   "< S 5:15(10) win 9",            "+0 > R. 0:0(0) ack 16"),
        ("CLOSED: ACK",              CLOSED,   "< . 5:5(0) ack 77 win 9",       "+0 > R 77:77(0)"),
        ("CLOSED: SYN-ACK",          CLOSED,   "< S. 5:5(0) ack 77 win 9",      "+0 > R 77:77(0)"),
        ("CLOSED: FIN",              CLOSED,   "< F 5:5(0) win 9",              "+0 > R. 0:0(0) ack 6"),
        ("CLOSED: FIN-ACK",          CLOSED,   "< F. 5:5(0) ack 77 win 9",      "+0 > R 77:77(0)"),
        ("CLOSED: data",             CLOSED,   "< P. 5:15(10) ack 77 win 9",    "+0 > R 77:77(0)"),
        ("CLOSED: RST",              CLOSED,   "< R 5:5(0) win 9",              ""),
        ("CLOSED: RST-ACK",          CLOSED,   "< R. 5:5(0) ack 77 win 9",      ""),
        ("CLOSED: no flags",         CLOSED,   "< - 5:5(0) win 9",              ""),
        ("CLOSED: SYN and FIN",      CLOSED,   "< SF 5:5(0) win 9",             ""),
        ("LISTEN: ACK",              LISTEN,   "< . 5:5(0) ack 77 win 9",       "+0 > R 77:77(0)"),
        ("LISTEN: SYN-ACK",          LISTEN,   "< S. 5:5(0) ack 77 win 9",      "+0 > R 77:77(0)"),
        ("LISTEN: data",             LISTEN,   "< P. 5:15(10) ack 77 win 9",    "+0 > R 77:77(0)"),
        ("LISTEN: FIN",              LISTEN,   "< F 5:5(0) win 9",              ""),
        ("LISTEN: RST",              LISTEN,   "< R 5:5(0) win 9",              ""),
        ("LISTEN: RST-ACK",          LISTEN,   "< R. 5:5(0) ack 77 win 9",      ""),
        ("LISTEN: no flags",         LISTEN,   "< - 5:5(0) win 9",              ""),
        ("LISTEN: SYN and FIN",      LISTEN,   "< SF 5:5(0) win 9",             ""),
        ("LISTEN: SYN",              LISTEN,   "< S 0:0(0) win 9",              "+0 > S. 0:0(0) ack 1 <...>"),
        ("LISTEN: SYN with data",    LISTEN,   "< S 0:10(10) win 9",            "+0 > S. 0:0(0) ack 1 <...>"),
        ("SYN-SENT: ACK too new",    SYN_SENT, "< . 5:5(0) ack 9 win 9",        "+0 > R 9:9(0)\n+1 > S 0:0(0) <...>"),
        ("SYN-SENT: ACK old",        SYN_SENT, "< . 5:5(0) ack 0 win 9",        "+0 > R 0:0(0)\n+1 > S 0:0(0) <...>"),
        ("SYN-SENT: ACK",            SYN_SENT, "< . 5:5(0) ack 1 win 9",        STILL),
        ("SYN-SENT: SYN-ACK too new", SYN_SENT, "< S. 5:5(0) ack 9 win 9",      "+0 > R 9:9(0)\n+1 > S 0:0(0) <...>"),
        ("SYN-SENT: RST",            SYN_SENT, "< R 0:0(0) win 9",              STILL),
        ("SYN-SENT: RST too new",    SYN_SENT, "< R. 0:0(0) ack 9 win 9",       STILL),
        ("SYN-SENT: RST exact",      SYN_SENT, "< R. 0:0(0) ack 1 win 9",       "+0 connect(3, ..., ...) = -1 ECONNREFUSED"),
        ("SYN-SENT: FIN",            SYN_SENT, "< F 5:5(0) win 9",              STILL),
        ("SYN-SENT: no flags",       SYN_SENT, "< - 5:5(0) win 9",              STILL),
        ("SYN-SENT: SYN and FIN",    SYN_SENT, "< SF 5:5(0) win 9",             STILL),
        ("SYN-SENT: SYN",            SYN_SENT, "< S 0:0(0) win 9",              "+0 > S. 0:0(0) ack 1 <...>"),
        ("SYN-SENT: SYN-ACK",        SYN_SENT, "< S. 0:0(0) ack 1 win 9",       "+0 > . 1:1(0) ack 1"),
        ("SYN-SENT: SYN-ACK and data", SYN_SENT, "< S. 0:10(10) ack 1 win 9",   "+0 > . 1:1(0) ack 11"),
    ];
    // What follows silence shows that there was silence: an ACK to nobody is reset with its own number.
    const AFTER: &str = "+.01 < . 900:900(0) ack 4242 win 9\n+0 > R 4242:4242(0)\n";
    let mut failed = String::new();
    for (name, before, segment, answer) in rows {
        let after = if answer.is_empty() { AFTER } else { "" };
        let text = format!("{before}+0 {segment}\n{answer}\n{after}");
        let script = Script::parse(name, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let played = play(&script, Profile::Linux);
        if played.verdict != Verdict::Pass {
            failed.push_str(&format!("{played}\n"));
        }
    }
    assert!(failed.is_empty(), "{failed}");
}
