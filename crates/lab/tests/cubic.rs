//! How the windows of NewReno and CUBIC run over a path with a queue that overflows: `docs/cubic.svg` is drawn from it.
//!
//! `UPDATE_SVG=1 cargo test -p syndic-lab --test cubic` draws it anew.
#![allow(
    clippy::disallowed_methods,
    reason = "a test reads the picture that it holds to what is measured"
)]

use std::fs;
use std::path::Path;

use lens::Plot;
use lens::plot::Curve;
use stack::CongestionControl;
use syndic_lab::Transfer;
use syndic_lab::transfer::{Report, SAMPLE_EVERY};

/// 20 Mbit/s over 100 ms: 250,000 bytes fill it. Half as many wait in the queue.
const PATH: &str = "rate=20mbit,delay=50ms,queue=125000,bytes=90M";

/// The same as `syndic lab` plays when it is told none.
const SEED: u64 = 1;

fn play(congestion: CongestionControl) -> Report {
    let mut transfer: Transfer = PATH.parse().expect("a path");
    transfer.connection.congestion = congestion;
    transfer.play(SEED)
}

/// One sample in ten is enough for a picture.
const DRAWN_EVERY: usize = 10;

fn curve(name: &str, report: &Report) -> Curve {
    Curve {
        name: name.to_owned(),
        values: report
            .samples
            .iter()
            .step_by(DRAWN_EVERY)
            .map(|sample| sample.cwnd.into())
            .collect(),
    }
}

#[test]
fn cubic_is_back_sooner_and_is_drawn() {
    let [reno, cubic] = [CongestionControl::NewReno, CongestionControl::Cubic].map(play);
    assert!(reno.is_whole && cubic.is_whole);
    assert!(
        cubic.took_us < reno.took_us,
        "{} and {} us",
        cubic.took_us,
        reno.took_us
    );

    let plot = Plot {
        title: "20 Mbit/s, round trip 100 ms, a queue of half of that: congestion windows".to_owned(),
        step: SAMPLE_EVERY.times(DRAWN_EVERY as u64),
        shaded: None,
        curves: vec![
            curve("NewReno: cwnd, bytes", &reno),
            curve("CUBIC: cwnd, bytes", &cubic),
        ],
        steps: Vec::new(),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cubic.svg");
    if std::env::var_os("UPDATE_SVG").is_some_and(|value| value == "1") {
        fs::write(&path, plot.svg()).expect("docs can be written");
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == plot.svg(),
        "docs/cubic.svg is not what is measured: UPDATE_SVG=1 cargo test -p syndic-lab --test cubic"
    );
}
