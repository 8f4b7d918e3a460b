//! Several environments in one server.

use casebook_server::{Config, SetupError};
use serde_json::json;

use crate::{
    client::{Socket, error, get, post},
    packs,
    serve::{build, config, start},
};

#[tokio::test]
async fn each_environment_has_every_route() {
    let server = start(config()).await;
    let list = get(&server, "/envs").await.expect(200);
    let names: Vec<_> = list.as_array().expect("a list").iter().map(|environment| &environment["name"]).collect();
    assert_eq!(names, ["desk", "parcels"]);
    assert_eq!((&list[0]["version"], &list[0]["tasks"]), (&json!("1.2.0"), &json!(2)));

    assert_eq!(get(&server, "/metadata").await.expect(200)["name"], "desk");
    assert_eq!(get(&server, "/envs/desk/metadata").await.expect(200)["readme_content"], "# The desk\n");
    assert_eq!(get(&server, "/envs/parcels/metadata").await.expect(200)["name"], "parcels");
    for path in ["health", "schema", "state", "tasks", "openapi.json"] {
        get(&server, &format!("/envs/parcels/{path}")).await.expect(200);
    }
    assert_eq!(post(&server, "/envs/parcels/mcp", &json!({})).await.expect(200)["jsonrpc"], "2.0");
}

#[tokio::test]
async fn sockets_below_a_prefix_play_that_environment() {
    let server = start(config()).await;
    let mut parcels = Socket::open(&server, "/envs/parcels/ws").await;
    parcels.reset(json!({})).await;
    let step = parcels.step(json!({ "route": "air" })).await["data"].clone();
    assert_eq!((&step["reward"], &step["metadata"]["score"]), (&json!(1.0), &json!(1.0)));
    assert!(step["metadata"].get("breakdown").is_none(), "this pack never tells");
    assert_eq!(parcels.state().await["environment"], "parcels");
    let mut desk = Socket::open(&server, "/ws").await;
    error(&desk.reset(json!({ "task_id": "shelf" })).await, "VALIDATION_ERROR");
}

#[tokio::test]
async fn unknown_environments_list_what_exists() {
    let server = start(config()).await;
    let text = get(&server, "/envs/dest/metadata").await.detail(404);
    assert_eq!(text, "unknown environment `dest`; did you mean `desk`? this server has `desk`, `parcels`");
    let mut socket = Socket::open(&server, "/envs/dest/ws").await;
    let frame = socket.hear().await;
    let message = error(&frame, "FACTORY_ERROR");
    assert!(message.starts_with("Environment factory 'dest' failed to create instance") && message.contains("`desk`"));
    assert_eq!(frame["data"]["factory_name"], "dest");
    assert_eq!(u16::from(socket.closed().await.code), 1000);
}

#[tokio::test]
async fn the_root_serves_the_chosen_environment() {
    let server = start(Config { environment: Some("parcels".into()), ..config() }).await;
    assert_eq!(get(&server, "/metadata").await.expect(200)["name"], "parcels");

    let folder = packs::write();
    let roots = [folder.path().to_path_buf()];
    let error = build(Config { environment: Some("parcel".into()), ..config() }, &roots).expect_err("no such name");
    assert!(matches!(error, SetupError::UnknownEnvironment { .. }));
    let text = error.to_string();
    assert_eq!(text, "unknown environment `parcel`; did you mean `parcels`? this server has `desk`, `parcels`");
}
