//! The connection below a session: what is read from it, when it is asked whether it is still there, and how it ends.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::watch,
    time::{self, Instant, Sleep},
};
use tungstenite::{
    Utf8Bytes,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

pub(super) use super::socket::Message;
use super::{
    seldom::Seldom,
    socket::{Error, Socket},
};
use crate::{
    app::App,
    client::Key,
    ending::Ending,
    limits::{Crowded, Unread},
    session::one::Session,
    wire::{frames, text_frame::TextFrame},
};

/// Requests that may wait for the ones before them; further ones stay unread.
const MOST_WAITING: usize = 256;
/// The maximum number of bytes of those.
const MOST_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// How long a peer may take to accept a reply.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a peer may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;
const PROTOCOL_ERROR: u16 = 1002;
pub(super) const TOO_LONG: u16 = 1009;
const RESTART: u16 = 1012;
const TRY_AGAIN: u16 = 1013;
/// Of those that protocols above WebSocket choose; HTTP's 408 is its model.
const RESTED: u16 = 4408;

/// How a conversation ends.
pub(super) enum End {
    /// The peer is gone without a close message.
    Gone,
    /// The peer sends a close message.
    Goodbye,
    /// The server sends a close message.
    Close(u16),
    /// The server sends the reason in a frame, then a close message: in this order, so that the reason is read.
    Refuse(String),
    /// The same when the session rested for too long; the close frame bears the reason as well, since a client that is
    /// silent reads no frame before it.
    Rested(Box<Rest>),
}

/// A session that rested for too long.
pub(super) struct Rest {
    /// Sends the reason why it ends.
    frame: String,
    /// How long it may rest.
    pub(super) limit: Duration,
}

/// One connection.
pub(super) struct Link {
    socket: Socket,
    /// What is left to write of an answer.
    unsent: Option<TextFrame>,
    /// Requests that were read while an earlier one was still at work.
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    /// Those bytes, as they are counted.
    waiting_unread: Unread,
    /// When the message began that is not whole yet, and how long it may take.
    began: Option<Instant>,
    patience: Option<Duration>,
    alarm: Seldom<Pin<Box<Sleep>>>,
    heartbeat: Duration,
    ping_at: Instant,
    unanswered: bool,
    /// The session that rests while nothing is asked, and how long it may.
    session: Option<(Arc<Session>, Duration)>,
    /// Writes the frame with the reason why the session ends.
    refusal: fn(&str) -> String,
}

impl Link {
    pub(super) fn new(socket: Socket, app: &App, client: Key) -> Self {
        let heartbeat = app.config.heartbeat;
        let ping_at = Instant::now() + heartbeat;
        Self {
            socket,
            unsent: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            waiting_unread: app.unfinished.of(client),
            began: None,
            patience: app.config.request_timeout,
            alarm: Seldom::new(Box::pin(time::sleep_until(ping_at))),
            heartbeat,
            ping_at,
            unanswered: false,
            session: None,
            refusal: frames::session_error,
        }
    }

    /// Sends the reason why the session ends in another protocol's frame.
    pub(super) fn refusing(self, refusal: fn(&str) -> String) -> Self {
        Self { refusal, ..self }
    }

    /// Ends the conversation when the session has rested for too long.
    pub(super) fn watch(&mut self, session: &Arc<Session>, idle: Option<Duration>) {
        self.session = idle.map(|idle| (Arc::clone(session), idle));
        self.set_alarm(false);
    }

    /// The next request.
    pub(super) async fn next(&mut self) -> Result<Message, End> {
        if let Some(message) = self.waiting.pop_front() {
            self.waiting_bytes -= size(&message);
            return Ok(message);
        }
        self.waiting = VecDeque::new();
        self.waiting_unread.release();
        self.read(false).await
    }

    /// Does some work, and goes on reading meanwhile; ends early when the peer does.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        let mut work = pin!(work);
        loop {
            let room = self.waiting.len() < MOST_WAITING && self.waiting_bytes < MOST_WAITING_BYTES;
            tokio::select! {
                // Nearly all work is done at once, and then nothing is read.
                biased;
                done = &mut work => return Ok(done),
                message = self.read(true), if room => {
                    let message = message?;
                    self.waiting_bytes += size(&message);
                    if self.waiting_unread.cover(self.waiting_bytes).is_err() {
                        return Err(End::Close(TRY_AGAIN));
                    }
                    self.waiting.push_back(message);
                }
            }
        }
    }

    /// Sends an answer, unless the peer does not take it in time.
    pub(super) async fn tell(&mut self, answer: TextFrame) -> bool {
        self.unsent = Some(answer);
        self.write().await
    }

    /// Says what there is left to say.
    pub(super) async fn finish(mut self, end: End) {
        let (said, close) = match end {
            End::Gone | End::Goodbye => (None, None),
            End::Close(code) => (None, Some((code, String::new()))),
            End::Refuse(frame) => (Some(frame), Some((NORMAL, String::new()))),
            End::Rested(rest) => {
                let reason = Ending::Rested(rest.limit).to_string();
                (Some(rest.frame), Some((RESTED, reason)))
            }
        };
        if let Some(frame) = said
            && (!self.write().await || !self.tell(frame.into()).await)
        {
            return;
        }
        if let Some((code, reason)) = close {
            let frame = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::from(reason) };
            if !self.write().await || !self.control(Message::Close(Some(frame))).await {
                return;
            }
        }
        // Bytes that are left unread would turn the goodbye into a reset of the connection.
        let rest = async { while poll_fn(|context| self.socket.poll_read(context)).await.is_ok() {} };
        // A peer that never answers is dropped as it is.
        let _ = time::timeout(CLOSE_TIMEOUT, rest).await;
    }

    /// Writes what is left of an answer; may be dropped at any time and called again.
    async fn write(&mut self) -> bool {
        // Nearly all answers are taken at once, and then no clock is asked.
        let at_once = self.poll_write(&mut Context::from_waker(Waker::noop()));
        match at_once {
            Poll::Ready(written) => written.is_ok(),
            Poll::Pending => {
                let written = time::timeout(SEND_TIMEOUT, poll_fn(|context| self.poll_write(context)));
                matches!(written.await, Ok(Ok(())))
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(unsent) = &mut self.unsent else { return Poll::Ready(Ok(())) };
        let written = self.socket.poll_write(unsent, context);
        if matches!(written, Poll::Ready(Ok(()))) {
            self.unsent = None;
        }
        written
    }

    /// Sends a message other than an answer.
    async fn control(&mut self, message: Message) -> bool {
        let mut message = Some(message);
        let sent = poll_fn(|context| self.socket.poll_send(&mut message, context));
        matches!(time::timeout(SEND_TIMEOUT, sent).await, Ok(Ok(())))
    }

    /// Reads one request, with the clock in view; a busy session does not rest.
    async fn read(&mut self, busy: bool) -> Result<Message, End> {
        loop {
            let message = tokio::select! {
                // Who speaks is there; the clock is for those who are silent.
                biased;
                message = poll_fn(|context| match self.socket.poll_read(context) {
                    Poll::Pending if self.began.is_none() && self.socket.is_within_message() => Poll::Ready(None),
                    message => message.map(Some),
                }) => message,
                () = &mut self.alarm => {
                    Box::pin(self.ring(busy)).await?;
                    continue;
                }
            };
            let Some(message) = message else {
                self.began = Some(Instant::now());
                self.set_alarm(busy);
                continue;
            };
            match message {
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Err(End::Gone),
                Err(error) => return Err(broken(&error)),
                Ok(Message::Close(frame)) => return Err(goodbye(frame.as_ref())),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => self.unanswered = false,
                Ok(message) => {
                    self.unanswered = false;
                    self.began = None;
                    return Ok(message);
                }
            }
        }
    }

    async fn ring(&mut self, busy: bool) -> Result<(), End> {
        if let Some((session, idle)) = &self.session
            && !busy
            && session.rested() >= *idle
        {
            let frame = (self.refusal)(&Ending::Rested(*idle).to_string());
            return Err(End::Rested(Box::new(Rest { frame, limit: *idle })));
        }
        if let (Some(began), Some(patience)) = (self.began, self.patience)
            && began.elapsed() >= patience
        {
            let text = format!("the message took longer than {} s", patience.as_secs_f64());
            return Err(End::Refuse((self.refusal)(&text)));
        }
        if Instant::now() >= self.ping_at {
            if self.unanswered {
                return Err(End::Gone);
            }
            self.unanswered = true;
            self.ping_at = Instant::now() + self.heartbeat;
            if !self.control(Message::Ping(Bytes::new())).await {
                return Err(End::Gone);
            }
        }
        self.set_alarm(busy);
        Ok(())
    }

    /// Requests only note the time; the alarm is set again when it rings.
    fn set_alarm(&mut self, busy: bool) {
        let idle_at = match &self.session {
            Some((session, idle)) if !busy => Some(Instant::now() + idle.saturating_sub(session.rested())),
            Some((_, idle)) => Some(Instant::now() + *idle),
            None => None,
        };
        let late_at = self.began.zip(self.patience).map(|(began, patience)| began + patience);
        let at = [idle_at, late_at].into_iter().flatten().fold(self.ping_at, Instant::min);
        self.alarm.change().as_mut().reset(at);
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) | Message::Frame(_) => 0,
    }
}

/// A client library that gives its connection up says so with a code of its own.
fn goodbye(frame: Option<&CloseFrame>) -> End {
    match frame.map(|frame| u16::from(frame.code)) {
        None | Some(NORMAL | GOING_AWAY) => End::Goodbye,
        Some(_) => End::Gone,
    }
}

/// Goes on until a session ends or the server is to stop, even for a client that never stops asking.
pub(super) async fn until_stopped(
    stopping: &mut watch::Receiver<bool>,
    session: Pin<&mut impl Future<Output = End>>,
) -> End {
    let stop = pin!(stopping.wait_for(|stopping| *stopping));
    tokio::select! {
        biased;
        _ = Seldom::new(stop) => End::Close(RESTART),
        end = session => end,
    }
}

/// What could not be read.
fn broken(error: &Error) -> End {
    match error {
        Error::Capacity(_) => End::Close(TOO_LONG),
        Error::Io(error)
            if error.get_ref().is_some_and(
                <dyn std::error::Error + std::marker::Send + std::marker::Sync + 'static>::is::<Crowded>,
            ) =>
        {
            End::Close(TRY_AGAIN)
        }
        _ => End::Close(PROTOCOL_ERROR),
    }
}
