//! TCP_INFO, in the layout of Linux's `struct tcp_info`, out of STATUS. What the stack does not count is 0.

use stack::{Config, Duration, State, Status};

/// The fields in their order; the numbers have no gaps between them.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn u8(&mut self, n: u8) -> &mut Self {
        self.0.push(n);
        self
    }

    fn u32(&mut self, n: u32) -> &mut Self {
        self.0.extend_from_slice(&n.to_ne_bytes());
        self
    }

    fn u64(&mut self, n: u64) -> &mut Self {
        self.0.extend_from_slice(&n.to_ne_bytes());
        self
    }

    fn zeros(&mut self, len: usize) -> &mut Self {
        self.0.resize(self.0.len() + len, 0);
        self
    }

    fn finish(&mut self) -> Vec<u8> {
        self.0.resize(LEN, 0);
        std::mem::take(&mut self.0)
    }
}

/// Units: bytes; up to and with `tcpi_total_rto_time`.
const LEN: usize = 248;

/// Bits of `tcpi_options`.
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const WSCALE: u8 = 4;

/// Linux's `TCP_INFINITE_SSTHRESH`.
const SSTHRESH_NONE: u32 = 0x7fff_ffff;

/// Linux's numbers of the states.
const fn number(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}

/// Of a socket that is not open.
pub(crate) fn of_no_connection() -> Vec<u8> {
    Writer::default().u8(number(State::Closed)).finish()
}

/// Of a listener: what waits to be accepted, and the backlog that was asked for.
pub(crate) fn of_listener((waiting, most): (usize, usize)) -> Vec<u8> {
    let mut w = Writer::default();
    w.u8(number(State::Listen)).zeros(7 + 16);
    w.u32(clamped(waiting as u64))
        .u32(clamped(most.saturating_sub(1) as u64));
    w.finish()
}

/// Of a connection.
pub(crate) fn of_connection(status: &Status, config: &Config, ack_delay: Duration) -> Vec<u8> {
    let mss = clamped(status.snd_mss as u64).max(1);
    let options = [
        (status.timestamps, TIMESTAMPS),
        (status.sack, SACK),
        (status.window_scales.is_some(), WSCALE),
    ];
    let options = options.iter().filter(|(on, _)| *on).map(|(_, bit)| bit).sum();
    let (own, theirs) = status.window_scales.unwrap_or_default();
    let in_flight = status.snd_nxt.since(status.snd_una);
    let ssthresh = match status.ssthresh {
        u32::MAX => SSTHRESH_NONE,
        bytes => bytes / mss,
    };
    let mut w = Writer::default();
    w.u8(number(status.state))
        .u8(0)
        .u8(status.backoff)
        .u8(0)
        .u8(status.backoff)
        .u8(options);
    // Two fields of four bits: the peer's scale below, ours above.
    w.u8(theirs & 15 | own << 4).u8(0);
    w.u32(micros(status.rto)).u32(micros(ack_delay)).u32(mss).u32(mss);
    w.u32(in_flight.div_ceil(mss))
        .u32(status.sacked.div_ceil(mss))
        .u32(status.lost.div_ceil(mss))
        .u32(0)
        .u32(0);
    w.zeros(16).u32(clamped(config.mtu as u64)).u32(status.rcv_wnd);
    w.u32(status.srtt.map_or(0, micros)).u32(micros(status.rttvar));
    w.u32(ssthresh)
        .u32(status.cwnd / mss)
        .u32(advertised_mss(status, config))
        .u32(3);
    w.u32(0).u32(0).u32(status.retransmitted);
    w.u64(status.pacing_rate.unwrap_or(u64::MAX))
        .u64(u64::MAX)
        .u64(status.bytes_acked)
        .u64(status.bytes_received);
    w.u32(status.segments_out).u32(status.segments_in);
    w.u32(clamped(status.unsent as u64)).zeros(12 + 32 + 8 + 16 + 12);
    w.u32(status.snd_wnd).u32(status.rcv_wnd);
    w.finish()
}

