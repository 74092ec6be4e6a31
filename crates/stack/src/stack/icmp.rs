//! ICMP: echo is answered; errors are believed only when they quote a segment in flight (RFC 5927).

use core::net::IpAddr;

use wire::icmp::{self, Message, Unreachable};
use wire::ip::Datagram;

use super::{Stack, context};
use crate::flood::ReplyKind;
use crate::observer::{Observer, Why};
use crate::owner::quoted_segment;
use crate::path::plateau_below;
use crate::replies::Reply;
use crate::tcp::mss;
use crate::time::Now;

/// What an error says of the connection that it quotes.
enum Report {
    Unreachable(Unreachable),
    TooBig(u32),
}

impl<O: Observer> Stack<O> {
    pub(super) fn icmp(&mut self, now: Now, datagram: &Datagram, bytes: &[u8]) -> Result<(), Why> {
        let body = bytes.get(datagram.payload.clone()).ok_or(Why::MalformedIcmp)?;
        let (src, dst) = (datagram.src, datagram.dst);
        match Message::parse(src, dst, body).map_err(|_| Why::MalformedIcmp)? {
            Message::EchoRequest { rest } => {
                self.take_reply_to(now, ReplyKind::Icmp, src)
                    .filter(|()| self.budgets.icmp.take(now.mono))
                    .ok_or(Why::IcmpBudget)?;
                // RFC 1122 section 3.2.2.6: we do not fragment, so what a reply has no room for is left out.
                let room = self.config.mtu.saturating_sub(headers_len(src));
                let message = icmp::echo_reply(dst, src, rest.get(..room).unwrap_or(rest));
                let queued = self.replies.push(Reply::Icmp {
                    src: dst,
                    dst: src,
                    message,
                });
                if queued { Ok(()) } else { Err(Why::RepliesFull) }
            }
            Message::Unreachable { why, quoted } => self.icmp_error(now, quoted, &Report::Unreachable(why)),
            Message::TooBig { mtu, quoted } => self.icmp_error(now, quoted, &Report::TooBig(mtu)),
            Message::EchoReply { .. }
            | Message::TimeExceeded { .. }
            | Message::ParameterProblem { .. }
            | Message::Other { .. } => Err(Why::IcmpIgnored),
        }
    }

    fn icmp_error(&mut self, now: Now, quoted: &[u8], report: &Report) -> Result<(), Why> {
        let (tuple, seq) = quoted_segment(quoted).ok_or(Why::IcmpUnproven)?;
        let i = self
            .connections
            .find(&self.keys.place(&tuple))
            .ok_or(Why::IcmpUnproven)?;
        let c = self.connections.get_mut(i).ok_or(Why::IcmpUnproven)?;
        // RFC 5927 section 4.1: a blind attacker does not know what is in flight.
        if !seq.within(c.snd.una, c.snd.nxt.since(c.snd.una)) {
            return Err(Why::IcmpUnproven);
        }
        match *report {
            Report::Unreachable(why) => c.on_unreachable(&mut context!(self, now), why),
            // A SYN is shorter than any MTU: the report is false, or meant for something else.
            Report::TooBig(_) if !c.snd.syn_acked => return Err(Why::IcmpIgnored),
            Report::TooBig(said) => {
                let unsaid = said == 0 && tuple.local_addr.is_ipv4();
                let mtu = if unsaid { unsaid_mtu(quoted) } else { said };
                let mss = mss::of_path(mtu, tuple.local_addr).ok_or(Why::IcmpIgnored)?;
                if c.on_too_big(now.mono, mss) {
                    self.paths.learn(now.mono, &self.keys, tuple.remote_addr, mtu);
                }
            }
        }
        self.settle(now, i);
        Ok(())
    }
}

/// What a path takes whose router did not say: it follows from the length of the IPv4 packet that it refused.
fn unsaid_mtu(quoted: &[u8]) -> u32 {
    let refused = quoted.get(2..4).and_then(|length| length.try_into().ok());
    plateau_below(refused.map_or(0, u16::from_be_bytes).into())
}

/// Bytes before the identifier of an echo: the IP header without options, and type, code and checksum.
fn headers_len(addr: IpAddr) -> usize {
    if addr.is_ipv4() { 20 + 4 } else { 40 + 4 }
}
