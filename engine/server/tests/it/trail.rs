//! The audit trail of a server: every decision, over restarts and rotations, and what happens when it cannot be written.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use casebook_server::{Config, FileError, Trail, TrailConfig, TrailError, trail_pieces};
use casebook_trail::Verifier;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{
    client::{get, post, send},
    serve::{config, start},
};

fn settings(path: PathBuf) -> TrailConfig {
    TrailConfig { path, max_bytes: None, keep: None, required: false, key: None }
}

fn with(trail: &Arc<Trail>) -> Config {
    Config { trail: Some(Arc::clone(trail)), ..config() }
}

/// The entries of a trail with all its files; they are verified on the way.
fn entries(path: &Path) -> Vec<Value> {
    let mut verifier = Verifier::default();
    let mut all = Vec::new();
    for piece in trail_pieces(path) {
        for line in fs::read_to_string(&piece).expect("a text").lines() {
            let wrong = verifier.line(line);
            assert!(wrong.is_empty(), "{}: {wrong:?}", piece.display());
            all.push(serde_json::from_str(line).expect("JSON"));
        }
    }
    all
}

/// Plays a morning of two tickets.
async fn morning(server: &crate::serve::Running, episode: &str) {
    let path = format!("/reset?task_id=calm&seed=1&episode_id={episode}");
    let reset = send(server, "POST", &path, &[], None).await.expect(200);
    let id = reset["metadata"]["session_id"].as_str().expect("an id").to_owned();
    for action in ["answer", "answer"] {
        let body = json!({ "action": { "action": action }, "session_id": id }).to_string();
        send(server, "POST", "/step", &[], Some(&body)).await.expect(200);
    }
}

#[tokio::test]
async fn a_fork_and_its_origin_are_told_apart() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let trail = Arc::new(Trail::open(settings(path.clone())).expect("it opens"));
    let server = start(with(&trail)).await;
    let reset = post(&server, "/reset", &json!({ "task_id": "calm", "seed": 1, "episode_id": "first" })).await;
    let id = reset.header("x-session-id").to_owned();
    let fork = post(&server, &format!("/sessions/{id}/fork"), &json!({})).await.expect(200);
    for (session, action) in [(id.as_str(), "answer"), (fork["session_id"].as_str().expect("an id"), "close")] {
        let body = json!({ "action": { "action": action }, "session_id": session });
        post(&server, "/step", &body).await.expect(200);
    }
    drop(server);
    trail.close();
    let told: Vec<Value> =
        entries(&path).iter().map(|entry| json!([entry["episode"], entry["step"], entry["forked_from"]])).collect();
    let forked = json!({ "episode": "first", "step": 0 });
    assert_eq!(told, [json!(["first", 1, null]), json!([fork["episode_id"], 1, forked])]);
}

#[tokio::test]
async fn every_decision_is_written_and_a_restart_goes_on_with_the_chain() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    for round in 0..2 {
        let trail = Arc::new(Trail::open(settings(path.clone())).expect("it opens"));
        let server = start(with(&trail)).await;
        morning(&server, &format!("e-{round}")).await;
        post(&server, "/step", &json!({ "action": "shout" })).await.expect(422);
        let status = trail.close();
        assert_eq!((status.written, status.lost, status.failing), (2, 0, None));
    }
    let all = entries(&path);
    assert_eq!(all.len(), 4);
    let (first, last) = (&all[0], &all[3]);
    assert_eq!((&first["n"], &first["episode"], &first["step"]), (&json!(1), &json!("e-0"), &json!(1)));
    assert_eq!(first["decisions"][0]["source"]["id"], "R-ASK");
    assert_eq!((&last["n"], &last["episode"], &last["done"]), (&json!(4), &json!("e-1"), &json!(true)));
    let decision = &last["decisions"][0];
    assert_eq!((&decision["decided"], &decision["expected"]), (&json!("answer"), &json!("close")));
}

