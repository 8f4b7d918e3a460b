//! How many sessions there are, and how they end.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{Socket, error, get, post, send, until},
    serve::{Running, config, start},
};
use casebook_server::Config;

async fn takes_a_session(server: &Running) -> bool {
    let mut socket = Socket::open(server, "/ws").await;
    socket.say(r#"{"type":"state"}"#).await;
    let reply = socket.hear().await;
    reply["type"] == "state"
}

#[tokio::test]
async fn over_capacity_the_error_frame_comes_before_the_close() {
    let server = start(Config { max_sessions: 2, ..config() }).await;
    let mut first = Socket::open(&server, "/ws").await;
    first.state().await;
    let id = post(&server, "/reset", &json!({})).await.header("x-session-id").to_owned();
    send(&server, "GET", "/state", &[("x-session-id", &id)], None).await.expect(200);

    for path in ["/ws", "/envs/parcels/ws"] {
        let mut third = Socket::open(&server, path).await;
        let frame = third.hear().await;
        assert_eq!(
            error(&frame, "CAPACITY_REACHED"),
            "Server at capacity: 2/2 sessions active. Cannot accept new connections."
        );
        assert_eq!((&frame["data"]["active_sessions"], &frame["data"]["max_sessions"]), (&json!(2), &json!(2)));
        assert_eq!(u16::from(third.closed().await.code), 1000);
    }
    assert!(post(&server, "/reset", &json!({})).await.detail(503).contains("2/2"));
    let create = json!({ "jsonrpc": "2.0", "id": 3, "method": "openenv/session/create" });
    let refused = post(&server, "/mcp", &create).await.expect(200);
    assert_eq!(refused["error"]["code"], -32000);
    assert_eq!(refused["error"]["data"], json!({ "active_sessions": 2, "max_sessions": 2 }));
    assert_eq!(first.state().await["step_count"], 0);
}

#[tokio::test]
async fn a_client_that_sends_first_still_reads_why_it_was_refused() {
    let server = start(Config { max_sessions: 0, ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    for _ in 0..20 {
        socket.say(r#"{"type":"reset"}"#).await;
    }
    error(&socket.hear().await, "CAPACITY_REACHED");
    assert_eq!(u16::from(socket.closed().await.code), 1000);
}

#[tokio::test]
async fn slots_are_free_when_sockets_end_politely_or_not() {
    let server = start(Config { max_sessions: 1, ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.say(r#"{"type":"close"}"#).await;
    socket.closed().await;
    assert!(takes_a_session(&server).await);

    until("the slot is free", async || takes_a_session(&server).await).await;
    let mut socket = loop {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.say(r#"{"type":"state"}"#).await;
        if socket.hear().await["type"] == "state" {
            break socket;
        }
    };
    socket.reset(json!({})).await;
    drop(socket.into_stream());
    until("the slot is free", async || takes_a_session(&server).await).await;
}

#[tokio::test]
async fn a_finished_session_over_http_makes_room() {
    let server = start(Config { max_sessions: 1, ..config() }).await;
    let reset = post(&server, "/reset", &json!({ "task_id": "calm" })).await;
    let id = reset.header("x-session-id").to_string();
    for _ in 0..2 {
        send(&server, "POST", "/step", &[("x-session-id", &id)], Some(r#"{"action":"close"}"#)).await.expect(200);
    }
    assert!(takes_a_session(&server).await);
    let headers = [("x-session-id", id.as_str())];
    assert!(send(&server, "GET", "/state", &headers, None).await.detail(404).contains(&id));
}

#[tokio::test]
async fn idle_sockets_hear_why_they_end() {
    let server = start(Config { max_sessions: 1, idle_timeout: Some(Duration::from_millis(150)), ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.state().await;
    assert!(error(&socket.hear().await, "SESSION_ERROR").contains("0.15 s"));
    assert_eq!(u16::from(socket.closed().await.code), 1000);
    assert!(takes_a_session(&server).await);
}

#[tokio::test]
async fn idle_sessions_over_http_are_reaped() {
    let server = start(Config { max_sessions: 1, idle_timeout: Some(Duration::from_millis(100)), ..config() }).await;
    post(&server, "/reset", &json!({})).await.expect(200);
    // Asking for its state would keep it.
    until("the slot is free", async || takes_a_session(&server).await).await;
    assert_eq!(get(&server, "/state").await.expect(200)["episode_id"], json!(null));
}

#[tokio::test]
async fn sockets_that_do_not_answer_pings_are_dropped() {
    let server = start(Config { max_sessions: 1, heartbeat: Duration::from_millis(50), ..config() }).await;
    let mut lively = Socket::open(&server, "/ws").await;
    for _ in 0..5 {
        lively.say_message(Message::Pong(Vec::new().into())).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(lively.state().await["step_count"], 0);
    // A connection that is held and never read from answers no ping.
    let silent = lively.into_stream();
    until("the slot is free", async || takes_a_session(&server).await).await;
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn finished_sessions_make_room_for_many_at_once() {
    let server = std::sync::Arc::new(start(Config { max_sessions: 16, ..config() }).await);
    let players: Vec<_> = (0..8)
        .map(|_| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move {
                for _ in 0..40 {
                    let reset = send(&server, "POST", "/reset?task_id=calm&seed=1", &[], None).await;
                    let id = reset.header("x-session-id").to_owned();
                    reset.expect(200);
                    for _ in 0..2 {
                        let body = json!({ "action": { "action": "answer" }, "session_id": id }).to_string();
                        send(&server, "POST", "/step", &[], Some(&body)).await.expect(200);
                    }
                }
            })
        })
        .collect();
    for player in players {
        player.await.expect("never more than eight are running");
    }
}
