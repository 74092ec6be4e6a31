//! Everything that a stack holds, as `ss -tan` lists it; with `details` the second line of `ss -i`, and why the sender
//! is not sending.

use std::net::SocketAddr;

use stack::status::Idle;
use stack::{Entry, Status};

use crate::table::Table;
use crate::text::wrapped;

/// One line of the list.
struct Socket {
    state: &'static str,
    /// As `ss` has it: bytes for a connection; for a listener the accept queue and its bound.
    receive_queue: usize,
    send_queue: usize,
    local: SocketAddr,
    /// `None` for a listener.
    peer: Option<SocketAddr>,
    details: String,
}

/// Lists entries, one line each under a header; with `details` one or two more below each. Lines end in newlines.
pub fn sockets(entries: &[Entry], details: bool) -> String {
    list(entries.iter().map(socket).collect(), details)
}

fn list(sockets: Vec<Socket>, details: bool) -> String {
    let mut table = Table::new(["State", ">Recv-Q", ">Send-Q", "Local Address:Port", "Peer Address:Port"]);
    for socket in &sockets {
        table.row([
            socket.state.to_owned(),
            socket.receive_queue.to_string(),
            socket.send_queue.to_string(),
            socket.local.to_string(),
            socket.peer.map_or_else(|| "*".to_owned(), |peer| peer.to_string()),
        ]);
    }
    // No cell here is long enough to wrap, so each socket has one line below the header and its rule.
    let text = table.to_string();
    let mut lines = text.lines();
    let mut out = String::new();
    let mut push = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    lines.by_ref().take(2).for_each(&mut push);
    for (line, socket) in lines.zip(&sockets) {
        push(line);
        if details && !socket.details.is_empty() {
            for line in wrapped(&socket.details, 112) {
                push(&format!("        {line}"));
            }
        }
    }
    out
}

fn socket(entry: &Entry) -> Socket {
    match entry {
        Entry::Listener {
            local,
            syn_queue,
            accept_queue,
            ..
        } => Socket {
            state: "LISTEN",
            receive_queue: accept_queue.0,
            send_queue: accept_queue.1,
            local: *local,
            peer: None,
            details: format!("syn-queue:{}/{}", syn_queue.0, syn_queue.1),
        },
        Entry::Embryo {
            tuple,
            age,
            retransmissions,
        } => Socket {
            state: "SYN-RECEIVED",
            receive_queue: 0,
            send_queue: 0,
            local: tuple.local(),
            peer: Some(tuple.remote()),
            details: format!("age:{age} retransmitted:{retransmissions}"),
        },
        Entry::Connection { status, .. } => of_connection(status),
        Entry::TimeWait { tuple, remaining } => Socket {
            state: "TIME-WAIT",
            receive_queue: 0,
            send_queue: 0,
            local: tuple.local(),
            peer: Some(tuple.remote()),
            details: format!("remaining:{remaining}"),
        },
    }
}

fn of_connection(status: &Status) -> Socket {
    Socket {
        state: status.state.name(),
        receive_queue: status.receive_queue,
        send_queue: status.send_queue,
        local: status.tuple.local(),
        peer: Some(status.tuple.remote()),
        details: details(status),
    }
}

