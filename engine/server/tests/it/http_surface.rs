//! The HTTP surface apart from sessions.

use casebook_server::Config;
use serde_json::{Value, json};

use crate::{
    client::{get, post, send},
    serve::{config, start},
};

#[tokio::test]
async fn health_metadata_and_schema() {
    let server = start(config()).await;
    let health = get(&server, "/health").await;
    assert_eq!((health.text.as_str(), health.header("content-type")), (r#"{"status":"healthy"}"#, "application/json"));
    assert_eq!(
        get(&server, "/metadata").await.expect(200),
        json!({ "name": "desk", "description": "Answer questions and close the rest.", "readme_content": "# The desk\n",
            "version": "1.2.0", "author": null, "documentation_url": null })
    );
    let schema = get(&server, "/schema").await.expect(200);
    assert_eq!(schema["observation"], schema["reset_observation"]);
    for name in ["done", "reward", "metadata", "open", "step_count"] {
        assert!(schema["observation"]["properties"].get(name).is_some(), "{name}");
    }
    assert_eq!(schema["action"]["properties"]["metadata"]["type"], "object");
    assert!(schema["action"]["required"].as_array().is_some_and(|required| required.contains(&json!("action"))));
    assert!(schema["state"]["properties"]["episode_id"].is_object());
}

#[tokio::test]
async fn unknown_paths_methods_and_trailing_slashes() {
    let server = start(config()).await;
    assert_eq!(get(&server, "/nope").await.detail(404), "Not Found");
    assert_eq!(get(&server, "/nope/").await.detail(404), "Not Found");
    for (method, path, allow) in
        [("POST", "/health", "GET"), ("GET", "/envs/desk/step", "POST"), ("OPTIONS", "/reset", "POST")]
    {
        let answer = send(&server, method, path, &[], None).await;
        assert_eq!(answer.detail(405), "Method Not Allowed");
        assert!(answer.header("allow").contains(allow), "{answer:?}");
    }
    for (path, to) in [
        ("/health/", "/health"),
        ("/tasks/?a=b", "/tasks?a=b"),
        ("/envs/desk/health/", "/envs/desk/health"),
        ("/envs/", "/envs"),
    ] {
        let answer = get(&server, path).await;
        assert_eq!((answer.status, answer.header("location")), (307, to));
    }
    assert!(!get(&server, "/ws").await.detail(426).is_empty());
}

#[tokio::test]
async fn reset_reads_body_and_query_and_refuses_what_it_does_not_know() {
    let server = start(config()).await;
    let answer = send(&server, "POST", "/reset?task_id=busy&seed=5", &[], None).await.expect(200);
    assert_eq!((&answer["metadata"]["task_id"], &answer["metadata"]["seed"]), (&json!("busy"), &json!(5)));
    let both = send(&server, "POST", "/reset?task_id=busy&seed=5", &[], Some(r#"{"seed":"7"}"#)).await.expect(200);
    assert_eq!((&both["metadata"]["task_id"], &both["metadata"]["seed"]), (&json!("busy"), &json!(7)));

    for (body, kind, loc) in [
        (r#"{"seed":-1}"#, "greater_than_equal", json!(["body", "seed"])),
        (r#"{"seed":1.5}"#, "int_from_float", json!(["body", "seed"])),
        (r#"{"taskid":"calm"}"#, "extra_forbidden", json!(["body", "taskid"])),
        (r#"{"task_id":"clam"}"#, "literal_error", json!(["task_id"])),
        ("null", "model_attributes_type", json!(["body"])),
        ("[]", "model_attributes_type", json!(["body"])),
        (r#"{"seed":"#, "json_invalid", json!(["body", 8])),
    ] {
        let entry = send(&server, "POST", "/reset", &[], Some(body)).await.entry();
        assert_eq!((&entry["type"], &entry["loc"]), (&json!(kind), &loc), "{body}: {entry}");
    }
    let entry = send(&server, "POST", "/reset?taks_id=calm", &[], None).await.entry();
    assert_eq!(entry["loc"], json!(["query", "taks_id"]));
    assert!(entry["msg"].as_str().is_some_and(|msg| msg.contains("did you mean `task_id`?")), "{entry}");
    let plain = send(&server, "POST", "/reset", &[("content-type", "text/plain")], Some("{}")).await.entry();
    assert_eq!((&plain["type"], &plain["input"]), (&json!("model_attributes_type"), &json!("{}")));
    let huge = format!("{{\"seed\":1}}{}", " ".repeat(17 << 20));
    assert!(send(&server, "POST", "/reset", &[], Some(&huge)).await.detail(413).contains("too large"));
}

#[tokio::test]
async fn steps_are_taken_bare_and_wrapped_and_answered_with_info() {
    let server = start(config()).await;
    send(&server, "POST", "/reset?task_id=calm&seed=1", &[], None).await.expect(200);
    let first = post(&server, "/step", &json!({ "action": "answer" })).await.expect(200);
    assert_eq!((&first["reward"], &first["done"]), (&json!(1.0), &json!(false)));
    assert_eq!(first["info"], first["metadata"]["breakdown"]);
    assert_eq!(first["info"]["components"], json!({ "quality": 1.0 }));
    assert_eq!(first["info"]["decisions"][0]["because"], "People who ask want an answer.");

    let wrapped = json!({ "action": { "action": "close" }, "timeout_s": 3, "request_id": "r" });
    let last = post(&server, "/step", &wrapped).await.expect(200);
    assert_eq!(
        (&last["done"], &last["info"]["score"], &last["metadata"]["score"]),
        (&json!(true), &json!(1.0), &json!(1.0))
    );
}

#[tokio::test]
async fn a_pack_that_tells_nothing_still_has_an_info() {
    let server = start(config()).await;
    post(&server, "/envs/parcels/reset", &json!({})).await.expect(200);
    let step = post(&server, "/envs/parcels/step", &json!({ "route": "sea" })).await.expect(200);
    assert_eq!(step["info"], json!({ "reason": null, "components": {}, "decisions": [], "score": 0.0 }));
}

#[tokio::test]
async fn bad_actions_are_told_entry_by_entry() {
    let server = start(config()).await;
    send(&server, "POST", "/reset?task_id=calm&seed=1", &[], None).await.expect(200);
    let entry = post(&server, "/step", &json!({ "action": "burn" })).await.entry();
    assert_eq!(
        (&entry["type"], &entry["loc"], &entry["input"]),
        (&json!("literal_error"), &json!(["action"]), &json!("burn"))
    );
    let entry = post(&server, "/step", &json!({})).await.entry();
    assert_eq!((&entry["type"], &entry["loc"]), (&json!("missing"), &json!(["action"])));
    let entry = send(&server, "POST", "/step", &[], None).await.entry();
    assert_eq!((&entry["type"], &entry["loc"]), (&json!("missing"), &json!(["body"])));
    assert_eq!(get(&server, "/state").await.expect(200)["step_count"], 0);
}

#[tokio::test]
async fn tasks_baseline_and_grader() {
    let server = start(Config { open: true, ..config() }).await;
    let tasks = get(&server, "/tasks").await.expect(200);
    assert_eq!(tasks["environment"], "desk");
    assert_eq!((&tasks["tasks"][0]["id"], &tasks["tasks"][0]["items"]), (&json!("calm"), &json!(2)));
    assert!(tasks["action_schema"]["properties"]["action"].is_object());

    assert_eq!(
        get(&server, "/baseline?seed=3").await.expect(200),
        json!({ "policy": "closer", "seed": 3, "scores": { "calm": 0.5, "busy": 0.6667 }, "overall": 0.5833 })
    );
    let text = get(&server, "/envs/parcels/baseline").await.detail(404);
    assert!(text.contains("no baseline"), "{text}");

    let mut played = send(&server, "POST", "/grader?task_id=busy&provider=oracle", &[], None).await.expect(200);
    let explanation = played.as_object_mut().and_then(|played| played.remove("explanation")).expect("the pack tells");
    assert_eq!(explanation.as_array().map(Vec::len), Some(3));
    let tree = played.as_object_mut().and_then(|played| played.remove("score_tree")).expect("the episode has ended");
    assert_eq!((&tree["value"], &tree["adds"], &tree["parts"][0]["name"]), (&json!(1.0), &json!(1.0), &json!("right")));
    assert_eq!(played, json!({ "task_id": "busy", "provider": "oracle", "seed": 0, "score": 1.0, "steps": 3 }));
    let played = send(&server, "POST", "/grader?task_id=calm", &[], None).await.expect(200);
    assert_eq!((&played["provider"], &played["score"]), (&json!("closer"), &json!(0.5)));
    let text = send(&server, "POST", "/grader?task_id=bsy", &[], None).await.detail(404);
    assert!(text.contains("did you mean `busy`?") && text.contains("`calm`"), "{text}");
    let entry = send(&server, "POST", "/grader?task_id=busy&provider=oracel", &[], None).await.entry();
    assert!(entry["msg"].as_str().is_some_and(|msg| msg.contains("`oracle`") && msg.contains("`closer`")), "{entry}");
    assert_eq!(send(&server, "POST", "/grader", &[], None).await.entry()["loc"], json!(["query", "task_id"]));
}

#[tokio::test]
async fn json_rpc_always_answers_200() {
    let server = start(config()).await;
    for (body, code) in [
        ("{}", -32600),
        ("{nope", -32700),
        ("[]", -32700),
        ("", -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"reset"}}"#, -32603),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/drop"}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"session_id":"zz"}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#, -32601),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":4,"method":"openenv/session/close"}"#, -32602),
    ] {
        let response = send(&server, "POST", "/mcp", &[], Some(body)).await.expect(200);
        assert_eq!((&response["jsonrpc"], &response["error"]["code"]), (&json!("2.0"), &json!(code)), "{body}");
        assert!(response["error"].as_object().is_some_and(|error| error.contains_key("data")), "{response}");
    }
}

#[tokio::test]
async fn the_description_lists_exactly_the_routes_that_exist() {
    let server = start(config()).await;
    let document = get(&server, "/openapi.json").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "OpenEnv Environment HTTP API");
    assert_eq!(document["info"]["version"], "1.0.0");
    let paths = document["paths"].as_object().expect("paths");
    for path in ["/reset", "/step", "/state", "/health", "/envs", "/reload", "/envs/{name}/reset"] {
        assert!(paths.contains_key(path), "{path}");
    }
    for (path, methods) in paths {
        let path = path.replace("{name}", "parcels").replace("{id}", "nobody");
        for method in methods.as_object().expect("methods").keys() {
            let answer = send(&server, &method.to_uppercase(), &path, &[], None).await;
            assert!(answer.status != 405 && answer.text != r#"{"detail":"Not Found"}"#, "{method} {path}: {answer:?}");
        }
    }
    let action = &paths["/step"]["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"][1];
    assert_eq!(action["properties"]["action"]["enum"], json!(["answer", "close"]), "{action}");

    let below = get(&server, "/envs/parcels/openapi.json").await.expect(200);
    assert_eq!(below["servers"], json!([{ "url": "/envs/parcels" }]));
    assert!(below["paths"].get("/envs").is_none());
}

#[tokio::test]
async fn the_page_is_embedded() {
    let server = start(config()).await;
    for (path, kind) in
        [("/", "text/html"), ("/studio/studio.js", "text/javascript"), ("/studio/studio.css", "text/css")]
    {
        let answer = get(&server, path).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").starts_with(kind), "{answer:?}");
    }
    let page = get(&server, "/").await.text;
    assert!(page.contains("\"studio/studio.js") && page.contains("\"studio/studio.css"));
}

#[tokio::test]
async fn what_the_stock_web_interface_has_is_there() {
    let server = start(config()).await;
    let web = get(&server, "/web").await;
    assert_eq!((web.status, web.header("location")), (307, "/web/"));
    let page = get(&server, "/web/").await;
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    for link in ["\"../studio/studio.js\"", "\"../studio/studio.css\"", "\"../schema\"", "\"#main\"", "\"data:image"] {
        assert!(page.text.contains(link), "{link}");
    }
    for base in ["", "/envs/desk"] {
        let metadata = get(&server, &format!("{base}/web/metadata")).await.expect(200);
        assert_eq!((&metadata["name"], &metadata["readme_content"]), (&json!("desk"), &json!("# The desk\n")));
        let reset = post(&server, &format!("{base}/web/reset"), &json!({ "task_id": "calm", "seed": 3 })).await;
        let id = [("x-session-id", reset.header("x-session-id"))];
        assert_eq!(reset.expect(200)["metadata"]["task_id"], "calm");
        let step =
            send(&server, "POST", &format!("{base}/web/step"), &id, Some(r#"{"action":{"action":"answer"}}"#)).await;
        assert_eq!((&step.expect(200)["reward"], &step.expect(200)["done"]), (&json!(1.0), &json!(false)));
        let state = send(&server, "GET", &format!("{base}/web/state"), &id, None).await.expect(200);
        assert_eq!((&state["step_count"], &state["seed"]), (&json!(1), &json!(3)));
        // The shortcut for actions with a message is an action like any other.
        let refused = send(&server, "POST", &format!("{base}/web/step"), &id, Some(r#"{"message":"hello"}"#)).await;
        let entry = refused.expect(422)["detail"].to_string();
        assert!(entry.contains("there is no property `message`"), "{entry}");
    }
}

#[tokio::test]
async fn the_reload_state_tells_what_is_loaded() {
    let server = start(config()).await;
    let status = get(&server, "/reload").await.expect(200);
    assert_eq!(
        (&status["generation"], &status["outcome"], &status["rejected"]),
        (&json!(1), &json!("loaded"), &Value::Null)
    );
    assert!(status["loaded_at"].is_u64() && status["digest"].is_string());
}
