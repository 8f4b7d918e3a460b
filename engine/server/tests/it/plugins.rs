//! Packs whose plugins fail, change, or change all the time.
//!
//! The host here runs no code: a module is a number in a text, which every call answers with; `fail` fails every call but
//! the examples, `lie` fails those, and `hang` answers no call about a decision before its door is opened.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use casebook_compile::check::Checker;
use casebook_runtime::plugin::{Guest, Host, Limits, Operation, Program, Refusal};
use casebook_server::Config;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Socket, error, get, post, until},
    packs::{self, desk_file, desk_with},
    serve::{Running, config, start_with},
    sessions::own_id,
};

/// Sessions that play while the file changes.
const PLAYERS: usize = 8;
/// Sessions that wait for a program at one time, more than there are threads that compute.
const WAITING: usize = 40;
/// Times that the file changes.
const CHANGES: usize = 60;

#[derive(Debug, Default)]
struct Scripted {
    door: Arc<Door>,
}

#[derive(Debug)]
struct Script(String, Arc<Door>);

/// What calls are before that hang.
#[derive(Debug, Default)]
struct Door {
    open: Mutex<bool>,
    opened: Condvar,
    /// Calls that have come to it.
    come: AtomicUsize,
}

impl Door {
    fn open(&self) {
        *self.open.lock().expect("no panic") = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        self.come.fetch_add(1, Ordering::Relaxed);
        let open = self.open.lock().expect("no panic");
        drop(self.opened.wait_while(open, |open| !*open).expect("no panic"));
    }
}

/// Opens its door however a test ends, since the threads behind it keep the runtime from ending.
struct Opened(Arc<Door>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.open();
    }
}

impl Host for Scripted {
    fn load(&self, module: &[u8], _: Limits) -> Result<Arc<dyn Guest>, String> {
        Ok(Arc::new(Script(String::from_utf8_lossy(module).into_owned(), Arc::clone(&self.door))))
    }

    fn judge(&self) -> Option<Arc<dyn Guest>> {
        Some(Arc::new(Script("hang".into(), Arc::clone(&self.door))))
    }

    fn start(&self, program: &Program) -> Result<Arc<dyn Guest>, Refusal> {
        self.load(&program.files[0].1, Limits::default()).map_err(Refusal::Unfit)
    }
}

impl Script {
    /// Answers what a language model is asked: always the same, and with `hang` only behind the door.
    fn verdict(&self) -> String {
        if self.0 == "hang" {
            self.1.pass();
        }
        json!({ "reason": "It is fair.", "score": 0.5 }).to_string()
    }
}

impl Guest for Script {
    fn describe(&self) -> Result<String, String> {
        let example = json!({ "name": "one", "input": {}, "output": {} });
        let grader = json!({ "name": "odd", "summary": "Odd.", "reads": ["decision"], "examples": [example] });
        Ok(json!({ "name": "odd", "version": "1.0.0", "summary": "Odd.", "graders": [grader] }).to_string())
    }

    fn call(&self, _: Operation, input: &str) -> Result<String, String> {
        if input.contains("response_format") {
            return Ok(self.verdict());
        }
        match self.0.as_str() {
            "lie" => Err("gave up".into()),
            "fail" if input.contains("decision") => Err("ran out of fuel".into()),
            "fail" | "hang" if !input.contains("decision") => Ok(json!({ "value": 0 }).to_string()),
            "hang" => {
                self.1.pass();
                Ok(json!({ "value": 0.5 }).to_string())
            }
            number => Ok(format!("{{\"value\":{number}}}")),
        }
    }

    fn fuel_of(&self, _: Operation, _: &str) -> Result<u64, String> {
        Ok(1)
    }
}

fn module(folder: &Path) -> PathBuf {
    desk_file(folder).with_file_name("odd.wasm")
}

fn save(folder: &Path, text: &str) {
    let fresh = module(folder).with_extension("new");
    fs::write(&fresh, text).expect("a file");
    fs::rename(fresh, module(folder)).expect("a name");
}

