//! Who may do what, where there are tokens.

use casebook_server::{Config, SetupError, TokenError, Tokens};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    client::{Answer, error, get, send, send_upgrade},
    serve::{Running, build, config, start},
};

const ORCHESTRATOR: &str = "orchestrator-0123456789";
const AGENT: &str = "agent-0123456789abcdef";
const GRADER: &str = "grader-0123456789abcdef";
const OBSERVER: &str = "observer-0123456789abcdef";

fn tokens() -> Tokens {
    let lines = format!("orchestrator {ORCHESTRATOR}\nagent {AGENT}\ngrader {GRADER}\nobserver {OBSERVER}\n");
    Tokens::read(&lines).expect("tokens")
}

async fn guarded() -> Running {
    start(Config { tokens: tokens(), ..config() }).await
}

async fn with(server: &Running, token: &str, method: &str, path: &str, body: Option<&str>) -> Answer {
    let header = format!("Bearer {token}");
    send(server, method, path, &[("authorization", &header)], body).await
}

/// The status of a handshake on `/ws`.
async fn handshake(server: &Running, token: Option<&str>) -> u16 {
    let mut request = format!("ws://{}/ws", server.address).into_client_request().expect("a request");
    if let Some(token) = token {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header");
        request.headers_mut().insert("authorization", value);
    }
    match connect_async(request).await {
        Ok((_, response)) => response.status().as_u16(),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_principal_reaches_its_own_surface() {
    let server = guarded().await;
    let rpc = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let requests: [(&str, &str, Option<&str>, [bool; 4]); 16] = [
        ("POST", "/reset", Some("{}"), [true, false, false, false]),
        ("POST", "/step", Some(r#"{"action":"answer"}"#), [true, false, false, false]),
        ("GET", "/state", None, [true, false, false, false]),
        ("GET", "/sessions/nobody", None, [true, false, false, false]),
        ("POST", "/sessions/nobody/fork", None, [true, false, false, false]),
        ("GET", "/tasks", None, [true, false, false, true]),
        ("POST", "/mcp", Some(rpc), [true, true, false, false]),
        ("POST", "/grader", None, [false, false, true, false]),
        ("GET", "/sessions/nobody/grade", None, [false, false, true, false]),
        ("POST", "/sessions/nobody/regrade", None, [false, false, true, false]),
        ("GET", "/sessions/nobody/truth", None, [false, false, true, false]),
        ("POST", "/regrade", Some("{}"), [false, false, true, false]),
        ("GET", "/metrics", None, [true, false, false, true]),
        ("GET", "/reload", None, [true, false, false, true]),
        ("GET", "/schema", None, [true, true, true, true]),
        ("GET", "/envs/parcels/metadata", None, [true, true, true, true]),
    ];
    for (method, path, body, allowed) in requests {
        let none = send(&server, method, path, &[], body).await;
        assert_eq!((none.status, none.header("www-authenticate")), (401, "Bearer"), "{method} {path}");
        assert_eq!(with(&server, "orchestrator-012345678", method, path, body).await.status, 401);
        for (token, allowed) in [ORCHESTRATOR, AGENT, GRADER, OBSERVER].into_iter().zip(allowed) {
            let answer = with(&server, token, method, path, body).await;
            assert_eq!(!matches!(answer.status, 401 | 403), allowed, "{method} {path} {token}: {answer:?}");
        }
    }
    assert_eq!(with(&server, AGENT, "POST", "/reset", Some("{}")).await.detail(403), "the agent may not do this");
}

#[tokio::test]
async fn sockets_need_the_orchestrators_token() {
    let server = guarded().await;
    assert_eq!(handshake(&server, None).await, 401);
    assert_eq!(handshake(&server, Some("wrong")).await, 401);
    for token in [AGENT, GRADER, OBSERVER] {
        assert_eq!(handshake(&server, Some(token)).await, 403);
    }
    assert_eq!(handshake(&server, Some(ORCHESTRATOR)).await, 101);
}

/// The status of a handshake on `/ws` that offers protocols, as a page does, and the one that is chosen.
async fn offered(server: &Running, protocols: &str) -> (u16, String) {
    let headers = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", protocols),
    ];
    send_upgrade(server, "/ws", &headers).await
}

#[tokio::test]
async fn a_page_bears_its_token_among_the_protocols_of_its_socket() {
    let odd = "a-token,/with=signs";
    let mut tokens = tokens();
    tokens.add(casebook_server::Role::Orchestrator, odd).expect("a token");
    let server = start(Config { tokens, ..config() }).await;
    let chosen = (101, "casebook".to_owned());
    assert_eq!(offered(&server, &format!("casebook, bearer.{ORCHESTRATOR}")).await, chosen);
    assert_eq!(offered(&server, "bearer.a-token%2C%2Fwith%3Dsigns,casebook").await, chosen);
    // What it offers with the token is not told back; a page is let in only with the other.
    assert_eq!(offered(&server, &format!("bearer.{ORCHESTRATOR}")).await, (101, String::new()));
    assert_eq!(offered(&server, "casebook").await.0, 401);
    assert_eq!(offered(&server, "casebook, bearer.wrong").await.0, 401);
    assert_eq!(offered(&server, &format!("casebook, bearer.{AGENT}")).await.0, 403);
}

#[tokio::test]
async fn an_agent_neither_opens_nor_ends_sessions() {
    let server = guarded().await;
    for method in ["openenv/session/create", "openenv/session/close"] {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "session_id": "x" } }).to_string();
        let refused = with(&server, AGENT, "POST", "/mcp", Some(&call)).await.expect(200);
        assert_eq!(refused["error"]["code"], -32600, "{refused}");
        let known = with(&server, ORCHESTRATOR, "POST", "/mcp", Some(&call)).await.expect(200);
        assert_ne!(known["error"]["message"], refused["error"]["message"]);
    }
}

