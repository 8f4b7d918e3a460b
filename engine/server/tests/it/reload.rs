//! Packs that change under a running server.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use casebook_server::{Config, Outcome, ReloadStatus};
use serde_json::{Value, json};

use crate::{
    client::{Socket, error, get, until},
    packs::{self, desk_file, desk_with},
    serve::{Running, config, start, start_in},
};

fn watching() -> Config {
    Config { watch: true, open: true, ..config() }
}

/// The first pack with another title, which tells versions of it apart.
fn titled(title: &str) -> String {
    desk_with("title: A calm morning", &format!("title: {title}"))
}

async fn title(server: &Running) -> Value {
    get(server, "/envs/desk/tasks").await.expect(200)["tasks"][0]["title"].clone()
}

async fn status(server: &Running) -> Value {
    get(server, "/reload").await.expect(200)
}

async fn until_titled(server: &Running, wanted: &str) {
    until(wanted, async || title(server).await == wanted).await;
}

async fn until_outcome(server: &Running, wanted: &str) {
    until(wanted, async || status(server).await["outcome"] == wanted).await;
}

/// Saves as careful editors do: a new file that takes the old one's name.
fn save_by_renaming(file: &Path, text: &str) {
    let fresh = file.with_extension("yaml.tmp");
    fs::write(&fresh, text).expect("a file");
    fs::rename(fresh, file).expect("a name");
}