/// What we told the peer: the MTU less the fixed headers.
fn advertised_mss(status: &Status, config: &Config) -> u32 {
    let headers = if status.tuple.local_addr.is_ipv4() { 40 } else { 60 };
    clamped(config.mtu.saturating_sub(headers) as u64)
}

fn micros(d: Duration) -> u32 {
    clamped(d.as_micros())
}

fn clamped(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;
    use stack::io::{Checksum, Offload};
    use stack::{Batch, Budget, ConnectOptions, Full, ListenOptions, Now, Packet, Secrets, Sink, Stack};

    /// Puts what one stack sends into a batch for the other.
    struct Wire(Batch);

    impl Sink for Wire {
        fn send(&mut self, head: &[u8], payload: &[bytes::Bytes], _: Offload) -> Result<(), Full> {
            let mut bytes = BytesMut::from(head);
            payload.iter().for_each(|slice| bytes.extend_from_slice(slice));
            self.0.push(Packet {
                bytes,
                arrived: Now::default().mono,
                checksum: Checksum::Unverified,
            });
            Ok(())
        }
    }

    fn field(info: &[u8], at: usize) -> u32 {
        u32::from_ne_bytes(*info[at..].first_chunk().unwrap())
    }

    /// Offsets of Linux's header, checked against the fields that `libc` knows.
    #[test]
    fn fields_stand_where_linux_has_them() {
        let now = Now::default();
        let config = |n: u8| Config {
            addresses: vec![[10, 0, 0, n].into()],
            ..Config::default()
        };
        let secrets = Secrets {
            master: [1; 32],
            public: 1,
        };
        let (mut a, mut b) = (Stack::new(config(1), secrets, ()), Stack::new(config(2), secrets, ()));
        let to = ([10, 0, 0, 2], 80).into();
        b.listen(ListenOptions::new(to)).unwrap();
        let options = ConnectOptions {
            remote: to,
            local: None,
            connection: None,
        };
        let id = a.connect(now, options).unwrap();
        for _ in 0..2 {
            let mut wire = Wire(Batch::new());
            a.poll_transmit(now, Budget::default(), &mut wire);
            b.handle_packets(now, &mut wire.0);
            b.poll_transmit(now, Budget::default(), &mut wire);
            a.handle_packets(now, &mut wire.0);
        }
        a.send(now, id, &mut bytes::Bytes::from(vec![0; 2 * 1448])).unwrap();
        a.poll_transmit(now, Budget::default(), &mut Wire(Batch::new()));
        let info = of_connection(&a.status(now, id).unwrap(), &config(1), Duration::from_millis(40));
        assert_eq!(info.len(), LEN);
        assert_eq!(info[0], 1, "state");
        assert_eq!(info[5], TIMESTAMPS | SACK | WSCALE, "options");
        assert_eq!(info[6], 0x88, "scales");
        for (name, at, want) in [
            ("ato", std::mem::offset_of!(libc::tcp_info, tcpi_ato), 40_000),
            ("snd_mss", std::mem::offset_of!(libc::tcp_info, tcpi_snd_mss), 1448),
            ("unacked", std::mem::offset_of!(libc::tcp_info, tcpi_unacked), 2),
            ("pmtu", std::mem::offset_of!(libc::tcp_info, tcpi_pmtu), 1500),
            (
                "snd_ssthresh",
                std::mem::offset_of!(libc::tcp_info, tcpi_snd_ssthresh),
                SSTHRESH_NONE,
            ),
            ("snd_cwnd", std::mem::offset_of!(libc::tcp_info, tcpi_snd_cwnd), 10),
            ("advmss", std::mem::offset_of!(libc::tcp_info, tcpi_advmss), 1460),
            ("reordering", std::mem::offset_of!(libc::tcp_info, tcpi_reordering), 3),
            (
                "total_retrans",
                std::mem::offset_of!(libc::tcp_info, tcpi_total_retrans),
                0,
            ),
            // Beyond what `libc` knows: the header of Linux 6.
            ("segs_in", 140, 1),
            ("snd_wnd", 228, a.status(now, id).unwrap().snd_wnd),
        ] {
            assert_eq!(field(&info, at), want, "{name}");
        }
    }
}
