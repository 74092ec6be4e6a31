//! Every reason for which something is dropped, each hit by the least that hits it.

use std::num::NonZeroUsize;

use wire::checksum::Sum;
use wire::{icmp, ip, tcp};

use syndic_stack::flood::{LimiterOptions, OverLimit, Rate};
use syndic_stack::*;

use crate::ethernet::{self, Said, frame_of, speaker};
use crate::rig::*;

/// Plays what is dropped for one reason.
type Play = fn() -> Rig;

const TABLE: &[(Why, Play)] = &[
    (Why::MalformedFrame, || on_ethernet(|rig| rig.raw(&[0; 13]))),
    (Why::VlanTag, || {
        on_ethernet(|rig| patched_frame(rig, |frame| frame[12..14].copy_from_slice(&[0x81, 0])))
    }),
    (Why::EtherType, || {
        on_ethernet(|rig| patched_frame(rig, |frame| frame[12..14].copy_from_slice(&[0x88, 0xcc])))
    }),
    (Why::NotOurMac, || {
        on_ethernet(|rig| patched_frame(rig, |frame| frame[5] = 9))
    }),
    (Why::BadMac, || {
        on_ethernet(|rig| patched_frame(rig, |frame| frame[6] = 0xff))
    }),
    (Why::GroupFrame, || {
        on_ethernet(|rig| patched_frame(rig, |frame| frame[..6].fill(0xff)))
    }),
    (Why::MalformedArp, || {
        on_ethernet(|rig| {
            let mut frame = frame_of(rig.peer(), Said::Answers { target: rig.theirs });
            frame[21] = 9;
            rig.raw(&frame);
        })
    }),
    (Why::MalformedNdp, || {
        on_ethernet(|rig| {
            let who = speaker(v6(1), mac(1));
            let mut frame = frame_of(who, Said::Answers { target: v6(1) });
            frame[14 + 7] = 254;
            rig.raw(&frame);
        })
    }),
    (Why::NeighbourIgnored, || {
        on_ethernet(|rig| rig.hears(rig.peer(), Said::Announces { target: rig.theirs }))
    }),
    (Why::NeighbourDisputed, || {
        on_ethernet(|rig| {
            rig.open_over_ethernet();
            rig.hears(speaker(rig.theirs, mac(9)), Said::Announces { target: rig.theirs });
        })
    }),
    (Why::AddressConflict, || {
        on_ethernet(|rig| rig.hears(speaker(rig.ours, mac(9)), Said::Announces { target: rig.ours }))
    }),
    (Why::NeighbourBudget, || {
        on_limited_ethernet(
            |limits| limits.neighbour_replies_per_s = 0,
            |rig| {
                let target = rig.ours;
                rig.hears(rig.peer(), Said::Asks { target, to_all: true });
            },
        )
    }),
    (Why::NeighboursFull, || {
        on_limited_ethernet(
            |limits| limits.neighbours = 16,
            |rig| {
                for n in 10..27 {
                    rig.theirs = v4(n);
                    rig.connect();
                }
            },
        )
    }),
    (Why::ResolutionBudget, || {
        on_limited_ethernet(
            |limits| limits.resolutions_per_s = 0,
            |rig| {
                rig.connect();
            },
        )
    }),
    (Why::NeighbourUnreachable, || {
        on_ethernet(|rig| {
            rig.connect();
            rig.advance(Duration::from_secs(3));
        })
    }),
    (Why::NeighbourUnknown, || {
        on_ethernet(|rig| {
            rig.listen();
            rig.inject(Seg::new("S", 0));
            rig.advance(Duration::from_millis(1_100));
        })
    }),
    (Why::NoRoute, || {
        on_ethernet(|rig| {
            rig.theirs = [192, 0, 2, 7].into();
            rig.listen();
            rig.inject(Seg::new("S", 0));
            let config = Config {
                medium: Medium::Ethernet(EthernetOptions::new(mac(2), [], [])),
                ..rig.stack.config().clone()
            };
            rig.stack.set_config(config);
            rig.advance(Duration::from_millis(1_100));
        })
    }),
    (Why::MalformedIp, || given(|rig| rig.raw(&[0x45]))),
    (Why::IpChecksum, || {
        given(|rig| patched_ip(rig, |packet| packet[10] ^= 1))
    }),
    (Why::NotOurs, || {
        given(|rig| {
            rig.ours = v4(99);
            rig.inject(Seg::new("S", 0));
        })
    }),
    (Why::BadSource, || {
        given(|rig| {
            rig.theirs = [224, 0, 0, 1].into();
            rig.inject(Seg::new("S", 0));
        })
    }),
    (Why::UnknownProtocol, || given(|rig| datagram(rig, 47, &[0; 8]))),
    (Why::StrayRefused, || {
        let mut rig = Rig::plain();
        let logs = [Log::default(), Log::default()];
        rig.stack = Stack::shards(rig.stack.config(), secrets(), logs).remove(0);
        let of_another = (1..).find(|port| {
            rig.their_port = *port;
            Owners::new(&secrets(), NonZeroUsize::new(2).unwrap()).of_packet(&rig.packet(&Seg::new("S", 0))) == Some(1)
        });
        assert_eq!(of_another, Some(rig.their_port));
        rig.inject(Seg::new("S", 0));
        rig.stack
            .poll_strays(rig.now(), |shard, strays| assert_eq!((shard, strays.len()), (1, 1)));
        rig
    }),
    (Why::BadFragment, || given(|rig| fragment(rig, 1, 0, 7))),
    (Why::FragmentsFull, || {
        limited(
            |limits| limits.datagrams = 1,
            |rig| (1..3).for_each(|id| fragment(rig, id, 0, 8)),
        )
    }),
    (Why::FragmentsExpired, || {
        given(|rig| {
            fragment(rig, 1, 0, 8);
            rig.advance(Duration::from_secs(31));
        })
    }),
    (Why::MalformedTcp, || {
        given(|rig| patched_tcp(rig, |tcp| tcp[12] = 0x40))
    }),
    (Why::TcpOption, || given(|rig| patched_tcp(rig, |tcp| tcp[21] = 3))),
    (Why::TcpFlags, || given(|rig| patched_tcp(rig, |tcp| tcp[13] = 3))),
    (Why::TcpChecksum, || {
        given(|rig| {
            let mut packet = rig.packet(&Seg::new("S", 0));
            packet[36] ^= 1;
            rig.raw(&packet);
        })
    }),
    (Why::MalformedIcmp, || {
        given(|rig| datagram(rig, ip::ICMP, &[8, 0, 0, 0, 0, 0, 0, 0]))
    }),
    (Why::IcmpUnproven, || {
        given(|rig| icmp_error(rig, icmp::ErrorKind::TooBig(600)))
    }),
    (Why::IcmpIgnored, || {
        given(|rig| icmp_error(rig, icmp::ErrorKind::TimeExceeded))
    }),
    (Why::IcmpBudget, || {
        limited(
            |limits| limits.icmp_per_s = 0,
            |rig| datagram(rig, ip::ICMP, &[8, 0, 0xf7, 0xff, 0, 0, 0, 0]),
        )
    }),
    (Why::Udp, || given(|rig| datagram(rig, ip::UDP, &[0; 8]))),
    (Why::NoListener, || given(|rig| rig.inject(Seg::new("S", 0)))),
    (Why::ResetToNobody, || given(|rig| rig.inject(Seg::new("R", 0)))),
    (Why::ResetBudget, || {
        limited(|limits| limits.resets_per_s = 0, |rig| rig.inject(Seg::new("S", 0)))
    }),
    (Why::NotSyn, || {
        given(|rig| {
            rig.listen();
            rig.inject(Seg::new(".", 0).ack(1));
        })
    }),
    (Why::SynQueueFull, || {
        given(|rig| {
            listen(rig, |options| {
                options.syn_backlog = 1;
                options.syn_cookies = SynCookies::Never;
            });
            syns(rig, 2);
        })
    }),
    (Why::EmbryosFull, || {
        limited(
            |limits| limits.embryos = 1,
            |rig| {
                listen(rig, |options| options.syn_cookies = SynCookies::Never);
                syns(rig, 2);
            },
        )
    }),
    (Why::AddressLimit, || {
        refusing(|limiter| limiter.per_address = Some(Rate::new(1, 1)))
    }),
    (Why::PrefixLimit, || {
        refusing(|limiter| limiter.per_prefix = Some(Rate::new(1, 1)))
    }),
    (Why::ProvenLimit, || {
        let mut config = Config::default();
        config.flood.limiter.proven = Some(Rate::new(1, 1));
        config.flood.limiter.over = OverLimit::Drop;
        let mut rig = Rig::with(config);
        rig.listen();
        rig.inject(Seg::new("S", 0));
        rig.inject(Seg::new(".", 1).ack(1));
        syns(&mut rig, 3);
        rig
    }),
    (Why::ConnectionsPerSource, || {
        given(|rig| {
            listen(rig, |options| options.connections_per_source = Some(1));
            rig.inject(Seg::new("S", 0));
            rig.inject(Seg::new(".", 1).ack(1));
            syns(rig, 1);
        })
    }),
    (Why::SynAckBudget, || {
        let mut config = Config::default();
        config.flood.replies = Some(Rate::new(1, 1));
        let mut rig = Rig::with(config);
        rig.listen();
        syns(&mut rig, 2);
        rig
    }),
    (Why::AcceptQueueFull, || {
        given(|rig| {
            listen(rig, |options| options.accept_backlog = 1);
            rig.inject(Seg::new("S", 0));
            rig.inject(Seg::new(".", 1).ack(1));
            syns(rig, 1);
        })
    }),
    (Why::ConnectionsFull, || {
        limited(
            |limits| limits.connections = 1,
            |rig| {
                rig.listen();
                for _ in 0..2 {
                    rig.their_port += 1;
                    rig.inject(Seg::new("S", 0));
                    rig.inject(Seg::new(".", 1).ack(1));
                }
            },
        )
    }),
    (Why::BadHandshakeAck, || {
        half_open(|rig| rig.inject(Seg::new(".", 1).ack(2)))
    }),
    (Why::HalfOpenExpired, || {
        half_open(|rig| rig.advance(Duration::from_secs(64)))
    }),
    (Why::HalfOpenEvicted, || {
        limited(
            |limits| limits.embryos = 1,
            |rig| {
                rig.listen();
                syns(rig, 2);
            },
        )
    }),
    (Why::BadCookie, || {
        stateless(|rig| rig.inject(Seg::new(".", 1).ack(257)))
    }),
    (Why::CookieNoTimestamps, || {
        let mut rig = Rig::with(Config::default());
        listen(&mut rig, |options| options.syn_cookies = SynCookies::Always);
        rig.inject(Seg::new("S", 0).ts(PEER_TS, 0));
        rig.inject(Seg::new(".", 1).ack(1));
        rig
    }),
    (Why::CookieUnproven, || {
        stateless(|rig| rig.inject(Seg::new(".", 1001).ack(1).data(10)))
    }),
    (Why::CookieBudget, || {
        let mut config = Config::default();
        config.cookies.bare_per_s = 0;
        let mut rig = Rig::with(config);
        listen(&mut rig, |options| options.syn_cookies = SynCookies::Always);
        rig.inject(Seg::new("S", 0));
        rig.inject(Seg::new(".", 1).ack(1));
        rig
    }),
    (Why::CookieSpent, || {
        stateless(|rig| {
            rig.inject(Seg::new(".", 1).ack(1));
            rig.inject(Seg::new("R", 1));
            rig.inject(Seg::new(".", 1).ack(1));
        })
    }),
    (Why::SpentCookiesFull, || {
        limited(
            |limits| limits.spent_cookies = 1,
            |rig| {
                rig.listen();
                for _ in 0..2 {
                    rig.their_port += 1;
                    rig.inject(Seg::new("S", 0));
                    rig.inject(Seg::new(".", 1).ack(1));
                    rig.inject(Seg::new("R", 1));
                }
            },
        )
    }),
    (Why::HalfOpenReset, || half_open(|rig| rig.inject(Seg::new("R", 1)))),
    (Why::OutOfWindow, || {
        established(|rig, _| rig.inject(Seg::new(".", 100_000).ack(1).data(1)))
    }),
    (Why::Duplicate, || {
        established(|rig, _| (0..2).for_each(|_| rig.inject(Seg::new(".", 1).ack(1).data(1))))
    }),
    (Why::Paws, || {
        let mut rig = Rig::with(Config::default());
        rig.listen();
        rig.inject(Seg::new("S", 0).ts(PEER_TS, 0));
        rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS, 0));
        rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS - 1, 0).data(1));
        rig
    }),
    (Why::ResetOutOfWindow, || {
        established(|rig, _| rig.inject(Seg::new("R", 100_000)))
    }),
    (Why::ResetTaken, || established(|rig, _| rig.inject(Seg::new("R", 1)))),
    (Why::ResetInexact, || established(|rig, _| rig.inject(Seg::new("R", 2)))),
    (Why::SynOnConnection, || {
        established(|rig, _| rig.inject(Seg::new("S", 500)))
    }),
    (Why::AckOutOfRange, || {
        established(|rig, _| rig.inject(Seg::new(".", 1).ack(2)))
    }),
    (Why::NoAck, || {
        established(|rig, _| rig.inject(Seg::new("P", 1).data(1)))
    }),
    (Why::ChallengeBudget, || {
        established(|rig, _| (0..11).for_each(|_| rig.inject(Seg::new("S", 500))))
    }),
    (Why::DataAfterFin, || {
        established(|rig, _| {
            rig.inject(Seg::new("F.", 1).ack(1));
            rig.inject(Seg::new(".", 2).ack(1).data(1));
        })
    }),
    (Why::DataAfterClose, || {
        established(|rig, id| {
            rig.close(id);
            rig.inject(Seg::new(".", 1).ack(1).data(1));
        })
    }),
    (Why::ReceiveBufferFull, || {
        given(|rig| {
            listen(rig, |options| options.connection.receive_buffer = 10.into());
            rig.inject(Seg::new("S", 0));
            rig.inject(Seg::new(".", 1).ack(1).data(10));
            rig.inject(Seg::new(".", 11).ack(1).data(1));
        })
    }),
    (Why::BufferBudget, || {
        let mut rig = with_limits(|limits| limits.buffer_bytes = 1000);
        rig.open_active();
        for n in 0..17 {
            rig.inject(Seg::new(".", 1 + n * 1000).ack(1).data(1000));
        }
        rig
    }),
    (Why::IslandsFull, || {
        let mut rig = with_limits(|limits| limits.islands = 1);
        rig.open_active();
        rig.inject(Seg::new(".", 11).ack(1).data(1));
        rig.inject(Seg::new(".", 21).ack(1).data(1));
        rig
    }),
    (Why::SackRunsFull, || {
        let mut config = Config {
            timestamps: false,
            window_scaling: false,
            ..Config::default()
        };
        config.limits.runs = 16;
        let mut rig = Rig::with(config);
        let id = rig.open_active_sack();
        rig.send(id, 1, 1000);
        for i in 0..16 {
            rig.inject(Seg::new(".", 1).ack(1).sack(&[(2 + 2 * i, 3 + 2 * i)]));
        }
        rig
    }),
    (Why::TimeWaitOld, || {
        time_wait(|rig| rig.inject(Seg::new(".", 1).ack(1).data(1)))
    }),
    (Why::TimeWaitReset, || time_wait(|rig| rig.inject(Seg::new("R", 2)))),
    (Why::TimeWaitsFull, || {
        limited(
            |limits| limits.time_waits = 1,
            |rig| {
                for _ in 0..2 {
                    rig.their_port += 1;
                    to_time_wait(rig);
                }
            },
        )
    }),
    (Why::RepliesFull, || {
        limited(|limits| limits.replies = 0, |rig| rig.inject(Seg::new("S", 0)))
    }),
    (Why::AckBudget, || {
        let mut rig = with_limits(|limits| limits.stateless_acks_per_s = 0);
        to_time_wait(&mut rig);
        rig.inject(Seg::new(".", 1).ack(1).data(1));
        rig
    }),
];

