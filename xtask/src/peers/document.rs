//! `docs/bench.md` and `docs/peers.svg`: what stands between two markers is written anew, all else is left alone.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use super::bars;
use super::report::Report;

const BEGIN: &str = "<!-- peers: begin -->";
const END: &str = "<!-- peers: end -->";

/// Writes both.
pub(super) fn write(report: &Report<'_>, how: &str) -> anyhow::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let file = docs.join("bench.md");
    let document = fs::read_to_string(&file).context("docs/bench.md")?;
    let text = format!("{}\n\n{}", place(how), report.markdown());
    fs::write(&file, replaced(&document, &text)?).context("docs/bench.md")?;
    let title = "Beside peers: medians, and the least and greatest run";
    fs::write(docs.join("peers.svg"), bars::svg(report.figures, title)).context("docs/peers.svg")
}

/// When and on what it was measured.
fn place(how: &str) -> String {
    let first = |file: &str, line: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let found = text.lines().find_map(|l| l.strip_prefix(line)?.split_once(':'));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let date = Command::new("date").args(["-u", "+%F"]).output();
    let date = date.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}, {cores} cores of {}, Linux {}; {how}:",
        date.unwrap_or_default(),
        first("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unnamed processor".to_owned()),
        kernel.trim()
    )
}

/// The document with `text` between its markers.
fn replaced(document: &str, text: &str) -> anyhow::Result<String> {
    let Some((before, rest)) = document.split_once(BEGIN) else {
        bail!("docs/bench.md has no line {BEGIN}");
    };
    let Some((_, after)) = rest.split_once(END) else {
        bail!("docs/bench.md has no line {END}");
    };
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let document = format!("# A\n{BEGIN}\nold\n{END}\n# B\n");
        let new = replaced(&document, "new\n").unwrap();
        assert_eq!(new, format!("# A\n{BEGIN}\nnew\n{END}\n# B\n"));
        assert_eq!(replaced(&new, "new").unwrap(), new, "the same text changes nothing");
        assert!(replaced("# A\n", "new").is_err());
        assert!(replaced(&format!("{BEGIN}\n"), "new").is_err());
    }
}
