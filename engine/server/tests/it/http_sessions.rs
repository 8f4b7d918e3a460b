//! Episodes over HTTP: which one a request is for.

use casebook_server::Config;
use serde_json::{Value, json};

use crate::{
    client::{Connection, get, post, send, until},
    serve::{Running, config, start},
};

const ANSWER: &str = r#"{"action":"answer"}"#;

/// Starts an episode without naming a session, and gives its id.
async fn reset(server: &Running, task: &str) -> String {
    let answer = post(server, "/reset", &json!({ "task_id": task, "seed": 1 })).await;
    answer.expect(200);
    answer.header("x-session-id").to_string()
}

async fn step_of(server: &Running, id: &str) -> Value {
    send(server, "POST", "/step", &[("x-session-id", id)], Some(ANSWER)).await.expect(200)
}

#[tokio::test]
async fn reset_tells_the_id_in_three_places() {
    let server = start(config()).await;
    let answer = post(&server, "/reset", &json!({ "task_id": "calm", "seed": 1 })).await;
    let body = answer.expect(200);
    let id = answer.header("x-session-id");
    assert_eq!(id.len(), 36);
    assert_eq!(answer.header("set-cookie"), format!("casebook_session={id}; HttpOnly; SameSite=Lax; Path=/"));
    assert_eq!((&body["metadata"]["session_id"], &body["reward"]), (&json!(id), &Value::Null));
    assert_eq!(body["observation"]["metadata"], body["metadata"]);
}

#[tokio::test]
async fn the_id_is_taken_from_header_cookie_query_and_body() {
    let server = start(config()).await;
    let id = reset(&server, "busy").await;
    reset(&server, "calm").await;
    step_of(&server, &id).await;
    let cookie = format!("theme=dark; casebook_session={id}");
    let state = send(&server, "GET", "/state", &[("cookie", &cookie)], None).await.expect(200);
    assert_eq!((&state["step_count"], &state["task_id"]), (&json!(1), &json!("busy")));
    send(&server, "POST", &format!("/step?session_id={id}"), &[], Some(ANSWER)).await.expect(200);
    let wrapped = json!({ "action": { "action": "close" }, "session_id": id });
    assert_eq!(post(&server, "/step", &wrapped).await.expect(200)["done"], true);
    let state = send(&server, "GET", "/state", &[("x-session-id", &id)], None).await.expect(200);
    assert_eq!((&state["step_count"], &state["done"]), (&json!(3), &json!(true)));
}

#[tokio::test]
async fn explicit_ids_win_over_cookies_and_must_exist() {
    let server = start(config()).await;
    let (first, second) = (reset(&server, "busy").await, reset(&server, "calm").await);
    let cookie = format!("casebook_session={first}");
    let headers = [("cookie", cookie.as_str()), ("x-session-id", second.as_str())];
    assert_eq!(send(&server, "GET", "/state", &headers, None).await.expect(200)["task_id"], "calm");
    for path in ["/reset", "/step"] {
        let text = send(&server, "POST", path, &[("x-session-id", "gone")], Some(ANSWER)).await;
        // An action is no argument of a reset, which is told first.
        assert_eq!(text.status, if path == "/reset" { 422 } else { 404 });
    }
    let text = send(&server, "POST", "/reset", &[("x-session-id", "gone")], Some("{}")).await.detail(404);
    assert!(text.contains("`gone`"), "{text}");
    let text = send(&server, "GET", "/envs/parcels/state", &[("x-session-id", &first)], None).await.detail(404);
    assert!(text.contains("`desk`"), "{text}");
}

#[tokio::test]
async fn stale_cookies_are_ignored() {
    let server = start(config()).await;
    let headers = [("cookie", "casebook_session=gone")];
    assert_eq!(send(&server, "GET", "/state", &headers, None).await.expect(200)["episode_id"], Value::Null);
    let answer = send(&server, "POST", "/reset", &headers, Some("{}")).await;
    answer.expect(200);
    assert_ne!(answer.header("x-session-id"), "gone");
}