#[test]
fn every_reason_is_hit_and_counted() {
    for &(why, play) in TABLE {
        let rig = play();
        let told = rig.stack.observer().drops.iter().filter(|&&w| w == why).count() as u64;
        assert!(
            rig.dropped(why) >= 1,
            "{why} was not hit: {:?}",
            rig.stack.observer().drops
        );
        assert_eq!(rig.dropped(why), told, "{why}: the counter and the observer differ");
    }
}

#[test]
fn the_table_names_every_reason_once() {
    let mut named: Vec<Why> = TABLE.iter().map(|&(why, _)| why).collect();
    named.sort();
    assert_eq!(named, Why::ALL);
}

fn with_limits(set: fn(&mut Limits)) -> Rig {
    let mut config = Config {
        timestamps: false,
        window_scaling: false,
        sack: false,
        ..Config::default()
    };
    set(&mut config.limits);
    Rig::with(config)
}

fn limited(set: fn(&mut Limits), play: impl FnOnce(&mut Rig)) -> Rig {
    let mut rig = with_limits(set);
    play(&mut rig);
    rig
}

fn given(play: impl FnOnce(&mut Rig)) -> Rig {
    limited(|_| {}, play)
}

fn on_ethernet(play: impl FnOnce(&mut Rig)) -> Rig {
    on_limited_ethernet(|_| {}, play)
}

