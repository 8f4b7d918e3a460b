//! A bare axum socket that answers every request with the frame which Casebook answered it with: what remains is the
//! cost of the wire.

use std::env;

use axum::{
    Router,
    extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    routing::get,
    serve::ListenerExt,
};

/// Makes this program the server.
pub(crate) const FLAG: &str = "--serve-limit";
/// The environment variables that hold the two frames.
pub(crate) const RESET: &str = "CASEBOOK_BENCH_RESET";
pub(crate) const STEP: &str = "CASEBOOK_BENCH_STEP";

pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let frame = |name: &str| Utf8Bytes::from(env::var(name).unwrap());
        let (reset, step) = (frame(RESET), frame(STEP));
        let socket = get(async move |upgrade: WebSocketUpgrade| {
            upgrade
                .read_buffer_size(1024)
                .write_buffer_size(0)
                .on_upgrade(move |socket| async move { drop(tokio::spawn(answer(socket, reset, step))) })
        });
        let app = Router::new().route("/ws", socket).route("/health", get(async || "healthy"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("limit on 127.0.0.1:{}", listener.local_addr().unwrap().port());
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}

async fn answer(mut socket: WebSocket, reset: Utf8Bytes, step: Utf8Bytes) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let frame = if text.contains(r#""type":"reset""#) { &reset } else { &step };
        if socket.send(Message::Text(frame.clone())).await.is_err() {
            return;
        }
    }
}
