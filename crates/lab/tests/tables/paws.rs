//! Timestamps against old segments, at every corner of the comparison.
//!
//! Spec: RFC 7323 sections 4.3, 5.2, 5.3 and 5.5; RFC 6191 section 2 for TIME-WAIT.

use crate::{Case, all_pass};

/// A connection whose TS.Recent is RECENT.
const OPEN: &str = "--check_ecr
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 5000 <mss 1000,sackOK,TS val RECENT ecr 0>
+0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 10 ecr RECENT>
+.1 < . 1:1(0) ack 1 win 5000 <nop,nop,TS val RECENT ecr 10>
+0 accept(3, ..., ...) = 4
";

#[test]
fn established() {
    const TAKEN: &str = "+0 > . 1:1(0) ack 11 <nop,nop,TS val 20 ecr VAL>\n";
    const REFUSED: &str = "+0 > . 1:1(0) ack 1 <nop,nop,TS val 20 ecr RECENT>\n";
    // What came twice is told of (RFC 2883).
    const TAKEN_TWICE: &str = "+0 > . 1:1(0) ack 11 <nop,nop,TS val 20 ecr VAL,nop,nop,sack 0:1>\n";
    const TWICE: &str = "+0 > . 1:1(0) ack 1 <nop,nop,TS val 20 ecr RECENT,nop,nop,sack 0:1>\n";
    // A stray acknowledgment from elsewhere is reset, and nothing else was sent before that.
    const SILENCE: &str = "+.001 < 50000 > 9 . 1:1(0) ack 4242 win 9\n+0 > 9 > 50000 R 4242:4242(0)\n";
    #[rustfmt::skip]
    let rows: &[(&str, u32, u32, &str, &str)] = &[
        // what, TS.Recent, SEG.TSval, the segment, what answers it
        ("equal",                   1000,       1000,       "< P. 1:11(10) ack 1 win 5000 TSOPT", TAKEN),
        ("one more",                1000,       1001,       "< P. 1:11(10) ack 1 win 5000 TSOPT", TAKEN),
        ("one less",                1000,       999,        "< P. 1:11(10) ack 1 win 5000 TSOPT", REFUSED),
        ("the most that is newer",  1000,       0x8000_03e7, "< P. 1:11(10) ack 1 win 5000 TSOPT", TAKEN),
        ("the least that is older", 1000,       0x8000_03e9, "< P. 1:11(10) ack 1 win 5000 TSOPT", REFUSED),
        ("newer, past the end",     u32::MAX,   0,          "< P. 1:11(10) ack 1 win 5000 TSOPT", TAKEN),
        ("newer, well past it",     0xffff_fff0, 20,        "< P. 1:11(10) ack 1 win 5000 TSOPT", TAKEN),
        ("older, before the end",   5,          u32::MAX,   "< P. 1:11(10) ack 1 win 5000 TSOPT", REFUSED),
        ("older, a FIN",            1000,       999,        "< F. 1:1(0) ack 1 win 5000 TSOPT", REFUSED),
        // Bare ACKs overtake each other; answering them would make two ends answer each other (docs/linux-differences.md).
        ("older, a bare ACK",       1000,       999,        "< . 1:1(0) ack 1 win 5000 TSOPT", SILENCE),
        ("older, beyond a hole",    1000,       999,        "< P. 5:11(6) ack 1 win 5000 TSOPT", REFUSED),
        ("older, a SYN",            1000,       999,        "< S 1:1(0) win 5000 TSOPT", REFUSED),
        ("newer, a SYN",            1000,       1001,       "< S 1:1(0) win 5000 TSOPT", REFUSED),
        // Section 5.2: a reset is not judged by its timestamp, for it may come from a peer that knows none.
        ("older, a reset",          1000,       999,        "< R 1:1(0) win 0 TSOPT", "+0 read(4, ..., 10) = -1 ECONNRESET\n"),
        ("none, a reset",           1000,       999,        "< R 1:1(0) win 0", "+0 read(4, ..., 10) = -1 ECONNRESET\n"),
        // Section 4.3, rule 2: beyond what was acknowledged last, a newer one is not remembered.
        ("newer, beyond a hole",    1000,       2000,       "< P. 5:11(6) ack 1 win 5000 TSOPT", "+0 > . 1:1(0) ack 1 <nop,nop,TS val 20 ecr RECENT,nop,nop,sack 5:11>\n"),
        ("newer, across the edge",  1000,       2000,       "< P. 0:11(11) ack 1 win 5000 TSOPT", TAKEN_TWICE),
        ("newer, old data",         1000,       2000,       "< P. 0:1(1) ack 1 win 5000 TSOPT", TWICE),
        // Section 3.2 would drop it; boxes on the path strip options, so it is taken (docs/rfc.md).
        ("none, data",              1000,       1000,       "< P. 1:11(10) ack 1 win 5000", TAKEN),
    ];
    let mut cases = Vec::new();
    for &(name, recent, val, segment, answer) in rows {
        let text = format!("{OPEN}+.1 {segment}\n{answer}")
            .replace("TSOPT", "<nop,nop,TS val VAL ecr 10>")
            .replace("RECENT", &recent.to_string())
            .replace("VAL", &val.to_string());
        cases.push(Case {
            name: name.to_owned(),
            text,
        });
    }
    all_pass(&cases, 19);
}

