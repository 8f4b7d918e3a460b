//! `/mcp` for clients of the MCP standard: streamable HTTP, in every revision that `rmcp` speaks.
//!
//! The protocol is `rmcp`'s; the sessions are the server's own. `initialize` opens one, which counts against the
//! capacity and ends when it rests for too long, and its id is the `Mcp-Session-Id`. With `?session_id=`, the
//! header `x-session-id` or `session_id` in the parameters of a call a client acts in a session that somebody else has
//! opened, and will end.
//!
//! The newest revision knows no sessions, and an episode is nothing without one: it is spoken only where a request names
//! the session. Elsewhere clients fall back to `initialize`, and those that skip it have a new episode with each call.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{State, rejection::BytesRejection},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
        header::{ACCEPT, ALLOW, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use casebook_runtime::json::{Strict, keeps_digits};
use http_body_util::Full;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientJsonRpcMessage, ContentBlock, CustomRequest,
        CustomResult, ErrorCode, Implementation, InitializeRequestParams, InitializeResult, ListToolsResult,
        PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde_json::{Map, Value, json};

use super::{
    agent::{Agent, may_practise},
    request::{self, Environment, MCP_SESSION_HEADER, Named, SESSION_KEY},
};
use crate::{
    app::Shared,
    client::Client,
    error::Problem,
    session::one::{Origin, Session},
    wire::{body, openapi::settled, rpc},
};

const SESSION: HeaderName = HeaderName::from_static(MCP_SESSION_HEADER);
/// What a client of the standard accepts, and no other does.
const EVENTS: &str = "text/event-stream";
/// The greatest number of bytes of a refusal that the protocol's own crate writes.
const MAX_REFUSAL: usize = 4096;
/// The server cannot do it now.
const SERVER_ERROR: ErrorCode = ErrorCode(-32000);

/// Whether a request is one of the standard's.
pub(super) fn is_meant(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(EVENTS)))
}

/// What a request brings along.
pub(super) struct Opening {
    pub(super) app: Shared,
    pub(super) environment: Environment,
    pub(super) client: Client,
    /// How long to wait for a free session.
    pub(super) wait: Duration,
    /// The session that the request names outside of its message.
    pub(super) named: Named,
}

/// Answers a request of the standard's.
pub(super) async fn answer(
    opening: Opening,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Opening { app, environment, client, wait, mut named } = opening;
    environment.pack(&app)?;
    let body = request::bytes(&app, body)?;
    let message = match read(&headers, &body) {
        Ok(message) => message,
        Err(refusal) => return Ok(*refusal),
    };
    if let Some(id) = session_in_call(&message) {
        named.or_in_params(id).map_err(Problem::BadRequest)?;
    }
    let fixed = named.given;
    let session = match named.id() {
        Some(id) => Some(find(&app, &environment, client, id)?),
        None => None,
    };
    let opened = Arc::new(OnceLock::new());
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(app.config.limits.message)
        // Hosts and origins are compared before any route.
        .disable_allowed_hosts();
    let handler =
        Handler { app, environment: environment.name, client, wait, session, fixed, opened: Arc::clone(&opened) };
    let service =
        StreamableHttpService::new(move || Ok(handler.clone()), Arc::new(NeverSessionManager::default()), config);
    let mut request = Request::new(Full::<Bytes>::new(body));
    *request.method_mut() = Method::POST;
    *request.headers_mut() = headers;
    let mut response = as_json(service.handle(request).await.map(Body::new)).await;
    if let Some(Ok(id)) = opened.get().map(|id: &String| HeaderValue::from_str(id)) {
        response.headers_mut().insert(SESSION, id);
    }
    Ok(response)
}

/// A refusal of the protocol's own crate as JSON, where it is plain text, such as for a revision that does not exist.
async fn as_json(response: Response) -> Response {
    if !response.status().is_client_error() || response.headers().contains_key(CONTENT_TYPE) {
        return response;
    }
    let status = match response.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::BAD_REQUEST,
        status => status,
    };
    let text = to_bytes(response.into_body(), MAX_REFUSAL).await.unwrap_or_default();
    let refusal = rpc::illegal(&Value::Null, &String::from_utf8_lossy(&text));
    (status, axum::Json(refusal)).into_response()
}

/// The session that the parameters of a call about tools name.
fn session_in_call(message: &Value) -> Option<&str> {
    let about_tools = matches!(message["method"].as_str(), Some("tools/call" | "tools/list"));
    let id = message.get("params")?.get(SESSION_KEY)?.as_str();
    id.filter(|id| about_tools && !id.is_empty())
}

/// Reads a message, or answers a body that is none; the protocol's own crate would answer it with plain text.
fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Box<Response>> {
    let refuse = |status: StatusCode, response: Value| Err(Box::new((status, axum::Json(response)).into_response()));
    if !body::is_json(headers) {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, rpc::unreadable(body::UNMARKED));
    }
    if let Err(why) = keeps_digits(bytes) {
        return refuse(StatusCode::BAD_REQUEST, rpc::unreadable(&why));
    }
    let value = match serde_json::from_slice(bytes) {
        Ok(Strict(value)) => value,
        // It is JSON, with a key twice.
        Err(error) if error.is_data() => {
            return refuse(StatusCode::BAD_REQUEST, rpc::illegal(&Value::Null, &error.to_string()));
        }
        Err(error) => return refuse(StatusCode::BAD_REQUEST, rpc::unreadable(&error.to_string())),
    };
    let message = serde_json::from_value::<ClientJsonRpcMessage>(value.clone());
    let why = match (&value, message) {
        (Value::Object(object), Ok(_)) if object.get("jsonrpc").is_some_and(|version| version == "2.0") => {
            return Ok(value);
        }
        (Value::Object(_), Ok(_)) => "`jsonrpc` must be \"2.0\"".to_owned(),
        (Value::Object(_), Err(_)) => {
            "expected `method` with an `id` for a request, without for a notification".to_owned()
        }
        (Value::Array(_), _) => "batches are not taken; send one message at a time".to_owned(),
        _ => "expected an object".to_owned(),
    };
    refuse(StatusCode::BAD_REQUEST, rpc::illegal(&value, &why))
}

