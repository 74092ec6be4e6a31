//! Packets on their way: from a stack to a link, from a link to a stack, and what the trace records of them.

use lens::Record;
use stack::FourTuple;

use super::number::Said;
use super::recorder::Noted;
use super::segment::Answered;
use super::{Sent, World};
use crate::glance::{self, Glance};
use crate::link::{Arrival, Fate, Loss};

impl World {
    /// Hands over the first packet that is due, if one is.
    pub(super) fn deliver_one(&mut self) -> bool {
        let now = self.now;
        let due = self
            .wires
            .iter_mut()
            .find_map(|wire| wire.link.pop(now).map(|arrival| (wire.to, arrival)));
        let Some((host, arrival)) = due else {
            return false;
        };
        self.deliver(host, arrival);
        true
    }

    fn deliver(&mut self, to: usize, arrival: Arrival<Sent>) {
        let original = arrival.packet.record;
        let index = match arrival.is_copy {
            true => self.copies.get(&original).copied().unwrap_or(original),
            false => original,
        };
        let record = &mut self.trace.records[index];
        if self.hosts[to].has_vanished {
            record.fate = lens::Fate::Lost;
            record.notes.push(format!("{} has vanished", self.hosts[to].name));
            return;
        }
        record.arrived = Some(self.now);
        if record.fate == lens::Fate::InFlight {
            record.fate = lens::Fate::Delivered;
        }
        let glance = Glance::of(&arrival.packet.bytes);
        let tuple = glance.map(|glance| glance.tuple.reversed());
        self.answering = glance.map(|glance| Answered::new(&glance, arrival.packet.acks_in_chain));
        self.hosts[to].receive_packet(self.now, &arrival.packet.bytes);
        let noted = self.hosts[to].stack.observer_mut().take();
        for noted in noted {
            if let Noted::Dropped(_, why) = noted {
                let record = &mut self.trace.records[index];
                match record.dropped {
                    None => record.dropped = Some(why),
                    Some(_) => record.notes.push(format!("dropped as well: {why}")),
                }
            }
            self.note(to, noted);
        }
        if let Some(tuple) = tuple {
            self.trace.records[index].receiver_state = Some(self.state_shown(to, &tuple));
        }
        self.settle(to);
        self.answering = None;
    }

    /// Puts a packet that a stack has sent on the link that leads to its destination.
    pub(super) fn carry(&mut self, from: usize, packet: Vec<u8>) {
        let mut cause = None;
        for noted in self.hosts[from].stack.observer_mut().take() {
            if let Noted::Sent(why) = noted {
                cause = Some(why);
            }
            self.note(from, noted);
        }
        let Some((wire, to)) = self.route(from, &packet) else {
            let text = match glance::destination(&packet) {
                Some(address) => format!("no link leads to {address}"),
                None => "a packet without a destination".to_owned(),
            };
            self.mark(from, None, text, None);
            return;
        };
        let index = self.trace.records.len();
        let mut record = Record::new(self.now, None, from, to, packet.clone());
        record.cause = cause;
        record.fate = lens::Fate::InFlight;
        let mut acks_in_chain = 0;
        if let Some(glance) = Glance::of(&packet) {
            record.sender_state = Some(self.state_shown(from, &glance.tuple));
            acks_in_chain = self.look_at_segment((from, to), cause, &glance, packet.len());
            // Only the live answers; what TIME-WAIT repeats is of the past.
            if cause != Some(stack::Cause::TimeWaitAck) {
                let peer = self.said(to, &glance.tuple.reversed()).copied();
                self.said_mut(from, glance.tuple).note(peer.as_ref(), &glance);
            }
        }
        if self.hosts[from].has_vanished {
            record.fate = lens::Fate::Lost;
            record.notes.push(format!("{} has vanished", self.hosts[from].name));
            self.trace.records.push(record);
            return;
        }
        let fate = self.wires[wire].link.push(
            self.now,
            Sent {
                record: index,
                bytes: packet,
                acks_in_chain,
            },
        );
        self.trace.records.push(described(record, fate));
        if fate.copy_arrives.is_some() {
            self.record_copy(index);
        }
    }

    /// A copy that a link makes is a record of its own.
    fn record_copy(&mut self, index: usize) {
        let copy = Record {
            fate: lens::Fate::Duplicate(index),
            notes: vec!["a copy that the link made".to_owned()],
            ..self.trace.records[index].clone()
        };
        self.copies.insert(index, self.trace.records.len());
        self.trace.records.push(copy);
    }

    /// The wire from a host towards a packet's destination, and who lives there.
    pub(super) fn route(&self, from: usize, packet: &[u8]) -> Option<(usize, usize)> {
        let destination = glance::destination(packet)?;
        let to = self
            .hosts
            .iter()
            .position(|host| host.plan.config.addresses.contains(&destination))?;
        let wire = self.wires.iter().position(|wire| (wire.from, wire.to) == (from, to))?;
        Some((wire, to))
    }

    pub(super) fn said(&self, host: usize, tuple: &FourTuple) -> Option<&Said> {
        self.said.iter().find(|said| said.host == host && said.tuple == *tuple)
    }

    pub(super) fn said_mut(&mut self, host: usize, tuple: FourTuple) -> &mut Said {
        let known = self
            .said
            .iter()
            .position(|said| said.host == host && said.tuple == tuple);
        let index = known.unwrap_or(self.said.len());
        if known.is_none() {
            self.said.push(Said::new(host, tuple));
        }
        &mut self.said[index]
    }
}

/// A record with what its link did to it.
fn described(mut record: Record, fate: Fate) -> Record {
    let by_fault = if fate.fault.is_some() {
        " (a fault of the script)"
    } else {
        ""
    };
    if let Some(loss) = fate.lost {
        record.fate = lens::Fate::Lost;
        record.notes.extend(match loss {
            Loss::Chance => None,
            Loss::QueueFull => Some("its queue was full".to_owned()),
            Loss::Fault => Some("a fault of the script".to_owned()),
            Loss::Cut => Some("the link was cut".to_owned()),
        });
    } else if let Some(bit) = fate.flipped {
        record.fate = lens::Fate::Corrupted;
        record.notes.push(format!("bit {bit} is flipped{by_fault}"));
    } else if fate.is_late {
        record.notes.push("held back by the link".to_owned());
    } else if fate.fault.is_some() && fate.copy_arrives.is_none() {
        record.notes.push("held back: a fault of the script".to_owned());
    }
    record
}
