//! What web pages may do: nothing that comes from elsewhere, whatever route it asks.

use casebook_server::Config;
use serde_json::json;

use crate::{
    client::{Socket, get, send, send_upgrade, status},
    serve::{Running, config, start},
};

const ROUTES: [(&str, &str); 10] = [
    ("GET", "/"),
    ("GET", "/health"),
    ("POST", "/reset"),
    ("POST", "/envs/parcels/reset"),
    ("POST", "/step"),
    ("GET", "/state"),
    ("POST", "/mcp"),
    ("DELETE", "/mcp"),
    ("GET", "/nowhere"),
    ("HEAD", "/tasks"),
];

/// The status of a handshake.
async fn handshake(server: &Running, path: &str, headers: &[(&str, &str)]) -> u16 {
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let headers: Vec<(&str, &str)> = upgrade.into_iter().chain(headers.iter().copied()).collect();
    send_upgrade(server, path, &headers).await.0
}

/// Whether a request with these headers is turned away on every route and on every socket, or on none.
async fn turned_away(server: &Running, headers: &[(&str, &str)]) -> bool {
    let mut told = Vec::new();
    for (method, path) in ROUTES {
        told.push((path, status(server, method, path, headers).await == 403));
    }
    for path in ["/ws", "/mcp", "/envs/parcels/ws"] {
        told.push((path, handshake(server, path, headers).await == 403));
    }
    let away = told[0].1;
    assert!(told.iter().all(|(_, other)| *other == away), "{headers:?}: {told:?}");
    away
}

#[tokio::test]
async fn pages_of_other_origins_are_turned_away_everywhere() {
    let server = start(config()).await;
    let own = format!("http://{}", server.address);
    assert!(!turned_away(&server, &[]).await);
    assert!(!turned_away(&server, &[("origin", &own)]).await);
    for origin in ["http://evil.example", "null", "http://localhost:1", "https://127.0.0.1", ""] {
        assert!(turned_away(&server, &[("origin", origin)]).await, "{origin}");
    }
    assert!(turned_away(&server, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]).await);
    // A link from elsewhere is followed.
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(status(&server, "GET", "/", &link).await, 200);
    let text = send(&server, "POST", "/reset", &[("origin", "http://evil.example")], None).await.detail(403);
    assert!(text.ends_with("start the server with `--allow-origin http://evil.example`"), "{text}");
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_is_turned_away() {
    let server = start(config()).await;
    let port = server.address.port();
    for host in ["evil.example".to_owned(), format!("evil.example:{port}")] {
        let origin = format!("http://{host}");
        assert!(turned_away(&server, &[("host", &host)]).await, "{host}");
        assert!(turned_away(&server, &[("host", &host), ("origin", &origin)]).await, "{host}");
    }
    for host in [format!("localhost:{port}"), "127.0.0.1".to_owned(), format!("[::1]:{port}")] {
        let origin = format!("http://{host}");
        assert!(!turned_away(&server, &[("host", &host), ("origin", &origin)]).await, "{host}");
    }
    let text = send(&server, "GET", "/state", &[("host", "evil.example")], None).await.detail(403);
    assert!(text.contains("`localhost`") && text.contains("`--allow-host evil.example`"), "{text}");
}

#[tokio::test]
async fn origins_and_names_may_be_allowed() {
    let trainer = "https://trainer.example";
    let server = start(Config {
        allow_origins: vec![trainer.parse().expect("an origin")],
        allow_hosts: vec!["desk.example".parse().expect("a name")],
        ..config()
    })
    .await;
    assert!(!turned_away(&server, &[("origin", trainer)]).await);
    assert!(!turned_away(&server, &[("origin", trainer), ("host", "desk.example")]).await);
    assert!(turned_away(&server, &[("origin", "http://trainer.example")]).await);
    assert!(turned_away(&server, &[("host", "other.example")]).await);
    // Its pages may read the answers, and ask first.
    let answer = send(&server, "POST", "/reset", &[("origin", trainer)], Some("{}")).await;
    answer.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), trainer);
    let asks = [
        ("origin", trainer),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type,x-session-id"),
    ];
    let told = send(&server, "OPTIONS", "/step", &asks, None).await;
    assert_eq!((told.status, told.header("access-control-allow-origin")), (200, trainer));
    assert!(told.header("access-control-allow-headers").contains("x-session-id"), "{told:?}");
    assert_eq!(get(&server, "/state").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_body_that_is_not_marked_as_json_is_not_read() {
    let server = start(config()).await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        let headers: Vec<(&str, &str)> = vec![("content-type", kind)];
        for path in ["/reset", "/step", "/sessions/x/fork", "/desk/tasks"] {
            let refused = send(&server, "POST", path, &headers, Some("{}")).await.entry();
            assert!(refused["msg"].as_str().expect("a text").contains("content-type: application/json"), "{refused}");
        }
        let refused = send(&server, "POST", "/mcp", &headers, Some("{}")).await.expect(200);
        assert_eq!(refused["error"]["code"], -32700, "{refused}");
        let standard = [headers[0], ("accept", "application/json, text/event-stream")];
        let refused = send(&server, "POST", "/mcp", &standard, Some("{}")).await.expect(415);
        assert_eq!(refused["error"]["code"], -32700, "{refused}");
    }
    // Nothing at all needs no mark.
    send(&server, "POST", "/reset", &[], None).await.expect(200);
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_stands_in_no_foreign_frame() {
    let server = start(config()).await;
    for path in ["/", "/web/", "/docs", "/redoc", "/envs/parcels/docs"] {
        let page = get(&server, path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'self'") && policy.contains("base-uri 'none'"), "{path}: {policy}");
        assert_eq!((page.header("x-frame-options"), page.header("x-content-type-options")), ("SAMEORIGIN", "nosniff"));
    }
    assert_eq!(get(&server, "/studio/studio.js").await.header("x-content-type-options"), "nosniff");
    let server =
        start(Config { allow_origins: vec!["https://hub.example".parse().expect("an origin")], ..config() }).await;
    let page = get(&server, "/").await;
    assert!(page.header("content-security-policy").ends_with("frame-ancestors 'self' https://hub.example"), "{page:?}");
    assert_eq!(page.header("x-frame-options"), "");
}

#[tokio::test]
async fn programs_go_on_as_ever() {
    let server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    assert_eq!(socket.reset(json!({})).await["type"], "observation");
}
