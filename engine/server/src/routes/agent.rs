//! What an agent may do: see the tools and call them. Nothing here resets, steps, reads the state or closes.

use std::sync::Arc;

use casebook_runtime::scenario::{
    Pack,
    tools::{Answered, ToolFailure},
};
use serde_json::{Map, Value};
use tokio::time;

use crate::{
    app::App,
    client::Client,
    error::Problem,
    reload::Held,
    session::{
        one::Session,
        play::{Command, Done, Play},
    },
    wire::arguments::ResetArguments,
};

/// An agent, by the session that it acts in; without one each call has an episode of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agent<'a> {
    /// What requests share.
    pub(super) app: &'a App,
    /// The environment that is asked for.
    pub(super) environment: &'a str,
    /// The session.
    pub(super) session: Option<&'a Session>,
    /// Who asks.
    pub(super) client: Client,
}

impl Agent<'_> {
    /// The pack whose tools it may call: that of its episode, else the current one.
    pub(super) fn pack(&self) -> Result<Arc<Pack>, Problem> {
        let playing = self
            .session
            .and_then(|session| session.look(|play| play.live().map(|run| Arc::clone(run.episode().pack()))));
        playing.map_or_else(|| self.app.pack(self.environment()), Ok)
    }

    /// The environment that it acts in: that of its session, regardless of the path.
    fn environment(&self) -> &str {
        self.session.map_or(self.environment, |session| session.environment())
    }

    /// Whether an episode that it begins is for practice: nobody has opened the session for it.
    fn practises(&self) -> bool {
        self.session.map_or(self.client.agent, |session| session.opener().agent)
    }

    /// Calls a tool; without an episode it starts one, which the server chooses.
    pub(super) async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
    ) -> Result<Result<Answered, ToolFailure>, Problem> {
        let Some(session) = self.session else {
            may_practise(self.app, self.environment, self.client)?;
            let command = Command::Call { name: name.to_owned(), arguments };
            let chosen = self.chosen();
            return alone(self.app, self.held(&chosen)?, chosen, command, |_, done| {
                done.called.clone().ok_or(Problem::Broken)
            })
            .await;
        };
        session.touch();
        let told = match self.begin().await {
            Ok(()) => session.call(self.app.config.step_timeout, name, &arguments).await,
            Err(problem) => Err(problem),
        };
        self.app.sessions.after(session, told)
    }

    /// Starts an episode in its session, which the server chooses, unless there is one.
    pub(super) async fn begin(&self) -> Result<(), Problem> {
        let Some(session) = self.session else { return Ok(()) };
        self.app.sessions.missed_on_socket(session)?;
        session.begin(self.app.config.step_timeout, |chosen| self.held(chosen), self.chosen()).await
    }

    fn chosen(&self) -> ResetArguments {
        ResetArguments::for_practice(self.practises())
    }

    fn held(&self, chosen: &ResetArguments) -> Result<Held, Problem> {
        self.app.held(self.environment(), self.client.key, chosen)
    }

    /// What it gets before its first call: what the environment is, what its task is, and what it would see after a reset,
    /// which no tool shows.
    pub(super) fn introduction(&self) -> Result<String, Problem> {
        let pack = self.pack()?;
        let mut parts = vec![pack.description().trim().to_owned()];
        let task = self.session.and_then(|session| {
            session.look(|play| {
                let episode = play.live()?.episode();
                let mut parts = vec![episode.instructions_text()];
                if !pack.is_tool_environment() {
                    let mut seen = String::from("The observation as it stands: {");
                    episode.write_observation(&mut seen);
                    parts.push(seen + "}");
                }
                Some(parts)
            })
        });
        parts.extend(task.into_iter().flatten());
        parts.retain(|part| !part.is_empty());
        Ok(parts.join("\n\n"))
    }
}

/// Refuses an agent that acts on its own where the pack does not let it.
pub(super) fn may_practise(app: &App, environment: &str, client: Client) -> Result<(), Problem> {
    let pack = app.pack(environment)?;
    if !client.agent || !pack.practice_list().is_empty() {
        return Ok(());
    }
    Err(Problem::NoPractice(format!(
        "an agent acts in the session that its orchestrator opened, which it names with `?session_id=`; `{environment}` has \
         no split to practise on"
    )))
}

/// The tools, when an action asks for them and there is no episode yet that could answer it.
pub(super) fn listed(app: &App, session: &Session, action: &Map<String, Value>) -> Option<Value> {
    if !asks_for_tools(action) || session.look(|play| play.done().is_some()) {
        return None;
    }
    let pack = app.pack(session.environment()).ok()?;
    pack.is_tool_environment().then(|| pack.tools_listing())
}

/// Whether an action is the one that lists tools.
pub(super) fn asks_for_tools(action: &Map<String, Value>) -> bool {
    action.get("type").is_some_and(|kind| kind == "list_tools")
}

/// Runs a command in an episode that begins and ends with it, on a thread of its own where that may take long; answers when
/// what was done has taken its time and is written down as is demanded.
pub(super) async fn alone<T: Send + 'static>(
    app: &App,
    held: Held,
    arguments: ResetArguments,
    command: Command,
    render: impl FnOnce(&Play, &Done) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (slow, waits) = (held.pack.takes_long(), held.pack.waits_for_processes());
    let work = move || {
        let mut play = Play::begin(held, arguments)?;
        let done = play.run(command)?;
        if let Some(taken) = &done.taken {
            play.write_down(taken);
        }
        Ok((render(&play, &done)?, done.wait()))
    };
    let (told, wait) = if slow { app.within_step(waits, work).await } else { work() }?;
    if let Some(limit) = app.config.step_timeout.filter(|limit| *limit < wait) {
        time::sleep(limit).await;
        return Err(Problem::TooSlow(limit));
    }
    time::sleep(wait).await;
    if let Some(trail) = &app.config.trail {
        trail.settled().await.map_err(Problem::Unrecorded)?;
    }
    Ok(told)
}
