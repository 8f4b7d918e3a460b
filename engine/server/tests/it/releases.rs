//! What is loaded when: packs beside broken ones, changes that are held, signed off or must pass a gate, and going back.

use std::{fs, sync::Arc};

use casebook_server::{Config, Release, Trail, TrailConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{get, post, until},
    packs::{desk_file, desk_with, write},
    serve::{Running, config, start, start_in},
};

fn watching(release: Release) -> Config {
    Config { watch: true, open: true, release, ..config() }
}

fn titled(title: &str) -> String {
    desk_with("title: A calm morning", &format!("title: {title}"))
}

/// The desk with rules that name a rubric that does not exist.
fn broken() -> String {
    desk_with("truth: { rules: routing }", "truth: { rules: ruoting }")
}

fn save(server: &Running, text: String) {
    fs::write(desk_file(server.path()), text).expect("a file");
}

async fn title(server: &Running) -> Value {
    get(server, "/envs/desk/tasks").await.expect(200)["tasks"][0]["title"].clone()
}

async fn status(server: &Running) -> Value {
    get(server, "/reload").await.expect(200)
}

async fn until_outcome(server: &Running, wanted: &str) -> Value {
    until(wanted, async || status(server).await["outcome"] == wanted).await;
    status(server).await
}

/// Adds a note to the parcels, so that they are another pack.
fn change_parcels(server: &Running) {
    let file = server.path().join("parcels/pack.yaml");
    let text = fs::read_to_string(&file).expect("a file");
    fs::write(file, text.replacen("version: ", "version: 9", 1)).expect("a file");
}

#[tokio::test]
async fn a_broken_pack_keeps_no_other_one_from_starting_or_loading() {
    let files = write();
    fs::write(desk_file(files.path()), broken()).expect("a file");
    let roots = [files.path().to_path_buf()];
    let server = start_in(watching(Release::AtOnce), files, &roots).await;
    let first = status(&server).await;
    assert_eq!((&first["generation"], &first["outcome"]), (&json!(1), &json!("loaded")));
    assert!(first["rejected"]["text"].as_str().expect("a text").contains("did you mean `routing`?"), "{first}");
    assert_eq!(first["rejected"]["diagnostics"][0]["line"], 14);
    assert_eq!(get(&server, "/envs").await.expect(200)[0]["name"], "parcels");
    assert_eq!(get(&server, "/envs/desk/metadata").await.status, 404);

    // It joins the others as soon as it is right.
    save(&server, titled("Sound"));
    until("it is served", async || get(&server, "/envs/desk/metadata").await.status == 200).await;
    let second = status(&server).await;
    assert_eq!((&second["generation"], &second["rejected"]), (&json!(2), &Value::Null));

    // It is broken again, and stays as it was while another one changes.
    save(&server, broken());
    until_outcome(&server, "rejected").await;
    change_parcels(&server);
    let third = until_outcome(&server, "loaded").await;
    assert_eq!(third["generation"], 3);
    assert!(third["rejected"]["text"].as_str().expect("a text").contains("ruoting"), "{third}");
    assert_eq!(title(&server).await, "Sound");
    let episode = post(&server, "/envs/desk/reset", &json!({})).await.expect(200);
    assert_eq!(episode["metadata"]["generation"], 3);
    let digests = third["history"].as_array().expect("a history");
    let desk: Vec<&Value> = digests.iter().map(|one| &one["environments"]["desk"]).collect();
    assert_eq!((desk[0], desk[1]), (&Value::Null, desk[2]));
}

#[tokio::test]
async fn a_copy_of_a_pack_does_not_take_its_place() {
    let server = start(watching(Release::AtOnce)).await;
    save(&server, titled("The first"));
    until("the first", async || title(&server).await == "The first").await;
    // Its folder comes before the other one's.
    fs::create_dir_all(server.path().join("a-copy")).expect("a folder");
    fs::write(server.path().join("a-copy/pack.yaml"), titled("The copy")).expect("a file");
    let rejected = until_outcome(&server, "rejected").await;
    assert!(rejected["rejected"]["text"].as_str().expect("a text").contains("two packs have the name `desk`"));
    assert_eq!(title(&server).await, "The first");
}

#[tokio::test]
async fn a_held_change_waits_until_it_is_applied() {
    let server = start(watching(Release::Applied)).await;
    assert_eq!(post(&server, "/reload/apply", &json!({})).await.detail(409), "no change is held; save one first");

    save(&server, titled("Held"));
    let held = until_outcome(&server, "held").await;
    assert_eq!((&held["generation"], &held["candidate"]["changed"]), (&json!(1), &json!(["desk"])));
    assert_eq!(title(&server).await, "A calm morning");

    let other = post(&server, "/reload/apply", &json!({ "digest": "another" })).await.detail(409);
    let digest = &held["candidate"]["digest"];
    assert!(other.contains(digest.as_str().expect("a digest")), "{other}");
    let unknown = post(&server, "/reload/apply", &json!({ "digset": digest, "approver": 5 })).await.expect(422);
    assert_eq!(unknown["detail"].as_array().map(Vec::len), Some(2), "{unknown}");

    let applied = post(&server, "/reload/apply", &json!({ "digest": digest })).await.expect(200);
    assert_eq!((&applied["generation"], &applied["outcome"]), (&json!(2), &json!("loaded")));
    assert_eq!((&applied["candidate"], &applied["digest"]), (&Value::Null, digest));
    assert_eq!(title(&server).await, "Held");
    let origins: Vec<&Value> =
        applied["history"].as_array().expect("a history").iter().map(|one| &one["origin"]).collect();
    assert_eq!(origins, ["start", "apply"]);

    // What is held is dropped when the files say again what is loaded, and when they are broken.
    save(&server, titled("Never"));
    until_outcome(&server, "held").await;
    save(&server, titled("Held"));
    assert_eq!(until_outcome(&server, "unchanged").await["candidate"], Value::Null);
    save(&server, titled("Never"));
    until_outcome(&server, "held").await;
    save(&server, broken());
    assert_eq!(until_outcome(&server, "rejected").await["candidate"], Value::Null);
    post(&server, "/reload/apply", &json!({})).await.expect(409);
}

