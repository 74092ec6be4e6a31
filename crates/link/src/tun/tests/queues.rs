//! Several queues of one interface.

use std::collections::BTreeSet;

use super::*;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

mod ioctl {
    nix::ioctl_write_int_bad!(persist, libc::TUNSETPERSIST);
}

/// Makes a device of the kind that stays when nobody has it open.
fn prepare(queues: NonZeroUsize) {
    let queues = Tun::open_queues(&options(), queues).unwrap();
    // SAFETY: the descriptor is open, and TUNSETPERSIST takes a plain value.
    unsafe { ioctl::persist(queues[0].as_raw_fd(), 1) }.unwrap();
}

/// The source ports of the datagrams that wait in a queue.
fn ports(tun: &Tun) -> BTreeSet<u16> {
    let mut ports = BTreeSet::new();
    let mut packet = BytesMut::new();
    while tun.try_read(&mut packet).is_ok() {
        if packet[0] >> 4 == 4 && packet[9] == 17 {
            ports.insert(u16::from_be_bytes([packet[20], packet[21]]));
        }
        packet.clear();
    }
    ports
}

/// Sends from so many ports to an address of ours, and says which.
fn send_from(sockets: &[UdpSocket]) -> BTreeSet<u16> {
    let send = |socket: &UdpSocket| {
        socket.send_to(b"hello", "10.7.0.2:9").unwrap();
        socket.local_addr().unwrap().port()
    };
    sockets.iter().map(send).collect()
}

fn sockets(count: usize) -> Vec<UdpSocket> {
    (0..count).map(|_| UdpSocket::bind("10.7.0.1:0").unwrap()).collect()
}

#[test]
fn flows_are_spread_over_queues_and_each_goes_to_one() {
    in_private_namespace(
        "tun::tests::queues::flows_are_spread_over_queues_and_each_goes_to_one",
        || {
            let queues = Tun::open_queues(&options(), NonZeroUsize::new(4).unwrap()).unwrap();
            assert!(
                queues
                    .iter()
                    .all(|queue| queue.name() == "tun-test" && queue.mtu() == 1_500)
            );
            let sent = send_from(&sockets(64));
            let parts: Vec<_> = queues.iter().map(ports).collect();
            assert!(parts.iter().all(|part| !part.is_empty()), "{parts:?}");
            assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), 64);
            assert_eq!(parts.into_iter().flatten().collect::<BTreeSet<_>>(), sent);
        },
    );
}

#[test]
fn what_is_written_to_any_queue_reaches_the_kernel() {
    in_private_namespace(
        "tun::tests::queues::what_is_written_to_any_queue_reaches_the_kernel",
        || {
            let queues = Tun::open_queues(&options(), TWO).unwrap();
            let socket = UdpSocket::bind("10.7.0.1:5000").unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let asks = sockets(1);
            for queue in &queues {
                // The kernel makes the datagram, and we send it back to another port of its own.
                send_from(&asks);
                let mut packet = BytesMut::new();
                let got = queues.iter().any(|queue| {
                    packet.clear();
                    queue.try_read(&mut packet).is_ok_and(|_| packet[9] == 17)
                });
                assert!(got);
                swap_addresses(&mut packet);
                packet[22..24].copy_from_slice(&5000_u16.to_be_bytes());
                // No checksum at all, which UDP over IPv4 allows.
                packet[26..28].fill(0);
                queue.try_write(VnetHeader::default(), &packet, &[]).unwrap();
                assert_eq!(socket.recv(&mut [0; 10]).unwrap(), 5);
            }
        },
    );
}

#[test]
fn a_detached_queue_gets_nothing_until_it_is_attached() {
    in_private_namespace(
        "tun::tests::queues::a_detached_queue_gets_nothing_until_it_is_attached",
        || {
            let [first, second] = <[Tun; 2]>::try_from(Tun::open_queues(&options(), TWO).unwrap()).unwrap();
            let sockets = sockets(32);
            second.detach().unwrap();
            assert_eq!(second.detach().unwrap_err().kind(), io::ErrorKind::InvalidInput);
            let sent = send_from(&sockets);
            assert_eq!(ports(&first), sent);
            second.attach().unwrap();
            assert_eq!(second.attach().unwrap_err().kind(), io::ErrorKind::InvalidInput);
            send_from(&sockets);
            let (left, right) = (ports(&first), ports(&second));
            assert!(!left.is_empty() && !right.is_empty(), "{left:?} {right:?}");
            assert_eq!(left.len() + right.len(), 32);
        },
    );
}

#[test]
fn a_device_made_with_one_queue_has_one() {
    in_private_namespace("tun::tests::queues::a_device_made_with_one_queue_has_one", || {
        prepare(NonZeroUsize::MIN);
        let refused = Tun::open_queues(&options(), TWO).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the interface tun-test was made with a single queue: make it anew with \
             `ip tuntap add tun-test mode tun vnet_hdr multi_queue`, or ask for one queue"
        );
        let single = Tun::open(&options()).unwrap();
        assert_eq!(single.detach().unwrap_err().kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn a_device_made_for_several_queues_works_with_one() {
    in_private_namespace(
        "tun::tests::queues::a_device_made_for_several_queues_works_with_one",
        || {
            prepare(TWO);
            let one = Tun::open(&options()).unwrap();
            let sent = send_from(&sockets(8));
            assert_eq!(ports(&one), sent);
        },
    );
}

#[test]
fn there_are_only_so_many_queues() {
    in_private_namespace("tun::tests::queues::there_are_only_so_many_queues", || {
        let many = NonZeroUsize::new(257).unwrap();
        let refused = Tun::open_queues(&options(), many).unwrap_err();
        assert!(matches!(refused, LinkError::TooManyQueues { .. }), "{refused}");
        let refused = Tun::open_queues(
            &TunOptions {
                name: Some("lo".into()),
                ..options()
            },
            TWO,
        );
        assert!(matches!(refused, Err(LinkError::NotTun { name, .. }) if name == "lo"));
    });
}
