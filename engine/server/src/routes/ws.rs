//! `GET /ws`: one socket, one session.
//!
//! One task reads, answers and sends, in that order: replies keep the order of their requests, and a session costs one
//! small future. While an answer is held back it goes on reading, so that pings, close messages and lost connections are
//! noticed; requests that come meanwhile wait for their turn.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{extract::State, http::Uri, response::Response, routing::get};

use super::{
    agent,
    link::{End, Link, Message, NORMAL, TOO_LONG, until_stopped},
    mcp::{self, Caller},
    request::{self, Environment, Named, Principal, SESSION_KEY},
    table::Endpoint,
    upgrade::Upgrade,
};
use crate::{
    app::{App, Shared},
    client::Client,
    ending::Ending,
    error::Problem,
    reload::Held,
    session::{
        attach::{Attachment, Unattached},
        one::Session,
    },
    wire::{
        arguments::ResetArguments,
        envelope,
        frames::{self, Request},
        text_frame::TextFrame,
    },
};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/ws", get(upgrade))
}

/// What a socket asks for with its handshake.
struct Opening {
    environment: Arc<str>,
    client: Client,
    /// The session to attach to; one of its own when not given.
    attach: Option<String>,
    /// How long to wait for a slot.
    wait: Result<Duration, Problem>,
}

async fn upgrade(
    State(app): State<Shared>,
    environment: Environment,
    client: Client,
    uri: Uri,
    socket: Result<Upgrade, Problem>,
) -> Result<Response, Problem> {
    let socket = socket?;
    let query = request::query(&uri);
    let attach = request::query_value(&query, SESSION_KEY).map(ToString::to_string);
    let wait = request::query_wait(&query, &app);
    let opening = Box::new(Opening { environment: environment.name, client, attach, wait });
    // Longer messages end the connection before their end; up to here they are read, so that the close frame is heard.
    let hard_limit = 2 * app.config.limits.message;
    let key = client.peer.address;
    let unread = app.unfinished.of(key);
    Ok(socket.accept(hard_limit, unread, move |socket| {
        let link = Link::new(socket, &app, key);
        // A task of its own, since the one that did the handshake also holds on to what it needed for that.
        tokio::spawn(serve(link, app, opening));
    }))
}

/// Serves one socket from its first message to its last.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps its arguments twice, and this is kept for each session"
)]
fn serve(mut link: Link, app: Shared, opening: Box<Opening>) -> impl Future<Output = ()> + Send {
    async move {
        // Kept until the goodbyes are said, for which a server that stops waits.
        let mut stopping = app.stopping.subscribe();
        // The slot is free when this returns, before the goodbyes.
        let end = until_stopped(&mut stopping, pin!(session(&mut link, &app, opening))).await;
        Box::pin(link.finish(end)).await;
    }
}

async fn session(link: &mut Link, app: &App, opening: Box<Opening>) -> End {
    let client = opening.client;
    let attachment = match link.during(Box::pin(enter(app, opening))).await {
        Ok(Ok(attachment)) => attachment,
        Ok(Err(frame)) => return End::Refuse(frame),
        Err(end) => return end,
    };
    link.watch(attachment.session(), app.config.idle_timeout);
    let end = converse(link, app, attachment.session(), client).await;
    match end {
        End::Goodbye | End::Close(NORMAL) => attachment.goodbye(),
        End::Rested(ref rest) => attachment.end(Ending::Rested(rest.limit)),
        End::Refuse(_) => attachment.end(Ending::Left),
        End::Gone | End::Close(_) => drop(attachment),
    }
    end
}

/// Attaches to the session that is asked for, or opens one; a refusal is the frame with the reason.
async fn enter(app: &App, opening: Box<Opening>) -> Result<Attachment<'_>, String> {
    let Opening { environment, client, attach, wait } = *opening;
    let wait = wait.map_err(|problem| frames::problem(&problem))?;
    let Some(id) = attach else {
        app.pack(&environment).map_err(|problem| frames::problem(&problem))?;
        let opened = app.sessions.open_on_socket(&environment, client, wait).await;
        return opened.map_err(|problem| frames::problem(&problem));
    };
    app.sessions.attach(&id, &environment, client, wait).await.map_err(|unattached| match unattached {
        Unattached::Unknown => {
            let why = Ending::after_id(app.sessions.ending(&id));
            frames::session_error(&format!("Unknown session_id: {id}{why}"))
        }
        Unattached::Taken => frames::session_error(&format!("Session {id} already has an attached WebSocket")),
        Unattached::Elsewhere(name) => {
            frames::session_error(&format!("Session {id} belongs to the environment `{name}`, not to `{environment}`"))
        }
        Unattached::Full(problem) => frames::problem(&problem),
    })
}

