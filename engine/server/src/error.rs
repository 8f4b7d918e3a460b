//! What can go wrong with a request, and the one place where it becomes an HTTP answer.

use std::time::Duration;

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use casebook_runtime::episode::FAILED;
use serde_json::{Value, json};

use crate::{capacity::Full, ending::Ending, entries::Entry, principals::Role};

/// A request that cannot be served.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Problem {
    /// There is no such environment.
    UnknownEnvironment {
        /// The name that was asked for.
        name: String,
        /// Says so, and which exist.
        text: String,
    },
    /// An id that no session has.
    UnknownSession {
        /// The id.
        id: String,
        /// Why it has ended, where that is known.
        ended: Option<Ending>,
    },
    /// Something else that was named does not exist; says which do.
    NotFound(String),
    /// The request asks for what cannot be; says why.
    BadRequest(String),
    /// The request's parts do not fit; every problem of it.
    Invalid(Vec<Entry>),
    /// A step without an episode.
    NoEpisode,
    /// Actions that another generation does not take; says which.
    DoesNotFit(String),
    /// A step after the end.
    Finished,
    /// Every slot is taken.
    Full(Full),
    /// A step took longer than a step may; it is taken back.
    TooSlow(Duration),
    /// A request without a token, where one is needed.
    NoToken,
    /// A token that nobody has.
    WrongToken,
    /// The token is of somebody who may not do this.
    Forbidden(Role),
    /// What is right is asked for, and nobody may know it here.
    Withheld,
    /// What is loaded is to be replaced, and nobody may do that here.
    Uncontrolled,
    /// An agent acts on its own, and the pack does not let it; says what it may do.
    NoPractice(String),
    /// A web page from elsewhere asks; says what to do.
    Foreign(String),
    /// More requests than a client may send.
    TooOften {
        /// Requests that it may send in a second.
        each: u32,
        /// How long until the next one.
        wait: Duration,
    },
    /// More wrong tokens than an address may send; holds how long until the next one is looked at.
    TooManyGuesses(Duration),
    /// The server is about to end and takes no new sessions.
    Draining,
    /// A bug; the session cannot go on.
    Broken,
    /// The body is larger than the server reads, or broke off.
    Body(StatusCode, String),
    /// The request is not a WebSocket handshake.
    NotAWebSocket(String),
    /// The record or the audit trail cannot be written, and nothing may go without it; says why.
    Unrecorded(String),
    /// The environment failed; the text says where.
    Failed(String),
}

impl Problem {
    /// A failure of the environment, whose cause may hold what is right and goes to the log.
    pub(crate) fn hidden(cause: &str) -> Self {
        tracing::error!(cause, "the environment failed");
        Self::Failed(FAILED.into())
    }

    /// Says in a sentence what is wrong.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::UnknownEnvironment { text, .. }
            | Self::NotFound(text)
            | Self::Body(_, text)
            | Self::NotAWebSocket(text)
            | Self::Unrecorded(text)
            | Self::BadRequest(text)
            | Self::DoesNotFit(text)
            | Self::Foreign(text)
            | Self::NoPractice(text)
            | Self::Failed(text) => text.clone(),
            Self::UnknownSession { id, ended: None } => {
                format!("unknown session `{id}`: it has ended or does not exist")
            }
            Self::UnknownSession { id, ended: Some(ending) } => {
                format!("unknown session `{id}`: {ending}; send reset to start another episode")
            }
            Self::Invalid(entries) => crate::entries::summary(entries),
            Self::NoEpisode => "no episode; reset first".into(),
            Self::Finished => "the episode is done and takes no further action; send reset to start another".into(),
            Self::Full(full) => full.to_string(),
            Self::TooSlow(limit) => {
                format!("the step took longer than {} s and is taken back", limit.as_secs_f64())
            }
            Self::NoToken => "a token is needed; send `authorization: Bearer TOKEN`".into(),
            Self::WrongToken => "unknown token".into(),
            Self::Forbidden(role) => format!("the {} may not do this", role.name()),
            Self::Withheld => {
                "what is right needs the grader's token, or a server on a loopback address that is started \
                               with `--open`"
                    .into()
            }
            Self::Uncontrolled => {
                "replacing what is loaded needs the orchestrator's token, or a server on a loopback address that is \
                 started with `--open`"
                    .into()
            }
            Self::TooManyGuesses(wait) => {
                let wait = wait.as_secs_f64();
                format!("too many wrong tokens came from this address; the next token is looked at in {wait:.3} s")
            }
            Self::TooOften { each, wait } => {
                format!("more than {each} requests a second; the next is taken in {:.3} s", wait.as_secs_f64())
            }
            Self::Draining => "the server is about to end and takes no new sessions".into(),
            Self::Broken => "internal error; the session ends".into(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownEnvironment { .. } | Self::UnknownSession { .. } | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NoEpisode | Self::DoesNotFit(_) | Self::Finished => StatusCode::CONFLICT,
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::Foreign(_) | Self::NoPractice(_) | Self::Withheld | Self::Uncontrolled => {
                StatusCode::FORBIDDEN
            }
            Self::TooOften { .. } | Self::TooManyGuesses(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Full(full) if full.own => StatusCode::TOO_MANY_REQUESTS,
            Self::Full(_) | Self::Draining | Self::Unrecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooSlow(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Body(status, _) => *status,
            Self::NotAWebSocket(_) => StatusCode::UPGRADE_REQUIRED,
            Self::Broken | Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let more = match &self {
            Self::NoToken | Self::WrongToken => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::TooOften { wait, .. } | Self::TooManyGuesses(wait) => {
                Some((RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1)))
            }
            _ => None,
        };
        let detail = match self {
            Self::Invalid(entries) => json!(entries),
            Self::NoEpisode => Value::from("no episode; POST /reset first"),
            other => Value::from(other.text()),
        };
        let mut response = (status, Json(json!({ "detail": detail }))).into_response();
        if let Some((name, value)) = more {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
