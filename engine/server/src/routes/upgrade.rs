//! The handshake that makes a connection a WebSocket.
//!
//! axum has one of its own, which keeps the connection to itself; what is written here goes past the WebSocket's buffer,
//! see `link.rs`.

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{Request, request::Parts},
    response::Response,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::server::create_response,
        protocol::{Role, WebSocketConfig},
    },
};

use crate::error::Problem;

/// Bytes that are read from a socket at one time; most requests are smaller.
const READ_BUFFER: usize = 1024;

/// A WebSocket after its handshake.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A request that asks for a WebSocket.
pub(super) struct Upgrade {
    connection: OnUpgrade,
    answer: Response<()>,
}

impl Upgrade {
    /// Answers the handshake, and hands the socket over when the connection is free; longer messages than `longest` bytes
    /// end it.
    pub(super) fn accept(self, longest: usize, serve: impl FnOnce(Socket) + Send + 'static) -> Response {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(longest))
            .max_frame_size(Some(longest));
        let connection = self.connection;
        tokio::spawn(async move {
            // A client that is gone by now needs no answer.
            if let Ok(upgraded) = connection.await {
                let io = TokioIo::new(upgraded);
                serve(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await);
            }
        });
        self.answer.map(|()| Body::empty())
    }
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut request = Request::new(());
        request.method_mut().clone_from(&parts.method);
        *request.version_mut() = parts.version;
        request.headers_mut().clone_from(&parts.headers);
        let refuse = |text: String| Problem::NotAWebSocket(text.to_lowercase());
        let answer = create_response(&request).map_err(|error| refuse(error.to_string()))?;
        let connection = parts.extensions.remove::<OnUpgrade>();
        let connection = connection.ok_or_else(|| refuse("the connection cannot be upgraded".to_owned()))?;
        Ok(Self { connection, answer })
    }
}
