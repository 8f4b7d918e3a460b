//! The connection below a session: what is read from it, when it is asked whether it is still there, and how it ends.

use std::{collections::VecDeque, io, pin::Pin, pin::pin, sync::Arc, time::Duration};

use bytes::{Buf, Bytes};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::{
    io::AsyncWriteExt,
    time::{self, Instant, Sleep},
};
pub(super) use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::{
    Error, Utf8Bytes,
    protocol::{
        CloseFrame,
        frame::{
            FrameHeader,
            coding::{CloseCode, Data, OpCode},
        },
    },
};

use super::upgrade::Socket;
use crate::{session::one::Session, wire::frames};

/// Requests that may wait for the ones before them; further ones stay unread.
const MOST_WAITING: usize = 256;
/// Bytes of those at the most.
const MOST_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// How long a peer may take to accept a reply.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a peer may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;
const PROTOCOL_ERROR: u16 = 1002;
pub(super) const TOO_LONG: u16 = 1009;
pub(super) const RESTART: u16 = 1012;

/// How a conversation ends.
pub(super) enum End {
    /// The peer is gone without a word.
    Gone,
    /// The peer says goodbye.
    Goodbye,
    /// The server says goodbye.
    Close(u16),
    /// The server tells why in a frame, then says goodbye: in this order, so that the reason is read.
    Refuse(String),
}

/// One connection.
pub(super) struct Link {
    socket: Socket,
    /// What is left to write of an answer.
    unsent: Bytes,
    /// Requests that were read while an earlier one was still at work.
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    alarm: Pin<Box<Sleep>>,
    heartbeat: Duration,
    ping_at: Instant,
    unanswered: bool,
    /// The session that rests while nothing is asked, and how long it may.
    session: Option<(Arc<Session>, Duration)>,
    /// Writes the frame that tells why the session ends.
    refusal: fn(&str) -> String,
}

impl Link {
    pub(super) fn new(socket: Socket, heartbeat: Duration) -> Self {
        let ping_at = Instant::now() + heartbeat;
        Self {
            socket,
            unsent: Bytes::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            alarm: Box::pin(time::sleep_until(ping_at)),
            heartbeat,
            ping_at,
            unanswered: false,
            session: None,
            refusal: frames::session_error,
        }
    }

    /// Tells why the session ends in another protocol's frame.
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
                    self.waiting.push_back(message);
                }
            }
        }
    }

    /// Sends an answer, unless the peer does not take it in time.
    ///
    /// It is written to the connection as it is: the WebSocket would copy it into a buffer that it keeps for ever.
    pub(super) async fn tell(&mut self, answer: String) -> bool {
        let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
        let length = answer.len() as u64;
        // One piece: two of them cost the kernel more than the copy.
        let mut frame = Vec::with_capacity(header.len(length) + answer.len());
        if header.format(length, &mut frame).is_err() {
            return false;
        }
        frame.extend_from_slice(answer.as_bytes());
        self.unsent = Bytes::from(frame);
        self.write().await
    }

    /// Says what there is left to say.
    pub(super) async fn finish(mut self, end: End) {
        let code = match end {
            End::Gone | End::Goodbye => None,
            End::Close(code) => Some(code),
            End::Refuse(frame) => {
                if !self.write().await || !self.tell(frame).await {
                    return;
                }
                Some(NORMAL)
            }
        };
        if let Some(code) = code {
            let frame = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() };
            if !self.write().await || !self.control(Message::Close(Some(frame))).await {
                return;
            }
        }
        // Bytes that are left unread would turn the goodbye into a reset of the connection.
        let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
        // A peer that never answers is dropped as it is.
        let _ = time::timeout(CLOSE_TIMEOUT, rest).await;
    }

    /// Writes what is left of an answer, behind what the WebSocket itself has begun to say; may be dropped at any time
    /// and called again.
    async fn write(&mut self) -> bool {
        // Nearly all answers are taken at once, and then no clock is asked.
        match self.push().now_or_never() {
            Some(written) => written.is_ok(),
            None => matches!(time::timeout(SEND_TIMEOUT, self.push()).await, Ok(Ok(()))),
        }
    }

    async fn push(&mut self) -> io::Result<()> {
        if !self.unsent.has_remaining() {
            return Ok(());
        }
        self.socket.flush().await.map_err(io::Error::other)?;
        self.socket.get_mut().write_all_buf(&mut self.unsent).await?;
        self.socket.get_mut().flush().await?;
        // Not kept while the session waits.
        self.unsent = Bytes::new();
        Ok(())
    }

    /// Sends a message that is no answer.
    async fn control(&mut self, message: Message) -> bool {
        matches!(time::timeout(SEND_TIMEOUT, self.socket.send(message)).await, Ok(Ok(())))
    }

    /// Reads one request, and heeds the clock; a busy session does not rest.
    async fn read(&mut self, busy: bool) -> Result<Message, End> {
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message,
                () = &mut self.alarm => {
                    Box::pin(self.ring(busy)).await?;
                    continue;
                }
            };
            match message {
                None => return Err(End::Gone),
                Some(Ok(Message::Close(frame))) => return Err(goodbye(frame.as_ref())),
                Some(Err(error)) => return Err(broken(&error)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => self.unanswered = false,
                Some(Ok(message)) => {
                    self.unanswered = false;
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
            let text = format!("the session rested for more than {} s and ends", idle.as_secs_f64());
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

    /// Requests only note the time; the alarm is set anew when it rings.
    fn set_alarm(&mut self, busy: bool) {
        let idle_at = match &self.session {
            Some((session, idle)) if !busy => Some(Instant::now() + idle.saturating_sub(session.rested())),
            Some((_, idle)) => Some(Instant::now() + *idle),
            None => None,
        };
        let at = idle_at.map_or(self.ping_at, |idle_at| idle_at.min(self.ping_at));
        self.alarm.as_mut().reset(at);
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

/// What could not be read.
fn broken(error: &Error) -> End {
    if matches!(error, Error::Capacity(_)) { End::Close(TOO_LONG) } else { End::Close(PROTOCOL_ERROR) }
}
