//! Tools: over JSON-RPC, its socket, the MCP standard, and as actions.

use std::path::Path;

use casebook_server::Config;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Socket, get, post, send},
    serve::{Running, config, start, start_in},
};

const STANDARD: [(&str, &str); 1] = [("accept", "application/json, text/event-stream")];

/// Serves the shipped packs without items; the one whose tools are its actions stands at the root.
async fn conformance(config: Config) -> Running {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/conformance");
    let folder = tempfile::tempdir().expect("a folder");
    start_in(Config { environment: Some("conformance-tools".into()), ..config }, folder, &[root]).await
}

fn call(name: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": name, "arguments": arguments } })
}

async fn rpc(server: &Running, body: &Value) -> Value {
    post(server, "/mcp", body).await.expect(200)
}

#[tokio::test]
async fn tools_are_listed_with_their_schemas_and_without_the_orchestrators() {
    let server = conformance(config()).await;
    let listed = rpc(&server, &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).await;
    let tools = listed["result"]["tools"].as_array().expect("tools");
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(names, ["add", "greet", "count", "fail", "info"]);
    for key in ["title", "description", "inputSchema", "outputSchema", "icons", "annotations", "meta", "execution"] {
        assert!(tools[0].get(key).is_some(), "{key}");
    }
    assert_eq!(tools[0]["inputSchema"]["properties"]["a"]["type"], "integer");
}

#[tokio::test]
async fn clients_know_by_the_title_of_the_action_that_the_tools_are_to_be_asked_for() {
    let server = conformance(config()).await;
    let title = async |path: &str| get(&server, path).await.expect(200)["action"]["title"].clone();
    assert_eq!(title("/schema").await, "CallToolAction");
    let other = title("/envs/conformance-echo/schema").await;
    assert!(!["Action", "CallToolAction", "ListToolsAction"].contains(&other.as_str().expect("a text")), "{other}");
}

#[tokio::test]
async fn what_is_to_be_done_is_told_where_the_tools_are_the_actions() {
    let server = conformance(config()).await;
    let instructions = "Let the tools add 40 and 2.";
    let mut socket = Socket::open(&server, "/ws").await;
    assert_eq!(socket.step(json!({ "type": "list_tools" })).await["data"]["observation"]["tools"][0]["name"], "add");
    let observation = socket.reset(json!({ "seed": 1 })).await["data"]["observation"].clone();
    assert_eq!(observation["instructions"], instructions);
    let stepped = socket.step(json!({ "tool_name": "count" })).await["data"]["observation"].clone();
    assert_eq!(stepped.get("instructions"), None, "once is enough: {stepped}");
    let schema = get(&server, "/schema").await.expect(200);
    let told = |kind: &str| schema[kind]["properties"].get("instructions").is_some();
    assert!(told("reset_observation") && told("observation"), "what is refused leaves the first one");
    for (path, expected) in [("/mcp", instructions), ("/envs/conformance-triage/mcp", r#"{"ticket":"t-"#)] {
        let hello = json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
        });
        let told = send(&server, "POST", path, &STANDARD, Some(&hello.to_string())).await.expect(200);
        let told = told["result"]["instructions"].as_str().expect("a text").to_owned();
        assert!(told.contains(expected), "{path}: {told}");
    }
}

