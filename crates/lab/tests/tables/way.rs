//! How a script gets to each synchronized state.

/// A state, how a script gets there, and where both ends stand: SND.NXT and RCV.NXT.
pub(crate) struct Way {
    pub(crate) state: &'static str,
    pub(crate) script: &'static str,
    pub(crate) snd: u32,
    pub(crate) rcv: u32,
    /// Whether what the peer sends is still taken.
    pub(crate) takes_text: bool,
}

pub(crate) const LISTEN: &str =
    "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 5) = 0\n";
pub(crate) const SYN: &str = "+0 < S 0:0(0) win 5000 <MSS,SYNTS>\n+0 > S. 0:0(0) ack 1 <...>\n";
pub(crate) const ACCEPT: &str = "+.1 < . 1:1(0) ack 1 win 5000 <TS>\n+0 accept(3, ..., ...) = 4\n";

pub(crate) const WAYS: &[Way] = &[
    way("SYN-RECEIVED", "", 1, 1, true),
    way("ESTABLISHED", "ACCEPT", 1, 1, true),
    way(
        "FIN-WAIT-1",
        "ACCEPT+0 shutdown(4, SHUT_WR) = 0\n+0 > F. 1:1(0) ack 1 <...>\n",
        2,
        1,
        true,
    ),
    way(
        "FIN-WAIT-2",
        "ACCEPT+0 shutdown(4, SHUT_WR) = 0\n+0 > F. 1:1(0) ack 1 <...>\n+0 < . 1:1(0) ack 2 win 5000 <TS>\n",
        2,
        1,
        true,
    ),
    way(
        "CLOSE-WAIT",
        "ACCEPT+0 < F. 1:1(0) ack 1 win 5000 <TS>\n+0 > . 1:1(0) ack 2 <...>\n",
        1,
        2,
        false,
    ),
    way(
        "CLOSING",
        "ACCEPT+0 shutdown(4, SHUT_WR) = 0\n+0 > F. 1:1(0) ack 1 <...>\n+0 < F. 1:1(0) ack 1 win 5000 <TS>\n+0 > . 2:2(0) ack 2 <...>\n",
        2,
        2,
        false,
    ),
    way(
        "LAST-ACK",
        "ACCEPT+0 < F. 1:1(0) ack 1 win 5000 <TS>\n+0 > . 1:1(0) ack 2 <...>\n+0 shutdown(4, SHUT_WR) = 0\n+0 > F. 1:1(0) ack 2 <...>\n",
        2,
        2,
        false,
    ),
    way(
        "TIME-WAIT",
        "ACCEPT+0 shutdown(4, SHUT_WR) = 0\n+0 > F. 1:1(0) ack 1 <...>\n+0 < F. 1:1(0) ack 2 win 5000 <TS>\n+0 > . 2:2(0) ack 2 <...>\n",
        2,
        2,
        false,
    ),
];

const fn way(state: &'static str, script: &'static str, snd: u32, rcv: u32, takes_text: bool) -> Way {
    Way {
        state,
        script,
        snd,
        rcv,
        takes_text,
    }
}
