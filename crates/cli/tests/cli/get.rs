//! `syndic get`, from a small server on the kernel's sockets and from nginx.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use link::testing::in_private_namespace;
use sha2::{Digest as _, Sha256};

use crate::rig::{Directory, Running, has, noise, run, succeed, syndic, text};

const MEBIBYTE: usize = 1 << 20;

/// `syndic get` of a path of the server at port 8080 of the kernel's side.
fn get(path: &str, to: &Path, more: &[&str]) -> Output {
    let url = format!("http://10.7.0.1:8080{path}");
    run(syndic(["get", &url, "--output", to.to_str().unwrap()]).args(more))
}

/// Answers each connection's one request with `answer` of its path, on a port of every address.
fn serve(port: u16, answer: impl Fn(&str) -> Vec<u8> + Send + Sync + Clone + 'static) {
    let listener = TcpListener::bind(("::", port)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            thread::spawn(move || serve_one(stream.unwrap(), &answer));
        }
    });
}

fn serve_one(stream: TcpStream, answer: &dyn Fn(&str) -> Vec<u8>) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let headers: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert!(
        headers
            .iter()
            .any(|header| header.starts_with("host: 10.7.0.1") || header.starts_with("host: [fd07::1]")),
        "{headers:?}"
    );
    let path = request.split(' ').nth(1).unwrap_or_default();
    // A client that goes away in the middle is one of the cases.
    let _ = (&stream).write_all(&answer(path));
}

fn ok(body: &[u8]) -> Vec<u8> {
    [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(),
        body,
    ]
    .concat()
}

fn redirect(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

#[test]
fn files_come_whole_however_they_are_framed() {
    let test = "get::files_come_whole_however_they_are_framed";
    in_private_namespace(test, || {
        let directory = Directory::new(test);
        let body = noise(3 * MEBIBYTE + 5);
        let sent = body.clone();
        serve(8080, move |path| match path {
            "/length" => ok(&sent),
            "/until-close" => [b"HTTP/1.1 200 OK\r\n\r\n", &sent[..]].concat(),
            "/chunked" => {
                let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
                for chunk in sent.chunks(70_001) {
                    answer.extend(
                        format!("{:x}\r\n", chunk.len())
                            .bytes()
                            .chain(chunk.iter().copied())
                            .chain(*b"\r\n"),
                    );
                }
                answer.extend(b"0\r\n\r\n");
                answer
            }
            "/empty" => ok(b""),
            "/once" => redirect("/sub/../twice?x=y"),
            "/twice?x=y" => redirect("http://[fd07::1]:8080/length"),
            _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        });
        let sum: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        for (name, path) in [
            ("a length", "/length"),
            ("until the close", "/until-close"),
            ("chunked", "/chunked"),
            ("redirected, in the end to IPv6", "/once"),
        ] {
            let output = get(path, &directory.join("got"), &["--sha256"]);
            assert!(output.status.success(), "{name}: {}", text(&output.stderr));
            directory.expect("got", &body);
            let said = text(&output.stdout);
            assert!(
                said.contains(&format!("{} bytes in ", body.len())) && said.contains(&sum),
                "{name}: {said}"
            );
            assert!(!directory.join("got.part").exists(), "{name}");
        }
        assert!(get("/empty", &directory.join("empty"), &[]).status.success());
        directory.expect("empty", b"");
        let to_stdout = get("/length", Path::new("-"), &[]);
        assert!(to_stdout.status.success() && to_stdout.stdout == body);
        assert!(text(&to_stdout.stderr).contains(" bytes in "));
    });
}

#[test]
fn what_fails_says_why_and_leaves_the_old_file() {
    let test = "get::what_fails_says_why_and_leaves_the_old_file";
    in_private_namespace(test, || {
        let directory = Directory::new(test);
        let file = directory.put("file", "old");
        serve(8080, |path| match path {
            "/short" => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this".to_vec(),
            "/loop" => redirect("/loop"),
            "/secure" => redirect("https://10.7.0.1/"),
            "/nowhere" => b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "/broken" => b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "/rubbish" => b"rubbish\r\n\r\n".to_vec(),
            "/silent" => Vec::new(),
            _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        });
        for (name, path, says) in [
            (
                "not found",
                "/nothing",
                "http://10.7.0.1:8080/nothing: the server answers 404 Not Found",
            ),
            ("the server's failure", "/broken", "the server answers 500"),
            ("a loop", "/loop", "more than 10 redirects"),
            ("to https", "/secure", "syndic speaks no TLS"),
            ("a redirect to nowhere", "/nowhere", "the server answers 302 Found"),
            ("no HTTP", "/rubbish", "no answer"),
            ("nothing said", "/silent", "no answer"),
        ] {
            let output = get(path, &file, &[]);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{name}: {said}");
            assert!(
                said.starts_with("syndic: ") && said.contains(says) && said.lines().count() == 1,
                "{name}: {said}"
            );
            assert!(!directory.join("file.part").exists(), "{name}");
        }
        let output = get("/short", &file, &[]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            said.contains("not all came; what did is in") && said.contains("file.part"),
            "{said}"
        );
        directory.expect("file.part", b"only this");

        let refused = run(&mut syndic(["get", "http://10.7.0.1:1/", "-o", file.to_str().unwrap()]));
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            text(&refused.stderr).contains("cannot connect to 10.7.0.1:1: connection refused"),
            "{}",
            text(&refused.stderr)
        );
        directory.expect("file", b"old");

        serve(8081, |_| ok(b"new"));
        let output = run(&mut syndic(["get", "http://10.7.0.1:8081/", "-o", "/nonexistent/file"]));
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).contains("cannot write /nonexistent/file.part"),
            "{}",
            text(&output.stderr)
        );
    });
}

