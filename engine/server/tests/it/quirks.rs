//! Where the stock server does what nobody wants, and this one does better: one test a quirk.

use std::time::Duration;

use casebook_server::Config;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{Socket, error, get, post, send},
    serve::{config, start},
};

#[tokio::test]
async fn an_unknown_split_is_a_404_that_lists_the_splits() {
    let server = start(config()).await;
    for path in ["tasks", "num_tasks", "task_range"] {
        let text = post(&server, &format!("/desk/{path}"), &json!({ "split": "trian" })).await.detail(404);
        assert_eq!(text, "unknown split `trian`; did you mean `train`? `desk` has `train`, `test`");
    }
}

#[tokio::test]
async fn frames_that_are_no_objects_keep_the_session() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "episode_id": "kept" })).await;
    for frame in ["[1]", "\"x\"", "null", "3"] {
        socket.say(frame).await;
        error(&socket.hear().await, "VALIDATION_ERROR");
    }
    socket.say_message(Message::binary(br#"{"type":"state"}"#.to_vec())).await;
    error(&socket.hear().await, "VALIDATION_ERROR");
    assert_eq!(socket.state().await["episode_id"], "kept");
}

#[tokio::test]
async fn json_rpc_frames_that_are_no_objects_keep_the_socket() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/mcp").await;
    for (frame, code) in [("[]", -32700), ("3", -32700), ("{", -32700), ("{}", -32600)] {
        socket.say(frame).await;
        assert_eq!(socket.hear().await["error"]["code"], json!(code), "{frame}");
    }
    socket.say_message(Message::binary(b"{}".to_vec())).await;
    assert_eq!(socket.hear().await["error"]["code"], json!(-32700));
    let created = socket.ask(&json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" })).await;
    assert!(created["result"]["session_id"].is_string(), "{created}");
}

#[tokio::test]
async fn unknown_reset_keywords_are_refused_with_a_hint() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let message = error(&socket.reset(json!({ "taskid": "calm" })).await, "VALIDATION_ERROR");
    assert!(message.contains("did you mean `task_id`?"), "{message}");
    let entry = post(&server, "/reset", &json!({ "sede": 1 })).await.entry();
    assert!(entry["msg"].as_str().is_some_and(|msg| msg.contains("did you mean `seed`?")), "{entry}");
}

#[tokio::test]
async fn negative_seeds_are_refused_over_the_socket_too() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let frame = socket.reset(json!({ "seed": -5 })).await;
    error(&frame, "VALIDATION_ERROR");
    assert_eq!(frame["data"]["errors"][0]["type"], "greater_than_equal");
}

#[tokio::test]
async fn a_missing_environment_is_json_wherever_it_is_asked_for() {
    let server = start(config()).await;
    for path in ["metadata", "schema", "health", "docs", "openapi.json", "list_environments"] {
        assert!(get(&server, &format!("/envs/dest/{path}")).await.detail(404).contains("`desk`"), "{path}");
    }
    let create = json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" });
    let refused = post(&server, "/envs/dest/mcp", &create).await.expect(200);
    assert_eq!(refused["error"]["data"], json!({ "factory_name": "dest" }));
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let failed = post(&server, "/envs/dest/mcp", &list).await.expect(200);
    assert!(failed["error"]["message"].as_str().is_some_and(|text| text.contains("`desk`")), "{failed}");
    let mut socket = Socket::open(&server, "/envs/dest/mcp").await;
    let refused = socket.hear().await;
    assert_eq!(refused["error"]["data"], json!({ "factory_name": "dest" }));
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&Value::Null, &json!(-32000)));
    assert_eq!(u16::from(socket.closed().await.code), 1000);
}

