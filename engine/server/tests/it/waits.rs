//! Steps that take their time: what goes on meanwhile, and how they end early.

use std::{path::PathBuf, time::Duration};

use casebook_server::Config;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{Socket, error, get, post, send, until},
    serve::{Running, config, start_in},
};

async fn slow(config: Config) -> Running {
    let pack: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../scenarios/conformance/slow"].iter().collect();
    start_in(config, tempfile::tempdir().expect("a folder"), &[pack]).await
}

fn wait(seconds: f64) -> String {
    json!({ "type": "step", "data": { "wait_seconds": seconds } }).to_string()
}

async fn begun(server: &Running) -> Socket {
    let mut socket = Socket::open(server, "/ws").await;
    socket.reset(json!({})).await;
    socket
}

async fn slots_used(server: &Running, used: usize) -> bool {
    get(server, "/metrics").await.text.contains(&format!("casebook_slots_used {used}\n"))
}

#[tokio::test]
async fn requests_behind_a_slow_step_are_answered_in_order() {
    let server = slow(config()).await;
    let mut socket = begun(&server).await;
    socket.say(&wait(0.15)).await;
    socket.say(r#"{"type":"state"}"#).await;
    socket.say("nonsense").await;
    socket.say(&wait(0.0)).await;
    assert_eq!(socket.hear().await["data"]["observation"]["waited_seconds"], 0.15);
    assert_eq!(socket.hear().await["data"]["step_count"], 1);
    error(&socket.hear().await, "INVALID_JSON");
    assert_eq!(socket.hear().await["data"]["observation"]["total_seconds"], 0.15);
}

#[tokio::test]
async fn a_slot_is_free_at_once_when_its_socket_ends_during_a_step() {
    let server = slow(Config { max_sessions: 1, ..config() }).await;
    for politely in [false, true] {
        let mut socket = begun(&server).await;
        socket.say(&wait(60.0)).await;
        socket.say(r#"{"type":"state"}"#).await;
        if politely {
            socket.say_message(Message::Close(None)).await;
            while socket.next().await.is_some() {}
        } else {
            drop(socket.into_stream());
        }
        until("the slot is free", async || slots_used(&server, 0).await).await;
    }
}

#[tokio::test]
async fn pings_go_on_during_a_step_and_silence_ends_it() {
    let server = slow(Config { heartbeat: Duration::from_millis(40), ..config() }).await;
    let mut lively = begun(&server).await;
    let mut silent = begun(&server).await;
    silent.say(&wait(60.0)).await;
    // It reads while it waits, and so it answers the pings.
    lively.say(&wait(0.4)).await;
    assert_eq!(lively.hear().await["data"]["reward"], 1.0);
    until("the silent one is dropped", async || slots_used(&server, 0).await || slots_used(&server, 1).await).await;
    drop(silent.into_stream());
}

#[tokio::test]
async fn an_idle_timeout_does_not_end_a_step_that_is_under_way() {
    let server = slow(Config { idle_timeout: Some(Duration::from_millis(100)), ..config() }).await;
    let mut socket = begun(&server).await;
    socket.say(&wait(0.35)).await;
    assert_eq!(socket.hear().await["data"]["reward"], 1.0);
    assert!(error(&socket.hear().await, "SESSION_ERROR").contains("rested"));
}

#[tokio::test]
async fn a_step_beyond_its_deadline_is_taken_back() {
    let server = slow(Config { step_timeout: Some(Duration::from_millis(50)), ..config() }).await;
    let mut socket = begun(&server).await;
    socket.step(json!({ "wait_seconds": 0.01 })).await;
    socket.say(&wait(30.0)).await;
    assert_eq!(error(&socket.hear().await, "EXECUTION_ERROR"), "the step took longer than 0.05 s and is taken back");
    assert_eq!(socket.state().await["step_count"], 1);
    let next = socket.step(json!({ "wait_seconds": 0.01 })).await;
    assert_eq!(next["data"]["observation"]["total_seconds"], 0.02);

    post(&server, "/reset", &json!({})).await.expect(200);
    post(&server, "/step", &json!({ "wait_seconds": 30 })).await.detail(504);
    assert_eq!(get(&server, "/state").await.expect(200)["step_count"], 0);
}

#[tokio::test]
async fn a_request_may_bring_a_shorter_deadline() {
    let server = slow(config()).await;
    post(&server, "/reset", &json!({})).await.expect(200);
    let text =
        post(&server, "/step", &json!({ "action": { "wait_seconds": 30 }, "timeout_s": 0.02 })).await.detail(504);
    assert_eq!(text, "the step took longer than 0.02 s and is taken back");
    assert_eq!(get(&server, "/state").await.expect(200)["step_count"], 0);
}

#[tokio::test]
async fn a_slow_session_holds_up_no_other_and_can_be_looked_at() {
    let server = slow(config()).await;
    let id = post(&server, "/reset", &json!({})).await.header("x-session-id").to_string();
    let headers = [("x-session-id", id.as_str())];
    let slow = send(&server, "POST", "/step", &headers, Some(r#"{"wait_seconds":60}"#));
    let others = async {
        until("the step is under way", async || {
            get(&server, &format!("/sessions/{id}")).await.expect(200)["step_count"] == 1
        })
        .await;
        let mut socket = begun(&server).await;
        assert_eq!(socket.step(json!({})).await["data"]["reward"], 0.0);
    };
    tokio::select! {
        answer = slow => panic!("it is answered before its time: {answer:?}"),
        () = others => {}
    }
    // Its client has left, so the next request has its turn.
    assert_eq!(send(&server, "GET", "/state", &headers, None).await.expect(200)["step_count"], 1);
}

#[tokio::test]
async fn a_slow_step_does_not_hold_the_server() {
    let mut server = slow(config()).await;
    let mut socket = begun(&server).await;
    socket.say(&wait(60.0)).await;
    until("the step is under way", async || {
        get(&server, "/metrics").await.text.contains(r#"casebook_steps_total{environment="conformance-slow"} 1"#)
    })
    .await;
    server.stop();
    assert_eq!(u16::from(socket.closed().await.code), 1012);
    server.ended().await;
}

#[tokio::test]
async fn what_is_resumed_goes_on_after_the_step_that_was_under_way() {
    let server = slow(Config { resume_grace: Duration::from_mins(1), ..config() }).await;
    let mut socket = begun(&server).await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" });
    let reply = socket.ask(&json!({ "type": "mcp", "data": call })).await;
    let id = reply["data"]["result"]["session_id"].as_str().expect("an id").to_string();
    socket.say(&wait(60.0)).await;
    until("the step is under way", async || {
        get(&server, &format!("/sessions/{id}")).await.expect(200)["step_count"] == 1
    })
    .await;
    drop(socket.into_stream());
    until("it is lost", async || get(&server, &format!("/sessions/{id}")).await.expect(200)["status"] == "lost").await;
    let mut again = Socket::open(&server, &format!("/ws?session_id={id}")).await;
    assert_eq!(again.state().await["step_count"], 1);
    assert_eq!(again.step(json!({})).await["data"]["observation"]["total_seconds"], Value::from(60.0));
}

#[tokio::test]
async fn a_request_that_is_sent_again_during_its_step_waits_for_its_answer() {
    let server = slow(config()).await;
    let id = post(&server, "/reset", &json!({})).await.header("x-session-id").to_string();
    let asked = json!({ "action": { "wait_seconds": 0.2 }, "session_id": id, "request_id": "r" });
    let (first, again) = tokio::join!(post(&server, "/step", &asked), post(&server, "/step", &asked));
    assert_eq!(first.expect(200), again.expect(200));
    assert_eq!(get(&server, &format!("/state?session_id={id}")).await.expect(200)["step_count"], 1);
    // One that is taken back has no answer.
    let late = json!({ "action": { "wait_seconds": 0.2 }, "session_id": id, "request_id": "s", "timeout_s": 0.01 });
    for _ in 0..2 {
        post(&server, "/step", &late).await.detail(504);
    }
    assert_eq!(get(&server, &format!("/state?session_id={id}")).await.expect(200)["step_count"], 1);
}
