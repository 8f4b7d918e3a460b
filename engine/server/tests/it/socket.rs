//! One socket: its replies, its errors, and when it stays open.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{Socket, error},
    serve::{config, start},
};
use casebook_server::Config;

#[tokio::test]
async fn an_episode_from_beginning_to_end() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let fresh = socket.state().await;
    assert_eq!(
        (&fresh["episode_id"], &fresh["step_count"], &fresh["task_id"]),
        (&Value::Null, &json!(0), &Value::Null)
    );

    let reset = socket.reset(json!({ "task_id": "calm", "seed": 7, "episode_id": "ep-1" })).await;
    let data = &reset["data"];
    assert_eq!((&reset["type"], &data["reward"], &data["done"]), (&json!("observation"), &Value::Null, &json!(false)));
    assert_eq!(data["observation"]["open"], json!(["t-1", "t-2"]));
    assert_eq!(data["observation"]["metadata"], data["metadata"]);
    let metadata = &data["metadata"];
    assert_eq!(metadata["episode_id"], "ep-1");
    assert_eq!(
        (&metadata["task_id"], &metadata["seed"], &metadata["generation"]),
        (&json!("calm"), &json!(7), &json!(1))
    );
    assert_eq!(metadata["digest"].as_str().map(str::len), Some(64));

    let step = socket.step(json!({ "action": "answer" })).await["data"].clone();
    assert_eq!((&step["reward"], &step["done"]), (&json!(1.0), &json!(false)));
    let breakdown = &step["metadata"]["breakdown"];
    assert_eq!(breakdown["components"]["quality"], json!(1.0));
    assert_eq!(breakdown["decisions"][0]["rule"], "R-ASK");
    assert!(step["metadata"].get("score").is_none());

    let state = socket.state().await;
    assert_eq!((&state["episode_id"], &state["step_count"]), (&json!("ep-1"), &json!(1)));
    assert_eq!(
        (&state["environment"], &state["max_steps"], &state["done"]),
        (&json!("desk"), &json!(5), &json!(false))
    );

    let last = socket.step(json!({ "action": "answer", "metadata": { "why": "habit" } })).await["data"].clone();
    assert_eq!((&last["reward"], &last["done"], &last["metadata"]["score"]), (&json!(-0.5), &json!(true), &json!(0.5)));

    let after = socket.step(json!({ "action": "close" })).await;
    assert!(error(&after, "EXECUTION_ERROR").contains("the episode is done"));
    assert_eq!(socket.reset(json!({})).await["data"]["observation"]["step_count"], 0);
}

