//! Files are judged by others: the crate `pcap-file`, and tshark where it is installed.

use std::path::PathBuf;
use std::process::Command;

use pcap_file::DataLink;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use stack::State::*;
use stack::{Cause, Why};

use super::*;
use crate::fixture::{Ends, Scene, V4, V6};

/// An open, data both ways and a close, without fault.
fn clean(title: &str, ends: Ends) -> Trace {
    let mut s = Scene::new(title, ends);
    s.delay = 5;
    s.left(0, "S", 0, 0, 0).states(SynSent, SynReceived).cause = Some(Cause::Syn);
    s.right(5, "SA", 0, 1, 0).states(SynReceived, Established);
    s.left(10, "A", 1, 1, 0).states(Established, Established);
    s.left(10, "PA", 1, 1, 701).states(Established, Established);
    s.right(15, "PA", 1, 702, 1460).states(Established, Established);
    s.left(20, "A", 702, 1461, 0).states(Established, Established);
    s.left(30, "FA", 702, 1461, 0).states(FinWait1, CloseWait);
    s.right(35, "FA", 1461, 703, 0).states(LastAck, TimeWait);
    s.left(40, "A", 703, 1462, 0).states(TimeWait, Closed);
    s.trace
}

fn written(traces: &[Trace]) -> Vec<u8> {
    let mut capture = Capture::new(Vec::new(), SIMULATED_EPOCH, false).unwrap();
    for trace in traces {
        capture.trace(trace).unwrap();
    }
    capture.into_inner()
}

fn packets(file: &[u8]) -> Vec<EnhancedPacketBlock<'static>> {
    let mut reader = PcapNgReader::new(file).unwrap();
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.unwrap() {
            packets.push(packet.into_owned());
        }
    }
    packets
}

fn comment(packet: &EnhancedPacketBlock) -> String {
    let comment = packet.options.iter().find_map(|option| match option {
        EnhancedPacketOption::Comment(text) => Some(text.to_string()),
        _ => None,
    });
    comment.unwrap()
}

#[test]
fn another_reader_reads_what_was_written() {
    let traces = [clean("over IPv4", V4), clean("over IPv6", V6)];
    let file = written(&traces);
    let packets = packets(&file);
    let records: Vec<&Record> = traces.iter().flat_map(|trace| &trace.records).collect();
    assert_eq!(packets.len(), records.len());
    for (packet, record) in packets.iter().zip(&records) {
        assert_eq!(packet.data.as_ref(), record.bytes);
    }
    assert!(packets.is_sorted_by_key(|packet| packet.timestamp));
    let interfaces: Vec<u32> = packets.iter().map(|packet| packet.interface_id).collect();
    assert_eq!(interfaces[..4], [0, 1, 0, 0]);
    assert_eq!(interfaces[9..13], [2, 3, 2, 2]);
}

#[test]
fn interfaces_are_named_raw_and_count_nanoseconds() {
    let file = written(&[clean("over IPv4", V4)]);
    let mut reader = PcapNgReader::new(&file[..]).unwrap();
    let mut names = Vec::new();
    while let Some(block) = reader.next_block() {
        if let Block::InterfaceDescription(interface) = block.unwrap() {
            assert_eq!(interface.linktype, DataLink::RAW);
            assert!(interface.options.contains(&InterfaceDescriptionOption::IfTsResol(9)));
            names.extend(interface.options.iter().find_map(|option| match option {
                InterfaceDescriptionOption::IfName(name) => Some(name.to_string()),
                _ => None,
            }));
        }
    }
    assert_eq!(names, ["client", "server"]);
}

