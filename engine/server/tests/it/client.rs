//! Small clients: one for HTTP, one for the socket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream, time};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Bytes, Message, protocol::CloseFrame},
};

use crate::serve::Running;

/// So long that only a hang gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The JSON of an answer with the expected status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// The text of a problem with the expected status.
    pub(crate) fn detail(&self, status: u16) -> String {
        let detail = &self.expect(status)["detail"];
        detail.as_str().map_or_else(|| panic!("no text: {detail}"), ToString::to_string)
    }

    /// The first validation entry.
    pub(crate) fn entry(&self) -> Value {
        self.expect(422)["detail"][0].clone()
    }
}

/// Sends a request; `body` is sent as JSON unless a header says otherwise.
pub(crate) async fn send(
    server: &Running,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut request = axum::http::Request::builder().method(method).uri(server.url(path));
    if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(Bytes::from(body.unwrap_or_default().to_string()));
    let request = request.body(body).expect("a request");
    let response = time::timeout(PATIENCE, client.request(request)).await.expect("in time").expect("an answer");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("a text");
    Answer { status: parts.status.as_u16(), headers: parts.headers, text }
}

/// The status of an answer whose body, which may never end, is not waited for.
pub(crate) async fn status(server: &Running, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut request = axum::http::Request::builder().method(method).uri(server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::new())).expect("a request");
    let response = time::timeout(PATIENCE, client.request(request)).await.expect("in time").expect("an answer");
    response.status().as_u16()
}

/// Asks for an upgrade, and gives the status and the protocol that is chosen.
pub(crate) async fn send_upgrade(server: &Running, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut request = axum::http::Request::builder().uri(server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::new())).expect("a request");
    let response = time::timeout(PATIENCE, client.request(request)).await.expect("in time").expect("an answer");
    let chosen = response.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
    (response.status().as_u16(), chosen.unwrap_or_default().to_owned())
}

pub(crate) async fn get(server: &Running, path: &str) -> Answer {
    send(server, "GET", path, &[], None).await
}

pub(crate) async fn post(server: &Running, path: &str, body: &Value) -> Answer {
    send(server, "POST", path, &[], Some(&body.to_string())).await
}

/// One connection that is kept, over which requests are sent one after another.
pub(crate) struct Connection(hyper::client::conn::http1::SendRequest<Full<Bytes>>);

impl Connection {
    pub(crate) async fn open(server: &Running) -> Self {
        let stream = TcpStream::connect(server.address).await.expect("a connection");
        let (sender, connection) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        Self(sender)
    }

    /// Sends a request, and gives the JSON of its answer.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &str) -> Value {
        let mut request = axum::http::Request::builder().method(method).uri(path).header("host", "localhost");
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
        let response =
            time::timeout(PATIENCE, self.0.send_request(request)).await.expect("in time").expect("an answer");
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        serde_json::from_slice(&bytes).expect("JSON")
    }
}

/// A socket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn open(server: &Running, path: &str) -> Self {
        let url = format!("ws://{}{path}", server.address);
        let (stream, _) = time::timeout(PATIENCE, connect_async(url)).await.expect("in time").expect("a socket");
        Self(stream)
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("it is sent");
    }

    pub(crate) async fn say_message(&mut self, message: Message) {
        self.0.send(message).await.expect("it is sent");
    }

    /// The next frame that is neither ping nor pong; `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            let message = time::timeout(PATIENCE, self.0.next()).await.expect("in time");
            match message {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next reply.
    pub(crate) async fn hear(&mut self) -> Value {
        match self.next().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("no reply: {other:?}"),
        }
    }

    /// Says something and hears the reply.
    pub(crate) async fn ask(&mut self, message: &Value) -> Value {
        self.say(&message.to_string()).await;
        self.hear().await
    }

    pub(crate) async fn reset(&mut self, data: Value) -> Value {
        self.ask(&json!({ "type": "reset", "data": data })).await
    }

    pub(crate) async fn step(&mut self, data: Value) -> Value {
        self.ask(&json!({ "type": "step", "data": data })).await
    }

    pub(crate) async fn state(&mut self) -> Value {
        self.ask(&json!({ "type": "state" })).await["data"].clone()
    }

    /// The close frame that must come next; checks that the connection ends after it.
    pub(crate) async fn closed(&mut self) -> CloseFrame {
        let frame = match self.next().await {
            Some(Message::Close(Some(frame))) => frame,
            other => panic!("no close frame: {other:?}"),
        };
        assert_eq!(self.next().await, None);
        frame
    }

    /// Writes bytes below the protocol, for frames that no client makes.
    pub(crate) async fn say_raw(&mut self, bytes: &[u8]) {
        match self.0.get_mut() {
            MaybeTlsStream::Plain(stream) => stream.write_all(bytes).await.expect("it is sent"),
            _ => panic!("not a plain connection"),
        }
    }

    /// The raw connection, for tests that end it rudely.
    pub(crate) fn into_stream(self) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        self.0
    }
}

/// Checks an error frame, and gives its message.
pub(crate) fn error(frame: &Value, code: &str) -> String {
    assert_eq!((&frame["type"], &frame["data"]["code"]), (&json!("error"), &json!(code)), "{frame}");
    frame["data"]["message"].as_str().expect("a message").to_string()
}

/// Waits until something is so.
pub(crate) async fn until<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let waiting = async {
        while !holds().await {
            time::sleep(Duration::from_millis(10)).await;
        }
    };
    time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