/// Answers one request after another.
async fn converse(link: &mut Link, app: &App, session: &Arc<Session>, client: Client) -> End {
    let longest = app.config.limits.message;
    loop {
        let message = match link.next().await {
            Ok(message) => message,
            Err(end) => return end,
        };
        let text = match message {
            Message::Text(text) if text.len() <= longest => Some(text),
            Message::Binary(bytes) if bytes.len() <= longest => None,
            _ => return End::Close(TOO_LONG),
        };
        let asked = session.touch();
        if let Err(problem) = app.rates.count(client.key) {
            if !link.tell(frames::problem(&problem).into()).await {
                return End::Gone;
            }
            continue;
        }
        let reply = match read(app, text.as_deref()).map(|request| at_once(app, session, asked, request)) {
            Err(refusal) => Reply::Frame(refusal),
            Ok(Ok(reply)) => reply,
            // Boxed, as what happens seldom: a waiting session is to hold no more than it needs for waiting.
            Ok(Err(request)) => match link.during(Box::pin(answer(app, session, request))).await {
                Ok(reply) => reply,
                Err(end) => return end,
            },
        };
        let frame = match reply {
            Reply::Frame(frame) => frame,
            Reply::Close => return End::Close(NORMAL),
            Reply::Broken(frame) => return End::Refuse(frame),
        };
        if !link.tell(frame).await {
            return End::Gone;
        }
    }
}

enum Reply {
    Frame(TextFrame),
    Close,
    Broken(String),
}

impl From<Result<TextFrame, Problem>> for Reply {
    fn from(told: Result<TextFrame, Problem>) -> Self {
        match told {
            Ok(frame) => Self::Frame(frame),
            Err(problem @ Problem::Broken) => Self::Broken(frames::problem(&problem)),
            Err(problem) => Self::Frame(frames::problem(&problem).into()),
        }
    }
}

/// Reads a message, a binary one has no text; a refusal is the frame with the reason.
fn read(app: &App, text: Option<&str>) -> Result<Request, TextFrame> {
    let text = text.ok_or_else(|| frames::bad_frame(&frames::binary()))?;
    app.config.limits.check(text.as_bytes(), &[]).map_err(|problem| frames::problem(&problem))?;
    frames::read(text).map_err(|bad| frames::bad_frame(&bad).into())
}

/// Answers a request for which nothing has to be waited, as nearly all are; gives any other back.
fn at_once(app: &App, session: &Session, asked: Instant, request: Request) -> Result<Reply, Request> {
    match request {
        Request::Reset(arguments) => {
            let key = session.opener().key;
            let held = |arguments: &ResetArguments| app.held_for(session, key, arguments);
            let told = session.reset_at_once(held, arguments, envelope::observation_frame);
            told.map(Reply::from).map_err(Request::Reset)
        }
        Request::Step(action) if !agent::asks_for_tools(&action) => {
            let told = session.step_at_once(asked, action, envelope::observation_frame);
            told.map(|told| excused(app, session, told)).map_err(Request::Step)
        }
        request => Err(request),
    }
}

/// Begins an episode where there is none, unless the one that the client believes to play has ended.
async fn begin(
    app: &App,
    session: &Session,
    limit: Option<Duration>,
    held: impl FnOnce(&ResetArguments) -> Result<Held, Problem>,
) -> Result<(), Problem> {
    app.sessions.missed_on_socket(session)?;
    Box::pin(session.begin(limit, held, ResetArguments::default())).await
}

/// Answers an action that does not fit with an observation, where the server is asked to: a client that takes an error for
/// the end of its rollout goes on.
fn excused(app: &App, session: &Session, told: Result<TextFrame, Problem>) -> Reply {
    session.excuse(app.config.invalid_actions, told, envelope::excused_frame).into()
}

/// Answers a request.
async fn answer(app: &App, session: &Arc<Session>, request: Request) -> Reply {
    let environment = session.environment();
    let limit = app.config.step_timeout;
    let held = |arguments: &ResetArguments| app.held_for(session, session.opener().key, arguments);
    let told = match request {
        Request::Step(action) => match agent::listed(app, session, &action) {
            Some(tools) => Ok(envelope::tools_frame(&tools).into()),
            // As the stock server does, a first step begins an episode.
            None => match begin(app, session, limit, held).await {
                Ok(()) => {
                    let told = session.step(limit, action, envelope::observation_frame).await;
                    return excused(app, session, told);
                }
                Err(problem) => Err(problem),
            },
        },
        Request::Reset(arguments) => {
            Box::pin(session.reset(limit, held, *arguments, envelope::observation_frame)).await
        }
        Request::State => session.act(|play| Ok(frames::state(&play.state(environment)).into())).await,
        Request::Mcp(body) => {
            let caller = Caller {
                client: Client::UNKNOWN,
                principal: Principal(None),
                wait: Duration::ZERO,
                named: Ok(Named::default()),
                own: Some(session),
            };
            Ok(frames::mcp(&Box::pin(mcp::answer(app, environment, &body, &caller)).await).into())
        }
        Request::Close => return Reply::Close,
    };
    told.into()
}
