use super::*;

const OURS: [&str; 4] = ["10.8.0.2", "192.0.2.200", "fd08::2", "ff02::1:ff00:2"];

fn program() -> Vec<Instruction> {
    let addresses: Vec<IpAddr> = OURS.iter().map(|address| address.parse().unwrap()).collect();
    assemble(7, &addresses).unwrap()
}

/// What a program does with a frame, as far as it can be told without a kernel.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    /// To the socket at this index of this map; the last is what happens without one.
    Redirect {
        map: u64,
        index: u64,
        otherwise: u64,
    },
}

const FRAME: u64 = 0x1_0000;
const CONTEXT: u64 = 0x100;

/// Runs the instructions that are used here.
fn run(program: &[Instruction], frame: &[u8]) -> Verdict {
    let mut registers = [0_u64; 11];
    registers[1] = CONTEXT;
    let mut at = 0;
    for _ in 0..10_000 {
        let Instruction {
            code,
            registers: both,
            offset,
            immediate,
        } = program[at];
        let (to, from) = match cfg!(target_endian = "big") {
            true => (both >> 4, both & 15),
            false => (both & 15, both >> 4),
        };
        let (to, from) = (usize::from(to), usize::from(from));
        let load = |bytes: usize| {
            let address = registers[from] + offset as u64;
            if (CONTEXT..CONTEXT + 20).contains(&address) {
                return match address - CONTEXT {
                    0 => FRAME,
                    4 => FRAME + frame.len() as u64,
                    16 => 3,
                    other => panic!("field {other} of the context"),
                };
            }
            let begin = (address - FRAME) as usize;
            let mut value = [0; 8];
            value[..bytes].copy_from_slice(&frame[begin..begin + bytes]);
            u64::from_le_bytes(value)
        };
        let mut next = at as isize + 1;
        let jumps = match code {
            0x61 => {
                registers[to] = load(4);
                false
            }
            0x69 => {
                registers[to] = load(2);
                false
            }
            0x79 => {
                registers[to] = load(8);
                false
            }
            0xb7 => {
                registers[to] = immediate as u64;
                false
            }
            0xbf => {
                registers[to] = registers[from];
                false
            }
            0x07 => {
                registers[to] += immediate as u64;
                false
            }
            0x18 => {
                registers[to] = u64::from(immediate as u32) | u64::from(program[at + 1].immediate as u32) << 32;
                next += 1;
                false
            }
            0x05 => true,
            0x2d => registers[to] > registers[from],
            0x16 => registers[to] as u32 == immediate as u32,
            0x1d => registers[to] == registers[from],
            0x5d => registers[to] != registers[from],
            0x85 => {
                assert_eq!(immediate, REDIRECT_MAP);
                return Verdict::Redirect {
                    map: registers[1],
                    index: registers[2],
                    otherwise: registers[3],
                };
            }
            0x95 => {
                assert_eq!(registers[0], 2, "it ends with XDP_PASS");
                return Verdict::Pass;
            }
            other => panic!("code {other:#x}"),
        };
        if jumps {
            next += offset as isize;
        }
        at = next as usize;
    }
    panic!("it does not end");
}

/// A frame of that EtherType with these bytes at that place, and so long.
fn frame(ethertype: [u8; 2], at: usize, bytes: &[u8], len: usize) -> Vec<u8> {
    let mut frame = vec![0; len.max(at + bytes.len())];
    frame[12..14].copy_from_slice(&ethertype);
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame.truncate(len);
    frame
}

fn ip(text: &str) -> Vec<u8> {
    match text.parse().unwrap() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

#[test]
fn frames_for_us_are_redirected_and_others_pass() {
    const IPV4: [u8; 2] = [8, 0];
    const ARP: [u8; 2] = [8, 6];
    const IPV6: [u8; 2] = [0x86, 0xdd];
    let program = program();
    let ours = Verdict::Redirect {
        map: 7,
        index: 3,
        otherwise: 2,
    };
    for (name, frame, expected) in [
        ("IPv4 for us", frame(IPV4, 30, &ip("10.8.0.2"), 60), &ours),
        (
            "IPv4 for our other address",
            frame(IPV4, 30, &ip("192.0.2.200"), 1_514),
            &ours,
        ),
        ("IPv4, the shortest", frame(IPV4, 30, &ip("10.8.0.2"), 34), &ours),
        ("IPv4 for another", frame(IPV4, 30, &ip("10.8.0.3"), 60), &Verdict::Pass),
        ("IPv4 from us", frame(IPV4, 26, &ip("10.8.0.2"), 60), &Verdict::Pass),
        ("IPv4, cut off", frame(IPV4, 30, &ip("10.8.0.2"), 33), &Verdict::Pass),
        ("ARP asks for us", frame(ARP, 38, &ip("10.8.0.2"), 42), &ours),
        (
            "ARP asks for another",
            frame(ARP, 38, &ip("10.8.0.1"), 60),
            &Verdict::Pass,
        ),
        ("ARP from us", frame(ARP, 28, &ip("10.8.0.2"), 60), &Verdict::Pass),
        ("ARP, cut off", frame(ARP, 38, &ip("10.8.0.2"), 41), &Verdict::Pass),
        ("IPv6 for us", frame(IPV6, 38, &ip("fd08::2"), 54), &ours),
        ("IPv6 for our group", frame(IPV6, 38, &ip("ff02::1:ff00:2"), 90), &ours),
        (
            "IPv6, the same first half",
            frame(IPV6, 38, &ip("fd08::3"), 90),
            &Verdict::Pass,
        ),
        (
            "IPv6, the same last half",
            frame(IPV6, 38, &ip("fd09::2"), 90),
            &Verdict::Pass,
        ),
        (
            "IPv6, halves of two",
            frame(IPV6, 38, &ip("ff02::2"), 90),
            &Verdict::Pass,
        ),
        ("IPv6, cut off", frame(IPV6, 38, &ip("fd08::2"), 53), &Verdict::Pass),
        (
            "IPv4 behind a VLAN tag",
            frame([0x81, 0], 30, &ip("10.8.0.2"), 60),
            &Verdict::Pass,
        ),
        ("nothing but addresses", frame([0; 2], 0, &[], 14), &Verdict::Pass),
    ] {
        assert_eq!(&run(&program, &frame), expected, "{name}");
    }
}

#[test]
fn without_addresses_everything_passes() {
    for address in OURS {
        let (ethertype, at) = if address.contains('.') {
            ([8, 0], 30)
        } else {
            ([0x86, 0xdd], 38)
        };
        assert_eq!(
            run(&assemble(7, &[]).unwrap(), &frame(ethertype, at, &ip(address), 60)),
            Verdict::Pass
        );
    }
}

#[test]
fn a_thousand_addresses_are_still_within_reach_of_a_jump() {
    let addresses: Vec<IpAddr> = (0..1_000).map(|n| Ipv6Addr::from_bits(n).into()).collect();
    let last = frame([0x86, 0xdd], 38, &Ipv6Addr::from_bits(999).octets(), 54);
    assert!(matches!(
        run(&assemble(7, &addresses).unwrap(), &last),
        Verdict::Redirect { .. }
    ));
}
