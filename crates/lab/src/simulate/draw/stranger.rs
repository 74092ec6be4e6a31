//! Drawing what strangers do: segments that no stack has sent, or that come once more.

use super::swarm::{Kind, Swarm};
use super::{PORT, other};
use crate::simulate::drawn::{StepDrawn, v4, v6};

/// Segments of an attacker who sees nothing, and old duplicates of the connection's own.
pub(super) fn forge(
    swarm: &mut Swarm,
    steps: &mut Vec<StepDrawn>,
    pair: [usize; 2],
    on: usize,
    begin_ms: u64,
    is_v6: bool,
) {
    if !swarm.has(Kind::Forgery) {
        return;
    }
    for _ in 0..swarm.below(6) {
        let [host, other_host] = if swarm.once_in(2) { pair } else { [pair[1], pair[0]] };
        let act = match swarm.below(4) {
            0 => {
                let flags = swarm.pick(&["S", "S.", ".", "P.", "F.", "R", "R.", "SF", "-", "FPU", "SR", "EW."]);
                let (seq, ack) = (swarm.bits() as u32, swarm.bits() as u32);
                let payload = swarm.below(3) * swarm.below(600);
                other(
                    "inject",
                    format!("{{ flags = \"{flags}\", seq = \"{seq}\", ack = \"{ack}\", payload = {payload} }}"),
                )
            }
            1 => {
                let flags = swarm.pick(&["S", "S.", "R", "R.", "SF"]);
                let beyond = 2 + swarm.below(300);
                other(
                    "inject",
                    format!("{{ flags = \"{flags}\", seq = \"rcv.nxt+{beyond}\", ack = \"snd.una\" }}"),
                )
            }
            2 => {
                // A stranger's SYN in a third one's name, whose answer leads nowhere.
                let address = |n| if is_v6 { format!("[{}]", v6(n)) } else { v4(n) };
                let (from, to, port) = (address(host), address(other_host), 1 + swarm.below(60_000));
                let seq = swarm.bits() as u32;
                let ends = format!("from = \"{from}:{port}\", to = \"{to}:{PORT}\"");
                other("inject", format!("{{ flags = \"S\", seq = \"{seq}\", {ends} }}"))
            }
            _ => {
                let flags = swarm.pick(&["S", "S.", ".", "F.", "P."]);
                let nth = 1 + swarm.below(3);
                other("replay", format!("{{ flags = \"{flags}\", nth = {nth} }}"))
            }
        };
        steps.push(StepDrawn {
            at_ms: begin_ms + swarm.below(6_000),
            host,
            on: Some(on),
            act,
        });
    }
}
