//! The Task API, and the tasks that resets name by split and place.

use std::fs;

use serde_json::{Value, json};

use crate::{
    client::{Socket, error, get, post, send},
    packs::{self, desk_file, desk_with},
    serve::{config, start, start_in},
};

fn ids(tasks: &Value) -> Vec<(&str, u64)> {
    let tasks = tasks["tasks"].as_array().expect("tasks");
    tasks.iter().map(|task| (task["id"].as_str().expect("an id"), task["index"].as_u64().expect("a place"))).collect()
}

#[tokio::test]
async fn environments_and_splits_are_listed() {
    let server = start(config()).await;
    assert_eq!(get(&server, "/list_environments").await.expect(200), json!(["desk", "parcels"]));
    assert_eq!(get(&server, "/envs/parcels/list_environments").await.expect(200), json!(["parcels"]));
    let splits = json!([{ "name": "train", "type": "train" }, { "name": "test", "type": "test" }]);
    for path in ["/desk/splits", "/DESK/splits", "/envs/desk/Desk/splits"] {
        assert_eq!(get(&server, path).await.expect(200), splits, "{path}");
    }
    assert_eq!(get(&server, "/dest/splits").await.detail(404), "unknown environment 'dest'");
    assert_eq!(get(&server, "/envs/desk/parcels/splits").await.detail(404), "unknown environment 'parcels'");
    let answer = get(&server, "/desk/splits/").await;
    assert_eq!((answer.status, answer.header("location")), (307, "/desk/splits"));
    assert_eq!(send(&server, "GET", "/desk/tasks", &[], None).await.header("allow"), "POST");
}

#[tokio::test]
async fn a_split_is_for_what_its_pack_declares() {
    let folder = packs::write();
    let declared = desk_with("observation:\n", "splits: { held-out: test, extra: train }\nobservation:\n");
    let declared = declared.replace("split: test", "split: held-out");
    let more = "\n---\napiVersion: casebook/v1\nkind: Task\nname: more\nextends: calm\nsplit: extra\n---\n\
                apiVersion: casebook/v1\nkind: Task\nname: other\nextends: calm\nsplit: other\n";
    fs::write(desk_file(folder.path()), declared + more).expect("a file");
    let root = folder.path().to_path_buf();
    let server = start_in(config(), folder, &[root]).await;
    let types = json!([
        { "name": "train", "type": "train" }, { "name": "extra", "type": "train" },
        { "name": "held-out", "type": "test" }, { "name": "other", "type": "validation" },
    ]);
    assert_eq!(get(&server, "/desk/splits").await.expect(200), types);
}

#[tokio::test]
async fn tasks_are_listed_counted_and_sliced() {
    let server = start(config()).await;
    let tasks = post(&server, "/desk/tasks", &json!({ "split": "train" })).await.expect(200);
    assert_eq!((ids(&tasks), &tasks["env_name"]), (vec![("calm", 0)], &json!("desk")));
    assert_eq!(tasks["tasks"][0]["difficulty"], json!(1.0));
    assert_eq!(
        post(&server, "/desk/num_tasks", &json!({ "split": "test" })).await.expect(200),
        json!({ "num_tasks": 1 })
    );
    for index in [json!(0), json!(-1), json!("0")] {
        let task = post(&server, "/desk/task", &json!({ "split": "test", "index": index })).await.expect(200);
        assert_eq!(task["task"]["id"], "busy");
    }
    let beyond = post(&server, "/desk/task", &json!({ "split": "test", "index": 99 })).await;
    assert_eq!(beyond.detail(400), "Invalid task index");
    let range = post(&server, "/desk/task_range", &json!({ "split": "train", "start": -5, "stop": null })).await;
    assert_eq!(ids(&range.expect(200)), [("calm", 0)]);
    let none = post(&server, "/desk/task_range", &json!({ "split": "train", "start": 1 })).await.expect(200);
    assert_eq!(ids(&none), []);
}

