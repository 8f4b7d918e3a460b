//! The gate before every endpoint: whose token it is, whether that one may, and whether it asks too often.

use std::borrow::Cow;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header::AUTHORIZATION},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{request::client_of, upgrade};
use crate::{
    app::Shared,
    error::Problem,
    principals::{Role, Surface},
    session::capacity::Client,
};

/// Lets a request through, or answers it.
pub(super) async fn pass(
    State((app, surface)): State<(Shared, Surface)>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&app, surface, &mut request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Whether anything is to be guarded at all.
pub(super) fn is_needed(app: &Shared) -> bool {
    !app.config.tokens.is_empty() || app.rates.is_limited()
}

fn admit(app: &Shared, surface: Surface, request: &mut Request) -> Result<(), Problem> {
    if surface == Surface::Open {
        return Ok(());
    }
    let tokens = &app.config.tokens;
    if !tokens.is_empty() {
        let token = bearer(request.headers()).ok_or(Problem::NoToken)?;
        let (at, role) = tokens.find(&token).ok_or(Problem::WrongToken)?;
        if !tokens.admits(surface, role) {
            return Err(Problem::Forbidden(role));
        }
        request.extensions_mut().insert(Client::Token(at));
        request.extensions_mut().insert::<Role>(role);
    }
    app.rates.count(client_of(request.extensions()))
}

/// The token of a request: in its header, or where a page cannot set one, among the protocols that its socket offers.
fn bearer(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let Some(header) = headers.get(AUTHORIZATION) else { return upgrade::token(headers) };
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}
