//! What handlers take out of a request.

use std::{
    convert::Infallible,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Bytes,
    extract::{FromRequestParts, Query, RawPathParams, Request, State, rejection::BytesRejection},
    http::{Extensions, HeaderMap, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use casebook_runtime::scenario::Pack;

use crate::{
    app::{App, Shared},
    client::{Client, Key, Peer},
    connections::Late,
    entries::Entry,
    error::Problem,
    limits::Crowded,
    principals::Role,
    session::table::Claim,
    wire::arguments,
};

/// The header that names a session.
pub(super) const SESSION_HEADER: &str = "x-session-id";
/// The header in which clients of the MCP standard name the session that `initialize` opened.
pub(super) const MCP_SESSION_HEADER: &str = "mcp-session-id";
/// The cookie that names a session.
const SESSION_COOKIE: &str = "casebook_session";
/// The part of a query or body that names a session.
pub(super) const SESSION_KEY: &str = "session_id";

/// The headers in which proxies say who asked them.
const FORWARDED: [&str; 2] = ["forwarded", "x-forwarded-for"];

/// The part of a query that says how many seconds to wait for a slot.
pub(super) const WAIT_KEY: &str = "wait";

/// The environment that a request is for: the one that its path names, else the chosen one.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    /// Its name, which need not exist.
    pub(super) name: Arc<str>,
    /// Whether the path names it.
    pub(super) in_path: bool,
}

impl Environment {
    /// Its pack in the current generation.
    pub(super) fn pack(&self, app: &App) -> Result<Arc<Pack>, Problem> {
        app.pack(&self.name)
    }
}

impl FromRequestParts<Shared> for Environment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Infallible> {
        let params = RawPathParams::from_request_parts(parts, app).await;
        let named = params
            .ok()
            .and_then(|params| params.iter().find(|(key, _)| *key == "name").map(|(_, name)| Arc::<str>::from(name)));
        Ok(match named {
            Some(name) => Self { name, in_path: true },
            None => Self { name: Arc::clone(&app.chosen), in_path: false },
        })
    }
}

impl FromRequestParts<Shared> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Infallible> {
        let extensions = &parts.extensions;
        let forwarded = forwarded(&parts.headers);
        let peer = extensions.get::<Peer>().map_or(Peer::UNKNOWN, |peer| Peer { forwarded, ..*peer });
        let agent = extensions.get() == Some(&Role::Agent);
        Ok(Self { key: key_of(extensions), agent, peer })
    }
}

/// Whose share a request counts to: its token's, else its address's.
pub(super) fn key_of(extensions: &Extensions) -> Key {
    extensions.get::<Key>().copied().unwrap_or_else(|| address_of(extensions))
}

/// Where a request comes from, regardless of its token.
pub(super) fn address_of(extensions: &Extensions) -> Key {
    extensions.get::<Peer>().map_or(Key::Unknown, |peer| peer.address)
}

/// What proxies say of where a request came from: they have one address for all of their clients.
fn forwarded(headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    let told =
        FORWARDED.iter().flat_map(|name| headers.get_all(*name)).inspect(|value| value.hash(&mut hasher)).count();
    if told == 0 { 0 } else { hasher.finish() }
}

/// Whose token a request came with; nobody's where there are no tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Principal(pub(super) Option<Role>);

impl Principal {
    /// Whether it may open and end sessions.
    pub(super) fn runs_sessions(self) -> bool {
        self.0.is_none_or(Role::runs_sessions)
    }
}

impl FromRequestParts<Shared> for Principal {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().copied()))
    }
}

/// The parts of a query, decoded, in order.
pub(super) fn query(uri: &Uri) -> Vec<(String, String)> {
    Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(parts)| parts).unwrap_or_default()
}

/// The value of a query's part, when it is not empty.
pub(super) fn query_value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().rev().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// The seed that a query names, else 0.
pub(super) fn query_seed(query: &[(String, String)]) -> Result<u64, Problem> {
    let Some(text) = query_value(query, "seed") else { return Ok(0) };
    let seed = arguments::seed(text.into(), || vec!["query".into(), "seed".into()]);
    seed.map(Option::unwrap_or_default).map_err(|entry| Problem::Invalid(vec![*entry]))
}

