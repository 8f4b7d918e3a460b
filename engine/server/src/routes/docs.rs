//! `GET /docs` and `GET /redoc`: pages that show the API's description, with nothing to load from elsewhere.

use std::sync::LazyLock;

use aide::{redoc::Redoc, swagger::Swagger};
use axum::{
    body::Bytes,
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{page::guarded, request::Environment, table::Endpoint};
use crate::{app::Shared, error::Problem, principals::Surface, studio};

/// The name of the description as seen from the page, so that each environment's page shows its own.
const DOCUMENT: &str = "openapi.json";
/// Both pages bring along all that they need; anything else that they ask for is not worth a request to strangers.
const POLICY: &str = "default-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
                      worker-src 'self' blob:; object-src 'none'; base-uri 'none'; \
                      form-action 'none'";

static SWAGGER: LazyLock<Bytes> =
    LazyLock::new(|| with_token(&Swagger::new(DOCUMENT).with_title("OpenEnv API").html()));
static REDOC: LazyLock<Bytes> = LazyLock::new(|| with_token(&Redoc::new(DOCUMENT).with_title("OpenEnv API").html()));

/// Lets a page bear the token of its tab.
fn with_token(page: &str) -> Bytes {
    let script = format!("<head><script>{}</script>", studio::BEAR_TOKEN);
    page.replacen("<head>", &script, 1).into_bytes().into()
}

pub(super) fn swagger() -> Endpoint {
    Endpoint::of_environment("/docs", get(async |app, environment| page(&app, &environment, &SWAGGER)))
        .on(Surface::Open)
}

pub(super) fn redoc() -> Endpoint {
    Endpoint::of_environment("/redoc", get(async |app, environment| page(&app, &environment, &REDOC))).on(Surface::Open)
}

fn page(State(app): &State<Shared>, environment: &Environment, text: &Bytes) -> Result<Response, Problem> {
    environment.pack(app)?;
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    Ok(guarded(app, POLICY, (headers, text.clone()).into_response()))
}
