//! Wire scenarios: packets in, packets out, one RFC section each (ring 2 of the tests).

mod buffers;
mod calls;
mod clocks;
mod close;
mod coalesce;
mod congestion;
mod cookies;
mod cut;
mod ecn;
mod ethernet;
mod handshake;
mod icmp;
mod ip;
mod lan;
mod limits;
mod open;
mod pair;
mod receive;
mod recovery;
mod reset;
mod retransmit;
mod rig;
mod send;
mod storm;
mod timewait;
mod why;
