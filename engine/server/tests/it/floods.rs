//! What one client may take up: connections, bytes of requests that are not whole, and names of groups.

use std::{num::NonZeroU32, time::Duration};

use casebook_server::{Config, Limits};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time,
};

use crate::{
    client::{PATIENCE, Socket, error, get, post, until},
    serve::{Running, config, start},
};

async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.address).await.expect("a connection")
}

/// What comes until the connection ends.
async fn rest(mut stream: TcpStream) -> String {
    let mut told = Vec::new();
    // A reset is an end as well.
    let _ = time::timeout(PATIENCE, stream.read_to_end(&mut told)).await.expect("it ends");
    String::from_utf8_lossy(&told).into_owned()
}

/// The head of a frame of text with so many bytes, and the key that masks nothing.
fn head(bytes: u64) -> Vec<u8> {
    [&[0x81, 0xff][..], &bytes.to_be_bytes(), &[0; 4]].concat()
}

#[tokio::test]
async fn idle_connections_leave_room_for_others() {
    let server = start(Config { max_connections: 8, connections_per_client: Some(4), ..config() }).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(Socket::open(&server, "/ws").await);
    }
    idle[0].state().await;
    let silent = connect(&server).await;
    let told = rest(connect(&server).await).await;
    assert!(told.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{told}");
    assert!(told.ends_with("{\"detail\":\"too many connections are open; try again later\"}"), "{told}");
    // A socket gives its place back, as a connection does that never asked anything.
    drop(idle.pop().expect("a socket").into_stream());
    until("there is room", async || rest_of_health(&server).await.starts_with("HTTP/1.1 200 OK")).await;
    drop(silent);
}

async fn rest_of_health(server: &Running) -> String {
    let mut stream = connect(server).await;
    let asked = stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    if asked.is_ok() { rest(stream).await } else { String::new() }
}

#[tokio::test]
async fn silent_connections_are_released_after_a_while() {
    let patience = Some(Duration::from_millis(200));
    let server =
        start(Config { max_connections: 4, connections_per_client: Some(4), request_timeout: patience, ..config() })
            .await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(connect(&server).await);
    }
    until("there is room", async || rest_of_health(&server).await.starts_with("HTTP/1.1 200 OK")).await;
}

#[tokio::test]
async fn a_message_that_never_ends_is_given_up() {
    let server = start(Config { request_timeout: Some(Duration::from_millis(300)), ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm" })).await;
    socket.say_raw(&head(1_000_000)).await;
    socket.say_raw(&[b' '; 100]).await;
    assert_eq!(error(&socket.hear().await, "SESSION_ERROR"), "the message took longer than 0.3 s");
    until("the slot is free", async || get(&server, "/metrics").await.text.contains("casebook_slots_used 0\n")).await;
    // One that ends in time is read, however it is cut, and a socket that is silent between messages stays.
    let mut socket = Socket::open(&server, "/ws").await;
    let text = format!("{:200}", r#"{"type":"state"}"#);
    socket.say_raw(&head(200)).await;
    for part in text.as_bytes().chunks(50) {
        socket.say_raw(part).await;
        time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(socket.hear().await["type"], "state");
    time::sleep(Duration::from_millis(500)).await;
    assert_eq!(socket.state().await["step_count"], 0);
}

#[tokio::test]
async fn unfinished_messages_of_one_client_are_bounded() {
    let limits = Limits { message: 1024 * 1024, ..Limits::default() };
    let server = start(Config { limits, max_unfinished: 4 * 1024 * 1024, ..config() }).await;
    let mut sockets = Vec::new();
    for _ in 0..6 {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.state().await;
        socket.say_raw(&head(1_000_000)).await;
        socket.say_raw(&vec![b' '; 900_000]).await;
        sockets.push(socket);
    }
    // Two of them are all that one client may keep; the others are closed as they come.
    let mut closed = 0;
    for socket in &mut sockets {
        if let Ok(Some(tokio_tungstenite::tungstenite::Message::Close(frame))) =
            time::timeout(Duration::from_millis(500), socket.next()).await
        {
            assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(1013));
            closed += 1;
        }
    }
    assert_eq!(closed, 4);
    // What is given back may be used again.
    drop(sockets);
    until("there is room", async || {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.say(&format!("{}{}", r#"{"type":"state"}"#, " ".repeat(900_000))).await;
        matches!(socket.next().await, Some(tokio_tungstenite::tungstenite::Message::Text(_)))
    })
    .await;
}

#[tokio::test]
async fn unfinished_bodies_count_as_well() {
    let limits = Limits { message: 1024 * 1024, ..Limits::default() };
    let server = start(Config { limits, max_unfinished: 4 * 1024 * 1024, ..config() }).await;
    let mut held = Vec::new();
    for _ in 0..6 {
        let mut stream = connect(&server).await;
        let head = "POST /reset HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("it is sent");
        let _ = stream.write_all(&vec![b' '; 900_000]).await;
        held.push(stream);
    }
    let mut refused = 0;
    for stream in &mut held {
        let mut told = [0; 64];
        if let Ok(Ok(read)) = time::timeout(Duration::from_millis(500), stream.read(&mut told)).await
            && told[..read].starts_with(b"HTTP/1.1 503")
        {
            refused += 1;
        }
    }
    assert_eq!(refused, 4);
    post(&server, "/reset", &json!({})).await.expect(200);
}

#[tokio::test]
async fn groups_of_one_client_are_bounded() {
    let server =
        start(Config { max_groups: 8, groups_per_client: Some(2), rate: NonZeroU32::new(1000), ..config() }).await;
    let mut sockets = Vec::new();
    for group in ["a", "b"] {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.reset(json!({ "group": group })).await;
        sockets.push(socket);
    }
    let mut third = Socket::open(&server, "/ws").await;
    let refused = third.reset(json!({ "group": "c" })).await.to_string();
    assert!(refused.contains("2 groups of this client have episodes already"), "{refused}");
    third.reset(json!({ "group": "b" })).await;
    // A group without an episode makes room for the next one.
    sockets.pop();
    drop(third);
    until("there is room", async || post(&server, "/reset", &json!({ "group": "c" })).await.status == 200).await;
}
