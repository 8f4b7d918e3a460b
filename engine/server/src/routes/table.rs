//! Makes the router and the API's description from the list of endpoints.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{
        HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, LOCATION},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use serde_json::json;
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer};
use tower_layer::Layer;

use super::{
    endpoints, gate,
    request::{MCP_SESSION_HEADER, SESSION_HEADER, announced},
};
use crate::{
    app::Shared,
    config::Config,
    error::Problem,
    mode::Mode,
    origins::{Origins, WebOrigin},
    principals::{Role, Surface},
    wire::openapi::{Line, Operation},
};

const ORCHESTRATOR: Surface = Surface::Of(Role::Orchestrator);
const MCP_VERSION_HEADER: &str = "mcp-protocol-version";
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

    /// Where it lies.
    #[cfg(test)]
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// Puts it into the API's description.
    pub(super) fn described(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }
}

/// Makes the router of all endpoints.
///
/// `near` is whether only this machine reaches the server.
pub(crate) fn router(app: &Shared, near: bool) -> Router {
    let mut whole = Router::new();
    let mut environment = Router::new();
    let mut paths = Vec::new();
    for endpoint in registered(app.config.mode) {
        paths.push((endpoint.path, endpoint.scope));
        let gate = middleware::from_fn_with_state((Arc::clone(app), endpoint.surface), gate::pass);
        let handler =
            if gate::is_needed(app, endpoint.surface) { endpoint.handler.layer(gate) } else { endpoint.handler };
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
        .layer(middleware::from_fn_with_state(app.config.limits.message, announced))
        .layer(CatchPanicLayer::custom(|_| Problem::Failed("internal error".into()).into_response()))
        .with_state(Arc::clone(app));
    let Config { allow_origins, allow_hosts, tokens, .. } = &app.config;
    let exposed = near && tokens.is_empty();
    let origins = Arc::new(Origins::new(allow_origins.clone(), allow_hosts.clone(), exposed));
    // Outside of the router, because it changes which route a request meets, and goes before all of them.
    let whole = Router::new().fallback_service(middleware::from_fn_with_state(origins, enter).layer(routes));
    if allow_origins.is_empty() { whole } else { whole.layer(cross_origin(allow_origins)) }
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

/// Lets pages of other origins read the answers.
fn cross_origin(origins: &[WebOrigin]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok());
    let own = [SESSION_HEADER, MCP_SESSION_HEADER].map(HeaderName::from_static);
    let sent = [ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static(MCP_VERSION_HEADER)];
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(own.iter().cloned().chain(sent).collect::<Vec<_>>())
        .expose_headers(own)
}

/// Turns pages from elsewhere away, and `HEAD`, which no route of the stock server answers: it becomes a method that
/// nothing takes.
async fn enter(State(origins): State<Arc<Origins>>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = origins.check(request.headers(), request.uri()) {
        return problem.into_response();
    }
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
