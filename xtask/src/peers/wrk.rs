//! What wrk says.

use anyhow::{Context as _, ensure};

/// The requests per second in its output.
///
/// Errors: none there, or some requests failed.
pub(super) fn requests_per_second(said: &str) -> anyhow::Result<f64> {
    ensure!(
        !said.contains("Non-2xx"),
        "wrk had answers of the wrong kind: {}",
        said.trim()
    );
    let line = said.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    let figure = line.with_context(|| format!("wrk said no figure: {}", said.trim()))?;
    figure.trim().parse().context("wrk's figure")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_found() {
        let said = "  2 requests in 1.00s\nRequests/sec:  19392.94\nTransfer/sec: 1MB\n";
        assert_eq!(requests_per_second(said).unwrap(), 19_392.94);
        assert!(requests_per_second("unable to connect").is_err());
        assert!(requests_per_second("  Non-2xx or 3xx responses: 7\nRequests/sec: 5.0\n").is_err());
    }
}