#[tokio::test]
async fn actions_that_do_not_fit_are_answered_so_that_a_rollout_goes_on() {
    let server = start(Config { invalid_actions: 2, ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let wrong = json!({ "action": "burn", "colour": "red" });
    for begun in [false, true] {
        if begun {
            socket.reset(json!({ "task_id": "calm", "episode_id": "again" })).await;
        }
        for left in [1, 0] {
            let told = socket.step(wrong.clone()).await;
            let data = &told["data"];
            assert_eq!(
                (&told["type"], &data["done"], &data["reward"]),
                (&json!("observation"), &json!(false), &json!(0.0))
            );
            let error = &data["observation"]["error"];
            assert_eq!(
                (&error["error_type"], &error["actions_left"]),
                (&json!("invalid_args"), &json!(left)),
                "{told}"
            );
            assert_eq!(error["errors"].as_array().map(Vec::len), Some(2), "every problem at once: {error}");
            assert!(error["message"].as_str().is_some_and(|text| text.contains("colour")), "{error}");
            // The episode stands as it stood.
            assert_eq!(data["observation"]["step_count"], 0);
            assert_eq!(data["observation"]["metadata"], data["metadata"]);
        }
        error(&socket.step(wrong.clone()).await, "VALIDATION_ERROR");
        assert_eq!(socket.state().await["step_count"], 0);
        assert_eq!(socket.step(json!({ "action": "close" })).await["type"], "observation");
    }
    // What is no action is no slip of a player's.
    socket.say(r#"{"type":"step","data":[]}"#).await;
    error(&socket.hear().await, "VALIDATION_ERROR");
}

#[tokio::test]
async fn errors_leave_the_socket_open() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    for (text, code) in [
        ("", "INVALID_JSON"),
        ("{nope", "INVALID_JSON"),
        ("{}", "UNKNOWN_TYPE"),
        (r#"{"type":"zzz"}"#, "UNKNOWN_TYPE"),
        ("[1]", "VALIDATION_ERROR"),
        ("null", "VALIDATION_ERROR"),
        (r#"{"type":"state","data":{}}"#, "VALIDATION_ERROR"),
        (r#"{"type":"close","data":{}}"#, "VALIDATION_ERROR"),
        (r#"{"type":"step"}"#, "VALIDATION_ERROR"),
        (r#"{"type":"reset","data":{"seed":-5}}"#, "VALIDATION_ERROR"),
    ] {
        socket.say(text).await;
        error(&socket.hear().await, code);
    }
    socket.say_message(Message::binary(&b"{\"type\":\"state\"}"[..])).await;
    assert!(error(&socket.hear().await, "VALIDATION_ERROR").contains("binary"));
    assert_eq!(socket.state().await["step_count"], 0);
    socket.say(&"[".repeat(100_000)).await;
    error(&socket.hear().await, "VALIDATION_ERROR");
    assert_eq!(socket.state().await["step_count"], 0);
}

#[tokio::test]
async fn a_first_step_begins_an_episode() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    assert_eq!(socket.state().await["episode_id"], serde_json::Value::Null);
    let told = socket.step(json!({ "action": "answer" })).await;
    assert_eq!(told["data"]["observation"]["step_count"], 1, "{told}");
    assert_eq!(told["data"]["metadata"]["task_id"], socket.state().await["task_id"]);
    assert_eq!(socket.step(json!({ "action": "close" })).await["data"]["observation"]["step_count"], 2);
}

#[tokio::test]
async fn unknown_arguments_and_tasks_list_what_exists() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let reply = socket.reset(json!({ "task": "calm", "sed": 1 })).await;
    let message = error(&reply, "VALIDATION_ERROR");
    assert!(message.contains("`task_id`, `split`, `index`, `seed`, `episode_id`"), "{message}");
    let entries = &reply["data"]["errors"];
    assert_eq!((&entries[0]["type"], &entries[0]["loc"]), (&json!("extra_forbidden"), &json!(["task"])));
    assert!(entries[1]["msg"].as_str().is_some_and(|msg| msg.contains("did you mean `seed`?")), "{entries}");

    let reply = socket.reset(json!({ "task_id": "clam" })).await;
    let message = error(&reply, "VALIDATION_ERROR");
    assert!(message.contains("did you mean `calm`?") && message.contains("`busy`"), "{message}");
    assert_eq!(reply["data"]["errors"][0]["loc"], json!(["task_id"]));
}

#[tokio::test]
async fn a_refused_step_changes_nothing_and_names_every_problem() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm", "seed": 1 })).await;
    let reply = socket.step(json!({ "action": "burn", "zzz": 1 })).await;
    error(&reply, "VALIDATION_ERROR");
    let kinds: Vec<&Value> = reply["data"]["errors"].as_array().expect("entries").iter().map(|e| &e["type"]).collect();
    assert!(kinds.contains(&&json!("literal_error")) && kinds.contains(&&json!("extra_forbidden")), "{kinds:?}");
    error(&socket.step(json!({})).await, "VALIDATION_ERROR");
    error(&socket.step(json!({ "action": "answer", "metadata": 3 })).await, "VALIDATION_ERROR");
    error(&socket.reset(json!({ "task_id": "none" })).await, "VALIDATION_ERROR");
    let state = socket.state().await;
    assert_eq!((&state["step_count"], &state["task_id"]), (&json!(0), &json!("calm")));
}

#[tokio::test]
async fn the_seed_picks_the_task_and_is_echoed() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    for (seed, task) in [(0, "calm"), (1, "busy"), (2, "calm")] {
        let metadata = socket.reset(json!({ "seed": seed })).await["data"]["metadata"].clone();
        assert_eq!((&metadata["task_id"], &metadata["seed"]), (&json!(task), &json!(seed)));
    }
    let drawn =
        socket.reset(json!({ "task_id": null, "seed": null, "episode_id": null })).await["data"]["metadata"].clone();
    assert!(drawn["seed"].is_u64());
    assert_eq!(drawn["episode_id"].as_str().map(str::len), Some(36));
    let again = socket.reset(json!({ "seed": drawn["seed"].to_string() })).await["data"]["metadata"].clone();
    assert_eq!((&again["seed"], &again["task_id"]), (&drawn["seed"], &drawn["task_id"]));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    for _ in 0..50 {
        socket.say(r#"{"type":"reset","data":{"task_id":"calm","seed":3}}"#).await;
        socket.say(r#"{"type":"step","data":{"action":"answer"}}"#).await;
        socket.say("{").await;
        socket.say(r#"{"type":"state"}"#).await;
    }
    for _ in 0..50 {
        assert_eq!(socket.hear().await["data"]["reward"], Value::Null);
        assert_eq!(socket.hear().await["data"]["reward"], json!(1.0));
        error(&socket.hear().await, "INVALID_JSON");
        assert_eq!(socket.hear().await["data"]["step_count"], 1);
    }
}

#[tokio::test]
async fn close_ends_with_1000_even_with_the_close_frame_right_behind() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.say(r#"{"type":"close"}"#).await;
    assert_eq!(u16::from(socket.closed().await.code), 1000);

    let mut socket = Socket::open(&server, "/ws").await;
    socket.say(r#"{"type":"close"}"#).await;
    socket.say_message(Message::Close(None)).await;
    assert!(matches!(socket.next().await, Some(Message::Close(_))));
}

#[tokio::test]
async fn messages_over_16_mib_close_with_1009() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm", "seed": 1 })).await;
    let fits = json!({ "type": "step", "data": { "action": "answer", "note": "x".repeat(15 << 20) } });
    error(&socket.ask(&fits).await, "VALIDATION_ERROR");
    socket.say(&" ".repeat((16 << 20) + 1)).await;
    assert_eq!(u16::from(socket.closed().await.code), 1009);
}

#[tokio::test]
async fn frames_that_announce_too_much_close_with_1009_before_they_are_read() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let mut header = vec![0x81, 0xff];
    header.extend((1_u64 << 40).to_be_bytes());
    header.extend([0; 4]);
    socket.say_raw(&header).await;
    assert_eq!(u16::from(socket.closed().await.code), 1009);

    let mut socket = Socket::open(&server, "/ws").await;
    // A text frame that is not masked.
    socket.say_raw(&[0x81, 0x02, b'{', b'}']).await;
    assert_eq!(u16::from(socket.closed().await.code), 1002);
}

#[tokio::test]
async fn json_rpc_is_answered_inside_the_socket() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let call = |method: &str, params: Value| json!({ "type": "mcp", "data": { "jsonrpc": "2.0", "id": 1, "method": method, "params": params } });
    let tools = socket.ask(&call("tools/list", json!({}))).await;
    assert_eq!((&tools["type"], &tools["data"]["result"]["tools"][0]["name"]), (&json!("mcp"), &json!("act")));
    let id = socket.ask(&call("openenv/session/create", json!({}))).await["data"]["result"]["session_id"].clone();
    assert_eq!(socket.ask(&call("openenv/session/create", json!({}))).await["data"]["result"]["session_id"], id);
    let close = socket.ask(&call("openenv/session/close", json!({ "session_id": id }))).await;
    assert_eq!(close["data"]["error"]["code"], -32600);
    assert_eq!(socket.ask(&json!({ "type": "mcp", "data": {} })).await["data"]["error"]["code"], -32600);
    error(&socket.ask(&json!({ "type": "mcp" })).await, "VALIDATION_ERROR");
}
