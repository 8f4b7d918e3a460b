//! What must not be lost, as a shell sees it: servers that are killed, files that are moved, ends that are cut off.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shell::{PACK, casebook, code, root, stderr, stdout, succeeds};

/// Where a server's standard error goes.
const ERRORS: &str = "errors.log";

/// A server of one test's own.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path, args: &[&str]) -> Self {
        Self::of(Command::new(env!("CARGO_BIN_EXE_casebook")).arg("serve"), folder, args)
    }

    /// A server whose files stay small, in the units of `ulimit`: a disk that fails to the end.
    #[cfg(unix)]
    fn on_a_full_disk(folder: &Path, blocks: u32, args: &[&str]) -> Self {
        let script = format!("ulimit -f {blocks}; exec \"$0\" serve \"$@\"");
        Self::of(Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_casebook")]), folder, args)
    }

    fn of(command: &mut Command, folder: &Path, args: &[&str]) -> Self {
        let mut child = command
            .arg(root().join(PACK))
            .args(["--port", "0", "--no-reload"])
            .args(args)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join(ERRORS)).expect("a file"))
            .spawn()
            .expect("casebook runs");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
        let address = first.trim().rsplit('/').next().expect("an address").to_owned();
        Self { child, address }
    }

    /// Sends a request; `None` when the server went away.
    fn ask(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        self.send("POST", path, &body.to_string())
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all((head + body).as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).ok()?))
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }

    fn ended(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays an episode; counts the decisions and episodes that were answered, and says whether the server is still there.
fn play(server: &Server, seed: u64, decisions: &AtomicU64, episodes: &AtomicU64) -> Option<()> {
    let (_, begun) = server.ask("/reset", &json!({ "task_id": "email-triage-easy", "seed": seed }))?;
    let session = &begun["metadata"]["session_id"];
    loop {
        let action =
            json!({ "type": "archive", "content": "Hello, we look into this today and write again tomorrow." });
        let (status, told) = server.ask("/step", &json!({ "action": action, "session_id": session }))?;
        assert_eq!(status, 200, "{told}");
        decisions.fetch_add(1, Ordering::Relaxed);
        if told["done"] == true {
            episodes.fetch_add(1, Ordering::Relaxed);
            return Some(());
        }
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a text");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[cfg(unix)]
#[test]
fn a_server_that_is_killed_has_written_all_that_it_answered() {
    let folder = TempDir::new().expect("a folder");
    let (decisions, episodes) = (AtomicU64::new(0), AtomicU64::new(0));
    for round in 0..3 {
        let args = ["--audit", "audit.jsonl", "--audit-required", "--record", "run.jsonl", "--record-required"];
        let server = Server::start(folder.path(), &args);
        thread::scope(|scope| {
            for player in 0..4 {
                let (server, decisions, episodes) = (&server, &decisions, &episodes);
                scope.spawn(move || {
                    for game in 0.. {
                        let seed = round * 100_000 + player * 10_000 + game;
                        if play(server, seed, decisions, episodes).is_none() {
                            break;
                        }
                    }
                });
            }
            thread::sleep(Duration::from_millis(700));
            server.signal("-KILL");
        });
    }
    // What was cut off in the middle is put aside at the next start.
    let server = Server::start(folder.path(), &["--audit", "audit.jsonl", "--record", "run.jsonl"]);
    server.signal("-TERM");
    assert_eq!(server.ended(), Some(0));
    let (decisions, episodes) = (decisions.into_inner(), episodes.into_inner());
    assert!(decisions > 20 && episodes > 3, "{decisions} decisions and {episodes} episodes were answered");
    let kept = lines(&folder.path().join("audit.jsonl")).iter().filter(|one| one["event"] != "lost").count() as u64;
    assert!(kept >= decisions, "{decisions} decisions were answered, {kept} are there");
    let recorded = lines(&folder.path().join("run.jsonl")).len() as u64;
    assert!(recorded >= episodes, "{episodes} episodes were answered, {recorded} are there");
    let verified = casebook(folder.path(), &["trail", "verify", "audit.jsonl"]);
    assert_eq!(code(&verified), 0, "{}", stdout(&verified));
}

/// The episodes of a store: all rows, and their ids that the server gave them.
fn stored(folder: &Path) -> (usize, BTreeSet<String>) {
    let listed = succeeds(folder, &["records", "list", "store", "--limit", "0", "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let rows = listed["episodes"].as_array().expect("a list");
    let ids = rows.iter().map(|row| row["episode_id"].as_str().expect("an id").to_owned());
    (rows.len(), ids.collect())
}

#[cfg(unix)]
#[test]
fn a_store_of_a_server_that_is_killed_has_all_that_it_answered_once() {
    let folder = TempDir::new().expect("a folder");
    let (decisions, episodes) = (AtomicU64::new(0), AtomicU64::new(0));
    for (round, after) in [300, 550, 800, 1000].into_iter().enumerate() {
        let server = Server::start(folder.path(), &["--records", "store", "--record-required"]);
        thread::scope(|scope| {
            for player in 0..4 {
                let (server, decisions, episodes) = (&server, &decisions, &episodes);
                scope.spawn(move || {
                    for game in 0.. {
                        let seed = round as u64 * 100_000 + player * 10_000 + game;
                        if play(server, seed, decisions, episodes).is_none() {
                            break;
                        }
                    }
                });
            }
            thread::sleep(Duration::from_millis(after));
            server.signal("-KILL");
        });
        if round == 1 {
            // A line that was torn in the middle.
            let log = fs::read_dir(folder.path().join("store/wal")).expect("a folder").next().expect("a log");
            let path = log.expect("an entry").path();
            let mut log = fs::OpenOptions::new().append(true).open(path).expect("it opens");
            log.write_all(b"{\"engine\":\"0.1").expect("written");
        }
    }
    let answered = episodes.into_inner();
    assert!(answered > 3, "{answered} episodes were answered");
    let (rows, ids) = stored(folder.path());
    assert!(rows as u64 >= answered, "{answered} episodes were answered, {rows} are there");
    assert_eq!(rows, ids.len(), "an episode is there twice");
    // All are Parquet now, and still there once.
    let compacted = casebook(folder.path(), &["records", "compact", "store"]);
    assert!([0, 1].contains(&code(&compacted)), "{}", stderr(&compacted));
    assert_eq!(stored(folder.path()), (rows, ids.clone()));
    let left: Vec<_> = fs::read_dir(folder.path().join("store/wal"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .filter(|path| fs::metadata(path).expect("it is there").len() > 0)
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // What is in it can be played again.
    succeeds(folder.path(), &["records", "export", "store", "--to", "jsonl", "--out", "all.jsonl"]);
    let pack = root().join(PACK);
    let replayed = succeeds(folder.path(), &["replay", "all.jsonl", pack.to_str().expect("UTF-8")]);
    assert_eq!(replayed.lines().filter(|line| line.ends_with("every byte agrees")).count(), rows);
}

#[cfg(unix)]
#[test]
fn a_store_whose_folder_is_removed_is_begun_again() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), &["--records", "store"]);
    let (decisions, episodes) = (AtomicU64::new(0), AtomicU64::new(0));
    play(&server, 1, &decisions, &episodes).expect("it plays");
    // It is on the disk.
    thread::sleep(Duration::from_millis(1500));
    fs::remove_dir_all(folder.path().join("store")).expect("removed");
    play(&server, 2, &decisions, &episodes).expect("it goes on");
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(server.send("GET", "/ready", "").expect("it is there").0, 200);
    server.signal("-TERM");
    assert_eq!(server.ended(), Some(0));
    assert_eq!(stored(folder.path()).0, 1);
    let errors = fs::read_to_string(folder.path().join(ERRORS)).expect("a text");
    assert!(errors.contains("the file of the record was removed; it is begun again"), "{errors}");
}

/// A store with some logs and parts, and the number of its episodes.
fn store_of_logs(folder: &Path) -> usize {
    let pack = root().join(PACK);
    let pack = pack.to_str().expect("UTF-8");
    for (at, policy) in ["oracle", "random", "keywords"].into_iter().enumerate() {
        let file = format!("{policy}.jsonl");
        let play = ["run", pack, "--policy", policy, "--task", "email-triage-hard", "--episodes", "60"];
        succeeds(folder, &[&play[..], &["--record", &file]].concat());
        fs::create_dir_all(folder.join("store/wal")).expect("a folder");
        fs::copy(folder.join(&file), folder.join(format!("store/wal/{at}-1.jsonl"))).expect("copied");
    }
    180
}

#[cfg(unix)]
#[test]
fn a_compaction_that_is_killed_loses_and_doubles_nothing() {
    let folder = TempDir::new().expect("a folder");
    let count = store_of_logs(folder.path());
    let ids = || {
        let listed = succeeds(folder.path(), &["records", "list", "store", "--limit", "0", "--format", "json"]);
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        assert_eq!(listed["unreadable"], json!([]));
        let rows = listed["episodes"].as_array().expect("a list");
        rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    let whole: BTreeSet<String> = ids().into_iter().collect();
    assert_eq!(whole.len(), count);
    let compact = ["records", "compact", "store"];
    let begun = Instant::now();
    succeeds(folder.path(), &["records", "import", "timed", "store"]);
    let long = begun.elapsed();
    let mut killed = 0;
    for part in 1..=12 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_casebook"))
            .args(compact)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("casebook runs");
        thread::sleep(long * part / 12);
        child.kill().expect("it is killed or over");
        killed += usize::from(!child.wait().expect("it ends").success());
        let now = ids();
        assert_eq!(now.len(), count, "an episode is lost or doubled");
        assert_eq!(now.into_iter().collect::<BTreeSet<_>>(), whole);
    }
    assert!(killed > 1, "only {killed} were killed");
    succeeds(folder.path(), &compact);
    let now = ids();
    assert_eq!((now.len(), now.into_iter().collect::<BTreeSet<_>>()), (count, whole));
}

#[cfg(unix)]
#[test]
fn a_store_on_a_disk_that_fails_to_the_end_opens_and_the_loss_is_reported() {
    for required in [false, true] {
        let folder = TempDir::new().expect("a folder");
        let args = ["--records", "store", "--record-required"];
        let server = Server::on_a_full_disk(folder.path(), 64, if required { &args } else { &args[..2] });
        let (mut ended, mut refused) = (0_usize, 0_usize);
        let action =
            json!({ "type": "archive", "content": "Hello, we look into this today and write again tomorrow." });
        for seed in 0..30 {
            let (_, begun) =
                server.ask("/reset", &json!({ "task_id": "email-triage-easy", "seed": seed })).expect("it is there");
            let session = &begun["metadata"]["session_id"];
            loop {
                let body = json!({ "action": action, "session_id": session });
                match server.ask("/step", &body).expect("it is there") {
                    (200, told) if told["done"] == true => {
                        ended += 1;
                        break;
                    }
                    (200, _) => {}
                    (503, told) => {
                        assert!(
                            told["detail"].as_str().is_some_and(|text| text.contains("cannot be written")),
                            "{told}"
                        );
                        refused += 1;
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        server.signal("-TERM");
        // What is required and refused is not lost.
        let code = server.ended();
        assert!(code == Some(3) || required && code == Some(0), "{required}: {code:?}");
        let errors = fs::read_to_string(folder.path().join(ERRORS)).expect("a text");
        let (rows, ids) = stored(folder.path());
        assert_eq!(rows, ids.len());
        let lost =
            errors.lines().rev().find_map(|line| line.split("; ").nth(1)?.split(' ').next()?.parse::<usize>().ok());
        if required {
            assert!(refused > 0 && rows >= ended, "{rows} kept, {ended} ended, {refused} refused");
        } else {
            assert_eq!((refused, Some(ended - rows)), (0, lost), "{rows} kept: {errors}");
        }
    }
}

/// Plays on a disk that fails to the end; returns the decisions that were answered, and the number of refused steps.
#[cfg(unix)]
fn play_on_a_full_disk(folder: &Path, args: &[&str]) -> (usize, usize) {
    let server = Server::on_a_full_disk(folder, 16, args);
    let (mut answered, mut refused) = (0, 0);
    let action = json!({ "type": "archive", "content": "Hello, we look into this today and write again tomorrow." });
    for seed in 0..8 {
        let (_, begun) =
            server.ask("/reset", &json!({ "task_id": "email-triage-easy", "seed": seed })).expect("it is there");
        let session = &begun["metadata"]["session_id"];
        for _ in 0..4 {
            let body = json!({ "action": action, "session_id": session });
            match server.ask("/step", &body).expect("it is there") {
                (200, told) if told["done"] == true => break,
                (200, _) => answered += 1,
                (503, told) => {
                    assert!(told["detail"].as_str().expect("a text").contains("the audit trail cannot be written"));
                    refused += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let (status, told) = server.send("GET", "/ready", "").expect("it is there");
    assert!(status == 503 && told["detail"].as_str().expect("a text").contains("File too large"), "{told}");
    server.signal("-TERM");
    assert_eq!(server.ended(), Some(3));
    (answered, refused)
}

#[cfg(unix)]
#[test]
fn a_disk_that_fails_to_the_end_leaves_the_number_of_what_is_lost() {
    let folder = TempDir::new().expect("a folder");
    let (_, refused) = play_on_a_full_disk(folder.path(), &["--audit", "audit.jsonl"]);
    assert_eq!(refused, 0);
    let kept = lines(&folder.path().join("audit.jsonl")).len();
    let lost: usize = fs::read_to_string(folder.path().join("audit.jsonl.lost"))
        .expect("it is noted next to the trail")
        .trim()
        .parse()
        .expect("a number");
    // Where the first entries do not fit together, there is none, which is told first.
    let is_told = |line: &&str| line.starts_with("lost because");
    let told = |verified: &Output| stdout(verified).lines().find(is_told).unwrap_or_default().to_owned();
    let words = format!("lost because the file could not be written: {lost} entries");
    let verify = || casebook(folder.path(), &["trail", "verify", "audit.jsonl"]);
    assert_eq!(told(&verify()), format!("{words}; the trail does not mention all of them"));
    // The next process says so in the trail itself.
    for _ in 0..2 {
        let server = Server::start(folder.path(), &["--audit", "audit.jsonl"]);
        server.signal("-TERM");
        assert_eq!(server.ended(), Some(0));
        let entries = lines(&folder.path().join("audit.jsonl"));
        assert_eq!(entries.len(), kept + 1);
        assert_eq!((&entries[kept]["event"], &entries[kept]["entries"]), (&json!("lost"), &json!(lost)));
        assert!(!folder.path().join("audit.jsonl.lost").exists());
        assert_eq!((code(&verify()), told(&verify())), (0, words.clone()));
    }
}

#[cfg(unix)]
#[test]
fn what_is_refused_on_a_disk_that_fails_to_the_end_is_not_lost() {
    let folder = TempDir::new().expect("a folder");
    let (answered, refused) = play_on_a_full_disk(folder.path(), &["--audit", "audit.jsonl", "--audit-required"]);
    assert!(answered > 0 && refused > 0, "{answered} answered, {refused} refused");
    let kept = lines(&folder.path().join("audit.jsonl")).len();
    assert!(kept >= answered, "{kept} kept, {answered} answered");
    assert!(!folder.path().join("audit.jsonl.lost").exists());
}

#[cfg(unix)]
#[test]
fn sighup_begins_files_again_that_were_moved() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), &["--audit", "audit.jsonl", "--record", "run.jsonl"]);
    let (decisions, episodes) = (AtomicU64::new(0), AtomicU64::new(0));
    let wait = |file: &str| {
        let begun = Instant::now();
        while !folder.path().join(file).exists() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{file} is not begun");
            thread::sleep(Duration::from_millis(10));
        }
    };
    play(&server, 1, &decisions, &episodes).expect("it plays");
    for file in ["audit.jsonl", "run.jsonl"] {
        fs::rename(folder.path().join(file), folder.path().join(format!("{file}.1"))).expect("moved");
    }
    server.signal("-HUP");
    wait("audit.jsonl");
    wait("run.jsonl");
    play(&server, 2, &decisions, &episodes).expect("it goes on");
    server.signal("-TERM");
    assert_eq!(server.ended(), Some(0));
    assert_eq!(lines(&folder.path().join("run.jsonl.1")).len() + lines(&folder.path().join("run.jsonl")).len(), 2);
    let verified = casebook(folder.path(), &["trail", "verify", "audit.jsonl"]);
    assert_eq!(code(&verified), 0, "{}", stdout(&verified));
    assert!(stdout(&verified).contains("in 2 files"), "{}", stdout(&verified));
}

#[test]
fn a_sealed_head_shows_that_an_end_was_cut_off() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    fs::write(folder.path().join("key"), "a secret that is long enough\n").expect("written");
    fs::write(folder.path().join("other"), "another secret, just as long\n").expect("written");
    fs::write(folder.path().join("short"), "short\n").expect("written");
    let pack = root().join(PACK);
    let pack = pack.to_str().expect("UTF-8");
    let run = |more: &[&str]| casebook(folder.path(), &[&["run", pack, "--audit", "audit.jsonl"][..], more].concat());
    assert_eq!(code(&run(&["--audit-key", "key"])), 0);
    let verify = |more: &[&str]| casebook(folder.path(), &[&["trail", "verify", "audit.jsonl"][..], more].concat());
    let whole = verify(&["--key", "key"]);
    assert_eq!(code(&whole), 0, "{}", stdout(&whole));
    assert!(stdout(&whole).contains("(signed), with 0 entries behind it") && stderr(&whole).is_empty());
    assert!(stderr(&verify(&[])).contains("note: a chain cannot show"));
    let sealed = casebook(folder.path(), &["trail", "seal", "audit.jsonl", "--key", "key"]);
    assert_eq!(code(&sealed), 0, "{}", stderr(&sealed));
    fs::write(folder.path().join("kept"), stdout(&sealed)).expect("written");

    let wrong = verify(&["--key", "other"]);
    assert!(code(&wrong) == 1 && stdout(&wrong).contains("the sealed head is not believed"), "{}", stdout(&wrong));
    let short = verify(&["--key", "short"]);
    assert!(code(&short) == 2 && stderr(&short).contains("at least 16 characters"), "{}", stderr(&short));

    let text = fs::read_to_string(&path).expect("a text");
    let count = text.lines().count();
    let cut: Vec<&str> = text.lines().take(count - 2).collect();
    fs::write(&path, cut.join("\n") + "\n").expect("written");
    for more in [&["--key", "key"][..], &[]] {
        let found = verify(more);
        assert_eq!(code(&found), 1, "{}", stdout(&found));
        let words = format!("and the trail ends with entry {}: its end was cut off", count - 2);
        assert!(stdout(&found).contains(&words), "{}", stdout(&found));
    }
    let refused = run(&["--audit-key", "key"]);
    assert!(code(&refused) == 3 && stderr(&refused).contains("its end was cut off or written anew"));
    assert_eq!(code(&casebook(folder.path(), &["trail", "seal", "audit.jsonl", "--key", "key"])), 1);
    // Without the head next to it, the one that was kept elsewhere still shows it.
    fs::remove_file(folder.path().join("audit.jsonl.head")).expect("removed");
    let headless = verify(&["--key", "key"]);
    assert!(
        code(&headless) == 1 && stdout(&headless).contains("no signed head names an entry"),
        "{}",
        stdout(&headless)
    );
    assert_eq!(code(&verify(&["--key", "key", "--sealed", "kept"])), 1);
    let refused = run(&["--audit-key", "key"]);
    assert!(code(&refused) == 3 && stderr(&refused).contains("and no sealed head"), "{}", stderr(&refused));
    // Whoever has looked at it seals it anew.
    let sealed = casebook(folder.path(), &["trail", "seal", "audit.jsonl", "--key", "key"]);
    fs::write(folder.path().join("audit.jsonl.head"), stdout(&sealed)).expect("written");
    assert_eq!(code(&run(&["--audit-key", "key"])), 0);
    assert_eq!(code(&verify(&["--key", "key"])), 0);
}

#[test]
fn a_record_that_ends_in_the_middle_of_a_line_is_gone_on_with() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("run.jsonl"), "{\"engine\":").expect("written");
    let pack = root().join(PACK);
    let output = casebook(folder.path(), &["run", pack.to_str().expect("UTF-8"), "--record", "run.jsonl"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(lines(&folder.path().join("run.jsonl")).len(), 6);
    assert!(folder.path().join("run.jsonl.torn").exists());
}
