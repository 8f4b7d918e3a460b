//! How many sessions there are, and how they end.

use std::time::Duration;

use casebook_server::Config;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{Socket, error, get, post, send, until},
    serve::{Running, config, start},
};

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
    // A client that reads no frame before the close frame learns it there: this is no polite end.
    let close = socket.closed().await;
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (4408, "the session rested for more than 0.15 s and ended")
    );
    assert!(takes_a_session(&server).await);
}

#[tokio::test]
async fn who_comes_back_to_a_session_that_rested_is_told() {
    let server = start(Config { idle_timeout: Some(Duration::from_millis(150)), ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let reset = socket.reset(json!({ "task_id": "calm", "episode_id": "mine" })).await;
    assert_eq!(reset["type"], "observation");
    let request = post(&server, "/reset", &json!({})).await.header("x-session-id").to_owned();
    let create = json!({ "jsonrpc": "2.0", "id": 3, "method": "openenv/session/create" });
    let created = post(&server, "/mcp", &create).await.expect(200);
    let created = created["result"]["session_id"].as_str().expect("an id").to_owned();
    error(&socket.hear().await, "SESSION_ERROR");
    let why = "rested for more than 0.15 s";
    until("both rested", async || {
        let mut ended = true;
        for id in [&request, &created] {
            // Looking at a session does not use it.
            ended &= get(&server, &format!("/sessions/{id}")).await.status == 404;
        }
        ended
    })
    .await;
    for id in [&request, &created] {
        let mut back = Socket::open(&server, &format!("/ws?session_id={id}")).await;
        let told = error(&back.hear().await, "SESSION_ERROR");
        assert!(told.starts_with(&format!("Unknown session_id: {id}; ")) && told.contains(why), "{told}");
        let text =
            send(&server, "POST", "/step", &[("x-session-id", id)], Some(r#"{"action":"close"}"#)).await.detail(404);
        assert!(text.contains(why) && text.contains("reset"), "{text}");
        let call = json!({
            "jsonrpc": "2.0", "id": 4, "method": "tools/call",
            "params": { "name": "act", "arguments": { "action": "close" }, "session_id": id },
        });
        let told = post(&server, "/mcp", &call).await.expect(200)["error"].clone();
        assert_eq!(told["code"], -32602, "{told}");
        assert!(told["message"].as_str().is_some_and(|text| text.contains(why)), "{told}");
    }
}

#[tokio::test]
async fn a_step_after_the_rest_begins_no_other_episode_unasked() {
    let server = start(Config { idle_timeout: Some(Duration::from_millis(100)), ..config() }).await;
    let step = r#"{"action":"close"}"#;
    let id = post(&server, "/reset", &json!({ "task_id": "calm" })).await.header("x-session-id").to_owned();
    until("it rested", async || get(&server, &format!("/sessions/{id}")).await.status == 404).await;
    let cookie = format!("casebook_session={id}");
    for headers in [vec![], vec![("cookie", cookie.as_str())]] {
        let text = send(&server, "POST", "/step", &headers, Some(step)).await.detail(404);
        assert!(text.contains(&id) && text.contains("rested for more than 0.1 s"), "{text}");
    }
    let begun = post(&server, "/reset", &json!({ "task_id": "calm" })).await;
    begun.expect(200);
    send(&server, "POST", "/step", &[], Some(step)).await.expect(200);
}

#[tokio::test]
async fn a_client_that_connects_again_by_itself_learns_that_its_episode_ended() {
    let server = start(Config { idle_timeout: Some(Duration::from_millis(150)), ..config() }).await;
    let mut first = Socket::open(&server, "/ws").await;
    first.reset(json!({ "task_id": "calm" })).await;
    error(&first.hear().await, "SESSION_ERROR");
    first.closed().await;
    // As the stock client does: another socket, and the next step as if nothing had happened.
    let mut second = Socket::open(&server, "/ws").await;
    let told = error(&second.step(json!({ "action": "close" })).await, "SESSION_ERROR");
    assert!(told.contains("rested for more than 0.15 s") && told.contains("send reset"), "{told}");
    assert_eq!(second.state().await["step_count"], 0);
    // Once is enough: whoever means it begins an episode so.
    assert_eq!(second.step(json!({ "action": "close" })).await["type"], "observation");
    // A session in which nothing was played is not missed, nor one that was left politely.
    let mut idle = Socket::open(&server, "/ws").await;
    error(&idle.hear().await, "SESSION_ERROR");
    let mut left = Socket::open(&server, "/ws").await;
    left.reset(json!({})).await;
    left.say(r#"{"type":"close"}"#).await;
    left.closed().await;
    error(&second.hear().await, "SESSION_ERROR");
    let mut third = Socket::open(&server, "/ws").await;
    third.reset(json!({ "task_id": "calm" })).await;
    assert_eq!(third.step(json!({ "action": "close" })).await["type"], "observation");
}

#[tokio::test]
async fn sessions_that_ended_otherwise_say_how() {
    let server = start(Config { max_sessions: 1, ..config() }).await;
    let id = post(&server, "/reset", &json!({ "task_id": "calm" })).await.header("x-session-id").to_owned();
    for _ in 0..2 {
        send(&server, "POST", "/step", &[("x-session-id", &id)], Some(r#"{"action":"close"}"#)).await.expect(200);
    }
    let next = post(&server, "/reset", &json!({})).await.header("x-session-id").to_owned();
    let text = send(&server, "GET", "/state", &[("x-session-id", &id)], None).await.detail(404);
    assert!(text.contains("it made room for another session"), "{text}");
    let close = json!({
        "jsonrpc": "2.0", "id": 1, "method": "openenv/session/close", "params": { "session_id": next },
    });
    post(&server, "/mcp", &close).await.expect(200);
    let told = post(&server, "/mcp", &close).await.expect(200)["error"]["message"].clone();
    assert_eq!(told, format!("Unknown session_id: {next}"));
    let text = send(&server, "GET", "/state", &[("x-session-id", &next)], None).await.detail(404);
    assert!(text.contains("it was closed"), "{text}");
    let unknown = "00000000-0000-4000-8000-000000000000";
    let text = send(&server, "GET", "/state", &[("x-session-id", unknown)], None).await.detail(404);
    assert_eq!(text, format!("unknown session `{unknown}`: it has ended or does not exist"));
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
        .map(|player| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move {
                // The next episode of a client that names none takes the place of its own, so each is a client.
                let address = format!("192.0.2.{player}");
                for _ in 0..40 {
                    let from = [("x-forwarded-for", address.as_str())];
                    let reset = send(&server, "POST", "/reset?task_id=calm&seed=1", &from, None).await;
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