#[tokio::test]
async fn calls_are_answered_or_fail_with_a_code() {
    let server = conformance(config()).await;
    let added = rpc(&server, &call("add", &json!({ "a": 2 }))).await["result"].clone();
    assert_eq!((&added["data"], &added["is_error"], &added["isError"]), (&json!(4), &json!(false), &json!(false)));
    assert_eq!((&added["structured_content"], &added["content"][0]["text"]), (&json!({ "result": 4 }), &json!("4")));
    for (body, code, text) in [
        (call("nope", &json!({})), -32603, "Unknown tool: 'nope'"),
        (call("state", &json!({})), -32603, "Unknown tool: 'state'"),
        (call("fail", &json!({ "why": "because" })), -32603, "Error calling tool 'fail': because"),
        (call("add", &json!({})), -32603, ""),
        (call("add", &json!([1])), -32602, "Invalid params"),
        (json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call" }), -32602, "Missing 'name' in params"),
    ] {
        let error = rpc(&server, &body).await["error"].clone();
        assert_eq!((&error["code"], &error["data"]), (&json!(code), &Value::Null), "{error}");
        assert!(error["message"].as_str().is_some_and(|message| message.starts_with(text)), "{error}");
    }
}

#[tokio::test]
async fn a_call_is_a_step_of_its_sessions_episode() {
    let server = conformance(config()).await;
    let created = rpc(&server, &json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" })).await;
    let id = created["result"]["session_id"].as_str().expect("an id").to_string();
    let mut socket = Socket::open(&server, &format!("/ws?session_id={id}")).await;
    socket.reset(json!({ "episode_id": "shared", "seed": 1 })).await;
    for expected in [1, 2] {
        let mut body = call("count", &json!({}));
        body["params"]["session_id"] = json!(id);
        assert_eq!(rpc(&server, &body).await["result"]["data"], expected);
    }
    let state = socket.state().await;
    assert_eq!((&state["episode_id"], &state["step_count"], &state["count"]), (&json!("shared"), &json!(2), &json!(2)));
    assert_eq!(
        rpc(&server, &call("count", &json!({}))).await["result"]["data"],
        1,
        "without a session nothing is kept"
    );
}

#[tokio::test]
async fn a_session_acts_in_its_own_environment_whatever_the_path_says() {
    let server = conformance(config()).await;
    let create = json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" });
    let created = post(&server, "/envs/conformance-echo/mcp", &create).await.expect(200);
    let mut body = call("echo", &json!({ "message": "hello" }));
    body["params"]["session_id"] = created["result"]["session_id"].clone();
    let answered = rpc(&server, &body).await;
    assert_eq!(answered["result"]["data"]["observation"]["response"], "hello", "{answered}");
}

#[tokio::test]
async fn a_socket_of_json_rpc_is_one_session() {
    let server = conformance(Config { max_sessions: 1, ..config() }).await;
    let mut socket = Socket::open(&server, "/mcp").await;
    for expected in [1, 2] {
        let mut body = call("count", &json!({}));
        body["params"]["session_id"] = json!("ignored-here");
        assert_eq!(socket.ask(&body).await["result"]["data"], expected);
    }
    let id = socket.ask(&json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" })).await["result"]
        ["session_id"]
        .clone();
    let close = json!({ "jsonrpc": "2.0", "id": 2, "method": "openenv/session/close", "params": { "session_id": id } });
    assert_eq!(socket.ask(&close).await["error"]["code"], -32600);

    let mut second = Socket::open(&server, "/mcp").await;
    let refused = second.hear().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&Value::Null, &json!(-32000)));
    assert_eq!(refused["error"]["data"], json!({ "active_sessions": 1, "max_sessions": 1 }));
    assert_eq!(u16::from(second.closed().await.code), 1000);
}

#[tokio::test]
async fn tools_are_listed_and_called_as_actions() {
    let server = conformance(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let before = socket.step(json!({ "type": "list_tools" })).await["data"].clone();
    assert_eq!((&before["observation"]["tools"][0]["name"], &before["done"]), (&json!("add"), &json!(false)));
    assert_eq!(socket.state().await["episode_id"], Value::Null);
    socket.reset(json!({})).await;
    let called =
        socket.step(json!({ "tool_name": "add", "arguments": { "a": 1 } })).await["data"]["observation"].clone();
    assert_eq!(
        (&called["tool_name"], &called["result"]["data"], &called["error"]),
        (&json!("add"), &json!(3), &Value::Null)
    );
    let failed = socket.step(json!({ "type": "call_tool", "tool_name": "nope" })).await["data"]["observation"].clone();
    assert_eq!((&failed["result"], &failed["error"]["error_type"]), (&Value::Null, &json!("tool_not_found")));

    let listed = post(&server, "/step", &json!({ "action": { "type": "list_tools" } })).await.expect(200);
    assert_eq!(listed["observation"]["tools"].as_array().map(Vec::len), Some(5));
    let alone = post(&server, "/step", &json!({ "action": { "tool_name": "add", "arguments": { "a": 1 } } })).await;
    assert_eq!(alone.expect(200)["observation"]["result"]["data"], 3);
}

#[tokio::test]
async fn an_environment_of_items_offers_its_action_as_a_tool() {
    let server = start(config()).await;
    let listed = rpc(&server, &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).await;
    let tools = listed["result"]["tools"].as_array().expect("tools");
    assert_eq!((tools.len(), &tools[0]["name"]), (1, &json!("act")));
    assert!(!tools[0]["outputSchema"].to_string().contains("$ref"), "it stands for itself");
    let answered = rpc(&server, &call("act", &json!({ "action": "close" }))).await;
    assert!(answered["result"]["data"].is_object(), "{answered}");
}

async fn hello(server: &Running, path: &str) -> Answer {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
    });
    send(server, "POST", path, &STANDARD, Some(&body.to_string())).await
}

