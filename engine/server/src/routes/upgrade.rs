//! The handshake that makes a connection a WebSocket.
//!
//! axum has one of its own, which keeps the connection to itself; see `socket.rs` for what is done with it.

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Request, header::SEC_WEBSOCKET_PROTOCOL, request::Parts},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use percent_encoding::percent_decode_str;
use tungstenite::handshake::server::create_response;

use super::socket::Socket;
use crate::{connections, error::Problem, limits::Unread};

/// The protocol that the server speaks on its sockets, for clients that offer some.
const PROTOCOL: &str = "casebook";
/// The prefix of a token among the protocols.
const BEARER: &str = "bearer.";

/// A request that asks for a WebSocket.
pub(super) struct Upgrade {
    connection: OnUpgrade,
    answer: Response<()>,
}

impl Upgrade {
    /// Answers the handshake, and hands the socket over when the connection is free; longer messages than `longest` bytes
    /// end it.
    pub(super) fn accept(
        self,
        longest: usize,
        unread: Unread,
        serve: impl FnOnce(Socket) + Send + 'static,
    ) -> Response {
        let connection = self.connection;
        tokio::spawn(async move {
            // A client that is gone by now needs no answer.
            if let Some((tcp, place, read)) = connection.await.ok().and_then(connections::bare) {
                serve(Socket::new((tcp, place), read, longest, unread));
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
        let mut answer = create_response(&request).map_err(|error| refuse(error.to_string()))?;
        // A browser gives the connection up unless one of those that it offers is chosen; never the one with the token.
        if protocols(&parts.headers).any(|protocol| protocol == PROTOCOL) {
            answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        }
        let connection = parts.extensions.remove::<OnUpgrade>();
        let connection = connection.ok_or_else(|| refuse("the connection cannot be upgraded".to_owned()))?;
        Ok(Self { connection, answer })
    }
}

/// The token among the protocols that a client offers: `bearer.` and the token as a part of a URI is written.
pub(super) fn token(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let token = protocols(headers).find_map(|protocol| protocol.strip_prefix(BEARER))?;
    percent_decode_str(token).decode_utf8().ok()
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}