#[tokio::test]
async fn a_change_is_signed_off_in_the_trail() {
    let files = write();
    let place = TempDir::new().expect("a folder");
    let file = place.path().join("trail.jsonl");
    let trail = Trail::open(TrailConfig { path: file.clone(), max_bytes: None, keep: None, required: true, key: None });
    let trail = Some(Arc::new(trail.expect("a trail")));
    let roots = [files.path().to_path_buf()];
    let server = start_in(Config { trail, ..watching(Release::Signed) }, files, &roots).await;
    save(&server, titled("Signed"));
    until_outcome(&server, "held").await;
    for nobody in [json!({}), json!({ "approver": "  " }), json!({ "approver": "Ada\nMallory" })] {
        let refused = post(&server, "/reload/apply", &nobody).await.expect(422);
        assert_eq!(refused["detail"][0]["loc"], json!(["body", "approver"]));
    }
    let applied = post(&server, "/reload/apply", &json!({ "approver": "Ada Example" })).await.expect(200);
    assert_eq!(applied["history"][1]["approver"], "Ada Example");
    post(&server, "/reload/rollback", &json!({})).await.expect(422);
    post(&server, "/reload/rollback", &json!({ "approver": "Bo Example" })).await.expect(200);

    let text = fs::read_to_string(&file).expect("a trail");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {} {} {}", line["event"], line["generation"], line["origin"], line["approver"]))
        .collect();
    assert_eq!(told, [r#""reloaded" 2 "apply" "Ada Example""#, r#""reloaded" 3 "rollback" "Bo Example""#]);
}

#[tokio::test]
async fn a_change_passes_the_gate_or_is_rejected() {
    let gate = |packs: &[Arc<casebook_runtime::scenario::Pack>]| {
        let names: Vec<&str> = packs.iter().map(|pack| pack.name()).collect();
        assert_eq!(names, ["desk"], "only what changed is asked about");
        let title = &packs[0].tasks()[0].title;
        if title == "Bad" { Err("`desk` fails the probe `nothing`".to_owned()) } else { Ok(()) }
    };
    let server = start(Config { gate: Some(Arc::new(gate)), ..watching(Release::AtOnce) }).await;
    save(&server, titled("Bad"));
    let rejected = until_outcome(&server, "rejected").await;
    assert!(rejected["rejected"]["text"].as_str().expect("a text").starts_with("`desk` fails the probe `nothing`"));
    save(&server, titled("Good"));
    until("it is loaded", async || title(&server).await == "Good").await;
    assert_eq!(status(&server).await["rejected"], Value::Null);
}

#[tokio::test]
async fn an_earlier_generation_is_loaded_again_until_the_files_change() {
    let server = start(watching(Release::AtOnce)).await;
    let none = post(&server, "/reload/rollback", &json!({})).await.detail(409);
    assert_eq!(none, "there is no generation before; kept are 1");
    for (at, name) in ["Two", "Three"].into_iter().enumerate() {
        save(&server, titled(name));
        until(name, async || status(&server).await["generation"] == at + 2).await;
    }
    let back = post(&server, "/reload/rollback", &json!({})).await.expect(200);
    assert_eq!((&back["generation"], &back["outcome"]), (&json!(4), &json!("rolled_back")));
    assert_eq!((&back["history"][3]["origin"], &back["history"][3]["of"]), (&json!("rollback"), &json!(2)));
    assert_eq!(back["digest"], back["history"][1]["digest"]);
    assert_eq!(title(&server).await, "Two");
    let further = post(&server, "/reload/rollback", &json!({})).await.expect(200);
    assert_eq!((&further["history"][4]["of"], title(&server).await), (&json!(1), json!("A calm morning")));
    let unknown = post(&server, "/reload/rollback", &json!({ "generation": 9 })).await.detail(409);
    assert_eq!(unknown, "generation 9 is not kept; kept are 1, 2, 3, 4, 5");

    // What the files say is not loaded by a second look, only when they change.
    fs::write(server.path().join("desk/notes.yaml.tmp"), "").expect("a file");
    save(&server, titled("Three"));
    save(&server, titled("Six"));
    until("the next change", async || title(&server).await == "Six").await;
    let forward = post(&server, "/reload/rollback", &json!({ "generation": 3 })).await.expect(200);
    assert_eq!((&forward["outcome"], title(&server).await), (&json!("rolled_back"), json!("Three")));
}
