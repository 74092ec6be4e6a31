use super::*;

fn plot() -> Plot {
    let ramp = (0..40).map(|i| if (10..20).contains(&i) { (i - 9) * 100 } else { 0 });
    Plot {
        title: "a <small> flood & what it did".to_owned(),
        step: Duration::from_millis(250),
        shaded: Some((
            Duration::from_millis(2_500),
            Duration::from_secs(5),
            "attack".to_owned(),
        )),
        curves: vec![Curve {
            name: "SYNs/s".to_owned(),
            values: ramp.collect(),
        }],
        steps: vec![Steps {
            name: "flood level".to_owned(),
            values: (0..40)
                .map(|i| u8::from(i >= 11) + u8::from((12..30).contains(&i)))
                .collect(),
            names: ["calm", "watch", "flood"].map(str::to_owned).to_vec(),
        }],
    }
}

#[test]
fn in_text() {
    insta::assert_snapshot!(plot().text());
}

#[test]
fn as_svg() {
    insta::assert_snapshot!(plot().svg());
}

#[test]
fn long_rows_keep_their_peaks_and_short_ones_are_not_stretched() {
    for (name, len, columns) in [
        ("longer than a line", 1_000, 60),
        ("shorter than a line", 7, 7),
        ("one value", 1, 1),
    ] {
        let mut values = vec![0; len];
        values[len / 2] = 9;
        let curve = Curve {
            name: "peak".to_owned(),
            values,
        };
        let plot = Plot {
            step: Duration::from_millis(1),
            curves: vec![curve],
            ..Plot::default()
        };
        let text = plot.text();
        let row = text.lines().find(|line| line.starts_with("peak")).expect(name);
        assert_eq!(row.matches('█').count(), 1, "{name}: {row}");
        assert!(row.ends_with("most 9"), "{name}: {row}");
        let drawn: String = row.chars().skip(22).collect();
        assert_eq!(
            drawn.find("  most").map(|_| drawn.chars().count() - 8),
            Some(columns),
            "{name}: {row}"
        );
    }
}

#[test]
fn nothing_is_drawn_of_nothing() {
    let plot = Plot {
        curves: vec![Curve::default()],
        steps: vec![Steps::default()],
        ..Plot::default()
    };
    assert!(plot.text().lines().count() <= 3);
    assert!(plot.svg().ends_with("</svg>\n"));
}
