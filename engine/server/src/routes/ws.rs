//! `GET /ws`: one socket, one session.
//!
//! One task reads, answers and sends, in that order: replies keep the order of their requests, and a session costs one
//! small future.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::Uri,
    response::Response,
    routing::get,
};
use tokio::time::{self, Instant};
use uuid::Uuid;

use super::{
    mcp,
    request::{self, Environment, SESSION_KEY},
    table::{Endpoint, MAX_BYTES},
};
use crate::{
    app::{App, Shared},
    error::Problem,
    session::play::Play,
    wire::{
        arguments::ResetArguments,
        envelope,
        frames::{self, Request},
    },
};

/// Bytes that are read from a socket at one time; most requests are smaller.
const READ_BUFFER: usize = 1024;
/// Longer messages end the connection before their end; up to here they are read, so that the close frame is heard.
const HARD_LIMIT: usize = 2 * MAX_BYTES;
/// How long a peer may take to accept a reply.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a peer may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

const NORMAL: u16 = 1000;
const PROTOCOL_ERROR: u16 = 1002;
const TOO_LONG: u16 = 1009;
const RESTART: u16 = 1012;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/ws", get(upgrade))
}

async fn upgrade(
    State(app): State<Shared>,
    environment: Environment,
    uri: Uri,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let socket = socket.map_err(|rejection| Problem::NotAWebSocket(rejection.body_text().to_lowercase()))?;
    let attach = request::query_value(&request::query(&uri), SESSION_KEY).map(ToString::to_string);
    let socket = socket
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(HARD_LIMIT)
        .max_frame_size(HARD_LIMIT);
    // A task of its own, since the one that did the handshake also holds on to what it needed for that.
    Ok(socket.on_upgrade(async move |socket| {
        tokio::spawn(serve(socket, app, environment.name, attach));
    }))
}

/// How a session ended.
enum End {
    /// The peer is gone or has said goodbye.
    Gone,
    /// The server says goodbye.
    Close(u16),
}

/// Serves one socket from its first message to its last.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps its arguments twice, and this is kept for each session"
)]
fn serve(
    mut socket: WebSocket,
    app: Shared,
    environment: Arc<str>,
    attach: Option<String>,
) -> impl Future<Output = ()> + Send {
    async move {
        let mut stopping = app.stopping.subscribe();
        let end = tokio::select! {
            // The slot is free when this returns, before the goodbyes.
            end = session(&mut socket, &app, &environment, attach.as_deref()) => end,
            _ = stopping.wait_for(|stopping| *stopping) => End::Close(RESTART),
        };
        if let End::Close(code) = end {
            let frame = CloseFrame { code, reason: Utf8Bytes::default() };
            if !send(&mut socket, Message::Close(Some(frame))).await {
                return;
            }
        }
        // Bytes that are left unread would turn the goodbye into a reset of the connection.
        let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
        // A peer that never answers is dropped as it is.
        let _ = time::timeout(CLOSE_TIMEOUT, rest).await;
    }
}

async fn session(socket: &mut WebSocket, app: &App, environment: &Arc<str>, attach: Option<&str>) -> End {
    if let Some(id) = attach {
        let text = if app.sessions.contains(id) {
            format!("Session {id} was opened over HTTP, and a WebSocket cannot be attached to it")
        } else {
            format!("Unknown session_id: {id}")
        };
        return refuse(socket, frames::session_error(&text)).await;
    }
    // The slot is held to the end of this function.
    let _slot = match app.pack(environment).and_then(|_| app.sessions.take_slot()) {
        Ok(slot) => slot,
        Err(problem) => return refuse(socket, frames::problem(&problem)).await,
    };
    let mut session = Session { environment: Arc::clone(environment), id: Uuid::new_v4(), play: Play::default() };
    let mut clock = Clock::new(app.heartbeat, app.idle);
    let alarm = time::sleep_until(clock.next());
    tokio::pin!(alarm);
    loop {
        let message = tokio::select! {
            message = socket.recv() => message,
            () = &mut alarm => {
                let now = Instant::now();
                match clock.ring(now) {
                    Ring::Nothing => {}
                    Ring::Ping => if !send(socket, Message::Ping(Vec::new().into())).await { return End::Gone },
                    Ring::Dead => return End::Gone,
                    Ring::Idle(limit) => {
                        let text = format!("the session rested for more than {} s and ends", limit.as_secs_f64());
                        return refuse(socket, frames::session_error(&text)).await;
                    }
                }
                alarm.as_mut().reset(clock.next());
                continue;
            }
        };
        let text = match message {
            None | Some(Ok(Message::Close(_))) => return End::Gone,
            Some(Err(error)) => return End::Close(code_of(&error)),
            Some(Ok(Message::Text(text))) if text.len() <= MAX_BYTES => Some(text),
            Some(Ok(Message::Binary(bytes))) if bytes.len() <= MAX_BYTES => None,
            Some(Ok(Message::Text(_) | Message::Binary(_))) => return End::Close(TOO_LONG),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                clock.heard();
                continue;
            }
        };
        clock.asked();
        // A bug must not take the slot with it, nor leave the peer without a word.
        let reply = catch_unwind(AssertUnwindSafe(|| session.answer(app, text.as_deref())));
        match reply {
            Ok(Reply::Frame(frame)) => {
                if !send(socket, Message::Text(frame.into())).await {
                    return End::Gone;
                }
            }
            Ok(Reply::Close) => return End::Close(NORMAL),
            Err(_) => return refuse(socket, frames::session_error("internal error; the session ends")).await,
        }
    }
}

