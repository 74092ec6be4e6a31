//! Sockets as `ss -tan` lists them: one line each; below it what `ss -i` adds, and why the sender is not sending.

use stack::Duration;

use super::name::Named as _;
use super::{Connection, Details, Listener, Socket};
use crate::table::Table;
use crate::text::wrapped;

/// How long a line of details may be, beside what it is moved to the right. Units: characters.
const DETAILS_WIDTH: usize = 112;

/// Lists sockets, one line each under a header. Below a listener's line stand its queues; with `details`, below every
/// line, all that is known of the socket. Lines end in newlines.
pub fn list(sockets: &[Socket], details: bool) -> String {
    let mut table = Table::new(["State", ">Recv-Q", ">Send-Q", "Local Address:Port", "Peer Address:Port"]).unbroken();
    for socket in sockets {
        table.row([
            socket.state.name().to_owned(),
            socket.receive_queue.to_string(),
            socket.send_queue.to_string(),
            socket.local.to_string(),
            socket.peer.map_or_else(|| "*".to_owned(), |peer| peer.to_string()),
        ]);
    }
    // Each socket has one line below the header and its rule.
    let text = table.to_string();
    let mut lines = text.lines();
    let mut out = String::new();
    let mut push = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    lines.by_ref().take(2).for_each(&mut push);
    for (line, socket) in lines.zip(sockets) {
        push(line);
        if details || matches!(socket.details, Details::Listener(_)) {
            for line in wrapped(&of_socket(&socket.details), DETAILS_WIDTH) {
                push(&format!("        {line}"));
            }
        }
    }
    out
}

fn of_socket(details: &Details) -> String {
    match details {
        Details::Listener(listener) => of_listener(listener),
        Details::HalfOpen {
            age_us,
            retransmissions,
        } => format!("age:{} retransmitted:{retransmissions}", Duration::from_micros(*age_us)),
        Details::Connection(connection) => of_connection(connection),
        Details::TimeWait { remaining_us } => format!("remaining:{}", Duration::from_micros(*remaining_us)),
    }
}

fn of_listener(listener: &Listener) -> String {
    let mut text = format!(
        "syn-queue:{}/{} accept-queue:{}/{} cookies:{}",
        listener.syn_queue,
        listener.syn_queue_max,
        listener.accept_queue,
        listener.accept_queue_max,
        listener.syn_cookies.name()
    );
    if listener.stateless {
        text.push_str(" stateless");
    }
    text.push_str(" level:");
    text.push_str(listener.level.name());
    text
}

/// What is agreed on, what is measured, what was moved, and what it waits for. Windows and queues in bytes,
/// the pace in bytes per second.
fn of_connection(connection: &Connection) -> String {
    let mut pieces: Vec<String> = Vec::new();
    if connection.timestamps {
        pieces.push("ts".to_owned());
    }
    if connection.sack {
        pieces.push("sack".to_owned());
    }
    if connection.ecn {
        pieces.push("ecn".to_owned());
    }
    pieces.push(connection.congestion.name().to_owned());
    if let Some((ours, theirs)) = connection.window_scales {
        pieces.push(format!("wscale:{theirs},{ours}"));
    }
    pieces.push(format!("rto:{}", Duration::from_micros(connection.rto_us)));
    if let Some(srtt) = connection.srtt_us.map(Duration::from_micros) {
        pieces.push(format!("rtt:{srtt}/{}", Duration::from_micros(connection.rttvar_us)));
    }
    pieces.push(format!("mss:{} cwnd:{}", connection.snd_mss, connection.cwnd));
    if let Some(ssthresh) = connection.ssthresh {
        pieces.push(format!("ssthresh:{ssthresh}"));
    }
    if let Some(rate) = connection.pacing_rate {
        pieces.push(format!("pacing_rate:{rate}"));
    }
    pieces.push(format!("snd_wnd:{} rcv_wnd:{}", connection.snd_wnd, connection.rcv_wnd));
    pieces.push(format!(
        "bytes_acked:{} bytes_received:{} segs_out:{} segs_in:{}",
        connection.bytes_acked, connection.bytes_received, connection.segments_out, connection.segments_in
    ));
    for (name, count) in [
        ("unsent", connection.unsent),
        ("retransmitted", connection.retransmitted as usize),
        ("lost", connection.lost as usize),
        ("sacked", connection.sacked as usize),
        ("dsack_dups", usize::from(connection.dsack_dups)),
        ("backoff", usize::from(connection.backoff)),
        ("islands", connection.islands),
    ] {
        if count > 0 {
            pieces.push(format!("{name}:{count}"));
        }
    }
    if connection.reordering {
        pieces.push("reordering".to_owned());
    }
    if let Some(min) = connection.min_rtt_us.map(Duration::from_micros) {
        pieces.push(format!("minrtt:{min}"));
    }
    if let Some(urgent) = connection.urgent {
        pieces.push(format!("urgent:{urgent}"));
    }
    for (name, words) in [
        ("soft-error", &connection.soft_error),
        ("ended", &connection.ended),
        ("not-sending", &connection.not_sending),
    ] {
        if let Some(words) = words {
            pieces.push(format!("{name}:({})", plain(words)));
        }
    }
    pieces.join(" ")
}

/// Words that came from another process cannot command the terminal.
fn plain(words: &str) -> String {
    words.replace(char::is_control, "?")
}
