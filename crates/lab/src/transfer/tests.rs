use super::*;

#[test]
fn everything_arrives_and_the_same_seed_gives_the_same_packets() {
    let transfer: Transfer = "rate=20mbit,delay=10ms,loss=1%,reorder=1%,queue=20k,bytes=300k"
        .parse()
        .unwrap();
    let report = transfer.play(3);
    assert!(report.is_whole, "{report}");
    assert_eq!(report.bytes, 300 << 10);
    assert!(report.lost > 0 && report.retransmissions > 0, "{report}");
    assert_eq!(report, transfer.play(3));
    assert_ne!(report, transfer.play(4));
}

#[test]
fn a_good_path_is_filled() {
    let transfer: Transfer = "rate=20mbit,delay=5ms,bytes=2M".parse().unwrap();
    let report = transfer.play(1);
    assert!(report.goodput() > 17_000_000, "{report}");
    let plot = report.plot("a good path");
    assert!(
        plot.curves
            .iter()
            .all(|curve| curve.values.len() == report.samples.len())
    );
    assert!(report.samples.iter().any(|sample| sample.queue > 0));
}

#[test]
fn a_dead_path_ends_with_patience() {
    let transfer: Transfer = "loss=100%,bytes=1".parse().unwrap();
    let report = transfer.play(1);
    assert_eq!((report.bytes, report.is_whole, report.goodput()), (0, false, 0));
    assert_eq!(Duration::from_micros(report.took_us), PATIENCE);
}

#[test]
fn what_is_no_transfer_is_refused() {
    for (text, says) in [
        ("bytes=many", "bytes: `many` is no size"),
        ("speed=1", "unknown impairment `speed`"),
    ] {
        let wrong = text.parse::<Transfer>().unwrap_err().to_string();
        assert!(wrong.starts_with(says), "{wrong}");
    }
}
