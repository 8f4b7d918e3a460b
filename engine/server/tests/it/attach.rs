//! Sockets that attach to sessions, and sessions that end later.

use casebook_server::Config;
use serde_json::{Value, json};

use crate::{
    client::{Socket, error, get, post, send, until},
    serve::{Running, config, start},
};

async fn rpc(server: &Running, method: &str, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    post(server, "/mcp", &body).await.expect(200)
}

async fn create(server: &Running) -> String {
    let created = rpc(server, "openenv/session/create", json!({})).await;
    created["result"]["session_id"].as_str().expect("an id").to_string()
}

async fn close(server: &Running, id: &str) -> Value {
    rpc(server, "openenv/session/close", json!({ "session_id": id })).await
}

async fn own_id(socket: &mut Socket) -> String {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" });
    let reply = socket.ask(&json!({ "type": "mcp", "data": call })).await;
    reply["data"]["result"]["session_id"].as_str().expect("an id").to_string()
}

/// Opens a socket that is refused, and gives the reason.
async fn refused(server: &Running, path: &str) -> String {
    let mut socket = Socket::open(server, path).await;
    let text = error(&socket.hear().await, "SESSION_ERROR");
    assert_eq!(u16::from(socket.closed().await.code), 1000);
    text
}

#[tokio::test]
async fn a_session_outlives_the_sockets_that_attach_to_it() {
    let server = start(config()).await;
    let id = create(&server).await;
    let path = format!("/ws?session_id={id}");
    let mut socket = Socket::open(&server, &path).await;
    socket.reset(json!({ "task_id": "calm" })).await;
    socket.step(json!({ "action": "answer" })).await;
    socket.say(r#"{"type":"close"}"#).await;
    socket.closed().await;

    let mut socket = Socket::open(&server, &path).await;
    assert_eq!(socket.state().await["step_count"], 1);
    drop(socket.into_stream());
    let headers = [("x-session-id", id.as_str())];
    assert_eq!(send(&server, "GET", "/state", &headers, None).await.expect(200)["step_count"], 1);
}

#[tokio::test]
async fn sessions_of_reset_are_attached_to_as_well() {
    let server = start(config()).await;
    let id = post(&server, "/reset", &json!({ "task_id": "calm" })).await.header("x-session-id").to_string();
    let mut socket = Socket::open(&server, &format!("/ws?session_id={id}")).await;
    assert_eq!(socket.state().await["task_id"], "calm");
    socket.step(json!({ "action": "answer" })).await;
    assert_eq!(get(&server, "/state").await.expect(200)["step_count"], 1);
}

#[tokio::test]
async fn one_socket_at_a_time_is_attached() {
    let server = start(config()).await;
    let id = create(&server).await;
    let path = format!("/ws?session_id={id}");
    let mut first = Socket::open(&server, &path).await;
    first.state().await;
    assert_eq!(refused(&server, &path).await, format!("Session {id} already has an attached WebSocket"));

    let mut own = Socket::open(&server, "/ws").await;
    let own_id = own_id(&mut own).await;
    let text = refused(&server, &format!("/ws?session_id={own_id}")).await;
    assert_eq!(text, format!("Session {own_id} already has an attached WebSocket"));
    assert_eq!(own.state().await["step_count"], 0);
}

#[tokio::test]
async fn attaching_is_refused_with_a_reason() {
    let server = start(config()).await;
    assert_eq!(refused(&server, "/ws?session_id=nobody").await, "Unknown session_id: nobody");
    let id = create(&server).await;
    let text = refused(&server, &format!("/envs/parcels/ws?session_id={id}")).await;
    assert_eq!(text, format!("Session {id} belongs to the environment `desk`, not to `parcels`"));
    let mut socket = Socket::open(&server, "/ws?session_id=").await;
    assert_eq!(socket.state().await["step_count"], 0);
}

#[tokio::test]
async fn closing_an_attached_session_waits_for_its_socket() {
    let server = start(Config { max_sessions: 1, ..config() }).await;
    let id = create(&server).await;
    let mut socket = Socket::open(&server, &format!("/ws?session_id={id}")).await;
    socket.reset(json!({ "task_id": "calm" })).await;
    for _ in 0..2 {
        let closing = close(&server, &id).await;
        assert_eq!(closing["result"], json!({ "session_id": id, "closed": false, "closing": true }));
    }
    assert_eq!(socket.step(json!({ "action": "answer" })).await["data"]["reward"], 1.0);
    socket.say(r#"{"type":"close"}"#).await;
    socket.closed().await;
    assert_eq!(close(&server, &id).await["error"]["message"], format!("Unknown session_id: {id}"));
    create(&server).await;
}

#[tokio::test]
async fn closing_the_session_of_a_socket_from_outside_waits_as_well() {
    let server = start(Config { max_sessions: 1, ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let id = own_id(&mut socket).await;
    assert_eq!(close(&server, &id).await["result"]["closing"], true);
    // It is still counted, and still works.
    assert_eq!(rpc(&server, "openenv/session/create", json!({})).await["error"]["code"], -32000);
    socket.reset(json!({})).await;
    drop(socket.into_stream());
    until("the slot is free", async || rpc(&server, "openenv/session/create", json!({})).await["error"].is_null())
        .await;
}