#[tokio::test]
async fn health_readiness_and_the_page_need_no_token() {
    let server = guarded().await;
    assert_eq!(get(&server, "/health").await.expect(200), json!({ "status": "healthy" }));
    assert_eq!(get(&server, "/ready").await.expect(200), json!({ "status": "ready" }));
    assert_eq!(get(&server, "/").await.status, 200);
}

#[tokio::test]
async fn a_surface_without_a_token_is_the_orchestrators() {
    let tokens = Tokens::read(&format!("orchestrator {ORCHESTRATOR}")).expect("tokens");
    let server = start(Config { tokens, ..config() }).await;
    for (method, path) in [("POST", "/grader"), ("GET", "/metrics"), ("POST", "/mcp")] {
        let answer = with(&server, ORCHESTRATOR, method, path, None).await;
        assert!(!matches!(answer.status, 401 | 403), "{path}: {answer:?}");
    }
    // But for what is right, which nobody has who has no token for it.
    with(&server, ORCHESTRATOR, "GET", "/sessions/nobody/truth", None).await.detail(403);
}

#[tokio::test]
async fn tokens_without_the_orchestrators_are_refused_at_the_start() {
    let folder = crate::packs::write();
    let tokens = Tokens::read(&format!("agent {AGENT}")).expect("tokens");
    let refused = build(Config { tokens, ..config() }, &[folder.path().to_path_buf()]).expect_err("it is refused");
    assert_eq!(refused, SetupError::Tokens(TokenError::NoOrchestrator));
}

#[tokio::test]
async fn sessions_are_counted_by_token() {
    let server = start(Config { tokens: tokens(), sessions_per_client: Some(1), ..config() }).await;
    let id = with(&server, ORCHESTRATOR, "POST", "/reset", Some("{}")).await.header("x-session-id").to_owned();
    // One that is named makes no room.
    with(&server, ORCHESTRATOR, "GET", &format!("/state?session_id={id}"), None).await.expect(200);
    let refused = with(&server, ORCHESTRATOR, "POST", "/reset", Some("{}")).await.detail(429);
    assert_eq!(refused, "Client at capacity: 1/1 of its sessions active. Cannot accept new connections.");
}

#[tokio::test]
async fn sessions_are_counted_by_address() {
    let server = start(Config { sessions_per_client: Some(1), ..config() }).await;
    let mut first = crate::client::Socket::open(&server, "/ws").await;
    first.state().await;
    let mut second = crate::client::Socket::open(&server, "/ws?wait=30").await;
    let frame = second.hear().await;
    assert!(error(&frame, "CAPACITY_REACHED").starts_with("Client at capacity: 1/1"));
    assert_eq!((&frame["data"]["active_sessions"], &frame["data"]["max_sessions"]), (&json!(1), &json!(1)));
    assert_eq!(first.state().await["episode_id"], Value::Null);
}
