//! How the server ends.

use std::time::Duration;

use casebook_server::Config;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::time;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{PATIENCE, Socket, error, get, post, until},
    serve::{config, start},
};

#[tokio::test]
async fn sockets_are_closed_with_1012() {
    let mut server = start(config()).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.reset(json!({})).await;
        sockets.push(socket);
    }
    get(&server, "/health").await.expect(200);
    post(&server, "/reset", &json!({})).await.expect(200);
    server.stop();
    for mut socket in sockets {
        let frame = socket.closed().await;
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1012, ""));
    }
    server.ended().await;
}

#[tokio::test]
async fn who_never_stops_asking_does_not_hold_the_server() {
    let mut server = start(config()).await;
    let (mut asks, mut hears) = Socket::open(&server, "/ws").await.into_stream().split();
    let asking = tokio::spawn(async move { while asks.feed(Message::text(r#"{"type":"state"}"#)).await.is_ok() {} });
    assert!(hears.next().await.is_some_and(|answer| answer.is_ok()));
    server.stop();
    let close = async { while !matches!(hears.next().await, Some(Ok(Message::Close(_)) | Err(_)) | None) {} };
    time::timeout(PATIENCE, close).await.expect("in time");
    server.ended().await;
    asking.abort();
}

#[tokio::test]
async fn a_socket_that_does_not_answer_does_not_hold_the_server() {
    let mut server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.state().await;
    server.stop();
    server.ended().await;
    drop(socket);
}

#[tokio::test]
async fn while_it_drains_sessions_go_on_and_no_new_ones_are_taken() {
    let mut server = start(Config { drain: Duration::from_mins(1), ..config() }).await;
    get(&server, "/ready").await.expect(200);
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm" })).await;
    server.stop();
    until("it drains", async || get(&server, "/ready").await.status == 503).await;
    get(&server, "/health").await.expect(200);
    assert_eq!(socket.step(json!({ "action": "answer" })).await["data"]["reward"], 1.0);
    let mut late = Socket::open(&server, "/ws").await;
    assert!(error(&late.hear().await, "SESSION_ERROR").contains("about to end"));
    assert!(post(&server, "/reset", &json!({})).await.detail(503).contains("about to end"));
    // The last session's end is the server's.
    assert_eq!(socket.step(json!({ "action": "close" })).await["data"]["done"], true);
    socket.say(r#"{"type":"close"}"#).await;
    socket.closed().await;
    server.ended().await;
}

#[tokio::test]
async fn sessions_that_outlast_the_drain_are_closed_with_1012() {
    let mut server = start(Config { drain: Duration::from_millis(50), ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({})).await;
    server.stop();
    assert_eq!(u16::from(socket.closed().await.code), 1012);
    server.ended().await;
}
