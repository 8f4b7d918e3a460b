//! Makes the router and the API's description from the list of endpoints.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, Uri, header::LOCATION},
    middleware,
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;

use super::{endpoints, gate};
use crate::{
    app::Shared,
    error::Problem,
    principals::{Role, Surface},
    wire::openapi::{Line, Operation},
};

const ORCHESTRATOR: Surface = Surface::Of(Role::Orchestrator);
/// Where each environment lies.
const ENVIRONMENT: &str = "/envs/{name}";

/// One line of the route table.
pub(super) struct Endpoint {
    path: &'static str,
    handler: MethodRouter<Shared>,
    scope: Scope,
    surface: Surface,
    operation: Option<Operation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Environment,
    Server,
}

impl Endpoint {
    /// An endpoint of one environment: at the root for the chosen one, and below `/envs` for each.
    pub(super) fn of_environment(path: &'static str, handler: MethodRouter<Shared>) -> Self {
        Self { path, handler, scope: Scope::Environment, surface: ORCHESTRATOR, operation: None }
    }

    /// An endpoint of the whole server.
    pub(super) fn of_server(path: &'static str, handler: MethodRouter<Shared>) -> Self {
        Self { path, handler, scope: Scope::Server, surface: ORCHESTRATOR, operation: None }
    }

    /// Opens it to others than the orchestrator, whom everything is for that does not say otherwise.
    pub(super) fn on(self, surface: Surface) -> Self {
        Self { surface, ..self }
    }

    /// Puts it into the API's description.
    pub(super) fn described(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }
}

/// Makes the router of all endpoints.
pub(crate) fn router(app: &Shared) -> Router {
    let mut whole = Router::new();
    let mut environment = Router::new();
    let mut paths = Vec::new();
    let guarded = gate::is_needed(app);
    for endpoint in endpoints() {
        paths.push((endpoint.path, endpoint.scope));
        let gate = middleware::from_fn_with_state((Arc::clone(app), endpoint.surface), gate::pass);
        let handler = if guarded { endpoint.handler.layer(gate) } else { endpoint.handler };
        if endpoint.scope == Scope::Environment {
            environment = environment.route(endpoint.path, handler.clone());
        }
        whole = whole.route(endpoint.path, handler);
    }
    let paths = Arc::new(paths);
    whole
        .nest(ENVIRONMENT, environment)
        .method_not_allowed_fallback(async || detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
        .fallback(async move |uri: Uri| not_found(&uri, &paths))
        .layer(DefaultBodyLimit::max(app.config.limits.message))
        .layer(CatchPanicLayer::custom(|_| Problem::Failed("internal error".into()).into_response()))
        .with_state(Arc::clone(app))
}

/// The lines of the API's description: of one environment, or of the whole server.
pub(super) fn lines(whole: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut below = Vec::new();
    for endpoint in endpoints() {
        let Some(operation) = endpoint.operation else { continue };
        let of_environment = endpoint.scope == Scope::Environment;
        if whole || of_environment {
            lines.push(Line { path: endpoint.path.to_string(), operation, any_environment: false });
        }
        if whole && of_environment {
            let path = format!("{ENVIRONMENT}{}", endpoint.path);
            below.push(Line { path, operation, any_environment: true });
        }
    }
    lines.append(&mut below);
    lines
}

fn not_found(uri: &Uri, paths: &[(&'static str, Scope)]) -> Response {
    let trimmed = uri.path().trim_end_matches('/');
    if trimmed.len() + 1 == uri.path().len() && exists(trimmed, paths) {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, format!("{trimmed}{query}"))]).into_response();
    }
    detail(StatusCode::NOT_FOUND, "Not Found")
}

fn exists(path: &str, paths: &[(&'static str, Scope)]) -> bool {
    let in_environment = path.strip_prefix("/envs/").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    paths
        .iter()
        .any(|(known, scope)| *known == path || (*scope == Scope::Environment && Some(*known) == in_environment))
}

fn detail(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "detail": text }))).into_response()
}