#[tokio::test]
async fn calls_of_tools_are_written_whichever_way_they_come() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let trail = Arc::new(Trail::open(settings(path.clone())).expect("it opens"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/conformance");
    let config = Config { environment: Some("conformance-tools".into()), ..with(&trail) };
    let server = crate::serve::start_in(config, TempDir::new().expect("a folder"), &[root]).await;
    let reset = send(&server, "POST", "/reset?episode_id=e-1", &[], None).await.expect(200);
    let id = reset["metadata"]["session_id"].as_str().expect("an id").to_owned();
    let action = json!({ "type": "call_tool", "tool_name": "add", "arguments": { "a": 40 } });
    let body = json!({ "action": action, "session_id": id }).to_string();
    send(&server, "POST", "/step", &[], Some(&body)).await.expect(200);
    let params = json!({ "name": "greet", "arguments": { "name": "Ada" }, "session_id": id });
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    post(&server, "/mcp", &call).await.expect(200);
    trail.close();
    let all = entries(&path);
    let told: Vec<_> = all.iter().map(|entry| (&entry["event"], &entry["tool"], &entry["step"])).collect();
    let event = json!("action");
    assert_eq!(told, [(&event, &json!("add"), &json!(1)), (&event, &json!("greet"), &json!(2))]);
    assert_eq!((&all[0]["episode"], &all[1]["action"]["arguments"]), (&json!("e-1"), &json!({ "name": "Ada" })));
}

#[tokio::test]
async fn full_files_are_put_aside_and_the_oldest_dropped() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let all_kept = TrailConfig { max_bytes: Some(2000), ..settings(path.clone()) };
    let trail = Arc::new(Trail::open(all_kept).expect("it opens"));
    let server = start(with(&trail)).await;
    for round in 0..6 {
        morning(&server, &format!("e-{round}")).await;
    }
    trail.close();
    let pieces = trail_pieces(&path);
    assert!(pieces.len() > 3, "{pieces:?}");
    assert!(pieces.iter().all(|piece| fs::metadata(piece).expect("a file").len() <= 2000));
    assert_eq!(entries(&path).len(), 12);

    let few_kept = TrailConfig { max_bytes: Some(2000), keep: Some(2), ..settings(path.clone()) };
    let trail = Arc::new(Trail::open(few_kept).expect("it opens"));
    let server = start(with(&trail)).await;
    for round in 0..4 {
        morning(&server, &format!("f-{round}")).await;
    }
    assert_eq!(trail.close().head.number, 20);
    assert_eq!(trail_pieces(&path).len(), 3);
}

#[test]
fn a_torn_line_is_put_aside_and_what_is_no_trail_is_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let mut chain = casebook_trail::Chain::default();
    let line = chain.seal("{\"event\":\"decision\"}");
    fs::write(&path, format!("{line}\n{{\"n\":2,\"prev")).expect("written");
    let trail = Trail::open(settings(path.clone())).expect("it opens");
    assert_eq!(trail.status().head, *chain.last());
    assert!(matches!(Trail::open(settings(path.clone())), Err(TrailError::File(FileError::Taken(_)))));
    drop(trail);
    assert_eq!(fs::read_to_string(&path).expect("a text"), format!("{line}\n"));
    assert_eq!(fs::read_to_string(folder.path().join("audit.jsonl.torn")).expect("a text"), "{\"n\":2,\"prev\n");

    let other = folder.path().join("notes.txt");
    fs::write(&other, "dear diary\n").expect("written");
    assert!(matches!(Trail::open(settings(other.clone())), Err(TrailError::Unsound(_))));
    assert_eq!(fs::read_to_string(&other).expect("a text"), "dear diary\n");
    assert!(matches!(Trail::open(settings(folder.path().to_path_buf())), Err(TrailError::File(FileError::Io(..)))));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_full_is_told_and_stops_steps_only_where_that_is_asked_for() {
    for required in [false, true] {
        let full = TrailConfig { required, ..settings("/dev/full".into()) };
        let trail = Arc::new(Trail::open(full).expect("it opens"));
        let server = start(with(&trail)).await;
        send(&server, "POST", "/reset?task_id=calm&seed=1", &[], None).await.expect(200);
        let first = post(&server, "/step", &json!({ "action": "answer" })).await;
        if required {
            assert!(first.detail(503).contains("the step is taken back"));
        } else {
            first.expect(200);
        }
        while trail.status().failing.is_none() {
            tokio::task::yield_now().await;
        }
        // A step that is taken back leaves its entry and one that says so.
        let kept = if required { 2 } else { 1 };
        let metrics = get(&server, "/metrics").await.text;
        assert!(metrics.contains("casebook_audit_failing 1"), "{metrics}");
        assert!(metrics.contains(&format!("casebook_audit_waiting {kept}\n")), "{metrics}");
        for (behind, least) in [("casebook_audit_waiting_bytes ", 100.0), ("casebook_audit_lag_seconds ", 1e-9)] {
            let told = metrics.lines().find_map(|line| line.strip_prefix(behind)).expect(behind);
            assert!(told.parse::<f64>().expect("a number") >= least, "{behind}{told}");
        }
        assert!(get(&server, "/ready").await.detail(503).contains("the audit trail cannot be written (No space left"));
        let second = post(&server, "/step", &json!({ "action": "close" })).await;
        if required {
            assert!(second.detail(503).contains("steps are refused until it can"));
            let state = get(&server, "/state").await.expect(200);
            assert_eq!((&state["step_count"], &state["done"]), (&json!(0), &json!(false)));
        } else {
            second.expect(200);
        }
        let status = trail.close();
        // What was refused is not missing.
        assert_eq!((status.written, status.lost), (0, if required { 0 } else { 2 }));
    }
}