/// What one socket plays.
struct Session {
    environment: Arc<str>,
    id: Uuid,
    play: Play,
}

enum Reply {
    Frame(String),
    Close,
}

impl Session {
    /// Answers a message; a binary one has no text.
    fn answer(&mut self, app: &App, text: Option<&str>) -> Reply {
        let request = match text.map_or_else(|| Err(frames::binary()), frames::read) {
            Ok(request) => request,
            Err(bad) => return Reply::Frame(frames::bad_frame(&bad)),
        };
        let frame = match request {
            Request::Step(action) => self.play.step(action).and_then(|step| {
                let view = self.play.view(Some(&step))?;
                Ok(envelope::observation_frame(view))
            }),
            Request::Reset(arguments) => {
                ResetArguments::read(arguments, &[]).map_err(Problem::Invalid).and_then(|arguments| {
                    self.play.reset(&app.pack(&self.environment)?, arguments)?;
                    Ok(envelope::observation_frame(self.play.view(None)?))
                })
            }
            Request::State => Ok(frames::state(&self.play.state(&self.environment))),
            Request::Mcp(body) => {
                Ok(frames::mcp(&mcp::answer(app, &self.environment, &body, Some(&self.id.to_string()))))
            }
            Request::Close => return Reply::Close,
        };
        Reply::Frame(frame.unwrap_or_else(|problem| frames::problem(&problem)))
    }
}

/// When a socket is to be asked whether it is there, and when it has rested for too long.
///
/// Requests only note the time; the alarm is set anew when it rings.
struct Clock {
    heartbeat: Duration,
    idle: Option<Duration>,
    ping_at: Instant,
    unanswered: bool,
    last: Instant,
}

enum Ring {
    Nothing,
    Ping,
    Dead,
    Idle(Duration),
}

impl Clock {
    fn new(heartbeat: Duration, idle: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { heartbeat, idle, ping_at: now + heartbeat, unanswered: false, last: now }
    }

    fn next(&self) -> Instant {
        self.idle.map_or(self.ping_at, |idle| self.ping_at.min(self.last + idle))
    }

    fn heard(&mut self) {
        self.unanswered = false;
    }

    fn asked(&mut self) {
        self.unanswered = false;
        self.last = Instant::now();
    }

    fn ring(&mut self, now: Instant) -> Ring {
        if let Some(idle) = self.idle.filter(|idle| now >= self.last + *idle) {
            return Ring::Idle(idle);
        }
        if now < self.ping_at {
            return Ring::Nothing;
        }
        if self.unanswered {
            return Ring::Dead;
        }
        self.unanswered = true;
        self.ping_at = now + self.heartbeat;
        Ring::Ping
    }
}

/// Tells why the session ends, then says goodbye: in this order, so that the reason is read.
async fn refuse(socket: &mut WebSocket, frame: String) -> End {
    if send(socket, Message::Text(frame.into())).await { End::Close(NORMAL) } else { End::Gone }
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(time::timeout(SEND_TIMEOUT, socket.send(message)).await, Ok(Ok(())))
}

/// The close code for a message that could not be read; only its text says which limit it broke.
fn code_of(error: &axum::Error) -> u16 {
    if error.to_string().contains("too long") { TOO_LONG } else { PROTOCOL_ERROR }
}