#[tokio::test]
async fn bodies_are_strict() {
    let server = start(config()).await;
    for (path, body, kind, key) in [
        ("tasks", json!({}), "missing", "split"),
        ("tasks", json!({ "split": "train", "x": 1 }), "extra_forbidden", "x"),
        ("task", json!({ "split": "train" }), "missing", "index"),
        ("task", json!({ "split": "train", "index": 1.5 }), "int_from_float", "index"),
        ("task_range", json!({ "split": "train", "stop": "x" }), "int_parsing", "stop"),
    ] {
        let entry = post(&server, &format!("/desk/{path}"), &body).await.entry();
        assert_eq!((&entry["type"], &entry["loc"]), (&json!(kind), &json!(["body", key])), "{path} {body}");
    }
    assert_eq!(send(&server, "POST", "/desk/tasks", &[], None).await.entry()["loc"], json!(["body"]));
}

#[tokio::test]
async fn resets_take_a_split_and_a_place_at_every_entrance() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    let started = socket.reset(json!({ "split": "test", "index": -1, "seed": 0 })).await;
    assert_eq!(started["data"]["metadata"]["task_id"], "busy");
    let started = socket.reset(json!({ "split": "train", "seed": 5 })).await;
    assert_eq!(started["data"]["metadata"]["task_id"], "calm");
    let body = post(&server, "/reset", &json!({ "split": "test", "index": 0 })).await.expect(200);
    assert_eq!(body["metadata"]["task_id"], "busy");
    let query = send(&server, "POST", "/reset?split=test&index=0", &[], None).await.expect(200);
    assert_eq!(query["metadata"]["task_id"], "busy");

    for (asked, key, hint) in [
        (json!({ "split": "trian" }), "split", "did you mean `train`?"),
        (json!({ "split": "train", "index": 4 }), "index", "Invalid task index"),
        (json!({ "task_id": "calm", "split": "test" }), "task_id", "name different tasks"),
    ] {
        let frame = socket.reset(asked).await;
        let message = error(&frame, "VALIDATION_ERROR");
        assert!(message.contains(hint), "{message}");
        assert_eq!(frame["data"]["errors"][0]["loc"], json!([key]));
    }
}

#[tokio::test]
async fn a_family_is_listed_in_pages_and_counted() {
    let folder = packs::write();
    let text = fs::read_to_string(desk_file(folder.path())).expect("a file");
    let more = "\n---\napiVersion: casebook/v1\nkind: Task\nname: many\nextends: calm\nsplit: many\norder: shuffled\n\
                seeds: 5..999999\n";
    fs::write(desk_file(folder.path()), text + more).expect("a file");
    let root = folder.path().to_path_buf();
    let server = start_in(config(), folder, &[root]).await;
    let count = post(&server, "/desk/num_tasks", &json!({ "split": "many" })).await.expect(200);
    assert_eq!(count, json!({ "num_tasks": 999_995 }));
    let page = |start: i64, stop: Option<i64>| json!({ "split": "many", "start": start, "stop": stop });
    let range = post(&server, "/desk/task_range", &page(1000, Some(1002))).await.expect(200);
    assert_eq!(ids(&range), [("many/1005", 1000), ("many/1006", 1001)]);
    let end = post(&server, "/desk/task_range", &page(-2, None)).await.expect(200);
    assert_eq!(ids(&end), [("many/999998", 999_993), ("many/999999", 999_994)]);
    let task = post(&server, "/desk/task", &json!({ "split": "many", "index": -1 })).await.expect(200);
    assert_eq!(task["task"]["id"], "many/999999");
    // A list of all has an end.
    let all = post(&server, "/desk/tasks", &json!({ "split": "many" })).await.expect(200);
    assert_eq!(ids(&all).first(), Some(&("many/5", 0)));
    assert_eq!(ids(&all).len(), 10_000);
    let told = get(&server, "/envs/desk/tasks").await.expect(200);
    let many = told["tasks"].as_array().expect("tasks").iter().find(|task| task["id"] == "many").expect("the family");
    assert_eq!(many["count"], 999_995);

    let mut socket = Socket::open(&server, "/ws").await;
    let started = socket.reset(json!({ "split": "many", "index": 999_994 })).await;
    assert_eq!(started["data"]["metadata"]["task_id"], "many/999999");
}