/// Serves the small pack, with a plugin in its reward.
async fn serve(text: &str) -> Running {
    serve_with(text, (Scripted::default(), false), Config { open: true, ..config() }).await
}

/// Serves the small pack with a plugin that hangs, as a program or not; the door opens with the second part.
async fn serve_hanging(process: bool, config: Config) -> (Running, Opened) {
    let host = Scripted::default();
    let door = Opened(Arc::clone(&host.door));
    (serve_with("hang", (host, process), config).await, door)
}

async fn serve_with(text: &str, host: (Scripted, bool), config: Config) -> Running {
    serve_pack(text, "observation:\n", host, config).await
}

/// Serves the small pack with a plugin in its reward, and with more in its environment.
async fn serve_declared(text: &str, more: &str) -> Running {
    serve_pack(text, more, (Scripted::default(), false), config()).await
}

async fn serve_pack(text: &str, more: &str, (host, process): (Scripted, bool), config: Config) -> Running {
    let folder: TempDir = packs::write();
    let process = if process { ", process: {}" } else { "" };
    let declared = format!("plugins:\n  odd: {{ file: odd.wasm, version: \"1\"{process} }}\n{more}");
    let with = desk_with("observation:\n", &declared);
    let rubric = "    - { name: quality, grader: matrix, field: action, correct: 1, default: -0.5 }";
    assert!(with.contains(rubric));
    let with = with.replacen(rubric, "    - { name: odd, grader: plugin, plugin: odd }", 1);
    fs::write(desk_file(folder.path()), with).expect("a file");
    save(folder.path(), text);
    let root = folder.path().to_path_buf();
    let checker = Checker::with_plugins(Some(Arc::new(host)));
    start_with(checker, Config { watch: true, ..config }, folder, &[root]).await
}

async fn status(server: &Running) -> Value {
    get(server, "/reload").await.expect(200)
}

#[tokio::test]
async fn a_plugin_that_fails_is_an_error_and_the_server_goes_on() {
    let server = serve_with("fail", (Scripted::default(), false), config()).await;
    let (mut socket, mut other) = (Socket::open(&server, "/ws").await, Socket::open(&server, "/envs/parcels/ws").await);
    socket.reset(json!({ "task_id": "calm" })).await;
    other.reset(json!({})).await;
    for _ in 0..2 {
        // The plugin's own words may hold what is right, so the log has them and the agent has not.
        let told = error(&socket.step(json!({ "action": "answer" })).await, "EXECUTION_ERROR");
        assert_eq!(told, "the environment failed at this step; see the server's log for the reason");
        assert_eq!(socket.state().await["step_count"], 0);
    }
    assert_eq!(other.step(json!({ "route": "air" })).await["data"]["reward"], json!(1.0));
    // Over HTTP and for tools it is the same, and who plays the baseline reads no more.
    let session = post(&server, "/reset", &json!({ "task_id": "calm" })).await.header("x-session-id").to_owned();
    let act = json!({ "name": "act", "arguments": { "action": "answer" }, "session_id": session });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": act });
    for told in [
        post(&server, "/step", &json!({ "session_id": session, "action": { "action": "answer" } })).await,
        post(&server, "/mcp", &call).await,
        get(&server, "/baseline").await,
        post(&server, "/grader?task_id=calm", &json!({})).await,
    ] {
        assert!(told.text.contains("the environment failed at this step") && !told.text.contains("odd"), "{told:?}");
    }
}

#[tokio::test]
async fn a_step_that_fails_counts_where_the_pack_says_so() {
    let server = serve_declared("fail", "on_failure: penalize\nobservation:\n").await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm" })).await;
    for step in 1..=5 {
        let told = socket.step(json!({ "action": "answer" })).await;
        assert_eq!(told["data"]["observation"]["step_count"], step, "{told}");
        assert_eq!((&told["data"]["reward"], &told["data"]["done"]), (&json!(0.0), &json!(step == 5)), "{told}");
        assert!(!told.to_string().contains("fuel"), "{told}");
    }
}

