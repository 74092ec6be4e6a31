//! All of a connection that can bear on what it will do: two that hash the same behave the same from here.

use core::hash::{Hash, Hasher};

use super::Connection;

impl Hash for Connection {
    /// Its place in tables and what was only counted is left out. Every field is named, so that a new one has to be judged.
    fn hash<H: Hasher>(&self, into: &mut H) {
        let Self {
            tuple,
            state,
            owner,
            snd,
            rcv,
            tuning,
            booked: _,
            rtt,
            congestion,
            recovery,
            ts,
            sack,
            ecn,
            options,
            deadlines,
            neighbour: _,
            awaits_neighbour,
            ready,
            detached,
            event_queued,
            transmit_queued,
            blocked,
            syn_due,
            force,
            probe_due,
            ack,
            acks,
            quick_acks,
            unanswered,
            challenges,
            challenge_since,
            timed,
            text_sent,
            heard,
            epoch,
            counted,
            ended,
            soft_error,
            dscp_received: _,
            idle: _,
            retransmitted: _,
            segments_in: _,
            segments_out: _,
            bytes_acked: _,
            bytes_received: _,
        } = self;
        (tuple, state, owner, snd, rcv, tuning).hash(into);
        (rtt, congestion, recovery, ts, sack, ecn, options, deadlines).hash(into);
        (
            ready,
            detached,
            event_queued,
            transmit_queued,
            awaits_neighbour,
            blocked,
        )
            .hash(into);
        (syn_due, force, probe_due, ack, acks, quick_acks, unanswered).hash(into);
        (challenges, challenge_since, timed, text_sent, heard).hash(into);
        (epoch, counted, ended, soft_error).hash(into);
    }
}