#[tokio::test]
async fn reset_with_a_known_id_starts_again_in_that_session() {
    let server = start(config()).await;
    let id = reset(&server, "calm").await;
    step_of(&server, &id).await;
    let again = send(&server, "POST", "/reset", &[("x-session-id", &id)], Some(r#"{"task_id":"busy"}"#)).await;
    assert_eq!(again.header("x-session-id"), id);
    assert_eq!(again.expect(200)["metadata"]["task_id"], "busy");
    let refused = send(&server, "POST", "/reset", &[("x-session-id", &id)], Some(r#"{"task_id":"none"}"#)).await;
    refused.expect(422);
    let state = send(&server, "GET", "/state", &[("x-session-id", &id)], None).await.expect(200);
    assert_eq!((&state["task_id"], &state["step_count"]), (&json!("busy"), &json!(0)));
}

#[tokio::test]
async fn without_an_id_the_clients_own_episode_goes_on() {
    let server = start(config()).await;
    assert_eq!(get(&server, "/state").await.expect(200)["step_count"], 0);

    reset(&server, "calm").await;
    assert_eq!(post(&server, "/step", &json!({ "action": "answer" })).await.expect(200)["reward"], 1.0);
    assert_eq!(get(&server, "/state").await.expect(200)["step_count"], 1);
    // Another environment has another.
    post(&server, "/envs/parcels/step", &json!({ "route": "air" })).await.expect(200);

    post(&server, "/step", &json!({ "action": "close" })).await.expect(200);
    let text = post(&server, "/step", &json!({ "action": "close" })).await.detail(409);
    assert!(text.contains("the episode is done"), "{text}");
    assert_eq!(get(&server, "/state").await.expect(200)["done"], true);
}

#[tokio::test]
async fn the_next_episode_takes_the_place_of_the_last_for_who_names_none() {
    let server = start(config()).await;
    let first = reset(&server, "busy").await;
    reset(&server, "calm").await;
    post(&server, "/step", &json!({ "action": "answer" })).await.expect(200);
    let state = get(&server, "/state").await.expect(200);
    assert_eq!((&state["task_id"], &state["step_count"]), (&json!("calm"), &json!(1)));
    // Who names the first goes on with it.
    assert_eq!(step_of(&server, &first).await["reward"], 1.0);
}

#[tokio::test]
async fn an_abandoned_episode_is_in_nobodys_way() {
    let server = start(Config { max_sessions: 1, ..config() }).await;
    for _ in 0..3 {
        reset(&server, "busy").await;
        post(&server, "/step", &json!({ "action": "answer" })).await.expect(200);
    }
    // One that is named is.
    let named = reset(&server, "busy").await;
    step_of(&server, &named).await;
    post(&server, "/reset", &json!({})).await.detail(503);
    assert_eq!(step_of(&server, &named).await["done"], false);
}

#[tokio::test]
async fn a_first_step_begins_an_episode() {
    let server = start(config()).await;
    let answer = post(&server, "/step", &json!({ "action": "answer" })).await;
    let body = answer.expect(200);
    assert_eq!(body["observation"]["step_count"], 1);
    let id = answer.header("x-session-id").to_owned();
    assert_eq!(body["metadata"]["session_id"], json!(id));
    assert!(answer.header("set-cookie").starts_with(&format!("casebook_session={id};")), "{answer:?}");
    assert_eq!(step_of(&server, &id).await["observation"]["step_count"], 2);
    // What is refused begins none.
    let server = start(config()).await;
    post(&server, "/step", &json!({ "action": "shout" })).await.entry();
    assert_eq!(get(&server, "/state").await.expect(200)["episode_id"], Value::Null);
    assert!(get(&server, "/metrics").await.text.contains("casebook_slots_used 0\n"));
}

#[tokio::test]
async fn what_an_open_connection_goes_on_with_is_no_strangers() {
    let server = start(config()).await;
    let mut kept = Connection::open(&server).await;
    let id = kept.ask("POST", "/reset", r#"{"task_id":"busy"}"#).await["metadata"]["session_id"].clone();
    // Another client of the same address begins its own.
    let other = post(&server, "/step", &json!({ "action": "answer" })).await;
    assert_ne!(other.header("x-session-id"), id.as_str().expect("an id"));
    reset(&server, "calm").await;
    let state = kept.ask("GET", "/state", "").await;
    assert_eq!((&state["task_id"], &state["step_count"]), (&json!("busy"), &json!(0)));
    // When it is gone, its client may have come back over another one.
    drop(kept);
    let server = start(config()).await;
    let mut kept = Connection::open(&server).await;
    let id = kept.ask("POST", "/reset", r#"{"task_id":"busy"}"#).await["metadata"]["session_id"].clone();
    drop(kept);
    until("it goes on", async || get(&server, "/state").await.expect(200)["task_id"] == "busy").await;
    let told = post(&server, "/step", &json!({ "action": "answer" })).await;
    assert_eq!(told.header("x-session-id"), id.as_str().expect("an id"));
    // Whoever a proxy asks for is somebody else.
    let forwarded = [("x-forwarded-for", "203.0.113.9")];
    let told = send(&server, "GET", "/state", &forwarded, None).await.expect(200);
    assert_eq!(told["episode_id"], Value::Null);
}

#[tokio::test]
async fn who_names_a_session_does_not_disturb_who_does_not() {
    let server = start(config()).await;
    let named = reset(&server, "busy").await;
    step_of(&server, &named).await;
    reset(&server, "calm").await;
    post(&server, "/step", &json!({ "action": "answer" })).await.expect(200);
    post(&server, "/step", &json!({ "action": "close" })).await.expect(200);
    post(&server, "/step", &json!({ "action": "close" })).await.detail(409);
    let state = send(&server, "GET", "/state", &[("x-session-id", &named)], None).await.expect(200);
    assert_eq!((&state["task_id"], &state["step_count"]), (&json!("busy"), &json!(1)));
}

#[tokio::test]
async fn sessions_are_opened_and_ended_over_json_rpc() {
    let server = start(config()).await;
    let create = json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" });
    let id = post(&server, "/mcp", &create).await.expect(200)["result"]["session_id"].clone();
    let id = id.as_str().expect("an id");
    let headers = [("x-session-id", id)];
    send(&server, "POST", "/step", &headers, Some(ANSWER)).await.expect(200);
    send(&server, "POST", "/reset", &headers, Some("{}")).await.expect(200);
    let close = |id: &str| json!({ "jsonrpc": "2.0", "id": 2, "method": "openenv/session/close", "params": { "session_id": id } });
    let closed = post(&server, "/mcp", &close(id)).await.expect(200);
    assert_eq!(closed["result"], json!({ "session_id": id, "closed": true }));
    let again = post(&server, "/mcp", &close(id)).await.expect(200);
    assert_eq!(again["error"]["code"], -32602);
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_the_same_step() {
    let server = start(config()).await;
    let id = reset(&server, "calm").await;
    let asked = |request: &str| json!({ "action": { "action": "answer" }, "session_id": id, "request_id": request });
    let first = post(&server, "/step", &asked("one")).await;
    let again = post(&server, "/step", &asked("one")).await;
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    assert_eq!(get(&server, &format!("/state?session_id={id}")).await.expect(200)["step_count"], 1);
    // Another id, or none, is another step; what is refused is no answer to remember.
    post(&server, "/step", &json!({ "action": { "action": "no" }, "session_id": id, "request_id": "two" }))
        .await
        .entry();
    let last = post(&server, "/step", &asked("two")).await;
    assert_eq!(last.expect(200)["done"], true);
    assert_eq!(post(&server, "/step", &asked("two")).await.text, last.text);
    assert_eq!(post(&server, "/step", &asked("one")).await.status, 409);
    // After another reset it is a step of another episode.
    post(&server, "/reset", &json!({ "task_id": "calm", "session_id": id })).await.expect(200);
    assert_eq!(post(&server, "/step", &asked("two")).await.expect(200)["done"], false);
}
