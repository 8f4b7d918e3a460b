//! Records and audit trails that must not be lost: full disks, torn lines, moved files, and answers that wait for the disk.

use std::{fs, path::Path, sync::Arc};

use casebook_compile::check;
use casebook_runtime::record::Recording;
use casebook_server::{
    Config, FileError, RecordConfig, RecordTarget, Recorder, Trail, TrailConfig, TrailError, trail_head,
};
use casebook_syntax::source;
use casebook_trail::Key;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Socket, get, post, until},
    serve::{Running, config, start},
};

fn recorder(path: &Path, required: bool) -> Recorder {
    Recorder::open(&RecordConfig { target: RecordTarget::File(path.to_path_buf()), required }).expect("it opens")
}

fn trail(path: &Path) -> TrailConfig {
    TrailConfig { path: path.to_path_buf(), max_bytes: None, keep: None, required: false, key: None }
}

async fn episode(server: &Running, seed: u64) {
    post(server, "/reset", &json!({ "task_id": "calm", "seed": seed })).await.expect(200);
    for _ in 0..2 {
        post(server, "/step", &json!({ "action": "answer" })).await.expect(200);
    }
}

fn recordings(path: &Path) -> Vec<Recording> {
    let text = fs::read_to_string(path).expect("a text");
    text.lines().map(|line| serde_json::from_str(line).expect("a recording")).collect()
}

