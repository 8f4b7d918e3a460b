//! The gate before every endpoint: whose token it is, whether that one may, and whether it asks too often.

use std::borrow::Cow;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header::AUTHORIZATION},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    request::{address_of, key_of},
    upgrade,
};
use crate::{
    app::Shared,
    client::Key,
    error::Problem,
    principals::{Role, Surface},
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

/// Whether anything is to be guarded at an endpoint.
pub(super) fn is_needed(app: &Shared, surface: Surface) -> bool {
    matches!(surface, Surface::Truth | Surface::Control) || !app.config.tokens.is_empty() || app.rates.is_limited()
}

fn admit(app: &Shared, surface: Surface, request: &mut Request) -> Result<(), Problem> {
    if surface == Surface::Open {
        return Ok(());
    }
    let tokens = &app.config.tokens;
    let mut role = None;
    if !tokens.is_empty() {
        let address = address_of(request.extensions());
        let (at, found) = match identify(app, request.headers(), address) {
            Ok(found) => found,
            // Strangers count as well; that they ask too often is what they are told then.
            Err(problem) => return Err(app.rates.count(address).err().unwrap_or(problem)),
        };
        role = Some(found);
        request.extensions_mut().insert(Key::Token(at));
        request.extensions_mut().insert::<Role>(found);
    }
    app.rates.count(key_of(request.extensions()))?;
    match role {
        Some(role) if !tokens.admits(surface, role) => Err(Problem::Forbidden(role)),
        None if surface == Surface::Truth && !app.tells_truth(None) => Err(Problem::Withheld),
        None if surface == Surface::Control && !app.controls(None) => Err(Problem::Uncontrolled),
        _ => Ok(()),
    }
}

/// Whose token a request bears, and its place among all.
fn identify(app: &Shared, headers: &HeaderMap, address: Key) -> Result<(usize, Role), Problem> {
    let token = bearer(headers).ok_or(Problem::NoToken)?;
    let found = app.config.tokens.find(&token).ok_or_else(|| app.guesses.wrong(address))?;
    app.guesses.right(address, found.0)?;
    Ok(found)
}

/// The token of a request: in its header, or where a page cannot set one, among the protocols that its socket offers.
fn bearer(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let Some(header) = headers.get(AUTHORIZATION) else { return upgrade::token(headers) };
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}