/// What is agreed on, what is measured, what was moved, and what it waits for. Windows and queues in bytes.
fn details(status: &Status) -> String {
    let mut pieces: Vec<String> = Vec::new();
    if status.timestamps {
        pieces.push("ts".to_owned());
    }
    if status.sack {
        pieces.push("sack".to_owned());
    }
    if let Some((ours, theirs)) = status.window_scales {
        pieces.push(format!("wscale:{theirs},{ours}"));
    }
    pieces.push(format!("rto:{}", status.rto));
    if let Some(srtt) = status.srtt {
        pieces.push(format!("rtt:{srtt}/{}", status.rttvar));
    }
    pieces.push(format!("mss:{} cwnd:{}", status.snd_mss, status.cwnd));
    if status.ssthresh != u32::MAX {
        pieces.push(format!("ssthresh:{}", status.ssthresh));
    }
    pieces.push(format!("snd_wnd:{} rcv_wnd:{}", status.snd_wnd, status.rcv_wnd));
    pieces.push(format!(
        "bytes_acked:{} bytes_received:{} segs_out:{} segs_in:{}",
        status.bytes_acked, status.bytes_received, status.segments_out, status.segments_in
    ));
    for (name, count) in [
        ("unsent", status.unsent),
        ("retransmitted", status.retransmitted as usize),
        ("backoff", usize::from(status.backoff)),
        ("islands", status.islands),
    ] {
        if count > 0 {
            pieces.push(format!("{name}:{count}"));
        }
    }
    if let Some(urgent) = status.urgent {
        pieces.push(format!("urgent:{urgent}"));
    }
    if let Some(error) = status.soft_error {
        pieces.push(format!("soft-error:({error})"));
    }
    if let Some(ended) = status.ended {
        pieces.push(format!("ended:({ended})"));
    }
    if let Some(why) = waits_for(status.idle_because) {
        pieces.push(format!("not-sending:({why})"));
    }
    pieces.join(" ")
}

/// Why a sender that could send does not; `None` where there is nothing to explain.
const fn waits_for(idle: Idle) -> Option<&'static str> {
    Some(match idle {
        Idle::NoData | Idle::Over => return None,
        Idle::Opening => "the handshake is not done",
        Idle::PeerWindow => "the peer's window is used up",
        Idle::CongestionWindow => "the congestion window is used up",
        Idle::Nagle => "Nagle waits for an acknowledgment or a full segment",
        Idle::SillyWindow => "the peer's window is too small to be worth a segment",
        Idle::Link => "the link takes nothing now",
    })
}

#[cfg(test)]
mod tests {
    use stack::{Duration, FourTuple, State};
    use wire::seq::SeqNumber;

    use super::*;
    use crate::fixture::{V4, V6};

    fn established() -> Status {
        Status {
            tuple: FourTuple::new(V4.right, V4.left),
            state: State::Established,
            ended: None,
            soft_error: None,
            dscp_received: wire::ip::Dscp::DEFAULT,
            snd_una: SeqNumber::new(1),
            snd_nxt: SeqNumber::new(1001),
            snd_wnd: 64_256,
            rcv_nxt: SeqNumber::new(1),
            rcv_wnd: 65_535,
            iss: SeqNumber::new(0),
            irs: SeqNumber::new(0),
            receive_queue: 17,
            send_queue: 4_096,
            unsent: 3_096,
            urgent: None,
            snd_mss: 1_448,
            window_scales: Some((7, 8)),
            timestamps: true,
            sack: true,
            srtt: Some(Duration::from_micros(1_250)),
            rttvar: Duration::from_micros(400),
            rto: Duration::from_millis(200),
            cwnd: 14_480,
            ssthresh: u32::MAX,
            backoff: 0,
            unanswered: 0,
            retransmitted: 2,
            bytes_acked: 1_000,
            bytes_received: 17,
            segments_out: 12,
            segments_in: 9,
            islands: 0,
            idle_because: Idle::PeerWindow,
        }
    }

    fn all() -> Vec<Socket> {
        let tuple = FourTuple::new(V6.right, V6.left);
        let entries = [
            Entry::Embryo {
                tuple,
                age: Duration::from_millis(1_300),
                retransmissions: 1,
            },
            Entry::TimeWait {
                tuple,
                remaining: Duration::from_secs(59),
            },
        ];
        let listener = Socket {
            state: "LISTEN",
            receive_queue: 1,
            send_queue: 128,
            local: V4.right,
            peer: None,
            details: "syn-queue:3/256".to_owned(),
        };
        let mut sockets = vec![listener, of_connection(&established())];
        sockets.extend(entries.iter().map(socket));
        sockets
    }

    #[test]
    fn one_line_each() {
        insta::assert_snapshot!(list(all(), false));
    }

    #[test]
    fn details_below_each() {
        insta::assert_snapshot!(list(all(), true));
    }

    #[test]
    fn nothing_is_a_header() {
        assert_eq!(sockets(&[], true).lines().count(), 2);
    }
}
