//! How much a client may send, and how often.

use std::num::NonZeroU32;

use casebook_server::{Config, Limits, Tokens};
use serde_json::json;

use crate::{
    client::{Socket, error, get, post, send, until},
    serve::{config, start},
};

fn tight() -> Config {
    Config { limits: Limits { message: 4000, nesting: 5, text: 100, batch: 10 }, ..config() }
}

#[tokio::test]
async fn bodies_are_refused_by_what_they_hold() {
    let server = start(tight()).await;
    post(&server, "/reset", &json!({})).await.expect(200);
    let deep = json!({ "action": "answer", "metadata": { "a": [[[[[]]]]] } });
    let long = json!({ "action": "answer", "note": "x".repeat(101) });
    let wide = json!({ "action": "answer", "metadata": { "a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] } });
    for (body, kind, msg) in [
        (deep, "too_deep", "brackets are nested more than 5 deep"),
        (long, "string_too_long", "a text has 101 bytes; 100 are read"),
        (wide, "too_long", "a list or object has more than 10 elements"),
    ] {
        let entry = post(&server, "/step", &body).await.entry();
        assert_eq!((&entry["type"], &entry["msg"], &entry["loc"]), (&json!(kind), &json!(msg), &json!(["body"])));
    }
    let call = json!({ "jsonrpc": "2.0", "method": "tools/list", "params": { "a": [[[[]]]] } });
    let refused = post(&server, "/mcp", &call).await.expect(200);
    assert!(refused["error"]["message"].as_str().expect("a text").contains("nested more than 5 deep"), "{refused}");
    // What says itself that it is too large is not waited for.
    let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("a connection");
    let head = "POST /step HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
                content-length: 99999999999999\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.expect("it is sent");
    let mut told = vec![0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut told).await.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&told), "HTTP/1.1 413");
    let large = format!("{{{}}}", " ".repeat(5000));
    let text = send(&server, "POST", "/step", &[], Some(&large)).await.detail(413);
    assert_eq!(text, "the body is too large; 4000 bytes are read");
    assert_eq!(get(&server, "/state").await.expect(200)["step_count"], 0);
}

#[tokio::test]
async fn frames_are_refused_by_what_they_hold_and_the_socket_stays() {
    let server = start(tight()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({})).await;
    let refused = socket.step(json!({ "action": "answer", "note": "x".repeat(101) })).await;
    assert!(error(&refused, "VALIDATION_ERROR").contains("a text has 101 bytes"));
    assert_eq!(refused["data"]["errors"][0]["ctx"], json!({ "max_length": 100 }));
    socket.say(&"[".repeat(3000)).await;
    assert!(error(&socket.hear().await, "VALIDATION_ERROR").contains("nested more than 5 deep"));
    assert_eq!(socket.state().await["step_count"], 0);
    socket.say(&" ".repeat(5000)).await;
    assert_eq!(u16::from(socket.closed().await.code), 1009);
}

#[tokio::test]
async fn an_agent_has_a_rate_of_its_own() {
    let (orchestrator, agent) = ("orchestrator-0123456789", "agent-0123456789abcdef");
    let tokens = Tokens::read(&format!("orchestrator {orchestrator}\nagent {agent}")).expect("tokens");
    let server = start(Config { tokens, agent_rate: NonZeroU32::new(2), ..config() }).await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let ask = async |token: &str| {
        let bearer = format!("Bearer {token}");
        send(&server, "POST", "/mcp", &[("authorization", &bearer)], Some(&list)).await.status
    };
    let mut told = Vec::new();
    for _ in 0..9 {
        told.push(ask(agent).await);
        assert_eq!(ask(orchestrator).await, 200);
    }
    assert!(told.starts_with(&[200, 200]) && told.contains(&429), "{told:?}");
}

#[test]
fn limits_of_each_client_have_defaults() {
    let config = Config::default();
    assert!(config.rate.is_some_and(|rate| rate.get() >= 100_000), "more than one machine's trainer sends");
    assert!(config.agent_rate.is_some_and(|rate| rate.get() >= 1_000));
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let server = start(Config { rate: NonZeroU32::new(3), ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    for _ in 0..2 {
        assert_eq!(socket.ask(&json!({ "type": "state" })).await["type"], "state");
    }
    let refused = error(&socket.ask(&json!({ "type": "state" })).await, "RATE_LIMITED");
    assert!(refused.starts_with("more than 3 requests a second; the next is taken in 0."), "{refused}");
    let answer = post(&server, "/reset", &json!({})).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "1"));
    get(&server, "/health").await.expect(200);
    until("it is served again", async || socket.ask(&json!({ "type": "state" })).await["type"] == "state").await;
}
