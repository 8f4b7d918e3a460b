//! A WebSocket on its connection.
//!
//! The protocol is tungstenite's, which reads and writes without waiting; a task is woken by the connection itself, with no
//! layer between.

use std::{
    io::{self, ErrorKind, Read, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
pub(super) use tungstenite::{Error, Message};

use crate::{connections::Place, limits::Unread, wire::text_frame::TextFrame};

/// Bytes before what a client's control frame says.
const CONTROL_HEADER: usize = 6;
/// Bytes that are read from a socket at one time; most requests are smaller.
const READ_BUFFER: usize = 1024;

/// A WebSocket after its handshake.
pub(super) struct Socket {
    tcp: TcpStream,
    protocol: WebSocketContext,
    /// Bytes of a message that is not whole yet.
    partial: usize,
    unread: Unread,
    _place: Place,
}

impl Socket {
    /// Begins with what was read of it together with the handshake; longer messages than `longest` bytes are errors.
    pub(super) fn new((tcp, place): (TcpStream, Place), read: Vec<u8>, longest: usize, unread: Unread) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(longest))
            .max_frame_size(Some(longest));
        let partial = read.len();
        let protocol = WebSocketContext::from_partially_read(read, Role::Server, Some(config));
        Self { tcp, protocol, partial, unread, _place: place }
    }

    /// Reads a message; pings are answered and reported.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        let (protocol, mut connection) = self.parts(context);
        let read = polled(protocol.read(&mut connection));
        match &read {
            Poll::Ready(Ok(Message::Text(_) | Message::Binary(_))) => {
                self.partial = 0;
                self.unread.release();
            }
            // They stand between the frames of a message, and are no part of it.
            Poll::Ready(Ok(Message::Ping(bytes) | Message::Pong(bytes))) => {
                self.partial = self.partial.saturating_sub(CONTROL_HEADER + bytes.len());
            }
            _ => {}
        }
        read
    }

    /// Whether a message has begun and is not whole yet.
    pub(super) fn is_within_message(&self) -> bool {
        self.partial > 0
    }

    /// Sends a message, which is taken when this is first called; it is gone when this is ready.
    pub(super) fn poll_send(
        &mut self,
        message: &mut Option<Message>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let (protocol, mut connection) = self.parts(context);
        let taken = message.take().map_or(Ok(()), |message| protocol.write(&mut connection, message));
        match taken.and_then(|()| protocol.flush(&mut connection)) {
            // It was the last one, and went through.
            Err(Error::ConnectionClosed) => Poll::Ready(Ok(())),
            sent => polled(sent),
        }
    }

    /// Writes what is left of a frame, behind what the protocol itself has begun to say.
    ///
    /// The frame goes past the protocol, which would copy it into a buffer that it keeps for ever.
    pub(super) fn poll_write(&mut self, frame: &mut TextFrame, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (protocol, mut connection) = self.parts(context);
        ready!(polled(protocol.flush(&mut connection))).map_err(io::Error::other)?;
        while !frame.rest().is_empty() {
            let count = ready!(Pin::new(&mut self.tcp).poll_write(context, frame.rest()))?;
            if count == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            frame.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    fn parts<'a, 'b>(&'a mut self, context: &'a mut Context<'b>) -> (&'a mut WebSocketContext, Connection<'a, 'b>) {
        let Self { tcp, protocol, partial, unread, .. } = self;
        (protocol, Connection { tcp, partial, unread, context })
    }
}

/// The result of an attempt that does not wait.
fn polled<T>(result: Result<T, Error>) -> Poll<Result<T, Error>> {
    match result {
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

/// A connection that says that it would block, and wakes the task when it no longer would.
struct Connection<'a, 'b> {
    tcp: &'a mut TcpStream,
    partial: &'a mut usize,
    unread: &'a mut Unread,
    context: &'a mut Context<'b>,
}

impl Read for Connection<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut bytes = ReadBuf::new(bytes);
        match Pin::new(&mut *self.tcp).poll_read(self.context, &mut bytes) {
            Poll::Ready(read) => {
                read?;
                *self.partial += bytes.filled().len();
                self.unread.cover(*self.partial).map_err(io::Error::other)?;
                Ok(bytes.filled().len())
            }
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Connection<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match Pin::new(&mut *self.tcp).poll_write(self.context, bytes) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        // A TCP connection keeps nothing back.
        Ok(())
    }
}