/// `DELETE /mcp`: ends the session that `initialize` opened.
pub(super) async fn end(
    State(app): State<Shared>,
    environment: Environment,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let named = request::named_on_mcp(&headers, &request::query(&uri)).map_err(Problem::BadRequest)?;
    let Some(id) = named.id().filter(|_| !named.given) else { return Ok(not_allowed()) };
    let session = find(&app, &environment, client, id)?;
    if session.origin() != Origin::Agent || !session.is_ended_by(client) {
        return Ok(not_allowed());
    }
    app.sessions.close(&session.id().to_string());
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The server sends nothing unasked, so there is no stream to `GET`.
pub(super) fn not_allowed() -> Response {
    let detail = axum::Json(json!({ "detail": "Method Not Allowed" }));
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")], detail).into_response()
}

fn find(app: &Shared, environment: &Environment, client: Client, id: &str) -> Result<Arc<Session>, Problem> {
    let found = app.sessions.get(id, client).filter(|session| **session.environment() == *environment.name);
    found.ok_or_else(|| app.sessions.unknown(id))
}

/// Answers one request.
#[derive(Debug, Clone)]
struct Handler {
    app: Shared,
    environment: Arc<str>,
    client: Client,
    wait: Duration,
    session: Option<Arc<Session>>,
    /// Whether the session is one that somebody else has opened.
    fixed: bool,
    /// The id of the session that `initialize` opened.
    opened: Arc<OnceLock<String>>,
}

impl Handler {
    fn agent(&self) -> Agent<'_> {
        Agent { app: &self.app, environment: &self.environment, session: self.session.as_deref(), client: self.client }
    }

    /// Opens a session, unless the query names one, and gives it.
    async fn open(&self) -> Result<Option<Arc<Session>>, Problem> {
        if self.fixed {
            return Ok(None);
        }
        may_practise(&self.app, &self.environment, self.client)?;
        let session = self.app.sessions.open(&self.environment, Origin::Agent, self.client, self.wait).await?;
        // The cell is new with each request, and a request is answered once.
        let _ = self.opened.set(session.id().to_string());
        Ok(Some(session))
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let config = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        let agent = self.agent();
        match (agent.pack(), agent.introduction()) {
            (Ok(pack), Ok(text)) => {
                config.with_server_info(Implementation::new(pack.name(), pack.version())).with_instructions(text)
            }
            // It was there when the request came; what comes of it the call itself will tell.
            _ => config.with_server_info(Implementation::new("casebook", env!("CARGO_PKG_VERSION"))),
        }
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let newest = if self.fixed { ProtocolVersion::LATEST } else { ProtocolVersion::LATEST_WITH_INITIALIZE };
        Cow::Borrowed(ProtocolVersion::known_up_to(&newest))
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut result = self.negotiate_initialize(&request)?;
        context.peer.set_peer_info(request);
        if let Some(session) = self.open().await.map_err(|problem| refused(&problem))? {
            let agent = Agent { session: Some(&session), ..self.agent() };
            // Should it not begin, the first call tells why.
            let begun = agent.begin().await;
            result.instructions = begun.and_then(|()| agent.introduction()).ok().or(result.instructions);
        }
        Ok(result)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let pack = self.agent().pack().map_err(|problem| refused(&problem))?;
        let tools = pack.tools().iter().map(|card| {
            let mut tool = Tool::new(card.name.clone(), card.description.clone(), object(&card.input_schema));
            tool.title.clone_from(&card.title);
            tool.with_raw_output_schema(object(&settled(&card.output_schema)))
        });
        Ok(ListToolsResult { tools: tools.collect(), ..ListToolsResult::default() })
    }

    /// A request whose parameters do not fit arrives here like one of an unknown method.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let CustomRequest { method, params, .. } = request;
        let params = params.unwrap_or_else(|| json!({}));
        let misfit = match method.as_str() {
            "tools/call" => serde_json::from_value::<CallToolRequestParams>(params).err(),
            "tools/list" => serde_json::from_value::<PaginatedRequestParams>(params).err(),
            "initialize" => serde_json::from_value::<InitializeRequestParams>(params).err(),
            _ => return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("Method not found: {method}"), None)),
        };
        let why = misfit.map_or_else(|| "they do not fit".to_owned(), |error| error.to_string());
        Err(ErrorData::invalid_params(format!("the parameters of `{method}` do not fit: {why}"), None))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let told = self.agent().call(&request.name, arguments).await.map_err(|problem| refused(&problem))?;
        Ok(match told {
            Ok(answered) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(answered.text.clone())]);
                result.structured_content = Some(answered.structured());
                result.into()
            }
            Err(failure) => CallToolResult::error(vec![ContentBlock::text(rpc::why(&request.name, &failure))]).into(),
        })
    }
}

fn object(schema: &Value) -> Arc<Map<String, Value>> {
    Arc::new(schema.as_object().cloned().unwrap_or_default())
}

fn refused(problem: &Problem) -> ErrorData {
    match problem {
        Problem::Full(full) => {
            let data = json!({ "active_sessions": full.active, "max_sessions": full.most });
            ErrorData::new(SERVER_ERROR, problem.text(), Some(data))
        }
        Problem::NoPractice(text) => ErrorData::invalid_request(text.clone(), None),
        _ => ErrorData::internal_error(problem.text(), None),
    }
}
