//! Records in an object store: a small S3 that keeps objects in memory and fails when it is told to.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use tempfile::TempDir;

use crate::shell::{PACK, code, json, root, stderr, stdout};

const ADDRESS: &str = "s3://desk/agents/email";

#[derive(Clone, Default)]
struct Objects {
    kept: Arc<Mutex<BTreeMap<String, Bytes>>>,
    refuses: Arc<AtomicBool>,
}

/// An object store; ends with the test.
struct S3 {
    objects: Objects,
    address: SocketAddr,
    folder: TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl S3 {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let objects = Objects::default();
        let app = Router::new().fallback(answer).with_state(objects.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { objects, address, folder: TempDir::new().expect("a folder"), _runtime: runtime }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn casebook(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_casebook"))
            .args(args)
            .current_dir(self.path())
            .env("AWS_ENDPOINT", format!("http://{}", self.address))
            .envs([("AWS_ALLOW_HTTP", "true"), ("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")])
            .output()
            .expect("casebook runs")
    }

    #[track_caller]
    fn succeeds(&self, args: &[&str]) -> String {
        let output = self.casebook(args);
        assert_eq!(code(&output), 0, "{args:?}\n{}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    fn play(&self, policy: &str, seeds: &str) -> Output {
        let pack = root().join(PACK);
        let task = ["--task", "email-triage-hard", "--policy", policy, "--seed", seeds, "--episodes", "3"];
        self.casebook(&[&["run", pack.to_str().expect("UTF-8")], &task[..], &["--records", ADDRESS]].concat())
    }

    fn names(&self) -> Vec<String> {
        self.objects.kept.lock().expect("a lock").keys().cloned().collect()
    }
}

async fn answer(
    State(objects): State<Objects>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response {
    let mut kept = objects.kept.lock().expect("a lock");
    let path = percent_decode_str(uri.path()).decode_utf8_lossy();
    let key = path.trim_start_matches("/desk").trim_start_matches('/').to_owned();
    match method {
        Method::PUT if objects.refuses.load(Ordering::Relaxed) => (StatusCode::FORBIDDEN, "full").into_response(),
        Method::PUT => {
            kept.insert(key, body);
            [("etag", "\"1\"")].into_response()
        }
        Method::DELETE => {
            kept.remove(&key);
            StatusCode::NO_CONTENT.into_response()
        }
        Method::GET if query.contains_key("list-type") => {
            let prefix = query.get("prefix").map(String::as_str).unwrap_or_default();
            let contents = kept.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(name, body)| {
                format!(
                    "<Contents><Key>{name}</Key><Size>{}</Size><LastModified>2026-01-05T09:00:00.000Z</LastModified>\
                     <ETag>\"1\"</ETag></Contents>",
                    body.len()
                )
            });
            format!("<ListBucketResult>{}</ListBucketResult>", contents.collect::<String>()).into_response()
        }
        Method::GET => match kept.get(&key) {
            Some(body) => {
                let head = [("etag", "\"1\""), ("last-modified", "Mon, 05 Jan 2026 09:00:00 GMT")];
                (head, body.clone()).into_response()
            }
            None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
        },
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

#[test]
fn records_live_in_an_object_store_as_in_a_folder() {
    let s3 = S3::start();
    for policy in ["oracle", "random"] {
        let output = s3.play(policy, "0");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    let names = s3.names();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("agents/email/episodes/environment=email-ops/day=")
        || name.starts_with("agents/email/steps/environment=email-ops/day=")));
    // Nothing is left here.
    let journal = s3.path().join("records-journal").join("s3%3A%2F%2Fdesk%2Fagents%2Femail/wal");
    assert_eq!(journal.read_dir().expect("a folder").count(), 0);
    assert!(s3.succeeds(&["records", "stats", ADDRESS]).contains("6 episodes"));
    let listed = json(&s3.casebook(&["records", "list", ADDRESS, "--policy", "oracle", "--format", "json"]));
    assert_eq!(listed["total"], 3, "{listed}");
    let id = listed["episodes"][0]["id"].as_str().expect("an id");
    assert!(s3.succeeds(&["records", "show", ADDRESS, id]).contains("score 1.0000"));
    s3.succeeds(&["records", "export", ADDRESS, "--to", "jsonl", "--out", "all.jsonl"]);
    let pack = root().join(PACK);
    let pack = pack.to_str().expect("UTF-8");
    assert!(s3.succeeds(&["regrade", ADDRESS, "--against", pack]).starts_with("6 episodes: 6 the same"));
    let rubric = format!("{pack}/rubric.yaml");
    let told = s3.succeeds(&[
        "sweep",
        &rubric,
        "--records",
        ADDRESS,
        "--vary",
        "score.correctness.weight=0.4,0.6",
        "--no-probes",
    ]);
    assert!(told.starts_with("6 episodes"), "{told}");
    assert!(s3.succeeds(&["records", "compact", ADDRESS]).contains("2 files joined") || s3.names().len() == 2);
    assert_eq!(s3.names().len(), 2);
    assert_eq!(s3.succeeds(&["records", "prune", ADDRESS, "--policy", "random"]), "removed 3 episodes\n");
    let told = s3.succeeds(&["records", "import", ADDRESS, "all.jsonl"]);
    assert!(told.starts_with("added 3 episodes to `s3://desk/agents/email`"), "{told}");
    assert!(s3.succeeds(&["records", "stats", ADDRESS]).contains("6 episodes"));
    s3.succeeds(&["records", "prune", ADDRESS, "--all"]);
    assert_eq!(s3.names(), Vec::<String>::new());
}

#[test]
fn what_the_object_store_refuses_stays_in_the_journal() {
    let s3 = S3::start();
    s3.objects.refuses.store(true, Ordering::Relaxed);
    let output = s3.play("oracle", "0");
    assert_eq!(code(&output), 3, "{}", stdout(&output));
    assert!(stderr(&output).contains("s3://desk/agents/email/"), "{}", stderr(&output));
    assert_eq!(s3.names(), Vec::<String>::new());
    // Who reads on this machine sees it already.
    assert!(s3.succeeds(&["records", "stats", ADDRESS]).contains("3 episodes"));
    s3.objects.refuses.store(false, Ordering::Relaxed);
    s3.succeeds(&["records", "compact", ADDRESS]);
    assert_eq!(s3.names().len(), 2);
    assert!(s3.succeeds(&["records", "stats", ADDRESS]).contains("3 episodes"));
    // Another machine sees what is in the object store.
    let elsewhere = ["--records-journal", "elsewhere"];
    assert!(s3.succeeds(&[&["records", "stats", ADDRESS], &elsewhere[..]].concat()).contains("3 episodes"));
}

#[test]
fn a_wrong_address_is_found_before_anything_is_played() {
    let s3 = S3::start();
    let pack = root().join(PACK);
    let pack = pack.to_str().expect("UTF-8");
    for (address, problem) in [
        ("ftp://desk/agents", "expected `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`"),
        ("file:///tmp/records", "or a folder"),
    ] {
        let output = s3.casebook(&["run", pack, "--records", address]);
        assert_eq!(code(&output), 3, "{}", stdout(&output));
        assert!(stderr(&output).contains(problem), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}
