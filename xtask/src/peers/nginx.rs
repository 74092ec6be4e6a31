//! nginx on this kernel: one worker, no log, files kept open.

use std::ffi::OsString;
use std::fs;

use anyhow::Context as _;

use super::who::Programs;

/// The file that is asked for. Units: bytes.
const FILE_BYTES: usize = 100;

/// Its path in a URL.
pub(super) const FILE: &str = "/small.txt";

/// What nginx serves fastest: open files are remembered, and a file this small is read and not spliced.
fn configuration(directory: &str, port: &str) -> String {
    format!(
        "user root;\nmaster_process off;\ndaemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr crit;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
         \x20 access_log off;\n\
         \x20 sendfile off;\n\
         \x20 open_file_cache max=100;\n\
         \x20 keepalive_requests 1000000000;\n\
         \x20 client_body_temp_path temp;\n  proxy_temp_path temp;\n  fastcgi_temp_path temp;\n\
         \x20 uwsgi_temp_path temp;\n  scgi_temp_path temp;\n\
         \x20 default_type text/plain;\n\
         \x20 server {{ listen {port} backlog=4096; root {directory}/www; }}\n\
         }}\n"
    )
}

/// Writes the file that is asked for.
pub(super) fn file(programs: &Programs) -> anyhow::Result<()> {
    let www = programs.directory.join("www");
    fs::create_dir_all(&www).context("a directory to serve")?;
    fs::write(www.join(FILE.trim_start_matches('/')), [b'x'; FILE_BYTES]).context("a file to serve")
}

/// What to start, with its configuration written.
pub(super) fn command(programs: &Programs, port: &str) -> anyhow::Result<Vec<OsString>> {
    let directory = programs.directory.to_str().context("a directory whose name is UTF-8")?;
    let file = programs.directory.join("nginx.conf");
    fs::write(&file, configuration(directory, port)).context("nginx.conf")?;
    let mut prefix = programs.directory.clone().into_os_string();
    prefix.push("/");
    let mut all: Vec<OsString> = vec!["nginx".into(), "-p".into(), prefix, "-c".into(), file.into()];
    // What it says before it has read its configuration goes where we read it.
    all.extend(["-e", "stderr"].map(OsString::from));
    Ok(all)
}
