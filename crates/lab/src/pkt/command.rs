//! Lines for the shell: a runner without a kernel knows those that set what a stack has too, and refuses the rest by name.

use super::settings::Settings;

/// Runs a command, which may be several lines.
///
/// Errors: what in it is not known here, for a verdict. `is_running`: the stack lives, and its configuration stands.
pub(super) fn run(text: &str, settings: &mut Settings, is_running: bool) -> Result<(), String> {
    let lines = text.split(['\n', ';']).flat_map(|line| line.split("&&")).map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        for (name, value) in assignments(line)? {
            let before = settings.config.clone();
            settings.set(&name, &value).map_err(|unknown| unknown.to_string())?;
            let mut moved = before.clone();
            // What new sockets start with may change at any time; the stack itself is what it was born as.
            moved.connection = settings.config.connection;
            if is_running && moved != settings.config {
                settings.config = before;
                return Err(format!("`{name}` changed while the stack runs"));
            }
        }
    }
    Ok(())
}

/// What a line sets.
fn assignments(line: &str) -> Result<Vec<(String, String)>, String> {
    let unknown = || format!("the command `{line}`");
    let line_without = line.split('>').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    match program.rsplit('/').next().unwrap_or_default() {
        // Sets the kernel's defaults before a script; the profile is ours.
        "defaults.sh" => Ok(Vec::new()),
        // These do nothing, wherever they run.
        "true" | ":" => Ok(Vec::new()),
        "sysctl" => {
            // What is done with its output is no part of what it sets.
            let given: Vec<&str> = words
                .take_while(|word| !word.contains('>'))
                .filter(|word| !word.starts_with('-'))
                .collect();
            let text = given.join(" ");
            pairs(&text).ok_or_else(unknown)
        }
        "set_sysctls.py" => pairs(&words.collect::<Vec<_>>().join(" ")).ok_or_else(unknown),
        "echo" => {
            let (_, path) = line.split_once('>').ok_or_else(unknown)?;
            let value = line_without
                .trim()
                .strip_prefix("echo")
                .unwrap_or_default()
                .trim()
                .trim_matches(['"', '\'']);
            Ok(vec![(path.trim_start_matches('>').trim().to_owned(), value.to_owned())])
        }
        _ => Err(unknown()),
    }
}

/// `a.b=1 c.d="1 2 3"`; `None` where that is not what stands there.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once('=') {
            Some((name, value)) => found.push((name.to_owned(), value.trim_matches(['"', '\'']).to_owned())),
            // One more of several values.
            None => {
                let (_, value) = found.last_mut()?;
                value.push(' ');
                value.push_str(word.trim_matches(['"', '\'']));
            }
        }
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkt::Profile;

    fn settings() -> Settings {
        Settings::new(Profile::Linux)
    }

    #[test]
    fn every_way_to_set_a_thing_is_read() {
        for text in [
            "sysctl -q net.ipv4.tcp_timestamps=0",
            "sysctl -w net.ipv4.tcp_timestamps=0 > /dev/null",
            "sysctl -w net.ipv4.tcp_timestamps=0 2>/dev/null",
            "echo 0 > /proc/sys/net/ipv4/tcp_timestamps",
            "./set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0",
            "../common/defaults.sh\nsysctl -q net.ipv4.tcp_timestamps=0",
        ] {
            let mut settings = settings();
            assert_eq!(run(text, &mut settings, false), Ok(()), "{text}");
            assert!(!settings.config.timestamps, "{text}");
        }
        let mut settings = settings();
        assert_eq!(
            run("sysctl -q net.ipv4.tcp_rmem=\"4096 10000 20000\"", &mut settings, true),
            Ok(())
        );
        assert_eq!(settings.config.connection.receive_buffer, 10_000.into());
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (text, named) in [
            ("ip route add default dev tun0", "ip route add default dev tun0"),
            ("sysctl -q net.ipv4.tcp_teapot=1", "net.ipv4.tcp_teapot=1"),
            ("sysctl -q net.ipv4.tcp_ecn=3", "net.ipv4.tcp_ecn=3"),
            ("sysctl -q net.ipv4.tcp_sack=many", "net.ipv4.tcp_sack=many"),
        ] {
            let wrong = run(text, &mut settings(), false).unwrap_err();
            assert!(wrong.contains(named), "{text}: {wrong}");
        }
        let wrong = run("sysctl -q net.ipv4.tcp_sack=0", &mut settings(), true).unwrap_err();
        assert!(wrong.contains("while the stack runs"), "{wrong}");
    }
}
