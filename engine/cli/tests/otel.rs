//! Spans reach a collector; with the feature `otel` only.
#![cfg(feature = "otel")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

/// A server that a failed test ends as well.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes one request, and gives its path and its body.
fn request(listener: &TcpListener) -> (String, Vec<u8>) {
    let (stream, _) = listener.accept().expect("a connection");
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).expect("a line");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("it is sent");
    (first, body)
}

fn post(address: &str, path: &str, body: &str) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn steps_are_spans() {
    let collector = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", collector.local_addr().expect("an address"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in engine/cli");
    let server = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["serve", "scenarios/email-ops", "--port", "0", "--otlp", &url])
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .expect("casebook runs");
    let mut server = Server(server);
    let mut first = String::new();
    BufReader::new(server.0.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    let address = first.trim().strip_prefix("serving on http://").expect("an address").to_owned();
    post(&address, "/reset", "{}");
    post(&address, "/step", r#"{"action":{"type":"archive"}}"#);
    Command::new("kill").arg(server.0.id().to_string()).status().expect("kill runs");
    let (line, body) = request(&collector);
    assert!(line.starts_with("POST /v1/traces"), "{line}");
    let holds = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
    for text in ["casebook", "step", "reset", "email-ops", "reward"] {
        assert!(holds(text), "no {text}");
    }
    assert!(server.0.wait().expect("it ends").success());
}
