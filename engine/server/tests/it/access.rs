//! Who reaches what, route by route, and what agents may do by themselves.

use std::num::NonZeroU32;

use casebook_server::{Config, Mode, SetupError, Tokens};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    client::{Answer, Socket, get, post, send, status},
    packs::{self, desk_file, desk_with},
    serve::{Running, config, start, start_in},
};
use futures_util::StreamExt;

const TABLE: &str = include_str!("access.table");
const ORCHESTRATOR: &str = "orchestrator-0123456789";
const AGENT: &str = "agent-0123456789abcdef";
const OTHER_AGENT: &str = "agent-fedcba9876543210";
const GRADER: &str = "grader-0123456789abcdef";
const OBSERVER: &str = "observer-0123456789abcdef";
const STANDARD: &str = "application/json, text/event-stream";

fn tokens(lines: &[(&str, &str)]) -> Tokens {
    let lines: Vec<String> = lines.iter().map(|(role, token)| format!("{role} {token}")).collect();
    Tokens::read(&lines.join("\n")).expect("tokens")
}

fn all() -> Tokens {
    tokens(&[
        ("orchestrator", ORCHESTRATOR),
        ("agent", AGENT),
        ("agent", OTHER_AGENT),
        ("grader", GRADER),
        ("observer", OBSERVER),
    ])
}

async fn guarded() -> Running {
    // The table asks without a token and with wrong ones more often than is let through.
    start(Config { tokens: all(), ..config() }).await
}

async fn with(server: &Running, token: &str, method: &str, path: &str, body: Option<&str>) -> Answer {
    send(server, method, path, &[("authorization", &format!("Bearer {token}"))], body).await
}