fn on_limited_ethernet(set: fn(&mut Limits), play: impl FnOnce(&mut Rig)) -> Rig {
    let mut rig = ethernet::with_limits(false, set);
    play(&mut rig);
    rig
}

/// A SYN with something changed in its frame.
fn patched_frame(rig: &mut Rig, patch: impl FnOnce(&mut [u8])) {
    let mut packet = rig.packet(&Seg::new("S", 0));
    patch(&mut packet);
    rig.raw(&packet);
}

fn half_open(play: impl FnOnce(&mut Rig)) -> Rig {
    given(|rig| {
        rig.listen();
        rig.inject(Seg::new("S", 0));
        play(rig);
    })
}

fn established(play: impl FnOnce(&mut Rig, ConnectionId)) -> Rig {
    given(|rig| {
        let id = rig.open_active();
        play(rig, id);
    })
}

fn time_wait(play: impl FnOnce(&mut Rig)) -> Rig {
    given(|rig| {
        to_time_wait(rig);
        play(rig);
    })
}

/// We open and close first; the peer's FIN has number 1.
fn to_time_wait(rig: &mut Rig) {
    let id = rig.open_active();
    rig.close(id);
    rig.next();
    rig.inject(Seg::new("F.", 1).ack(2));
    rig.next();
    assert_eq!(rig.state(), State::TimeWait);
}