#[tokio::test]
async fn a_valid_change_is_loaded_and_running_episodes_keep_their_own() {
    let server = start(watching()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let before = socket.reset(json!({ "task_id": "calm", "seed": 1 })).await["data"]["metadata"].clone();

    let changed = desk_with("correct: 1, default: -0.5 }\nscore", "correct: 0.5, default: -0.5 }\nscore");
    fs::write(desk_file(server.path()), changed).expect("a file");
    until("a second generation", async || status(&server).await["generation"] == 2).await;

    let step = socket.step(json!({ "action": "answer" })).await["data"].clone();
    assert_eq!((&step["reward"], &step["metadata"]["generation"]), (&json!(1.0), &json!(1)));
    assert_eq!(step["metadata"]["digest"], before["digest"]);
    assert_eq!(socket.state().await["generation"], 1);

    let after = socket.reset(json!({ "task_id": "calm", "seed": 1 })).await["data"]["metadata"].clone();
    assert_eq!(after["generation"], 2);
    assert_ne!(after["digest"], before["digest"]);
    assert_eq!(socket.step(json!({ "action": "answer" })).await["data"]["reward"], json!(0.5));
}

#[tokio::test]
async fn a_broken_change_is_rejected_and_told_and_restoring_clears_it() {
    let heard: Arc<Mutex<Vec<Outcome>>> = Arc::default();
    let ears = Arc::clone(&heard);
    let on_reload = move |status: &ReloadStatus| ears.lock().expect("no panic").push(status.outcome);
    let server = start(Config { on_reload: Some(Arc::new(on_reload)), ..watching() }).await;

    let good = desk_with("name: desk", "name: desk");
    fs::write(desk_file(server.path()), desk_with("truth: { rules: routing }", "truth: { rules: ruoting }"))
        .expect("a file");
    until_outcome(&server, "rejected").await;
    let rejected = status(&server).await;
    assert_eq!(rejected["generation"], 1);
    let text = rejected["rejected"]["text"].as_str().expect("a text");
    assert!(text.contains("ruoting") && text.contains("pack.yaml"), "{text}");
    assert_eq!(rejected["rejected"]["diagnostics"][0]["severity"], "error");
    assert_eq!(title(&server).await, "A calm morning");
    let mut socket = Socket::open(&server, "/ws").await;
    assert_eq!(socket.reset(json!({})).await["data"]["metadata"]["generation"], 1);

    fs::write(desk_file(server.path()), good).expect("a file");
    until_outcome(&server, "unchanged").await;
    let restored = status(&server).await;
    assert_eq!((&restored["generation"], &restored["rejected"]), (&json!(1), &Value::Null));

    fs::write(desk_file(server.path()), titled("Mended")).expect("a file");
    until_outcome(&server, "loaded").await;
    assert_eq!(status(&server).await["generation"], 2);
    let heard = heard.lock().expect("no panic").clone();
    assert_eq!((heard.first(), heard.last()), (Some(&Outcome::Rejected), Some(&Outcome::Loaded)), "{heard:?}");
}

#[tokio::test]
async fn losing_the_environment_at_the_root_is_a_rejection() {
    let server = start(watching()).await;
    fs::write(desk_file(server.path()), desk_with("name: desk\nversion", "name: bench\nversion")).expect("a file");
    until_outcome(&server, "rejected").await;
    let text = status(&server).await["rejected"]["text"].as_str().expect("a text").to_string();
    assert!(text.contains("`desk`") && text.contains("`bench`, `parcels`"), "{text}");
    assert_eq!(get(&server, "/metadata").await.expect(200)["name"], "desk");
}

#[tokio::test]
async fn another_environment_may_go_and_its_episodes_run_on() {
    let server = start(watching()).await;
    let mut socket = Socket::open(&server, "/envs/parcels/ws").await;
    socket.reset(json!({})).await;
    fs::remove_dir_all(server.path().join("parcels")).expect("it goes");
    until("it is gone", async || get(&server, "/envs/parcels/metadata").await.status == 404).await;
    assert_eq!(socket.step(json!({ "route": "air" })).await["data"]["reward"], json!(1.0));
    error(&socket.reset(json!({})).await, "FACTORY_ERROR");
    assert_eq!(socket.state().await["done"], true);
}

#[tokio::test]
async fn editors_may_save_by_renaming_again_and_again() {
    let server = start(watching()).await;
    for title in ["One", "Two", "Three"] {
        save_by_renaming(&desk_file(server.path()), &titled(title));
        until_titled(&server, title).await;
    }
}

#[tokio::test]
async fn a_burst_of_saves_ends_with_the_last_one() {
    let server = start(watching()).await;
    for at in 0..50 {
        fs::write(desk_file(server.path()), titled(&format!("Number {at}"))).expect("a file");
    }
    until_titled(&server, "Number 49").await;
}

#[tokio::test]
async fn a_new_pack_appears_and_a_moved_folder_is_found_again() {
    let server = start(watching()).await;
    fs::create_dir_all(server.path().join("bench")).expect("a folder");
    let text = desk_with("name: desk\nversion", "name: bench\nversion");
    fs::write(server.path().join("bench/pack.yaml"), text).expect("a file");
    until("it is there", async || get(&server, "/envs/bench/metadata").await.status == 200).await;

    fs::rename(server.path().join("bench"), server.path().join("workbench")).expect("it moves");
    fs::write(server.path().join("workbench/pack.yaml"), desk_with("name: desk\nversion", "name: lathe\nversion"))
        .expect("a file");
    until("it is found", async || get(&server, "/envs/lathe/metadata").await.status == 200).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_is_turned_is_followed() {
    use std::os::unix::fs::symlink;

    let folder = packs::write();
    let releases = tempfile::tempdir().expect("a folder");
    packs::write_pack(releases.path(), "a", &titled("First"));
    packs::write_pack(releases.path(), "b", &titled("Second"));
    let turn = |to: &str| {
        let fresh = folder.path().join("fresh");
        symlink(releases.path().join(to), &fresh).expect("a link");
        fs::rename(fresh, folder.path().join("current")).expect("it turns");
    };
    turn("a");
    let root = folder.path().join("current");
    // The closure borrows the folder that the server keeps, so the second turn goes by paths.
    let (from, to) = (releases.path().join("b"), folder.path().to_path_buf());
    let server = start_in(watching(), folder, &[root]).await;
    assert_eq!(title(&server).await, "First");
    symlink(from, to.join("fresh")).expect("a link");
    fs::rename(to.join("fresh"), to.join("current")).expect("it turns");
    until_titled(&server, "Second").await;
    fs::write(releases.path().join("b/pack.yaml"), titled("Third")).expect("a file");
    until_titled(&server, "Third").await;
}

#[cfg(unix)]
#[tokio::test]
async fn mounted_configuration_is_followed() {
    use std::os::unix::fs::symlink;

    // Kubernetes mounts files as links through `..data`, which it turns to a new folder.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_path_buf();
    packs::write_pack(&path, "..2026_1", &titled("First"));
    symlink("..2026_1", path.join("..data")).expect("a link");
    symlink("..data/pack.yaml", path.join("pack.yaml")).expect("a link");
    let server = start_in(watching(), folder, std::slice::from_ref(&path)).await;
    assert_eq!(title(&server).await, "First");
    for (at, wanted) in [(2, "Second"), (3, "Third")] {
        let name = format!("..2026_{at}");
        packs::write_pack(&path, &name, &titled(wanted));
        symlink(&name, path.join("..data_tmp")).expect("a link");
        fs::rename(path.join("..data_tmp"), path.join("..data")).expect("it turns");
        until_titled(&server, wanted).await;
    }
}

#[tokio::test]
async fn polling_finds_changes_too() {
    let server = start(Config { poll: Some(Duration::from_millis(20)), ..watching() }).await;
    fs::write(desk_file(server.path()), titled("Looked up")).expect("a file");
    until_titled(&server, "Looked up").await;
}

#[tokio::test]
async fn reading_does_not_cause_reading() {
    let server = start(watching()).await;
    fs::write(desk_file(server.path()), titled("Once")).expect("a file");
    until_titled(&server, "Once").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(status(&server).await["generation"], 2);
}

#[cfg(unix)]
#[tokio::test]
async fn an_edit_behind_a_link_that_leaves_the_pack_is_seen() {
    let folder = packs::write();
    // Next to the pack, which is as far as a link may lead.
    let away = folder.path().join("away");
    fs::create_dir(&away).expect("a folder");
    let (file, shared) = (desk_file(folder.path()), away.join("shared.yaml"));
    fs::rename(&file, &shared).expect("moved");
    // Over a link in between, which is turned later.
    let turned = away.join("current");
    std::os::unix::fs::symlink(&shared, &turned).expect("a link");
    std::os::unix::fs::symlink(&turned, &file).expect("a link");
    let root = folder.path().join("desk");
    let server = start_in(watching(), folder, &[root]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    fs::write(&shared, titled("Edited")).expect("written");
    until_titled(&server, "Edited").await;
    save_by_renaming(&shared, &titled("Replaced"));
    until_titled(&server, "Replaced").await;
    let other = away.join("other.yaml");
    fs::write(&other, titled("Turned")).expect("written");
    let fresh = away.join("fresh");
    std::os::unix::fs::symlink(&other, &fresh).expect("a link");
    fs::rename(&fresh, &turned).expect("turned");
    until_titled(&server, "Turned").await;
    fs::write(&other, titled("Edited there")).expect("written");
    until_titled(&server, "Edited there").await;
}

#[cfg(unix)]
#[tokio::test]
async fn what_could_not_be_read_is_read_again_and_a_pipe_is_not_waited_for() {
    let folder = packs::write();
    let root = folder.path().join("desk");
    let server = start_in(watching(), folder, &[root]).await;
    let file = desk_file(server.path());
    let pipe = file.with_file_name("pipe.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    until_outcome(&server, "rejected").await;
    assert!(status(&server).await["rejected"].to_string().contains("is a pipe, not a file"));
    fs::remove_file(&pipe).expect("removed");
    until_outcome(&server, "unchanged").await;
    // Nothing tells of the target that appears where nobody looks: it is tried again.
    let target = server.path().join("not/there/yet.yaml");
    fs::remove_file(&file).expect("removed");
    std::os::unix::fs::symlink(&target, &file).expect("a link");
    until_outcome(&server, "rejected").await;
    fs::create_dir_all(target.parent().expect("a folder")).expect("folders");
    fs::write(&target, titled("Read again")).expect("written");
    until_titled(&server, "Read again").await;
}

#[cfg(unix)]
#[tokio::test]
async fn warnings_of_what_is_loaded_are_told() {
    let server = start(watching()).await;
    assert_eq!(status(&server).await["warnings"], json!([]));
    let away = tempfile::tempdir().expect("a folder");
    let link = desk_file(server.path()).with_file_name("shared");
    std::os::unix::fs::symlink(away.path(), link).expect("a link");
    until("a second generation", async || status(&server).await["generation"] == 2).await;
    let warnings = status(&server).await["warnings"].clone();
    assert_eq!((&warnings[0]["code"], &warnings[0]["severity"]), (&json!("CB005"), &json!("warning")), "{warnings}");
}
