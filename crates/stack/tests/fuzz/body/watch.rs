//! Who watches the stack: every connection goes through the table of states, and its numbers are noted.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;
use syndic_stack::observer::{Fact, Observer};
use syndic_stack::tcp::cookie::epoch_of;
use syndic_stack::tcp::state::{Arrow, next};
use syndic_stack::*;
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

/// SYN-ACKs that are remembered, to be acknowledged at any time.
const SYN_ACKS: usize = 64;

/// A SYN-ACK that was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct SynAck {
    pub(super) tuple: FourTuple,
    pub(super) header: Header,
    pub(super) epoch: u64,
}

/// What a connection has shown on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) header: Header,
    pub(super) state: State,
}

/// Follows every connection through the table of states, and notes its numbers.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) shown: BTreeMap<(SocketAddr, SocketAddr), Shown>,
    /// Unix time. Units: seconds.
    pub(super) unix_s: u64,
    /// The last of each numbers.
    pub(super) syn_acks: VecDeque<SynAck>,
    /// Some were forgotten.
    pub(super) forgot: bool,
    /// What has been opened by a cookie and is not checked yet.
    pub(super) returned: Option<FourTuple>,
}

impl Watch {
    pub(super) fn at(&mut self, tuple: &FourTuple) -> &mut Shown {
        self.shown.entry((tuple.local(), tuple.remote())).or_insert(Shown {
            header: Header {
                src_port: tuple.local_port,
                dst_port: tuple.remote_port,
                seq: SeqNumber::default(),
                ack: SeqNumber::default(),
                flags: Flags::NONE,
                window: 0,
                urgent: 0,
                options: Options::default(),
            },
            state: State::Closed,
        })
    }

    fn note_syn_ack(&mut self, tuple: &FourTuple, header: &Header) {
        let same = |old: &SynAck| (old.tuple, old.header.seq, old.header.ack) == (*tuple, header.seq, header.ack);
        self.syn_acks.retain(|old| !same(old));
        if self.syn_acks.len() == SYN_ACKS {
            self.syn_acks.pop_front();
            self.forgot = true;
        }
        self.syn_acks.push_back(SynAck {
            tuple: *tuple,
            header: *header,
            epoch: epoch_of(self.unix_s),
        });
    }
}

impl Observer for Watch {
    fn observe(&mut self, _: Instant, fact: &Fact<'_>) {
        match fact {
            Fact::State { tuple, from, to, arrow } => {
                let shown = self.at(tuple);
                let is_new = (shown.state, *from) == (State::Closed, State::Listen);
                assert!(
                    is_new || shown.state == *from,
                    "{tuple}: {from} -{arrow:?}-> {to}, but it was {}",
                    shown.state
                );
                assert_eq!(next(*from, *arrow), Some(*to), "{from} -{arrow:?}-> {to}");
                shown.state = *to;
                if *arrow == Arrow::CookieReturns {
                    self.returned = Some(*tuple);
                }
            }
            Fact::Sent {
                tuple, header, payload, ..
            } => {
                let len: usize = payload.iter().map(Bytes::len).sum();
                let occupied = len as u32 + u32::from(header.flags.syn()) + u32::from(header.flags.fin());
                if header.flags.contains(Flags::SYN | Flags::ACK) {
                    self.note_syn_ack(tuple, header);
                }
                let shown = self.at(tuple);
                if !header.flags.rst() {
                    shown.header = **header;
                    shown.header.seq = header.seq + occupied;
                }
            }
            _ => {}
        }
    }
}