fn listen(rig: &mut Rig, set: fn(&mut ListenOptions)) -> ListenerId {
    let mut options = ListenOptions::new(rig.local());
    set(&mut options);
    rig.listen_with(options)
}

/// So many SYNs, each from a port of its own.
fn syns(rig: &mut Rig, n: u16) {
    for _ in 0..n {
        rig.their_port += 1;
        rig.inject(Seg::new("S", 0));
    }
}

/// An IPv4 packet of this protocol, sound as far as IP is concerned.
fn datagram(rig: &mut Rig, protocol: u8, payload: &[u8]) {
    let packet = ip_packet(rig, protocol, payload);
    rig.raw(&packet);
}

fn ip_packet(rig: &Rig, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = ip::Header {
        src: rig.theirs,
        dst: rig.ours,
        protocol,
        hop_limit: 64,
        dscp: wire::ip::Dscp::default(),
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = vec![0; header.len()];
    header.emit(payload.len(), &mut packet).expect("fits");
    packet.extend_from_slice(payload);
    packet
}

/// A SYN with something changed in its IP header and no checksum made anew.
fn patched_ip(rig: &mut Rig, patch: impl FnOnce(&mut [u8])) {
    let mut packet = rig.packet(&Seg::new("S", 0));
    patch(&mut packet);
    rig.raw(&packet);
}

/// A SYN with an MSS and something changed in its TCP header, its checksum made anew.
fn patched_tcp(rig: &mut Rig, patch: impl FnOnce(&mut [u8])) {
    let mut packet = rig.packet(&Seg::new("S", 0).mss(1000));
    patch(&mut packet[20..]);
    tcp::seal(rig.theirs, rig.ours, &mut packet[20..], &[[0u8; 0]; 0]);
    rig.raw(&packet);
}

/// A fragment that more follow, its offset in units of eight bytes.
fn fragment(rig: &mut Rig, id: u8, offset: u8, len: usize) {
    let mut packet = ip_packet(rig, ip::TCP, &vec![0; len]);
    packet[4..8].copy_from_slice(&[0, id, 0x20, offset]);
    packet[10..12].fill(0);
    let mut sum = Sum::new();
    sum.add(&packet[..20]);
    let checksum = sum.finish();
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    rig.raw(&packet);
}

/// An ICMP error that quotes a segment of no connection.
fn icmp_error(rig: &mut Rig, kind: icmp::ErrorKind) {
    let mut reversed = Rig::plain();
    (reversed.ours, reversed.theirs) = (rig.theirs, rig.ours);
    let quoted = reversed.packet(&Seg::new(".", 1).ack(1));
    let message = icmp::error(rig.theirs, rig.ours, kind, &quoted);
    datagram(rig, ip::ICMP, &message);
}

/// A listener that keeps no half-open entry has answered a SYN without timestamps.
fn stateless(play: fn(&mut Rig)) -> Rig {
    let mut rig = Rig::plain();
    listen(&mut rig, |options| options.syn_cookies = SynCookies::Always);
    rig.inject(Seg::new("S", 0));
    play(&mut rig);
    rig
}

/// A listener that drops what is over a limit, and has had two SYNs of one address.
fn refusing(set: fn(&mut LimiterOptions)) -> Rig {
    let mut config = Config::default();
    config.flood.limiter = LimiterOptions {
        over: OverLimit::Drop,
        ..LimiterOptions::default()
    };
    set(&mut config.flood.limiter);
    let mut rig = Rig::with(config);
    rig.listen();
    rig.inject(Seg::new("S", 0));
    rig.their_port += 1;
    rig.inject(Seg::new("S", 0));
    rig.their_port -= 1;
    rig
}