#[test]
fn every_packet_has_a_comment_that_says_what_it_is() {
    let mut trace = clean("over IPv4", V4);
    let mut forged = Record::new(Instant::from_nanos(12_000_000), None, 0, 1, V4.left("R", 90, 0, 0));
    forged.injected = true;
    forged.dropped = Some(Why::ResetInexact);
    let mut lost = Record::new(Instant::from_nanos(12_500_000), None, 1, 0, V4.right("A", 1, 702, 0));
    lost.fate = Fate::Lost;
    lost.cause = Some(Cause::Ack);
    let mut copy = Record::new(
        Instant::from_nanos(12_500_000),
        Some(Instant::from_nanos(16_000_000)),
        0,
        1,
        V4.left("PA", 1, 1, 701),
    );
    copy.fate = Fate::Duplicate(3);
    copy.notes.push("held back".to_owned());
    trace.records.splice(4..4, [forged, lost, copy]);
    let packets = packets(&written(&[trace]));
    let comments: Vec<String> = packets.iter().map(comment).collect();
    insta::assert_snapshot!(comments.join("\n"));
}

#[test]
fn the_same_trace_gives_the_same_bytes() {
    let trace = clean("over IPv4", V4);
    let traces = [trace];
    assert_eq!(written(&traces), written(&traces));
}

#[test]
fn a_host_that_the_world_does_not_have_is_an_error() {
    let mut capture = Capture::new(Vec::new(), SIMULATED_EPOCH, false).unwrap();
    let record = Record::new(Instant::ZERO, None, 0, 1, V4.left("S", 0, 0, 0));
    let error = capture.record(&record).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn an_endless_comment_is_cut() {
    let mut trace = clean("over IPv4", V4);
    trace.records[0].notes.push("→".repeat(40_000));
    let packets = packets(&written(&[trace]));
    assert!(comment(&packets[0]).len() <= usize::from(u16::MAX));
}

/// A file that is removed when the test ends, however it ends.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What tshark prints of a file; `None` when it is not installed.
fn tshark(file: &[u8], name: &str, args: &[&str]) -> Option<String> {
    let path = Scratch(std::env::temp_dir().join(format!("syndic-lens-{name}-{}.pcapng", std::process::id())));
    std::fs::write(&path.0, file).unwrap();
    let output = Command::new("tshark")
        .args([
            "-n",
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
            "-r",
        ])
        .arg(&path.0)
        .args(args)
        .output();
    match output {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            assert!(
                std::env::var_os("SYNDIC_NO_SKIP").is_none(),
                "tshark is not installed, and SYNDIC_NO_SKIP is set"
            );
            #[expect(clippy::print_stdout, reason = "a skipped test says why")]
            {
                println!("skipped: tshark is not installed");
            }
            None
        }
        Err(error) => panic!("tshark does not start: {error}"),
    }
}

#[test]
fn tshark_has_nothing_to_complain_of_in_a_clean_run() {
    let file = written(&[clean("over IPv4", V4), clean("over IPv6", V6)]);
    // Severities have other names in each version: 0x600000 is a warning.
    let complaints = "_ws.malformed || _ws.expert.severity >= 0x600000 || tcp.checksum.status == \"Bad\" \
                      || ip.checksum.status == \"Bad\" || tcp.analysis.retransmission || tcp.analysis.lost_segment \
                      || tcp.analysis.ack_lost_segment";
    let Some(found) = tshark(&file, "complaints", &["-Y", complaints]) else {
        return;
    };
    assert_eq!(found, "");
    let all = tshark(
        &file,
        "all",
        &["-T", "fields", "-e", "frame.comment", "-e", "frame.interface_name"],
    )
    .unwrap();
    assert_eq!(all.lines().count(), 18);
    assert!(
        all.lines()
            .all(|line| line.contains("client") || line.contains("server")),
        "{all}"
    );
    assert!(
        all.starts_with("first handshake: SYN; client: SYN-SENT; server: SYN-RECEIVED"),
        "{all}"
    );
}

#[test]
fn tshark_sees_a_broken_checksum_so_its_silence_means_something() {
    let mut trace = clean("over IPv4", V4);
    let last = trace.records[3].bytes.last_mut().unwrap();
    *last ^= 1;
    let file = written(&[trace]);
    let Some(found) = tshark(&file, "broken", &["-Y", "tcp.checksum.status == \"Bad\""]) else {
        return;
    };
    assert_eq!(found.lines().count(), 1, "{found}");
}
