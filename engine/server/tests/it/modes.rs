//! What a server in production leaves out.

use casebook_server::{Config, Mode};
use serde_json::json;

use crate::{
    client::{Socket, get, post, send},
    serve::{config, start},
};

#[tokio::test]
async fn production_has_no_reset_step_and_state_over_http() {
    let server = start(Config { mode: Mode::Production, ..config() }).await;
    for base in ["", "/envs/parcels"] {
        for (method, path) in [("POST", "reset"), ("POST", "step"), ("GET", "state"), ("GET", "reset")] {
            let answer = send(&server, method, &format!("{base}/{path}"), &[], None).await;
            assert_eq!(answer.detail(404), "Not Found", "{method} {base}/{path}");
        }
        let document = get(&server, &format!("{base}/openapi.json")).await.expect(200);
        let paths = document["paths"].as_object().expect("paths");
        assert!(!paths.keys().any(|path| ["reset", "step", "state"].iter().any(|name| path.ends_with(name))));
        assert!(paths.contains_key("/{env_name}/task_range"));
    }
    for path in ["/health", "/metadata", "/schema", "/docs", "/list_environments", "/desk/splits"] {
        assert_eq!(get(&server, path).await.status, 200, "{path}");
    }
    assert_eq!(post(&server, "/mcp", &json!({})).await.expect(200)["jsonrpc"], "2.0");
}

#[tokio::test]
async fn production_still_plays_over_the_socket() {
    let server = start(Config { mode: Mode::Production, ..config() }).await;
    let mut socket = Socket::open(&server, "/ws").await;
    assert_eq!(socket.reset(json!({ "task_id": "calm" })).await["type"], "observation");
    assert_eq!(socket.step(json!({ "action": "answer" })).await["type"], "observation");
    assert_eq!(socket.state().await["step_count"], 1);
}

#[tokio::test]
async fn the_description_lists_what_openenv_has_and_what_is_ours() {
    let server = start(config()).await;
    let document = get(&server, "/envs/desk/openapi.json").await.expect(200);
    let paths = document["paths"].as_object().expect("paths");
    for path in [
        "/health",
        "/metadata",
        "/schema",
        "/mcp",
        "/reset",
        "/step",
        "/state",
        "/list_environments",
        "/{env_name}/splits",
        "/{env_name}/tasks",
        "/{env_name}/num_tasks",
        "/{env_name}/task",
        "/{env_name}/task_range",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    assert!(paths.keys().all(|path| path != "/ws"));
    assert_eq!((&document["openapi"], &document["info"]["version"]), (&json!("3.1.0"), &json!("1.0.0")));
}

#[test]
fn modes_are_named_in_any_case() {
    assert_eq!("Production".parse(), Ok(Mode::Production));
    assert_eq!(" simulation ".parse(), Ok(Mode::Simulation));
    let text = "prod".parse::<Mode>().expect_err("it is unknown");
    assert_eq!(text, "unknown mode `prod`; a server runs in `simulation` or in `production`");
}