#[tokio::test]
async fn what_is_required_is_in_the_file_when_it_is_answered() {
    let folder = TempDir::new().expect("a folder");
    let (record, audit) = (folder.path().join("run.jsonl"), folder.path().join("audit.jsonl"));
    let required = Arc::new(Trail::open(TrailConfig { required: true, ..trail(&audit) }).expect("it opens"));
    let server = start(Config { record: Some(recorder(&record, true)), trail: Some(required), ..config() }).await;
    for round in 0..5 {
        episode(&server, round).await;
        let told = fs::read_to_string(&audit).expect("a text");
        assert_eq!(told.lines().count() as u64, 2 * (round + 1));
        let recorded = recordings(&record);
        assert_eq!(recorded.len() as u64, round + 1);
        assert!(recorded.iter().all(|recording| recording.episode_id.is_some()), "the audit trail names them so");
    }
    let mut socket = Socket::open(&server, "/ws").await;
    socket.reset(json!({ "task_id": "calm" })).await;
    for steps in 1..=2 {
        socket.step(json!({ "action": "answer" })).await;
        assert_eq!(fs::read_to_string(&audit).expect("a text").lines().count(), 10 + steps);
    }
    assert_eq!(recordings(&record).len(), 6);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_loses_no_record_and_the_server_is_not_ready_meanwhile() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("run.jsonl");
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let server = start(Config { record: Some(recorder(&path, false)), ..config() }).await;
    get(&server, "/ready").await.expect(200);
    for seed in 0..3 {
        episode(&server, seed).await;
    }
    until("it is not ready", async || get(&server, "/ready").await.status == 503).await;
    assert!(get(&server, "/ready").await.detail(503).contains("the record cannot be written (No space left"));
    let metrics = get(&server, "/metrics").await.text;
    for line in ["casebook_record_failing 1\n", "casebook_records_waiting 3\n", "casebook_records_failed_total 0\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    fs::remove_file(&path).expect("removed");
    until("it is ready", async || get(&server, "/ready").await.status == 200).await;
    let seeds: Vec<u64> = recordings(&path).iter().map(|recording| recording.trajectory.seed).collect();
    assert_eq!(seeds, [0, 1, 2]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_end_that_cannot_be_recorded_is_taken_back_where_that_is_demanded() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("run.jsonl");
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let server = start(Config { record: Some(recorder(&path, true)), ..config() }).await;
    post(&server, "/reset", &json!({ "task_id": "calm", "seed": 1 })).await.expect(200);
    post(&server, "/step", &json!({ "action": "answer" })).await.expect(200);
    let last = post(&server, "/step", &json!({ "action": "close" })).await;
    assert!(last.detail(503).contains("the step is taken back"));
    let state = get(&server, "/state").await.expect(200);
    assert_eq!((&state["step_count"], &state["done"]), (&json!(1), &json!(false)));
    assert!(post(&server, "/step", &json!({ "action": "close" })).await.detail(503).contains("steps are refused"));
    fs::remove_file(&path).expect("removed");
    until("it is ready", async || get(&server, "/ready").await.status == 200).await;
    assert_eq!(post(&server, "/step", &json!({ "action": "close" })).await.expect(200)["done"], true);
    let all = recordings(&path);
    assert_eq!(all.len(), 1, "what was taken back is not recorded");
    assert_eq!(all[0].trajectory.actions, [json!({ "action": "answer" }), json!({ "action": "close" })]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_end_that_the_trail_cannot_take_is_not_in_the_record() {
    let folder = TempDir::new().expect("a folder");
    let (record, audit) = (folder.path().join("run.jsonl"), folder.path().join("audit.jsonl"));
    let required = Arc::new(Trail::open(TrailConfig { required: true, ..trail(&audit) }).expect("it opens"));
    let server = start(Config { record: Some(recorder(&record, true)), trail: Some(required), ..config() }).await;
    post(&server, "/reset", &json!({ "task_id": "calm", "seed": 1 })).await.expect(200);
    post(&server, "/step", &json!({ "action": "answer" })).await.expect(200);
    fs::remove_file(&audit).expect("removed");
    std::os::unix::fs::symlink("/dev/full", &audit).expect("a link");
    let last = post(&server, "/step", &json!({ "action": "answer" })).await;
    assert!(last.detail(503).contains("the step is taken back"));
    fs::remove_file(&audit).expect("removed");
    until("it is ready", async || get(&server, "/ready").await.status == 200).await;
    assert_eq!(post(&server, "/step", &json!({ "action": "close" })).await.expect(200)["done"], true);
    let all = recordings(&record);
    assert_eq!(all.len(), 1, "an episode ends once");
    assert_eq!(all[0].trajectory.actions, [json!({ "action": "answer" }), json!({ "action": "close" })]);
}

#[tokio::test]
async fn a_torn_record_is_put_aside_and_a_moved_one_begun_again() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("run.jsonl");
    fs::write(&path, "{\"engine\":\"0.1").expect("written");
    let recorder_of = recorder(&path, true);
    let config_of = || RecordConfig { target: RecordTarget::File(path.clone()), required: false };
    assert!(matches!(Recorder::open(&config_of()), Err(FileError::Taken(_))));
    let server = start(Config { record: Some(recorder_of), ..config() }).await;
    episode(&server, 1).await;
    assert_eq!(recordings(&path).len(), 1);
    assert_eq!(fs::read_to_string(folder.path().join("run.jsonl.torn")).expect("a text"), "{\"engine\":\"0.1\n");
    let aside = folder.path().join("run.jsonl.1");
    fs::rename(&path, &aside).expect("moved");
    episode(&server, 2).await;
    assert_eq!((recordings(&aside).len(), recordings(&path).len()), (1, 1));
    fs::remove_file(&path).expect("removed");
    episode(&server, 3).await;
    assert_eq!(recordings(&path)[0].trajectory.seed, 3);
}

#[test]
fn an_end_that_was_cut_off_is_found_by_the_sealed_head() {
    let packs = crate::packs::write();
    let sources = source::read(&[packs.path().to_path_buf()]);
    let catalog = check::compile(&sources, 1).catalog.expect("sound packs");
    let task = catalog.pack("desk").expect("the pack").task("calm").expect("the task");
    let policy =
        casebook_runtime::policy::find(catalog.pack("desk").expect("the pack"), "oracle").expect("it is built in");
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let key = Some(Key::new("a secret that is long enough").expect("a key"));
    let signed = || TrailConfig { key: key.clone(), ..trail(&path) };
    let play = |config: TrailConfig| {
        let trail = Trail::open(config)?;
        let id = casebook_trail::EpisodeId { id: "e", policy: None, forked_from: None };
        let mut watch = |episode: &_, action: &_, step: &_| trail.record(episode, (action, step), id);
        casebook_runtime::record::play_watched(&policy, task, (1, &serde_json::Map::new()), &mut watch)
            .expect("it plays");
        Ok::<_, TrailError>(trail.close())
    };
    assert_eq!(play(signed()).expect("it opens").head.number, 2);
    let head: Value = serde_json::from_str(&fs::read_to_string(trail_head(&path)).expect("a head")).expect("JSON");
    assert_eq!(head["entries"], 2);
    assert_eq!(play(signed()).expect("it opens").head.number, 4);

    let whole = fs::read_to_string(&path).expect("a text");
    let cut: String = whole.split_inclusive('\n').take(3).collect();
    fs::write(&path, cut).expect("written");
    assert!(matches!(play(signed()), Err(TrailError::Cut { sealed: 4, found: 3, .. })));
    assert!(matches!(play(trail(&path)), Err(TrailError::Cut { .. })), "a head is looked at without its key too");
    fs::write(&path, &whole).expect("written");
    let other = Some(Key::new("another secret, just as long").expect("a key"));
    let refused = play(TrailConfig { key: other, ..trail(&path) }).expect_err("the key is wrong");
    assert!(refused.to_string().contains("its signature is wrong"), "{refused}");
    assert_eq!(play(signed()).expect("it opens").head.number, 6);
}

/// A small file system of its own, where this may be mounted.
#[cfg(target_os = "linux")]
struct SmallDisk(TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    #[expect(clippy::print_stderr, reason = "who reads the output should know what did not run")]
    fn mount() -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "none"])
            .arg(folder.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(folder)),
            other => {
                eprintln!("skipped: a small file system cannot be mounted: {other:?}");
                None
            }
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_small_disk_that_gets_full_and_empty_again_keeps_whole_lines_and_all_of_them() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (record, audit) = (disk.0.path().join("run.jsonl"), disk.0.path().join("audit.jsonl"));
    let filler = disk.0.path().join("filler");
    fs::write(&filler, vec![0; 40 * 1024]).expect("written");
    let trail = Arc::new(Trail::open(trail(&audit)).expect("it opens"));
    let config = Config { record: Some(recorder(&record, false)), trail: Some(Arc::clone(&trail)), ..config() };
    let mut server = start(config).await;
    let mut played = 0;
    while get(&server, "/ready").await.status == 200 {
        episode(&server, played).await;
        played += 1;
        assert!(played < 1000, "the disk does not get full");
    }
    for seed in played..played + 3 {
        episode(&server, seed).await;
    }
    played += 3;
    fs::remove_file(&filler).expect("removed");
    until("it is ready", async || get(&server, "/ready").await.status == 200).await;
    server.stop();
    server.ended().await;
    let status = trail.close();
    assert_eq!((status.lost, status.failing, status.head.number), (0, None, 2 * played));
    assert_eq!(recordings(&record).len() as u64, played);
    let mut verifier = casebook_trail::Verifier::default();
    for line in fs::read_to_string(&audit).expect("a text").lines() {
        assert_eq!(verifier.line(line), []);
    }
    assert_eq!(verifier.seen(), 2 * played);
}