/// What a step is told that takes longer than 60 ms.
const TOO_LONG: &str = "the step took longer than 0.06 s and is taken back";

/// Takes a step that takes too long, and meanwhile one of somebody else.
async fn step_too_long(server: &Running) -> Socket {
    let (mut socket, mut other) = (Socket::open(server, "/ws").await, Socket::open(server, "/envs/parcels/ws").await);
    socket.reset(json!({ "task_id": "calm" })).await;
    other.reset(json!({})).await;
    socket.say(r#"{"type":"step","data":{"action":"answer"}}"#).await;
    assert_eq!(other.step(json!({ "route": "air" })).await["data"]["reward"], json!(1.0));
    assert_eq!(error(&socket.hear().await, "EXECUTION_ERROR"), TOO_LONG);
    assert_eq!(socket.state().await["step_count"], 0);
    socket
}

// One thread serves everybody here: a step that kept it would stop the others, and the test.
#[tokio::test]
async fn a_plugin_that_hangs_misses_the_deadline_and_holds_up_nobody() {
    let short = Config { step_timeout: Some(Duration::from_millis(60)), max_sessions: 2, ..config() };
    let (server, _door) = serve_hanging(false, short).await;
    step_too_long(&server).await;
    // Over HTTP, and for tools, it is the same.
    let session = post(&server, "/reset", &json!({ "task_id": "calm" })).await.header("x-session-id").to_owned();
    let told = post(&server, "/step", &json!({ "session_id": session, "action": { "action": "answer" } })).await;
    assert_eq!(told.detail(504), TOO_LONG);
    let call = json!({ "name": "act", "arguments": { "action": "answer" }, "session_id": session });
    for params in [call.clone(), json!({ "name": "act", "arguments": { "action": "answer" } })] {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let told = post(&server, "/mcp", &call).await.expect(200);
        assert_eq!(told["error"]["message"], TOO_LONG, "{told}");
    }
    assert_eq!(get(&server, &format!("/state?session_id={session}")).await.expect(200)["step_count"], 0);
}

#[tokio::test]
async fn a_slot_is_free_at_once_when_its_socket_ends_while_a_plugin_computes() {
    let (server, _door) = serve_hanging(false, Config { max_sessions: 1, ..config() }).await;
    for _ in 0..3 {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.reset(json!({ "task_id": "calm" })).await;
        socket.say(r#"{"type":"step","data":{"action":"answer"}}"#).await;
        drop(socket.into_stream());
        until("the slot is free", async || get(&server, "/metrics").await.text.contains("casebook_slots_used 0\n"))
            .await;
    }
}

#[tokio::test]
async fn a_step_that_computes_for_a_while_is_taken_when_it_is_through() {
    let (server, door) = serve_hanging(false, config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm" })).await;
    socket.say(r#"{"type":"step","data":{"action":"answer"}}"#).await;
    socket.say(r#"{"type":"state"}"#).await;
    drop(door);
    assert_eq!(socket.hear().await["data"]["reward"], json!(0.5));
    assert_eq!(socket.hear().await["data"]["step_count"], 1);
}

#[tokio::test]
async fn sessions_wait_for_programs_side_by_side() {
    let (server, door) = serve_hanging(true, config()).await;
    let mut sockets = Vec::new();
    for _ in 0..WAITING {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.reset(json!({ "task_id": "calm" })).await;
        socket.say(r#"{"type":"step","data":{"action":"answer"}}"#).await;
        sockets.push(socket);
    }
    until("all are asked", async || door.0.come.load(Ordering::Relaxed) == WAITING).await;
    drop(door);
    for mut socket in sockets {
        assert_eq!(socket.hear().await["data"]["reward"], json!(0.5));
    }
}

// One thread serves everybody here: a step that kept it would stop the others, and the test.
#[tokio::test]
async fn steps_that_wait_for_a_language_model_hold_up_nobody() {
    let host = Scripted::default();
    let door = Opened(Arc::clone(&host.door));
    let folder: TempDir = packs::write();
    let rubric = "    - { name: quality, grader: matrix, field: action, correct: 1, default: -0.5 }";
    let judge =
        "    - { name: quality, grader: judge, model: judge-1, prompt: \"{{ item.id }}: {{ decision.action }}\" }";
    fs::write(desk_file(folder.path()), desk_with(rubric, judge)).expect("a file");
    let root = folder.path().to_path_buf();
    let short = Config { step_timeout: Some(Duration::from_millis(60)), ..config() };
    let server = start_with(Checker::with_plugins(Some(Arc::new(host))), short, folder, &[root]).await;
    let mut socket = step_too_long(&server).await;
    drop(door);
    let told = socket.step(json!({ "action": "answer" })).await;
    assert_eq!(told["data"]["reward"], json!(0.5), "{told}");
    // The judgement may quote what is right.
    let id = own_id(&mut socket).await;
    let shown = get(&server, &format!("/sessions/{id}")).await.expect(200);
    assert!(shown["step_count"] == 1 && !shown.to_string().contains("It is fair."), "{shown}");
}

#[tokio::test]
async fn a_changed_plugin_is_a_new_generation_and_one_that_lies_is_none() {
    let server = serve("0.25").await;
    let mut socket = Socket::open(&server, "/ws").await;
    let before = socket.reset(json!({ "task_id": "calm" })).await["data"]["metadata"].clone();
    save(server.path(), "0.75");
    until("a second generation", async || status(&server).await["generation"] == 2).await;
    assert_eq!(socket.step(json!({ "action": "answer" })).await["data"]["reward"], json!(0.25));
    let after = socket.reset(json!({ "task_id": "calm" })).await["data"]["metadata"].clone();
    assert_ne!(after["digest"], before["digest"]);
    assert_eq!(socket.step(json!({ "action": "answer" })).await["data"]["reward"], json!(0.75));

    save(server.path(), "lie");
    until("a rejection", async || status(&server).await["outcome"] == "rejected").await;
    let told = status(&server).await["rejected"]["text"].as_str().expect("a text").to_owned();
    assert!(told.contains("CB703") && told.contains("example `one` of `odd`"), "{told}");
    socket.reset(json!({ "task_id": "calm" })).await;
    assert_eq!(socket.step(json!({ "action": "answer" })).await["data"]["reward"], json!(0.75));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_episode_sees_two_plugins_while_the_file_changes_all_the_time() {
    let server = serve("0.25").await;
    let over = Arc::new(AtomicBool::new(false));
    let mut players = Vec::new();
    for _ in 0..PLAYERS {
        let mut socket = Socket::open(&server, "/ws").await;
        let over = Arc::clone(&over);
        players.push(tokio::spawn(async move {
            let mut seen = BTreeSet::new();
            while !over.load(Ordering::Relaxed) {
                socket.reset(json!({ "task_id": "calm" })).await;
                let first = socket.step(json!({ "action": "answer" })).await["data"]["reward"].to_string();
                tokio::time::sleep(Duration::from_millis(5)).await;
                let second = socket.step(json!({ "action": "answer" })).await["data"]["reward"].to_string();
                assert_eq!(first, second, "an episode was graded by two plugins");
                seen.insert(first);
            }
            seen
        }));
    }
    for at in 0..CHANGES {
        save(server.path(), if at % 2 == 0 { "0.75" } else { "0.25" });
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    save(server.path(), "0.5");
    until("the last one", async || {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.reset(json!({ "task_id": "calm" })).await;
        socket.step(json!({ "action": "answer" })).await["data"]["reward"] == json!(0.5)
    })
    .await;
    over.store(true, Ordering::Relaxed);
    let mut seen = BTreeSet::new();
    for player in players {
        seen.extend(player.await.expect("no episode was mixed"));
    }
    assert!(seen.contains("0.25") || seen.contains("0.75"), "{seen:?}");
}