#[test]
fn loss_and_reordering_change_no_byte() {
    let test = "get::loss_and_reordering_change_no_byte";
    in_private_namespace(test, || {
        let directory = Directory::new(test);
        let body = noise(4 * MEBIBYTE);
        let sent = body.clone();
        serve(8080, move |_| ok(&sent));
        let impaired = [
            "--impair",
            "loss=2%,reorder=2%,duplicate=1%,corrupt=1%,delay=1ms,jitter=1ms,seed=3",
        ];
        let output = get("/", &directory.join("got"), &impaired);
        assert!(output.status.success(), "{}", text(&output.stderr));
        directory.expect("got", &body);
    });
}

#[test]
fn nginx_is_fetched_from() {
    let test = "get::nginx_is_fetched_from";
    if !has("nginx", test) {
        return;
    }
    in_private_namespace(test, || {
        let directory = Directory::new(test);
        let body = noise(8 * MEBIBYTE + 1);
        directory.put("www/file", &body);
        let (_nginx, port) = (start_nginx(&directory), 8080);
        for host in ["10.7.0.1", "[fd07::1]"] {
            let to = directory.join("got");
            let url = format!("http://{host}:{port}/file");
            succeed(&mut syndic(["get", &url, "-o", to.to_str().unwrap()]));
            directory.expect("got", &body);
            fs::remove_file(to).unwrap();
        }
    });
}

/// nginx without root, on port 8080 of every address.
fn start_nginx(directory: &Directory) -> Running {
    let at = directory.path().display();
    let configuration = format!(
        "user root; master_process off; daemon off; pid {at}/pid; error_log stderr;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3;\n\
         uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;\n\
         server {{ listen 8080; listen [::]:8080; root {at}/www; }} }}\n"
    );
    let configuration = directory.put("nginx.conf", configuration);
    let running = Running::start(
        Command::new("nginx")
            .args([
                "-e",
                "stderr",
                "-p",
                directory.path().to_str().unwrap(),
                "-c",
                configuration.to_str().unwrap(),
            ])
            .stdin(Stdio::null()),
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect("127.0.0.1:8080").is_err() {
        assert!(Instant::now() < deadline, "nginx does not listen");
        thread::sleep(Duration::from_millis(10));
    }
    running
}
