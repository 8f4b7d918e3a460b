//! Connections whose client takes its time to ask.

use std::time::Duration;

use casebook_server::Config;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time,
};

use crate::{
    client::{PATIENCE, Socket, get, until},
    serve::{Running, config, start},
};

/// Long enough that the other requests of a test are in time.
const LIMIT: Duration = Duration::from_millis(300);

async fn impatient() -> Running {
    start(Config { request_timeout: Some(LIMIT), ..config() }).await
}

async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.address).await.expect("a connection")
}

/// What comes until the server closes the connection, while a letter is sent every 20 ms.
async fn trickled(stream: TcpStream, letter: u8) -> String {
    let (mut reading, mut writing) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while writing.write_all(&[letter]).await.is_ok() {
            time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = Vec::new();
    // A reset is an end as well.
    let _ = time::timeout(PATIENCE, reading.read_to_end(&mut answer)).await.expect("it ends");
    trickle.abort();
    String::from_utf8(answer).expect("a text")
}

#[tokio::test]
async fn a_head_that_comes_a_letter_at_a_time_is_not_waited_for() {
    let server = impatient().await;
    let mut slow = connect(&server).await;
    slow.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.expect("it is sent");
    assert_eq!(trickled(slow, b'a').await, "");
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_is_closed() {
    let server = impatient().await;
    let mut silent = connect(&server).await;
    let mut between = connect(&server).await;
    between.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("it is sent");
    let mut text = String::new();
    time::timeout(PATIENCE, silent.read_to_string(&mut text)).await.expect("it ends").expect("an end");
    assert_eq!(text, "");
    time::timeout(PATIENCE, between.read_to_string(&mut text)).await.expect("it ends").expect("an end");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("{\"status\":\"healthy\"}"), "{text}");
}

#[tokio::test]
async fn a_body_that_comes_a_letter_at_a_time_is_refused() {
    let server = impatient().await;
    for path in ["/reset", "/step", "/mcp", "/desk/tasks", "/sessions/x/fork"] {
        let mut slow = connect(&server).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{{"
        );
        slow.write_all(head.as_bytes()).await.expect("it is sent");
        let told = trickled(slow, b' ').await;
        assert!(told.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{path}: {told}");
        assert!(told.ends_with("{\"detail\":\"the body took longer than 0.3 s\"}"), "{path}: {told}");
    }
}

#[tokio::test]
async fn sockets_and_slow_clients_do_not_meet() {
    let server = impatient().await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm" })).await;
    let mut slow = connect(&server).await;
    slow.write_all(b"POST /reset HTTP/1.1\r\n").await.expect("it is sent");
    assert_eq!(trickled(slow, b'a').await, "");
    // By now the socket has rested for longer than a request may take.
    assert_eq!(socket.step(json!({ "action": "answer" })).await["data"]["reward"], json!(1.0));
    drop(socket);
    until("the slot is free", async || get(&server, "/metrics").await.text.contains("casebook_slots_used 0\n")).await;
}

#[tokio::test]
async fn without_a_limit_everybody_is_waited_for() {
    let server = start(Config { request_timeout: None, ..config() }).await;
    let mut slow = connect(&server).await;
    slow.write_all(
        b"POST /reset HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-type: application/json\r\n",
    )
    .await
    .expect("it is sent");
    time::sleep(LIMIT).await;
    slow.write_all(b"connection: close\r\n\r\n{").await.expect("it is sent");
    time::sleep(LIMIT).await;
    slow.write_all(b"}").await.expect("it is sent");
    let mut text = String::new();
    time::timeout(PATIENCE, slow.read_to_string(&mut text)).await.expect("it ends").expect("an end");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
}

#[tokio::test]
async fn who_does_not_take_an_answer_is_not_waited_for() {
    let page = get(&impatient().await, "/docs").await.text.len();
    // With more than the operating system keeps for a client.
    let asked = 64 * 1024 * 1024 / page;
    for (limit, waited_for) in [(Some(LIMIT), false), (None, true)] {
        let server = start(Config { request_timeout: limit, ..config() }).await;
        let mut slow = connect(&server).await;
        for at in (0..asked).rev() {
            let end = if at == 0 { "connection: close\r\n" } else { "" };
            let head = format!("GET /docs HTTP/1.1\r\nhost: localhost\r\n{end}\r\n");
            slow.write_all(head.as_bytes()).await.expect("it is sent");
        }
        time::sleep(4 * LIMIT).await;
        let mut taken = Vec::new();
        // A reset is an end as well.
        let _ = time::timeout(PATIENCE, slow.read_to_end(&mut taken)).await.expect("it ends");
        assert_eq!(taken.len() >= asked * page, waited_for, "{} of {}", taken.len(), asked * page);
    }
}
