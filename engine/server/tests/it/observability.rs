//! What the server tells about itself.

use std::{fs, time::Duration};

use casebook_compile::check;
use casebook_runtime::record::{Recording, Verdict, replay};
use casebook_server::{Config, RecordConfig, RecordTarget, Recorder, Tokens};
use casebook_syntax::source;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time,
};

use crate::{
    client::{PATIENCE, Socket, get, post, send, until},
    packs::desk_with,
    serve::{Running, config, start},
};

/// The value of a metric, by its name with labels.
async fn metric(server: &Running, name: &str) -> f64 {
    let answer = get(server, "/metrics").await;
    assert_eq!(answer.status, 200);
    let line = answer.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{}", answer.text)).parse().expect("a number")
}

#[tokio::test]
async fn sessions_steps_rewards_and_scores_are_counted() {
    let server = start(Config { max_sessions: 7, ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm" })).await;
    socket.step(json!({ "action": "answer" })).await;
    socket.step(json!({ "action": "nonsense" })).await;
    post(&server, "/reset", &json!({ "task_id": "calm" })).await.expect(200);
    for _ in 0..2 {
        post(&server, "/step", &json!({ "action": "answer" })).await.expect(200);
    }
    for (name, value) in [
        (r#"casebook_sessions{status="attached"}"#, 1.0),
        (r#"casebook_sessions{status="free"}"#, 1.0),
        (r#"casebook_sessions{status="lost"}"#, 0.0),
        ("casebook_slots_used", 2.0),
        ("casebook_slots", 7.0),
        (r#"casebook_steps_total{environment="desk"}"#, 3.0),
        (r#"casebook_step_refusals_total{environment="desk"}"#, 1.0),
        (r#"casebook_step_seconds_count{environment="desk"}"#, 3.0),
        (r#"casebook_rewards_sum{environment="desk"}"#, 1.5),
        (r#"casebook_rewards_bucket{le="0.0",environment="desk"}"#, 1.0),
        (r#"casebook_scores_count{environment="desk"}"#, 1.0),
        (r#"casebook_scores_sum{environment="desk"}"#, 0.5),
        ("casebook_reload_generation", 1.0),
        ("casebook_reloads_rejected_total", 0.0),
        ("casebook_draining", 0.0),
    ] {
        let told = metric(&server, name).await;
        assert!((told - value).abs() < 1e-9, "{name} is {told}, not {value}");
    }
    assert!(metric(&server, "casebook_reload_last_success_timestamp_seconds").await > 1.7e9);
    let answer = get(&server, "/metrics").await;
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn rejected_and_loaded_changes_are_counted() {
    let server = start(Config { watch: true, poll: Some(Duration::from_millis(20)), ..config() }).await;
    let file = server.path().join("desk/pack.yaml");
    fs::write(&file, "kind: [").expect("it is written");
    until("it is rejected", async || metric(&server, "casebook_reloads_rejected_total").await > 0.5).await;
    fs::write(&file, desk_with("A calm morning", "Calm")).expect("it is written");
    until("it is loaded", async || metric(&server, "casebook_reload_generation").await > 1.5).await;
}

#[tokio::test]
async fn episodes_that_end_are_recorded_and_agree_when_replayed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("episodes.jsonl");
    let recorder =
        Recorder::open(&RecordConfig { target: RecordTarget::File(path.clone()), required: false }).expect("it opens");
    let mut server = start(Config { record: Some(recorder), ..config() }).await;
    for seed in 0..20 {
        post(&server, "/reset", &json!({ "task_id": "calm", "seed": seed })).await.expect(200);
        for _ in 0..2 {
            post(&server, "/step", &json!({ "action": "answer" })).await.expect(200);
        }
    }
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm" })).await;
    socket.step(json!({ "action": "answer" })).await;
    until("all are written", async || metric(&server, "casebook_records_waiting").await < 0.5).await;
    let bytes = u32::try_from(fs::metadata(&path).expect("a file").len()).map(f64::from).expect("a small file");
    for (name, value) in [
        ("casebook_records_written_total", 20.0),
        ("casebook_records_failed_total", 0.0),
        ("casebook_record_lag_seconds", 0.0),
        ("casebook_record_bytes_total", bytes),
    ] {
        let told = metric(&server, name).await;
        assert!((told - value).abs() < 1e-9, "{name} is {told}, not {value}");
    }
    let sources = source::read(&[server.path().to_path_buf()]);
    server.stop();
    socket.closed().await;
    server.ended().await;

    // All that ended is there when the server has ended, and nothing else.
    let catalog = check::compile(&sources, 1).catalog.expect("packs");
    let text = fs::read_to_string(&path).expect("a record");
    let lines: Vec<Recording> = text.lines().map(|line| serde_json::from_str(line).expect("a recording")).collect();
    assert_eq!(lines.len(), 20);
    for recording in &lines {
        assert_eq!((recording.policy.as_str(), recording.trajectory.score), ("served", 0.5));
        assert_eq!(replay(&catalog, recording), Ok(Verdict::Agrees));
    }
}

/// The events of a stream, one by one: kind and data.
struct Stream(BufReader<TcpStream>);

impl Stream {
    async fn open(server: &Running, token: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        let header = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!("GET /observe HTTP/1.1\r\nhost: x\r\n{header}\r\n");
        stream.write_all(head.as_bytes()).await.expect("it is sent");
        let mut stream = Self(BufReader::new(stream));
        assert_eq!(stream.line().await, "HTTP/1.1 200 OK");
        while !stream.line().await.is_empty() {}
        stream
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        time::timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("in time").expect("a line");
        line.trim_end().to_owned()
    }

    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some(kind) = self.line().await.strip_prefix("event: ") {
                let data = self.line().await;
                let data = data.strip_prefix("data: ").expect("data");
                return (kind.to_owned(), serde_json::from_str(data).expect("JSON"));
            }
        }
    }
}

#[tokio::test]
async fn observers_are_told_what_happens_as_it_happens() {
    let tokens =
        "orchestrator orchestrator-0123456789\nobserver observer-0123456789abcdef\nagent agent-0123456789abcdef";
    let tokens = Tokens::read(tokens).expect("tokens");
    let mut server = start(Config { tokens, ..config() }).await;
    let mut stream = Stream::open(&server, Some("observer-0123456789abcdef")).await;
    for (headers, status) in [(vec![], 401), (vec![("authorization", "Bearer agent-0123456789abcdef")], 403)] {
        send(&server, "GET", "/observe", &headers, None).await.detail(status);
    }
    let who = [("authorization", "Bearer orchestrator-0123456789")];
    let reset = send(&server, "POST", "/reset?task_id=calm&seed=7&episode_id=e", &who, None).await;
    let id = reset.header("x-session-id").to_owned();
    send(&server, "POST", "/step", &who, Some(r#"{"action":"answer"}"#)).await.expect(200);
    let close = json!({ "jsonrpc": "2.0", "id": 1, "method": "openenv/session/close", "params": { "session_id": id } });
    send(&server, "POST", "/mcp", &who, Some(&close.to_string())).await.expect(200);

    let mut told = Vec::new();
    for kind in ["opened", "reset", "step", "ended"] {
        let (event, data) = stream.next().await;
        assert_eq!((event.as_str(), &data["environment"]), (kind, &json!("desk")), "{data}");
        // Whoever knows the whole id could play in its place.
        assert!(id.replace('-', "").starts_with(data["session"].as_str().expect("a text")), "{data}");
        assert!(!data.to_string().contains(&id), "{data}");
        told.push(data);
    }
    assert_eq!(
        (&told[1]["task_id"], &told[1]["seed"], &told[1]["episode_id"]),
        (&json!("calm"), &json!(7), &json!("e"))
    );
    assert_eq!((&told[2]["step"], &told[2]["reward"], &told[2]["done"]), (&json!(1), &json!(1.0), &json!(false)));
    // It ends with the server, and does not keep it.
    server.stop();
    let mut rest = String::new();
    time::timeout(PATIENCE, stream.0.read_to_string(&mut rest)).await.expect("in time").expect("an end");
    server.ended().await;
}