#[tokio::test]
async fn a_handshake_opens_a_session_that_counts_and_can_be_ended() {
    let server = conformance(Config { max_sessions: 1, ..config() }).await;
    let answer = hello(&server, "/mcp").await;
    let id = answer.header("mcp-session-id").to_string();
    let result = answer.expect(200)["result"].clone();
    assert_eq!(
        (&result["protocolVersion"], &result["serverInfo"]["name"]),
        (&json!("2025-11-25"), &json!("conformance-tools"))
    );
    assert_eq!(hello(&server, "/mcp").await.expect(200)["error"]["code"], -32000);

    let headers = [STANDARD[0], ("mcp-session-id", id.as_str())];
    for expected in [1, 2] {
        let body = call("count", &json!({})).to_string();
        let counted = send(&server, "POST", "/mcp", &headers, Some(&body)).await.expect(200);
        assert_eq!(counted["result"]["structuredContent"], json!({ "result": expected }));
    }
    let ping = json!({ "jsonrpc": "2.0", "id": 3, "method": "ping" }).to_string();
    assert_eq!(send(&server, "POST", "/mcp", &headers, Some(&ping)).await.expect(200)["result"], json!({}));
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    assert_eq!(send(&server, "POST", "/mcp", &headers, Some(&note)).await.status, 202);
    assert_eq!(send(&server, "GET", "/mcp", &headers, None).await.status, 405);
    assert_eq!(send(&server, "DELETE", "/mcp", &headers, None).await.status, 204);
    assert_eq!(send(&server, "POST", "/mcp", &headers, Some(&ping)).await.status, 404);
    assert_eq!(hello(&server, "/mcp").await.status, 200, "the slot is free");
}

#[tokio::test]
async fn an_agent_can_act_in_a_session_of_the_orchestrator_but_not_end_it() {
    let server = conformance(config()).await;
    let id = post(&server, "/reset", &json!({ "seed": 1 })).await.header("x-session-id").to_string();
    let path = format!("/mcp?session_id={id}");
    assert_eq!(hello(&server, &path).await.header("mcp-session-id"), "", "it has one already");
    let counted = send(&server, "POST", &path, &STANDARD, Some(&call("count", &json!({})).to_string())).await;
    assert_eq!(counted.expect(200)["result"]["structuredContent"], json!({ "result": 1 }));
    assert_eq!(get(&server, &format!("/state?session_id={id}")).await.expect(200)["step_count"], 1);
    for headers in [[STANDARD[0], ("mcp-session-id", id.as_str())]] {
        assert_eq!(send(&server, "DELETE", &path, &headers, None).await.status, 405);
        assert_eq!(send(&server, "DELETE", "/mcp", &headers, None).await.status, 405);
    }
    get(&server, &format!("/state?session_id={id}")).await.expect(200);
}