/// Section 5.5: what was remembered 24 days ago judges nothing any more.
#[test]
fn an_old_timestamp_judges_nothing() {
    let rows = [("a day", 86_400, "ack 1 "), ("25 days", 2_160_000, "ack 11 ")];
    let cases = rows.map(|(name, idle, answer)| Case {
        name: format!("older after {name}"),
        text: format!(
            "{OPEN}+{idle} < P. 1:11(10) ack 1 win 5000 <nop,nop,TS val 999 ecr 10>\n+0 > . 1:1(0) {answer}<...>\n"
        )
        .replace("RECENT", "1000"),
    });
    all_pass(&cases, 2);
}

/// RFC 6191 section 2: a SYN reopens what waits if its timestamp or its number says that it is newer.
#[test]
fn syn_in_time_wait() {
    const CLOSED: &str = "+0 close(4) = 0
+0 > F. 1:1(0) ack 1 <...>
+.1 < F. 1:1(0) ack 2 win 5000 <nop,nop,TS val 1000 ecr 10>
+0 > . 2:2(0) ack 2 <...>
";
    const OPENS: &str = "+0 > S. 0:0(0) ack NEXT <...>\n";
    const REFUSED: &str = "+0 > . 2:2(0) ack 2 <...>\n";
    #[rustfmt::skip]
    let rows = [
        ("newer timestamp, higher number", "5000:5000(0)", ",TS val 1001 ecr 0", OPENS),
        ("newer timestamp, lower number",  "1:1(0)",       ",TS val 1001 ecr 0", OPENS),
        ("equal timestamp, higher number", "5000:5000(0)", ",TS val 1000 ecr 0", OPENS),
        ("equal timestamp, lower number",  "1:1(0)",       ",TS val 1000 ecr 0", REFUSED),
        ("older timestamp, higher number", "5000:5000(0)", ",TS val 999 ecr 0",  REFUSED),
        ("older timestamp, lower number",  "1:1(0)",       ",TS val 999 ecr 0",  REFUSED),
        ("no timestamp, higher number",    "5000:5000(0)", "",                   OPENS),
        ("no timestamp, lower number",     "1:1(0)",       "",                   REFUSED),
    ];
    let cases = rows.map(|(name, seq, option, answer)| {
        let start: u32 = seq.split(':').next().and_then(|n| n.parse().ok()).unwrap_or_default();
        let text = format!("{OPEN}{CLOSED}+1 < S {seq} win 5000 <mss 1000{option}>\n{answer}");
        Case {
            name: name.to_owned(),
            text: text.replace("RECENT", "1000").replace("NEXT", &(start + 1).to_string()),
        }
    });
    all_pass(&cases, 8);
}
