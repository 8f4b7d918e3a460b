//! Makes the router and the API's description from the list of endpoints.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request},
    http::{
        HeaderValue, Method, StatusCode, Uri,
        header::{ALLOW, LOCATION},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;
use tower_layer::Layer;

use super::{endpoints, gate};
use crate::{
    app::Shared,
    error::Problem,
    mode::Mode,
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
    simulation: bool,
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
        Self { path, handler, scope: Scope::Environment, surface: ORCHESTRATOR, simulation: false, operation: None }
    }

    /// An endpoint of the whole server.
    pub(super) fn of_server(path: &'static str, handler: MethodRouter<Shared>) -> Self {
        Self { path, handler, scope: Scope::Server, surface: ORCHESTRATOR, simulation: false, operation: None }
    }

    /// Opens it to others than the orchestrator, whom everything is for that does not say otherwise.
    pub(super) fn on(self, surface: Surface) -> Self {
        Self { surface, ..self }
    }

    /// Leaves it out of servers in production.
    pub(super) fn in_simulation(self) -> Self {
        Self { simulation: true, ..self }
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
    for endpoint in registered(app.config.mode) {
        paths.push((endpoint.path, endpoint.scope));
        let gate = middleware::from_fn_with_state((Arc::clone(app), endpoint.surface), gate::pass);
        let handler = if guarded { endpoint.handler.layer(gate) } else { endpoint.handler };
        if endpoint.scope == Scope::Environment {
            environment = environment.route(endpoint.path, handler.clone());
        }
        whole = whole.route(endpoint.path, handler);
    }
    let paths = Arc::new(paths);
    let routes = whole
        .nest(ENVIRONMENT, environment)
        .method_not_allowed_fallback(async || detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
        .fallback(async move |uri: Uri| not_found(&uri, &paths))
        .layer(DefaultBodyLimit::max(app.config.limits.message))
        .layer(CatchPanicLayer::custom(|_| Problem::Failed("internal error".into()).into_response()))
        .with_state(Arc::clone(app));
    // Outside of the router, because it changes which route a request meets.
    Router::new().fallback_service(middleware::from_fn(without_head).layer(routes))
}

/// The lines of the API's description: of one environment, or of the whole server.
pub(super) fn lines(mode: Mode, whole: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut below = Vec::new();
    for endpoint in registered(mode) {
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

fn registered(mode: Mode) -> impl Iterator<Item = Endpoint> {
    endpoints().into_iter().filter(move |endpoint| mode == Mode::Simulation || !endpoint.simulation)
}

/// No route answers `HEAD`, as no route of the stock server does: it becomes a method that nothing takes.
async fn without_head(mut request: Request, next: Next) -> Response {
    if *request.method() == Method::HEAD {
        *request.method_mut() = Method::TRACE;
    }
    let mut response = next.run(request).await;
    let allowed = response.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok());
    let allowed = allowed.map(|allowed| {
        let methods: Vec<&str> = allowed.split(',').map(str::trim).filter(|method| *method != "HEAD").collect();
        HeaderValue::from_str(&methods.join(", "))
    });
    if let Some(Ok(allowed)) = allowed {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
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
    paths.iter().any(|(known, scope)| {
        let below = in_environment.filter(|_| *scope == Scope::Environment);
        matches(known, path) || below.is_some_and(|path| matches(known, path))
    })
}

/// Compares a path with one of the table, whose parts in braces stand for anything.
fn matches(known: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    known
        .split('/')
        .all(|part| parts.next().is_some_and(|given| part == given || (part.starts_with('{') && !given.is_empty())))
        && parts.next().is_none()
}

fn detail(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "detail": text }))).into_response()
}
