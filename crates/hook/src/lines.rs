//! The file in which lines of `sysctl` arrive while the script runs. What is new in it is read before each call; what the
//! lines mean, `lab::pkt::settings` says.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Where lines arrive.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    read: u64,
    /// The beginning of a line whose end has not come yet.
    rest: String,
}

impl Lines {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: 0,
            rest: String::new(),
        }
    }

    /// The whole lines that have come since the last time. A file that is not there yet has none.
    pub(crate) fn fresh(&mut self) -> Vec<String> {
        let mut text = String::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.read))?;
            file.read_to_string(&mut text)
        });
        self.read += read.unwrap_or(0) as u64;
        self.rest.push_str(&text);
        let Some(end) = self.rest.rfind('\n') else {
            return Vec::new();
        };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        let lines = whole.lines().map(str::trim);
        lines
            .filter(|line| !(line.is_empty() || line.starts_with('#')))
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_line_counts_when_it_is_whole() {
        let path = std::env::temp_dir().join(format!("syndic-hook-lines-{}", std::process::id()));
        let mut lines = Lines::new(path.clone());
        assert!(lines.fresh().is_empty(), "no file yet");
        let mut file = File::create(&path).unwrap();
        write!(file, "# a comment\nnet.ipv4.tcp_sack=0\nnet.ipv4.tcp_time").unwrap();
        assert_eq!(lines.fresh(), ["net.ipv4.tcp_sack=0"]);
        writeln!(file, "stamps=0").unwrap();
        assert_eq!(lines.fresh(), ["net.ipv4.tcp_timestamps=0"]);
        assert!(lines.fresh().is_empty(), "nothing new");
        std::fs::remove_file(&path).unwrap();
    }
}