#[tokio::test]
async fn what_is_refused_over_the_standard_is_json() {
    let server = conformance(config()).await;
    let id = hello(&server, "/mcp").await.header("mcp-session-id").to_string();
    let unknown = [STANDARD[0], ("mcp-session-id", id.as_str()), ("mcp-protocol-version", "1999-01-01")];
    for (headers, body, words) in [
        (&unknown[..2], r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "the key `id` appears twice"),
        (&unknown[..], r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "1999-01-01"),
    ] {
        let answer = send(&server, "POST", "/mcp", headers, Some(body)).await;
        assert!(answer.header("content-type").starts_with("application/json"), "{answer:?}");
        let error = answer.expect(400)["error"].clone();
        assert_eq!(error["code"], -32600, "{error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(words)), "{error}");
    }
}

#[tokio::test]
async fn a_call_acts_in_the_session_that_it_names_wherever_it_does() {
    let server = conformance(config()).await;
    let id = post(&server, "/reset", &json!({ "seed": 1 })).await.header("x-session-id").to_owned();
    let in_params = json!({ "name": "count", "arguments": {}, "session_id": id });
    let in_params = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": in_params });
    let mut steps = 0;
    for accepted in [&STANDARD[..], &[]] {
        for (path, header, body) in [
            (format!("/mcp?session_id={id}"), None, call("count", &json!({}))),
            ("/mcp".to_owned(), Some("x-session-id"), call("count", &json!({}))),
            ("/mcp".to_owned(), Some("mcp-session-id"), call("count", &json!({}))),
            ("/mcp".to_owned(), None, in_params.clone()),
            (format!("/mcp?session_id={id}"), Some("x-session-id"), in_params.clone()),
        ] {
            let headers: Vec<(&str, &str)> =
                accepted.iter().copied().chain(header.map(|name| (name, id.as_str()))).collect();
            let told = send(&server, "POST", &path, &headers, Some(&body.to_string())).await.expect(200);
            assert!(told["result"].is_object(), "{path} {headers:?}: {told}");
            steps += 1;
            let state = get(&server, &format!("/state?session_id={id}")).await.expect(200);
            assert_eq!(state["step_count"], steps, "{path} {headers:?}");
        }
    }
    let other = post(&server, "/reset", &json!({ "seed": 1 })).await.header("x-session-id").to_owned();
    let path = format!("/mcp?session_id={other}");
    let said =
        format!("the query's `session_id` is `{other}`, and the parameter `session_id` is `{id}`; name one session");
    let plain = send(&server, "POST", &path, &[], Some(&in_params.to_string())).await.expect(200);
    assert_eq!(plain["error"]["message"], format!("Invalid params - {said}"));
    assert_eq!(send(&server, "POST", &path, &STANDARD, Some(&in_params.to_string())).await.detail(400), said);
    let gone = send(&server, "POST", "/mcp?session_id=nobody", &[], Some(&call("count", &json!({})).to_string())).await;
    assert_eq!(gone.expect(200)["error"]["message"], "Unknown session_id: nobody");
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let server = conformance(config()).await;
    let ping = json!({ "jsonrpc": "2.0", "id": 3, "method": "ping" }).to_string();
    let own = format!("http://{}", server.address);
    for (origin, status) in [("http://evil.example", 403), ("null", 403), (own.as_str(), 200)] {
        let headers = [STANDARD[0], ("origin", origin)];
        assert_eq!(send(&server, "POST", "/mcp", &headers, Some(&ping)).await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_told_by_the_standards_numbers() {
    let server = conformance(config()).await;
    let id = hello(&server, "/mcp").await.header("mcp-session-id").to_owned();
    let headers = [STANDARD[0], ("mcp-session-id", id.as_str())];
    let request = |method: &str, params: Value| {
        json!({ "jsonrpc": "2.0", "id": 3, "method": method, "params": params }).to_string()
    };
    for (body, code) in [
        (request("tools/call", json!({ "name": "add", "arguments": "{}" })), -32602),
        (request("tools/call", json!({ "name": "add", "arguments": [] })), -32602),
        (request("tools/call", json!({ "name": 5 })), -32602),
        (request("tools/call", json!({})), -32602),
        (request("initialize", json!({ "protocolVersion": 3 })), -32602),
        (request("tools/cal", json!({ "name": "add" })), -32601),
    ] {
        let told = send(&server, "POST", "/mcp", &headers, Some(&body)).await.expect(200);
        assert_eq!((&told["error"]["code"], &told["id"]), (&json!(code), &json!(3)), "{body}: {told}");
    }
    for (body, code) in [
        ("{", -32700),
        ("", -32700),
        ("[]", -32600),
        ("5", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, -32600),
    ] {
        let json = [headers[0], headers[1], ("content-type", "application/json")];
        let told = send(&server, "POST", "/mcp", &json, Some(body)).await;
        assert_eq!(told.header("content-type"), "application/json", "{body}");
        assert_eq!(told.expect(400)["error"]["code"], code, "{body}: {told:?}");
    }
    let called = send(&server, "POST", "/mcp", &headers, Some(&call("count", &json!({})).to_string())).await;
    assert_eq!(called.expect(200)["result"]["structuredContent"], json!({ "result": 1 }));
}