#[tokio::test]
async fn the_pages_about_the_api_load_nothing_from_elsewhere() {
    let server = start(config()).await;
    for path in ["/docs", "/redoc", "/envs/parcels/docs", "/envs/parcels/redoc"] {
        let page = get(&server, path).await;
        assert_eq!(page.status, 200);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'self'") && !policy.contains("http"), "{policy}");
        for outside in ["<script src=\"http", "<link rel=\"stylesheet\" href=\"http"] {
            assert!(!page.text.contains(outside), "{path}");
        }
        assert!(page.text.contains("openapi.json"));
    }
}

#[tokio::test]
async fn head_and_options_are_refused_as_they_always_were() {
    let server = start(config()).await;
    for (path, allow) in [("/health", "GET"), ("/reset", "POST"), ("/envs/desk/schema", "GET"), ("/docs", "GET")] {
        for method in ["HEAD", "OPTIONS"] {
            let answer = send(&server, method, path, &[], None).await;
            assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
        }
    }
    assert_eq!(send(&server, "HEAD", "/nope", &[], None).await.status, 404);
}

#[tokio::test]
async fn failures_are_json_with_a_detail_and_never_plain_text() {
    let server = start(config()).await;
    for (method, path, body, status) in [
        ("GET", "/nope", "", 404),
        ("GET", "/envs/dest/state", "", 404),
        ("GET", "/step", "", 405),
        ("POST", "/step", "{}", 422),
        ("POST", "/reset", "[]", 422),
        ("POST", "/desk/task", r#"{"split":"train","index":9}"#, 400),
        ("GET", "/ws", "", 426),
    ] {
        let answer = send(&server, method, path, &[], (!body.is_empty()).then_some(body)).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "{method} {path}");
        assert!(answer.json().get("detail").is_some(), "{method} {path}");
    }
}

#[tokio::test]
async fn an_idle_socket_is_told_and_closed_instead_of_going_on_uncounted() {
    let idle_timeout = Some(Duration::from_millis(50));
    let server = start(Config { max_sessions: 1, idle_timeout, ..config() }).await;
    for (path, code) in [("/ws", "/data/code"), ("/mcp", "/error/code")] {
        let mut socket = Socket::open(&server, path).await;
        let told = socket.hear().await;
        assert!(told.to_string().contains("rested for more than"), "{told}");
        assert!(told.pointer(code).is_some(), "{told}");
        // No end that the client asked for.
        assert_eq!(u16::from(socket.closed().await.code), 4408);
    }
    let mut next = Socket::open(&server, "/ws").await;
    assert_eq!(next.state().await["step_count"], 0);
}

#[tokio::test]
async fn the_session_of_a_socket_is_neither_joined_nor_ended_from_outside() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "episode_id": "own" })).await;
    let create = json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" });
    let own = socket.ask(&json!({ "type": "mcp", "data": create })).await;
    let id = own["data"]["result"]["session_id"].as_str().expect("an id").to_string();
    let mut other = Socket::open(&server, &format!("/ws?session_id={id}")).await;
    let message = error(&other.hear().await, "SESSION_ERROR");
    assert_eq!(message, format!("Session {id} already has an attached WebSocket"));
    let close = json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/close", "params": { "session_id": id } });
    let closed = post(&server, "/mcp", &close).await.expect(200);
    assert_eq!((&closed["result"]["closed"], &closed["result"]["closing"]), (&json!(false), &json!(true)));
    assert_eq!(socket.state().await["episode_id"], "own");
}

#[tokio::test]
async fn visitors_over_http_do_not_share_an_environment() {
    let server = start(config()).await;
    // Below `/web` the stock server has one for all.
    for base in ["", "/web"] {
        let first = post(&server, &format!("{base}/reset"), &json!({ "task_id": "calm" })).await;
        let second = post(&server, &format!("{base}/reset"), &json!({ "task_id": "busy" })).await;
        for (visitor, task) in [(&first, "calm"), (&second, "busy")] {
            let headers = [("x-session-id", visitor.header("x-session-id"))];
            let state = send(&server, "GET", &format!("{base}/state"), &headers, None).await.expect(200);
            assert_eq!(state["task_id"], task);
        }
    }
}