#[tokio::test]
async fn every_principal_reaches_what_the_table_says_and_nothing_else() {
    let none = start(config()).await;
    let open = start(Config { open: true, ..config() }).await;
    let alone = start(Config { tokens: tokens(&[("orchestrator", ORCHESTRATOR)]), ..config() }).await;
    let guarded = guarded().await;
    let askers = [
        (&none, None),
        (&open, None),
        (&alone, Some(ORCHESTRATOR)),
        (&guarded, Some(ORCHESTRATOR)),
        (&guarded, Some(AGENT)),
        (&guarded, Some(GRADER)),
        (&guarded, Some(OBSERVER)),
        (&guarded, None),
    ];
    let mut wrong = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (method, path) = (words[0], words[1]);
        assert_eq!(words.len(), 2 + askers.len(), "{line}");
        for (at, ((server, token), reaches)) in askers.iter().zip(&words[2..]).enumerate() {
            for base in ["", "/envs/desk"] {
                let authorization = token.map(|token| format!("Bearer {token}"));
                let headers: Vec<(&str, &str)> =
                    authorization.iter().map(|value| ("authorization", value.as_str())).collect();
                let told = status(server, method, &format!("{base}{path}"), &headers).await;
                let expected = match (*reaches, token) {
                    (".", _) => !matches!(told, 401 | 403),
                    (_, None) if at == askers.len() - 1 => told == 401,
                    _ => told == 403,
                };
                // What is of the whole server is not below an environment.
                if !(expected || !base.is_empty() && told == 404) {
                    wrong.push(format!("{method} {base}{path} in column {at}: {told}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_right_is_told_to_nobody_but_the_grader() {
    for mode in [Mode::Simulation, Mode::Production] {
        let server = start(Config { mode, ..config() }).await;
        let mut socket = Socket::open(&server, "/ws").await;
        let told = socket.reset(json!({ "task_id": "calm", "seed": 1, "episode_id": "mine" })).await;
        assert_eq!(told["type"], "observation");
        for path in ["/sessions/mine/truth", "/sessions/mine/grade"] {
            let text = get(&server, path).await.detail(403);
            assert!(text.contains("grader's token") && text.contains("--open"), "{text}");
        }
    }
    let server = guarded().await;
    // A fork that is played to its end tells no more than its origin.
    let reset = with(&server, ORCHESTRATOR, "POST", "/reset", Some(r#"{"task_id":"calm"}"#)).await;
    let id = reset.header("x-session-id").to_owned();
    let fork = with(&server, ORCHESTRATOR, "POST", &format!("/sessions/{id}/fork"), None).await.expect(200);
    let fork = fork["session_id"].as_str().expect("an id").to_owned();
    let path = format!("/sessions/{fork}/grade");
    with(&server, ORCHESTRATOR, "GET", &path, None).await.detail(403);
    assert_eq!(with(&server, GRADER, "GET", &path, None).await.expect(200)["score"], 0.0);
}

#[tokio::test]
async fn the_score_of_a_policy_that_knows_nothing_comes_without_an_explanation() {
    let grader = "/grader?task_id=calm&provider=closer";
    let server = guarded().await;
    let told = with(&server, GRADER, "POST", grader, None).await.expect(200);
    assert!(told["explanation"].is_array());
    let none = start(config()).await;
    let told = send(&none, "POST", grader, &[], None).await.expect(200);
    assert_eq!((&told["score"], &told["explanation"]), (&json!(0.5), &Value::Null));
    send(&none, "POST", "/grader?task_id=calm&provider=oracle", &[], None).await.detail(403);
}

#[tokio::test]
async fn openness_goes_neither_with_tokens_nor_with_production() {
    let folder = packs::write();
    let roots = [folder.path().to_path_buf()];
    for config in
        [Config { open: true, tokens: all(), ..config() }, Config { open: true, mode: Mode::Production, ..config() }]
    {
        assert_eq!(crate::serve::build(config, &roots).expect_err("it is refused"), SetupError::Open);
    }
}

#[tokio::test]
async fn an_open_server_does_not_run_where_others_reach_it() {
    let folder = packs::write();
    let server =
        crate::serve::build(Config { open: true, ..config() }, &[folder.path().to_path_buf()]).expect("a server");
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let error = server.run(listener, std::future::pending()).await.expect_err("it is refused");
    assert!(error.to_string().contains("loopback"), "{error}");
}

/// A server with all tokens whose first pack lets agents practise.
async fn practised(more: Config) -> Running {
    let folder: TempDir = packs::write();
    std::fs::write(desk_file(folder.path()), desk_with("baseline: closer\n", "baseline: closer\npractice: [train]\n"))
        .expect("a file");
    let root = folder.path().to_path_buf();
    start_in(Config { tokens: all(), environment: Some("desk".into()), ..more }, folder, &[root]).await
}

fn call(name: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": name, "params": params }).to_string()
}

fn acting(session: Option<&str>) -> String {
    let mut params = json!({ "name": "act", "arguments": { "action": "answer" } });
    if let Some(session) = session {
        params["session_id"] = session.into();
    }
    call("tools/call", &params)
}

async fn initialize(server: &Running, token: &str) -> Answer {
    let hello =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } });
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("accept", STANDARD)];
    send(server, "POST", "/mcp", &headers, Some(&call("initialize", &hello))).await
}

/// The status of a handshake on `/mcp` with an agent's token, and the first frame.
async fn first_frame(server: &Running, says: &str) -> Value {
    first_frame_on(server, "/mcp", says).await
}

async fn first_frame_on(server: &Running, path: &str, says: &str) -> Value {
    let mut request = format!("ws://{}{path}", server.address).into_client_request().expect("a request");
    request.headers_mut().insert("authorization", HeaderValue::from_str(&format!("Bearer {AGENT}")).expect("a header"));
    let (mut socket, _) = connect_async(request).await.expect("a socket");
    let _ = futures_util::SinkExt::send(&mut socket, Message::text(says)).await;
    match socket.next().await {
        Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("JSON"),
        other => panic!("no reply: {other:?}"),
    }
}

#[tokio::test]
async fn an_agent_acts_in_the_session_that_it_is_given_and_in_no_other() {
    let server = guarded().await;
    let refused = |answer: &Value| {
        let text = answer["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(text.contains("session_id") && text.contains("`desk` has no split to practise on"), "{answer}");
        assert_eq!(answer["error"]["code"], -32600, "{answer}");
    };
    refused(&initialize(&server, AGENT).await.expect(200));
    refused(&with(&server, AGENT, "POST", "/mcp", Some(&acting(None))).await.expect(200));
    refused(&first_frame(&server, &acting(None)).await);
    // What there is to call is no secret.
    let tools = with(&server, AGENT, "POST", "/mcp", Some(&call("tools/list", &json!({})))).await.expect(200);
    assert_eq!(tools["result"]["tools"][0]["name"], "act");

    let reset = with(&server, ORCHESTRATOR, "POST", "/reset", Some(r#"{"task_id":"busy"}"#)).await;
    let id = reset.header("x-session-id").to_owned();
    let told = with(&server, AGENT, "POST", "/mcp", Some(&acting(Some(&id)))).await.expect(200);
    assert_eq!(told["result"]["data"]["observation"]["step_count"], 1, "{told}");
    let in_query = with(&server, AGENT, "POST", &format!("/mcp?session_id={id}"), Some(&acting(None))).await;
    assert_eq!(in_query.expect(200)["result"]["data"]["observation"]["step_count"], 2, "{in_query:?}");
    let told = first_frame_on(&server, &format!("/mcp?session_id={id}"), &acting(None)).await;
    assert_eq!(told["result"]["data"]["observation"]["step_count"], 3, "{told}");
    let refused = first_frame_on(&server, "/mcp?session_id=nobody", &acting(None)).await;
    assert_eq!(refused["error"]["message"], "Unknown session_id: nobody", "{refused}");
    with(&server, ORCHESTRATOR, "GET", &format!("/sessions/{id}"), None).await.expect(200);
}

#[tokio::test]
async fn what_an_agent_opens_to_practise_is_no_other_agents() {
    let server = practised(config()).await;
    let opened = initialize(&server, AGENT).await;
    let id = opened.header("mcp-session-id").to_owned();
    let other = format!("Bearer {OTHER_AGENT}");
    for (path, header, body) in [
        ("/mcp".to_owned(), Some("mcp-session-id"), acting(None)),
        ("/mcp".to_owned(), Some("x-session-id"), acting(None)),
        (format!("/mcp?session_id={id}"), None, acting(None)),
        ("/mcp".to_owned(), None, acting(Some(&id))),
    ] {
        let mut headers = vec![("authorization", other.as_str())];
        headers.extend(header.map(|name| (name, id.as_str())));
        let plain = send(&server, "POST", &path, &headers, Some(&body)).await.expect(200);
        assert_eq!(plain["error"]["message"], format!("Unknown session_id: {id}"), "{path} {headers:?}");
        headers.push(("accept", STANDARD));
        let standard = send(&server, "POST", &path, &headers, Some(&body)).await;
        standard.detail(404);
    }
    for (token, status) in [(OTHER_AGENT, 404), (AGENT, 204)] {
        let bearer = format!("Bearer {token}");
        if status == 204 {
            // Nobody has acted in it before its own agent does.
            let told = with(&server, AGENT, "POST", "/mcp", Some(&acting(Some(&id)))).await.expect(200);
            assert_eq!(told["result"]["data"]["observation"]["step_count"], 1, "{told}");
        }
        let headers = [("authorization", bearer.as_str()), ("mcp-session-id", id.as_str())];
        assert_eq!(send(&server, "DELETE", "/mcp", &headers, None).await.status, status, "{token}");
    }
}

#[tokio::test]
async fn an_agent_does_not_end_what_its_orchestrator_opened_by_a_handshake() {
    let server = practised(config()).await;
    let opened = initialize(&server, ORCHESTRATOR).await;
    let id = opened.header("mcp-session-id").to_owned();
    with(&server, AGENT, "POST", "/mcp", Some(&acting(Some(&id)))).await.expect(200);
    for (token, status) in [(AGENT, 405), (ORCHESTRATOR, 204)] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("mcp-session-id", id.as_str())];
        assert_eq!(send(&server, "DELETE", "/mcp", &headers, None).await.status, status, "{token}");
    }
}

#[tokio::test]
async fn an_agent_practises_on_the_splits_that_the_pack_opens() {
    let server = practised(config()).await;
    let opened = initialize(&server, AGENT).await;
    opened.expect(200);
    let id = opened.header("mcp-session-id").to_owned();
    with(&server, AGENT, "POST", "/mcp", Some(&acting(Some(&id)))).await.expect(200);
    let shown = with(&server, ORCHESTRATOR, "GET", &format!("/sessions/{id}"), None).await.expect(200);
    assert_eq!(shown["task_id"], "calm");
    for _ in 0..20 {
        // The other task would show more items.
        let told = with(&server, AGENT, "POST", "/mcp", Some(&acting(None))).await.expect(200);
        assert_eq!(told["result"]["data"]["observation"]["open"], json!(["t-2"]), "{told}");
    }
    let told = first_frame(&server, &acting(None)).await;
    assert_eq!(told["result"]["data"]["observation"]["open"], json!(["t-2"]), "{told}");
    // The orchestrator is not bound to it.
    let reset = with(&server, ORCHESTRATOR, "POST", "/reset", Some(r#"{"task_id":"busy"}"#)).await;
    reset.expect(200);
}

#[tokio::test]
async fn agents_do_not_take_every_session() {
    let server = practised(Config { max_sessions: 16, ..config() }).await;
    for token in [AGENT, OTHER_AGENT] {
        for _ in 0..2 {
            initialize(&server, token).await.expect(200);
        }
        let refused = initialize(&server, token).await.expect(200);
        assert_eq!(refused["error"]["data"], json!({ "active_sessions": 2, "max_sessions": 2 }), "{refused}");
    }
    for _ in 0..12 {
        let create = call("openenv/session/create", &json!({}));
        let told = with(&server, ORCHESTRATOR, "POST", "/mcp", Some(&create)).await.expect(200);
        assert!(told["result"]["session_id"].is_string(), "{told}");
    }
}

#[tokio::test]
async fn wrong_tokens_are_looked_at_now_and_then() {
    let server = start(Config { tokens: all(), wrong_tokens: NonZeroU32::new(3), ..config() }).await;
    with(&server, ORCHESTRATOR, "GET", "/schema", None).await.expect(200);
    for _ in 0..3 {
        assert_eq!(with(&server, "orchestrator-012345678", "GET", "/schema", None).await.detail(401), "unknown token");
    }
    let held_off = with(&server, "orchestrator-012345678", "GET", "/schema", None).await;
    assert!(held_off.detail(429).starts_with("too many wrong tokens came from this address"), "{held_off:?}");
    assert!(!held_off.header("retry-after").is_empty());
    // One that has come from there before goes on, and one that may be the next guess is not looked at.
    with(&server, ORCHESTRATOR, "GET", "/schema", None).await.expect(200);
    with(&server, AGENT, "GET", "/schema", None).await.detail(429);
    get(&server, "/health").await.expect(200);
}

#[tokio::test]
async fn who_has_no_token_is_counted_as_well() {
    let server = start(Config { tokens: all(), wrong_tokens: None, rate: NonZeroU32::new(2), ..config() }).await;
    for _ in 0..2 {
        assert_eq!(with(&server, "orchestrator-012345678", "GET", "/schema", None).await.status, 401);
    }
    for token in [None, Some("orchestrator-012345678")] {
        let answer = match token {
            None => get(&server, "/schema").await,
            Some(token) => with(&server, token, "GET", "/schema", None).await,
        };
        assert_eq!(answer.status, 429, "{answer:?}");
    }
    with(&server, ORCHESTRATOR, "GET", "/schema", None).await.expect(200);
    post(&server, "/mcp", &json!({})).await.detail(429);
}

#[tokio::test]
async fn what_a_label_says_is_not_told_with_a_rejected_change() {
    let watched = || Config { watch: true, poll: Some(std::time::Duration::from_millis(20)), ..config() };
    let server = start(Config { tokens: all(), ..watched() }).await;
    // An address of this machine is no proof: a proxy may stand there.
    let own = start(watched()).await;
    let production = start(Config { mode: Mode::Production, ..watched() }).await;
    let opened = start(Config { open: true, ..watched() }).await;
    for server in [&server, &own, &production, &opened] {
        let broken = desk_with("then: { action: answer }", "then: { action: answre }");
        std::fs::write(desk_file(server.path()), broken).expect("it is written");
    }
    for (server, token, whole) in [
        (&server, OBSERVER, false),
        (&server, ORCHESTRATOR, false),
        (&own, "", false),
        (&production, "", false),
        (&opened, "", true),
    ] {
        let path = "/reload";
        crate::client::until("it is rejected", async || {
            with(server, token, "GET", path, None).await.expect(200)["outcome"] == "rejected"
        })
        .await;
        let told = with(server, token, "GET", path, None).await;
        assert_eq!(told.text.contains("answre"), whole, "{token}: {told:?}");
        let first = &told.expect(200)["rejected"]["diagnostics"][0];
        assert!(first["line"].as_u64().is_some_and(|line| line > 0) && first["code"].is_string(), "{first}");
    }
}
