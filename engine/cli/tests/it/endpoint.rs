//! An endpoint that plays language models, with their moods.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

/// Requests so far, by model, and the last one of each.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<HashMap<String, (usize, Value)>>>);

impl Heard {
    pub(crate) fn count(&self, model: &str) -> usize {
        self.0.lock().expect("a lock").get(model).map_or(0, |(count, _)| *count)
    }

    pub(crate) fn last(&self, model: &str) -> Value {
        self.0.lock().expect("a lock").get(model).map(|(_, last)| last.clone()).expect("it was asked")
    }
}

/// What a model answers to its request of this number, from 1.
type Answer = fn(&str, usize, &Value) -> Reply;

/// An answer of an endpoint.
pub(crate) enum Reply {
    /// A message of a completion.
    Message(Value),
    /// The same after a time.
    Slow(Duration, Value),
    /// A body that is not JSON.
    Garbage,
    /// A status with a text, and with seconds until the next request.
    Status(u16, &'static str, Option<&'static str>),
}

/// A message with a text.
pub(crate) fn says(text: impl Into<String>) -> Value {
    json!({ "role": "assistant", "content": text.into() })
}

/// Moods that any model may have, by its name; they pass.
pub(crate) fn mood(model: &str, number: usize, calm: Value) -> Reply {
    match (model, number) {
        ("failing", 1 | 2) => Reply::Status(500, "out of order", None),
        ("limited", 1) => Reply::Status(429, "later", Some("0.01")),
        ("slow", 1) => Reply::Slow(Duration::from_secs(20), calm),
        ("garbled", 1) => Reply::Garbage,
        ("dead", _) => Reply::Status(503, "gone", None),
        ("forbidden", _) => Reply::Status(401, "who are you?", None),
        _ => Reply::Message(calm),
    }
}

/// An endpoint whose models answer as a test wants; ends with the test.
pub(crate) struct Endpoint {
    address: SocketAddr,
    pub(crate) heard: Heard,
    _runtime: tokio::runtime::Runtime,
}

impl Endpoint {
    pub(crate) fn start(answer: Answer) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let heard = Heard::default();
        let state = (heard.clone(), answer);
        let app = Router::new().route("/v1/chat/completions", post(reply)).with_state(state);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, heard, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

async fn reply(State((heard, answer)): State<(Heard, Answer)>, Json(request): Json<Value>) -> Response {
    let model = request["model"].as_str().expect("a model").to_owned();
    let number = {
        let mut heard = heard.0.lock().expect("a lock");
        let (count, last) = heard.entry(model.clone()).or_default();
        *count += 1;
        *last = request.clone();
        *count
    };
    let completion = |message: Value| {
        let usage = json!({ "prompt_tokens": 100, "completion_tokens": 10 });
        Json(json!({ "choices": [{ "message": message }], "usage": usage })).into_response()
    };
    match answer(&model, number, &request) {
        Reply::Message(message) => completion(message),
        Reply::Slow(time, message) => {
            tokio::time::sleep(time).await;
            completion(message)
        }
        Reply::Garbage => "<html>".into_response(),
        Reply::Status(status, text, wait) => {
            let status = StatusCode::from_u16(status).expect("a status");
            match wait {
                Some(seconds) => (status, [("retry-after", seconds)], text).into_response(),
                None => (status, text).into_response(),
            }
        }
    }
}