/// How long a query asks to wait for a slot, as far as the server lets it.
pub(super) fn query_wait(query: &[(String, String)], app: &App) -> Result<Duration, Problem> {
    let Some(text) = query_value(query, WAIT_KEY) else { return Ok(Duration::ZERO) };
    let seconds = text.parse().ok().filter(|seconds| (0.0..=f64::INFINITY).contains(seconds));
    let Some(seconds) = seconds else {
        let msg = "Input should be a number of seconds, 0 or more";
        return Err(Problem::Invalid(vec![Entry::new(
            "float_parsing",
            vec!["query".into(), WAIT_KEY.into()],
            msg,
            text.into(),
        )]));
    };
    let most = app.config.max_wait;
    Ok(Duration::try_from_secs_f64(seconds).map_or(most, |wait| wait.min(most)))
}

/// Reads how a request says which session it is for; header before query before body.
pub(super) fn claim(headers: &HeaderMap, query: &[(String, String)], in_body: Option<String>) -> Claim {
    let in_header = headers.get(SESSION_HEADER).and_then(|value| value.to_str().ok()).map(str::trim);
    let explicit = in_header
        .filter(|id| !id.is_empty())
        .or_else(|| query_value(query, SESSION_KEY))
        .map(ToString::to_string)
        .or(in_body.filter(|id| !id.is_empty()));
    Claim { explicit, cookie: cookie(headers) }
}

/// The session that a request on `/mcp` names outside of its message.
///
/// A client that goes on with what `initialize` opened, and one that acts in a session which it was given, say so in
/// different places; two different ids are refused, for one of them would have no effect.
pub(super) fn named_on_mcp(headers: &HeaderMap, query: &[(String, String)]) -> Result<Named, String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let places = [
        (format!("the query's `{SESSION_KEY}`"), query_value(query, SESSION_KEY), true),
        (format!("the header `{SESSION_HEADER}`"), header(SESSION_HEADER), true),
        (format!("the header `{MCP_SESSION_HEADER}`"), header(MCP_SESSION_HEADER), false),
    ];
    let mut named = Named::default();
    for (place, id, given) in places {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            named.add(&place, id, given)?;
        }
    }
    Ok(named)
}

/// The session that a request names, and where.
#[derive(Debug, Default, Clone)]
pub(super) struct Named {
    found: Option<(String, String)>,
    /// Whether it is named as one that somebody else has opened.
    pub(super) given: bool,
}

impl Named {
    /// Adds an id that the message's parameters hold.
    pub(super) fn or_in_params(&mut self, id: &str) -> Result<(), String> {
        self.add(&format!("the parameter `{SESSION_KEY}`"), id, true)
    }

    /// Its id.
    pub(super) fn id(&self) -> Option<&str> {
        self.found.as_ref().map(|(_, id)| id.as_str())
    }

    fn add(&mut self, place: &str, id: &str, given: bool) -> Result<(), String> {
        if let Some((before, other)) = &self.found
            && other != id
        {
            return Err(format!("{before} is `{other}`, and {place} is `{id}`; name one session"));
        }
        self.found.get_or_insert_with(|| (place.to_owned(), id.to_owned()));
        self.given |= given;
        Ok(())
    }
}

/// The body's bytes, which hold no more than a request may.
pub(super) fn bytes(app: &App, body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    let limits = &app.config.limits;
    let bytes = in_time(body)?.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(limits.message),
        _ if Crowded::is_behind(&rejection) => Problem::Body(StatusCode::SERVICE_UNAVAILABLE, Crowded.to_string()),
        status => Problem::Body(status, "the body broke off".into()),
    })?;
    limits.check(&bytes, &["body"])?;
    Ok(bytes)
}

/// Refuses a body that says itself that it is too large, before any of it is read or asked for.
pub(super) async fn announced(State(most): State<usize>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    // A length that is no number was refused before.
    if length.and_then(|length| length.trim().parse::<u64>().ok()).is_some_and(|length| length > most as u64) {
        return too_large(most).into_response();
    }
    next.run(request).await
}

fn too_large(most: usize) -> Problem {
    Problem::Body(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is too large; {most} bytes are read"))
}

/// Refuses a body that did not end in time.
pub(super) fn in_time(body: Result<Bytes, BytesRejection>) -> Result<Result<Bytes, BytesRejection>, Problem> {
    match body.as_ref().err().and_then(|rejection| Late::behind(rejection)) {
        Some(late) => Err(Problem::Body(StatusCode::REQUEST_TIMEOUT, late.to_string())),
        None => Ok(body),
    }
}

/// Answers with text that is JSON already.
pub(super) fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// The cookie that makes a cookie jar come back to its session.
pub(super) fn set_cookie(id: &str) -> String {
    format!("{SESSION_COOKIE}={id}; HttpOnly; SameSite=Lax; Path=/")
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == SESSION_COOKIE && !value.is_empty())
        .map(|(_, value)| value.to_string())
}
