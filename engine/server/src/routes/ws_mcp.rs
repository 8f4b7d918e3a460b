//! WebSocket `/mcp`: JSON-RPC in text frames; one socket, one session: its own, or the one that the handshake names, which
//! goes on without it.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use casebook_runtime::json;
use serde_json::Value;

use super::{
    agent,
    link::{End, Link, Message, TOO_LONG, until_stopped},
    mcp::{self, Caller},
    mcp_standard,
    request::{self, Environment, Named, Principal},
    upgrade::Upgrade,
};
use crate::{
    app::{App, Shared},
    client::Client,
    ending::Ending,
    error::Problem,
    session::one::Session,
    wire::rpc::{self, Failure},
};

/// What a socket asks for with its handshake.
struct Opening {
    environment: Arc<str>,
    client: Client,
    principal: Principal,
    wait: Result<Duration, Problem>,
    named: Result<Named, String>,
}

pub(super) async fn upgrade(
    State(app): State<Shared>,
    environment: Environment,
    client: Client,
    principal: Principal,
    uri: Uri,
    headers: HeaderMap,
    socket: Result<Upgrade, Problem>,
) -> Response {
    let Ok(socket) = socket else { return mcp_standard::not_allowed() };
    let query = request::query(&uri);
    let wait = request::query_wait(&query, &app);
    let named = request::named_on_mcp(&headers, &query);
    let opening = Opening { environment: environment.name, client, principal, wait, named };
    // Longer messages end the connection before their end; up to here they are read, so that the close frame is heard.
    let hard_limit = 2 * app.config.limits.message;
    let key = client.peer.address;
    let unread = app.unfinished.of(key);
    socket.accept(hard_limit, unread, move |socket| {
        let link = Link::new(socket, &app, key).refusing(rpc::ended);
        tokio::spawn(serve(link, app, opening));
    })
}

async fn serve(mut link: Link, app: Shared, opening: Opening) {
    // Kept until the goodbyes are said, for which a server that stops waits.
    let mut stopping = app.stopping.subscribe();
    let end = until_stopped(&mut stopping, pin!(session(&mut link, &app, opening))).await;
    Box::pin(link.finish(end)).await;
}

async fn session(link: &mut Link, app: &App, opening: Opening) -> End {
    let Opening { environment, client, principal, wait, named } = opening;
    let refuse = |failure: &Failure| End::Refuse(rpc::failure(&Value::Null, failure).to_string());
    let named = match named {
        Ok(named) => named,
        Err(text) => return refuse(&Failure::BadSession(text)),
    };
    if let Some(id) = named.id() {
        let Some(session) = app.sessions.get(id, client) else { return refuse(&mcp::unknown(app, id.to_owned())) };
        link.watch(&session, app.config.idle_timeout);
        return converse(link, app, &session, client, principal).await;
    }
    let opened = Box::pin(async {
        agent::may_practise(app, &environment, client)?;
        app.sessions.open_on_socket(&environment, client, wait?).await
    });
    let attachment = match link.during(opened).await {
        Ok(Ok(attachment)) => attachment,
        Ok(Err(problem)) => return refuse(&mcp::unopened(&environment, problem)),
        Err(end) => return end,
    };
    link.watch(attachment.session(), app.config.idle_timeout);
    let end = converse(link, app, attachment.session(), client, principal).await;
    // An agent that lost its connection starts anew: no episode is kept for it.
    attachment.end(match &end {
        End::Rested(rest) => Ending::Rested(rest.limit),
        _ => Ending::Left,
    });
    end
}

async fn converse(link: &mut Link, app: &App, session: &Arc<Session>, client: Client, principal: Principal) -> End {
    let longest = app.config.limits.message;
    loop {
        let text = match link.next().await {
            Ok(Message::Text(text)) if text.len() <= longest => Some(text),
            Ok(Message::Binary(bytes)) if bytes.len() <= longest => None,
            Ok(_) => return End::Close(TOO_LONG),
            Err(end) => return end,
        };
        session.touch();
        let refused = app
            .rates
            .count(client.key)
            .and_then(|()| text.as_ref().map_or(Ok(()), |text| app.config.limits.check(text.as_bytes(), &[])));
        let response = match (refused, text) {
            (Err(problem), _) => rpc::failure(&Value::Null, &Failure::Server(problem.text())),
            (Ok(()), None) => rpc::unreadable("a message is a text frame"),
            (Ok(()), Some(text)) => match json::strict(&text) {
                Err(error) => rpc::unreadable(&error),
                Ok(body) => {
                    let caller = Caller {
                        client,
                        principal,
                        wait: Duration::ZERO,
                        named: Ok(Named::default()),
                        own: Some(session),
                    };
                    match link.during(Box::pin(mcp::answer(app, session.environment(), &body, &caller))).await {
                        Ok(response) => response,
                        Err(end) => return end,
                    }
                }
            },
        };
        if !link.tell(response.to_string().into()).await {
            return End::Gone;
        }
    }
}
