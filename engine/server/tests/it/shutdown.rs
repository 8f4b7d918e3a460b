//! How the server ends.

use serde_json::json;

use crate::{
    client::{Socket, get, post},
    serve::{config, start},
};

#[tokio::test]
async fn sockets_are_closed_with_1012() {
    let mut server = start(config()).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.reset(json!({})).await;
        sockets.push(socket);
    }
    get(&server, "/health").await.expect(200);
    post(&server, "/reset", &json!({})).await.expect(200);
    server.stop();
    for mut socket in sockets {
        let frame = socket.closed().await;
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1012, ""));
    }
    server.ended().await;
}

#[tokio::test]
async fn a_socket_that_does_not_answer_does_not_hold_the_server() {
    let mut server = start(config()).await;
    let mut socket = Socket::open(&server, "/ws").await;
    socket.state().await;
    server.stop();
    server.ended().await;
    drop(socket);
}
