//! HTTP and `/ws`, as any client of OpenEnv speaks them. Calls block, and end within a minute.

use std::{
    net::{SocketAddr, TcpStream as Socket, ToSocketAddrs},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tungstenite::{Message, WebSocket, client::IntoClientRequest as _};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The greatest number of bytes of an answer.
const MAX_BYTES: usize = 16 << 20;

/// The tokens of the principals; none where the server has none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) orchestrator: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) grader: Option<String>,
}

/// Somebody who talks to one environment of a server.
pub(crate) struct Client {
    runtime: Runtime,
    address: SocketAddr,
    /// As it is named, with its port.
    host: String,
    /// What every path begins with.
    base: String,
    pub(crate) credentials: Credentials,
}

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub(crate) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Client {
    /// A client of the server at an address such as `http://127.0.0.1:8000/envs/desk`.
    pub(crate) fn new(url: &str, credentials: Credentials) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            format!("`{url}` is not an address that can be audited; expected `http://HOST:PORT`; of a server behind TLS, audit the port behind it")
        })?;
        let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
        let with_port = if host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let mut addresses = with_port.to_socket_addrs().map_err(|error| format!("`{host}` is not known: {error}"))?;
        let address = addresses.next().ok_or_else(|| format!("`{host}` has no address"))?;
        let base = base.trim_end_matches('/');
        let base = if base.is_empty() { String::new() } else { format!("/{base}") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("the runtime cannot start: {error}"))?;
        Ok(Self { runtime, address, host: with_port, base, credentials })
    }

    /// A request below the environment, with the token of a principal.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let what = format!("{method} {path}");
        // Sessions belong to the server, not to one of its environments.
        let of_server = path.starts_with("/sessions/") || path == "/regrade";
        let base = if of_server { self.base.split("/envs/").next().unwrap_or_default() } else { &self.base };
        let path = format!("{base}{path}");
        // The clock is the runtime's, so it is asked for within it.
        let asked = async { tokio::time::timeout(PATIENCE, self.send(method, path, token, body)).await };
        match self.runtime.block_on(asked) {
            Ok(answer) => answer.map_err(|error| format!("{what}: {error}")),
            Err(_) => Err(format!("{what}: no answer within {} s", PATIENCE.as_secs())),
        }
    }

    /// A `GET` by the orchestrator.
    pub(crate) fn get(&self, path: &str) -> Result<Answer, String> {
        self.request(Method::GET, path, self.credentials.orchestrator.as_deref(), None)
    }

    /// A `POST` by the orchestrator.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.request(Method::POST, path, self.credentials.orchestrator.as_deref(), Some(body))
    }

    async fn send(
        &self,
        method: Method,
        path: String,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = tokio::net::TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let answer = sender.send_request(request.body(Full::new(Bytes::from(bytes)))?).await?;
        let status = answer.status().as_u16();
        let bytes = Limited::new(answer.into_body(), MAX_BYTES).collect().await?.to_bytes();
        connection.abort();
        Ok(Answer { status, text: String::from_utf8_lossy(&bytes).into_owned() })
    }

    /// Opens a session over `/ws`.
    pub(crate) fn open(&self) -> Result<Session, String> {
        let stream = Socket::connect_timeout(&self.address, PATIENCE).map_err(|error| format!("/ws: {error}"))?;
        let patience = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_nodelay(true));
        patience.map_err(|error| format!("/ws: {error}"))?;
        let url = format!("ws://{}{}/ws", self.host, self.base);
        let mut request = url.into_client_request().map_err(|error| format!("/ws: {error}"))?;
        if let Some(token) = &self.credentials.orchestrator
            && let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}"))
        {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let (socket, _) = tungstenite::client(request, stream).map_err(|error| format!("/ws: {error}"))?;
        Ok(Session { socket })
    }
}

/// A session over `/ws`; it ends when it is dropped.
pub(crate) struct Session {
    socket: WebSocket<Socket>,
}

impl Session {
    /// Sends a message and waits for its answer, which is returned as it was sent.
    pub(crate) fn ask(&mut self, kind: &str, data: Option<&Value>) -> Result<String, String> {
        let mut message = json!({ "type": kind });
        if let Some(data) = data {
            message["data"] = data.clone();
        }
        let failed = |error: tungstenite::Error| format!("`{kind}` over /ws: {error}");
        self.socket.send(Message::text(message.to_string())).map_err(failed)?;
        loop {
            match self.socket.read().map_err(failed)? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Close(_) => return Err(format!("`{kind}` over /ws: the server closed the session")),
                _ => {}
            }
        }
    }

    /// Sends a text as it is and waits for an answer, or for the end of the session.
    pub(crate) fn ask_raw(&mut self, text: String) -> Result<String, String> {
        let failed = |error: tungstenite::Error| error.to_string();
        self.socket.send(Message::text(text)).map_err(failed)?;
        loop {
            match self.socket.read().map_err(failed)? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Close(frame) => {
                    return Err(
                        frame.map_or_else(|| "closed".to_owned(), |frame| format!("closed with {}", frame.code))
                    );
                }
                _ => {}
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
    }
}
