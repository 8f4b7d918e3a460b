//! Sessions that survive: waiting for a slot, coming back, forks, and generations that a group shares.

use std::{fs, sync::Arc, time::Duration};

use casebook_runtime::{
    policy,
    record::{self, Recording},
};
use casebook_server::Config;
use serde_json::{Value, json};

use crate::{
    client::{Socket, error, get, post, send, until},
    serve::{Running, config, start},
};

pub(crate) async fn own_id(socket: &mut Socket) -> String {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/create" });
    let reply = socket.ask(&json!({ "type": "mcp", "data": call })).await;
    reply["data"]["result"]["session_id"].as_str().expect("an id").to_string()
}

async fn status(server: &Running, id: &str) -> Value {
    let answer = get(server, &format!("/sessions/{id}")).await;
    if answer.status == 404 { Value::Null } else { answer.expect(200)["status"].clone() }
}

#[tokio::test]
async fn who_waits_gets_the_slot_that_comes_free() {
    let server = start(Config { max_sessions: 1, ..config() }).await;
    let mut first = Socket::open(&server, "/ws").await;
    first.state().await;
    let mut second = Socket::open(&server, "/ws?wait=20").await;
    second.say(r#"{"type":"state"}"#).await;
    // What it says while it waits is answered as soon as it may.
    drop(first.into_stream());
    assert_eq!(second.hear().await["type"], "state");
    let mut third = Socket::open(&server, "/ws?wait=0.05").await;
    error(&third.hear().await, "CAPACITY_REACHED");
    assert!(post(&server, "/reset?wait=0.05", &json!({})).await.detail(503).contains("1/1"));
    let mut fourth = Socket::open(&server, "/ws?wait=soon").await;
    error(&fourth.hear().await, "VALIDATION_ERROR");
}

#[tokio::test]
async fn who_waits_and_leaves_takes_no_slot() {
    let server = start(Config { max_sessions: 1, ..config() }).await;
    let mut first = Socket::open(&server, "/ws").await;
    first.state().await;
    drop(Socket::open(&server, "/ws?wait=20").await.into_stream());
    drop(first.into_stream());
    until("the slot is free", async || {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.say(r#"{"type":"state"}"#).await;
        socket.hear().await["type"] == "state"
    })
    .await;
}

#[tokio::test]
async fn a_finished_episode_over_http_makes_room_for_who_waits() {
    let server = start(Config { max_sessions: 1, ..config() }).await;
    post(&server, "/reset", &json!({ "task_id": "calm" })).await.expect(200);
    let mut waiting = Socket::open(&server, "/ws?wait=20").await;
    waiting.say(r#"{"type":"state"}"#).await;
    for _ in 0..2 {
        post(&server, "/step", &json!({ "action": "close" })).await.expect(200);
    }
    assert_eq!(waiting.hear().await["type"], "state");
}

#[tokio::test]
async fn the_server_bounds_how_long_is_waited() {
    let server = start(Config { max_sessions: 0, max_wait: Duration::from_millis(20), ..config() }).await;
    let mut socket = Socket::open(&server, "/ws?wait=1e9").await;
    error(&socket.hear().await, "CAPACITY_REACHED");
}

#[tokio::test]
async fn an_episode_whose_socket_broke_off_is_resumed_by_its_id() {
    let server = start(Config { max_sessions: 1, resume_grace: Duration::from_mins(1), ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let id = own_id(&mut socket).await;
    socket.reset(json!({ "task_id": "busy" })).await;
    socket.step(json!({ "action": "answer" })).await;
    drop(socket.into_stream());
    until("it is lost", async || status(&server, &id).await == "lost").await;

    // It takes no slot meanwhile, and needs one to come back.
    let path = format!("/ws?session_id={id}");
    let mut other = Socket::open(&server, "/ws").await;
    other.state().await;
    error(&Socket::open(&server, &path).await.hear().await, "CAPACITY_REACHED");
    assert_eq!(send(&server, "GET", "/state", &[("x-session-id", &id)], None).await.status, 404);
    drop(other.into_stream());

    let mut again = Socket::open(&server, &format!("{path}&wait=20")).await;
    assert_eq!(again.state().await["step_count"], 1);
    assert_eq!(own_id(&mut again).await, id);
    again.say(r#"{"type":"close"}"#).await;
    again.closed().await;
    until("it has ended", async || status(&server, &id).await.is_null()).await;
}

#[tokio::test]
async fn goodbyes_finished_episodes_and_time_end_what_could_be_resumed() {
    let server = start(Config { resume_grace: Duration::from_millis(150), ..config() }).await;
    let mut polite = Socket::open(&server, "/ws").await;
    let id = own_id(&mut polite).await;
    polite.reset(json!({})).await;
    polite.say(r#"{"type":"close"}"#).await;
    polite.closed().await;
    assert_eq!(status(&server, &id).await, Value::Null);

    let mut finished = Socket::open(&server, "/ws").await;
    let id = own_id(&mut finished).await;
    finished.reset(json!({ "task_id": "calm" })).await;
    finished.step(json!({ "action": "answer" })).await;
    finished.step(json!({ "action": "answer" })).await;
    drop(finished.into_stream());
    until("it has ended", async || status(&server, &id).await.is_null()).await;

    let mut late = Socket::open(&server, "/ws").await;
    let id = own_id(&mut late).await;
    late.reset(json!({})).await;
    drop(late.into_stream());
    until("it is forgotten", async || status(&server, &id).await.is_null()).await;
}

#[tokio::test]
async fn a_fork_goes_on_from_a_step_and_leaves_its_origin_alone() {
    let server = start(Config { max_sessions: 3, ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let id = own_id(&mut socket).await;
    let path = format!("/sessions/{id}/fork");
    assert_eq!(post(&server, &path, &json!({})).await.detail(409), "no episode; POST /reset first");
    socket.reset(json!({ "task_id": "busy", "seed": 3, "episode_id": "ep" })).await;
    socket.step(json!({ "action": "answer" })).await;
    socket.step(json!({ "action": "answer" })).await;

    let shown = get(&server, &format!("/sessions/{id}")).await.expect(200);
    assert_eq!(
        (&shown["task_id"], &shown["seed"], &shown["status"], &shown["generation"]),
        (&json!("busy"), &json!(3), &json!("attached"), &json!(1))
    );
    assert_eq!(shown["actions"], json!([{ "action": "answer" }, { "action": "answer" }]));

    let fork = post(&server, &path, &json!({ "at": 1 })).await.expect(200);
    assert_eq!((&fork["step_count"], &fork["status"]), (&json!(1), &json!("free")));
    // Another episode begins where the two part.
    assert_eq!(fork["forked_from"], json!({ "episode_id": "ep", "step": 1 }));
    assert_ne!(fork["episode_id"], shown["episode_id"]);
    assert_eq!(shown["forked_from"], Value::Null);
    let fork_id = fork["session_id"].as_str().expect("an id");
    let mut branch = Socket::open(&server, &format!("/ws?session_id={fork_id}")).await;
    assert_eq!(branch.step(json!({ "action": "close" })).await["data"]["reward"], 1.0);
    assert_eq!(socket.state().await["step_count"], 2);

    let whole = send(&server, "POST", &path, &[], None).await.expect(200);
    assert_eq!(whole["step_count"], 2);
    assert!(post(&server, &path, &json!({})).await.detail(503).contains("3/3"));
    for (body, kind) in [
        (json!({ "at": 3 }), "less_than_equal"),
        (json!({ "at": -1 }), "greater_than_equal"),
        (json!({ "step": 1 }), "extra_forbidden"),
    ] {
        assert_eq!(post(&server, &path, &body).await.entry()["type"], kind);
    }
    get(&server, "/sessions/nobody").await.detail(404);
}

#[tokio::test]
async fn the_episodes_of_a_group_share_one_generation() {
    let server = start(Config { watch: true, poll: Some(Duration::from_millis(30)), ..config() }).await;
    let first = post(&server, "/reset", &json!({ "group": "g" })).await.expect(200);
    assert_eq!((&first["metadata"]["group"], &first["metadata"]["generation"]), (&json!("g"), &json!(1)));
    let file = server.path().join("desk/pack.yaml");
    let text = fs::read_to_string(&file).expect("a pack");
    for generation in 2..=3 {
        fs::write(&file, text.replace("A calm morning", &format!("Morning {generation}"))).expect("it is written");
        until("it is loaded", async || get(&server, "/reload").await.expect(200)["generation"] == generation).await;
    }
    let generation =
        async |body: Value| post(&server, "/reset", &body).await.expect(200)["metadata"]["generation"].clone();
    assert_eq!(generation(json!({})).await, 3);
    assert_eq!(generation(json!({ "group": "g" })).await, 1);
    assert_eq!(generation(json!({ "generation": 1 })).await, 1);
    assert_eq!(generation(json!({ "group": "h", "generation": 1 })).await, 1);

    let gone = post(&server, "/reset", &json!({ "generation": 2 })).await.entry();
    assert_eq!(gone["msg"], "generation 2 is not held any more, or never was; held are 1, 3");
    assert_eq!(gone["loc"], json!(["generation"]));
    let other = post(&server, "/reset", &json!({ "group": "g", "generation": 3 })).await.entry();
    assert_eq!(other["msg"], "the group `g` plays generation 1, not 3");
}

#[tokio::test]
async fn metadata_of_a_reset_is_an_object_in_which_a_policy_is_a_text() {
    let server = start(config()).await;
    for metadata in [json!(null), json!({}), json!({ "policy": "small-model", "run": 7 })] {
        post(&server, "/reset", &json!({ "metadata": metadata })).await.expect(200);
    }
    for (metadata, kind, loc) in [
        (json!("small-model"), "dict_type", json!(["body", "metadata"])),
        (json!({ "policy": 7 }), "string_type", json!(["body", "metadata", "policy"])),
        (json!({ "policy": "x".repeat(256) }), "string_too_long", json!(["body", "metadata", "policy"])),
    ] {
        let refused = post(&server, "/reset", &json!({ "metadata": metadata })).await.entry();
        assert_eq!((&refused["type"], &refused["loc"]), (&kind.into(), &loc));
    }
}

#[tokio::test]
async fn graders_are_told_all_and_may_grade_again_with_what_is_loaded() {
    let server = start(Config { open: true, watch: true, poll: Some(Duration::from_millis(30)), ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let id = own_id(&mut socket).await;
    let (grade, regrade) = (format!("/sessions/{id}/grade"), format!("/sessions/{id}/regrade"));
    get(&server, &grade).await.detail(409);
    socket.reset(json!({ "task_id": "calm", "seed": 1 })).await;
    for _ in 0..2 {
        socket.step(json!({ "action": "answer" })).await;
    }
    let told = get(&server, &grade).await.expect(200);
    assert_eq!((&told["score"], &told["done"], &told["step_count"]), (&json!(0.5), &json!(true), &json!(2)));
    let judged = &told["breakdown"]["decisions"][0];
    assert_eq!((&judged["decided"], &judged["expected"]), (&json!("answer"), &json!("close")));

    // With another rule all that was done is right.
    let text = fs::read_to_string(server.path().join("desk/pack.yaml")).expect("a pack");
    let text = text.replace("default: { action: close }\n---", "default: { action: answer }\n---");
    fs::write(server.path().join("desk/pack.yaml"), text).expect("it is written");
    until("it is loaded", async || get(&server, "/reload").await.expect(200)["generation"] == 2).await;
    let again = post(&server, &regrade, &json!({})).await.expect(200);
    assert_eq!((&again["score"], &again["generation"]), (&json!(1.0), &json!(2)));
    assert_eq!(get(&server, &grade).await.expect(200)["score"], 0.5);
}

#[tokio::test]
async fn graders_are_told_what_is_right_before_it_is_decided() {
    let server = start(Config { open: true, ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let id = own_id(&mut socket).await;
    get(&server, &format!("/sessions/{id}/truth")).await.detail(409);
    get(&server, "/sessions/nobody/truth").await.detail(404);
    socket.reset(json!({ "task_id": "calm", "seed": 1, "episode_id": "tuesday" })).await;
    socket.step(json!({ "action": "close" })).await;
    let told = get(&server, &format!("/sessions/{id}/truth")).await.expect(200);
    assert_eq!((&told["task_id"], &told["step_count"], &told["score"]), (&json!("calm"), &json!(1), &json!(0.0)));
    assert_eq!(told["parts"], json!({ "right": 0.0 }));
    let summary = |at: usize| {
        let item = &told["items"][at];
        let decision = &item["decisions"][0];
        json!([
            item["item"],
            item["decided"],
            item["fields"]["topic"],
            decision["decided"],
            decision["expected"],
            decision["source"]["kind"],
            decision["source"]["id"],
        ])
    };
    assert_eq!(summary(0), json!(["t-1", true, "question", "close", "answer", "rule", "R-ASK"]));
    assert_eq!(summary(1), json!(["t-2", false, "advert", null, "close", "default", null]));
    // The episode's own id leads there as well.
    for path in ["truth", "grade"] {
        assert_eq!(get(&server, &format!("/sessions/tuesday/{path}")).await.expect(200)["session_id"], json!(id));
    }
}

#[tokio::test]
async fn an_episode_id_means_one_episode_while_its_session_lives() {
    let server = start(Config { open: true, ..config() }).await;
    let (mut first, mut second) = (Socket::open(&server, "/ws").await, Socket::open(&server, "/ws").await);
    let asked = json!({ "task_id": "calm", "seed": 1, "episode_id": "one" });
    // Its own session may begin it again.
    for _ in 0..2 {
        assert_eq!(first.reset(asked.clone()).await["type"], "observation");
    }
    let refused = second.reset(asked.clone()).await;
    error(&refused, "VALIDATION_ERROR");
    let entry = &refused["data"]["errors"][0];
    assert_eq!((&entry["type"], &entry["loc"]), (&json!("value_error"), &json!(["episode_id"])));
    assert_eq!(entry["msg"], "another session plays an episode `one`; choose another `episode_id`, or none");
    let entry = post(&server, "/reset", &asked).await.entry();
    assert_eq!(entry["loc"], json!(["body", "episode_id"]));
    assert_eq!(get(&server, "/sessions/one/grade").await.expect(200)["session_id"], json!(own_id(&mut first).await));
    // The id is free when the session plays another episode, or when its session has ended.
    first.reset(json!({ "task_id": "calm", "episode_id": "other" })).await;
    assert_eq!(second.reset(asked.clone()).await["type"], "observation");
    assert_eq!(get(&server, "/sessions/one/grade").await.expect(200)["session_id"], json!(own_id(&mut second).await));
    error(&first.reset(asked.clone()).await, "VALIDATION_ERROR");
    drop(second.into_stream());
    until("the session has ended", async || get(&server, "/sessions/one/grade").await.status == 404).await;
    assert_eq!(first.reset(asked).await["type"], "observation");
}

#[tokio::test]
async fn a_client_that_names_no_session_may_begin_an_episode_of_its_own_again() {
    let server = start(Config { open: true, ..config() }).await;
    for _ in 0..2 {
        let reset = post(&server, "/reset", &json!({ "task_id": "busy", "episode_id": "twice" })).await;
        let id = reset.header("x-session-id").to_owned();
        for (method, path) in [("GET", "truth"), ("GET", "grade"), ("POST", "regrade")] {
            let told = send(&server, method, &format!("/sessions/twice/{path}"), &[], None).await.expect(200);
            assert_eq!(told["session_id"], json!(id), "{path}");
        }
    }
}

#[tokio::test]
async fn a_recorded_episode_is_graded_again() {
    let server = start(Config { open: true, ..config() }).await;
    let catalog =
        casebook_compile::check::compile(&casebook_syntax::source::read(&[server.path().to_path_buf()]), 1).catalog;
    let pack = Arc::clone(catalog.as_ref().and_then(|catalog| catalog.pack("desk")).expect("a pack"));
    let policy = policy::find(&pack, "oracle").expect("a policy");
    let played = record::play(&policy, pack.task("busy").expect("a task"), 7).expect("an episode");
    let mut line = serde_json::to_value(Recording::new(&pack, "oracle", played)).expect("JSON");
    let told = post(&server, "/regrade", &line).await.expect(200);
    assert_eq!((&told["score"], &told["agrees"], &told["difference"]), (&json!(1.0), &json!(true), &Value::Null));
    assert_eq!(told["steps"][0]["breakdown"]["decisions"][0]["rule"], "R-ASK");
    line["score"] = json!(0.25);
    let told = post(&server, "/regrade", &line).await.expect(200);
    assert_eq!((&told["score"], &told["recorded_score"]), (&json!(1.0), &json!(0.25)));
    assert_eq!((&told["agrees"], &told["difference"]), (&json!(false), &json!("the score was 0.25, is now 1")));
    line["actions"][0]["action"] = json!("shout");
    let text = post(&server, "/regrade", &line).await.detail(409);
    assert!(text.starts_with("step 1: the action was refused: `action`: must be one of answer, close"), "{text}");
    let seed = line["seed"].clone();
    line["seed"] = json!(i64::MAX as u64 + 1);
    let entry = post(&server, "/regrade", &line).await.entry();
    assert_eq!((&entry["type"], &entry["loc"]), (&json!("less_than_equal"), &json!(["body", "seed"])));
    line["seed"] = seed;
    line["environment"] = json!("dsk");
    assert!(post(&server, "/regrade", &line).await.detail(404).contains("did you mean `desk`?"));
    let entry = post(&server, "/regrade", &json!({ "environment": "desk" })).await.entry();
    assert_eq!(entry["msg"], "not a line of a record: missing field `engine`");
}