#[tokio::test]
async fn the_grader_links_every_component_to_the_rule_behind_it() {
    let server = start(Config { open: true, ..config() }).await;
    let told = send(&server, "POST", "/grader?task_id=calm&provider=oracle", &[], None).await.expect(200);
    let step = &told["explanation"][0];
    let component = &step["components"][0];
    assert_eq!((&component["name"], &component["fields"]), (&json!("quality"), &json!(["action"])));
    let link = &component["truth"][0];
    assert_eq!((&link["item"], &link["right"]), (&json!("t-1"), &json!(true)));
    assert_eq!((&link["source"]["id"], &link["source"]["rules"]), (&json!("R-ASK"), &json!("routing")));
    assert!(link["source"]["line"].as_u64().is_some_and(|line| line > 0), "{link}");
    let reset = send(&server, "POST", "/reset?task_id=calm&seed=1", &[], None).await.expect(200);
    post(&server, "/step", &json!({ "action": "answer" })).await.expect(200);
    let id = reset["metadata"]["session_id"].as_str().expect("an id").to_owned();
    let standing = get(&server, &format!("/sessions/{id}/grade")).await.expect(200);
    assert_eq!(standing["explanation"]["components"][0]["truth"][0]["source"]["id"], "R-ASK");
    let silent =
        send(&server, "POST", "/envs/parcels/grader?task_id=shelf&provider=oracle", &[], None).await.expect(200);
    assert!(silent.get("explanation").is_none(), "a pack that never tells does not tell here either");
}

#[cfg(unix)]
#[tokio::test]
async fn writing_goes_on_once_there_is_room_and_where_the_file_was_removed() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let trail = Arc::new(Trail::open(settings(path.clone())).expect("it opens"));
    let server = start(with(&trail)).await;
    morning(&server, "e-0").await;
    while trail.status().failing.is_none() {
        tokio::task::yield_now().await;
    }
    fs::remove_file(&path).expect("removed");
    while trail.status().failing.is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!((entries(&path).len(), trail.status().lost), (2, 0), "nothing is lost that there was room for");
    let status = trail.status();
    assert_eq!((status.waiting, status.waiting_bytes, status.behind.is_zero()), (0, 0, true));
    // What is not on the disk yet when the file is removed is written again.
    while trail.status().synced < 2 {
        tokio::task::yield_now().await;
    }
    fs::remove_file(&path).expect("removed");
    morning(&server, "e-1").await;
    assert_eq!(trail.close().head.number, 4);
    let text = fs::read_to_string(&path).expect("it is begun again");
    let wrong = Verifier::default().line(text.lines().next().expect("a line"));
    assert_eq!(wrong[0].to_string(), "entries 1 to 2 are missing before this line");
}

#[test]
fn many_at_once_lose_nothing_and_keep_the_chain() {
    let packs = crate::packs::write();
    let sources = casebook_syntax::source::read(&[packs.path().to_path_buf()]);
    let catalog = casebook_compile::check::compile(&sources, 1).catalog.expect("sound packs");
    let pack = catalog.pack("desk").expect("the pack");
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let rotating = TrailConfig { max_bytes: Some(200_000), ..settings(path.clone()) };
    let trail = Trail::open(rotating).expect("it opens");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (trail, pack) = (&trail, pack);
            scope.spawn(move || {
                let policy = casebook_runtime::policy::find(pack, "oracle").expect("it is built in");
                for seed in 0..100 {
                    let id = format!("e-{thread}-{seed}");
                    let id = casebook_trail::EpisodeId { id: &id, policy: Some("oracle"), forked_from: None };
                    let mut watch = |episode: &_, action: &_, step: &_| trail.record(episode, (action, step), id);
                    let task = pack.task("busy").expect("the task");
                    casebook_runtime::record::play_watched(&policy, task, (seed, &Map::new()), &mut watch)
                        .expect("it plays");
                }
            });
        }
    });
    let status = trail.close();
    assert_eq!((status.written, status.lost, status.head.number), (2400, 0, 2400));
    assert_eq!(entries(&path).len(), 2400);
}
