//! What every request shares.

use std::sync::Arc;

use casebook_runtime::scenario::Pack;
use tokio::sync::watch;

use crate::{
    client::Key,
    config::Config,
    connections::Open,
    entries::Entry,
    error::Problem,
    limits::{Guesses, Rates, Unfinished},
    metrics::Metrics,
    names::{nearest, unknown_name},
    principals::Role,
    reload::{Held, Live, Unheld},
    session::{
        one::Session,
        pool::{Pool, within},
        table::Sessions,
    },
    wire::arguments::ResetArguments,
};

/// The state behind every route.
pub(crate) type Shared = Arc<App>;

/// What every request shares; lives as long as the server and its last request.
#[derive(Debug)]
pub(crate) struct App {
    /// The packs, and their reloading.
    pub(crate) live: Arc<Live>,
    /// The name of the environment that is served at the root.
    pub(crate) chosen: Arc<str>,
    /// The sessions over HTTP, and the slots of all sessions.
    pub(crate) sessions: Sessions,
    /// The connections that are open.
    pub(crate) connections: Arc<Open>,
    /// What is kept of requests that are not whole yet.
    pub(crate) unfinished: Arc<Unfinished>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// How often each client may ask.
    pub(crate) rates: Rates,
    /// How often each address may send wrong tokens.
    pub(crate) guesses: Guesses,
    /// How the server is to behave.
    pub(crate) config: Config,
    /// Becomes true when the server ends; its receivers are the tasks that it waits for.
    pub(crate) stopping: watch::Sender<bool>,
    /// Where episodes are played inside the server.
    pool: Pool,
}

impl App {
    pub(crate) fn new(live: Live, chosen: Arc<str>, config: Config) -> Self {
        let metrics = Arc::new(Metrics::new());
        let pool = Pool::default();
        let connections = Open::new(config.max_connections, config.connections_per_client);
        Self {
            live: Arc::new(live),
            chosen,
            sessions: Sessions::new(&config, Arc::clone(&metrics), pool.clone(), Arc::clone(&connections)),
            connections,
            unfinished: Unfinished::new(config.max_unfinished, config.limits.message),
            metrics,
            rates: Rates::new(config.rate, config.agent_rate, &config.tokens),
            guesses: Guesses::new(config.wrong_tokens),
            config,
            stopping: watch::Sender::new(false),
            pool,
        }
    }

    /// Whether a principal may learn what is right; nobody's token where there are none.
    pub(crate) fn tells_truth(&self, role: Option<Role>) -> bool {
        role.map_or(self.config.open && self.config.tokens.is_empty(), |role| role == Role::Grader)
    }

    /// Whether a principal may replace what is loaded; nobody's token where there are none.
    pub(crate) fn controls(&self, role: Option<Role>) -> bool {
        role.map_or(self.config.open && self.config.tokens.is_empty(), |role| role == Role::Orchestrator)
    }

    /// Finds an environment of the current generation.
    pub(crate) fn pack(&self, name: &str) -> Result<Arc<Pack>, Problem> {
        let catalog = self.live.catalog();
        if let Some(pack) = catalog.pack(name) {
            return Ok(Arc::clone(pack));
        }
        let names: Vec<&str> = catalog.packs().iter().map(|pack| pack.name()).collect();
        let text = unknown_environment(name, &names);
        Err(Problem::UnknownEnvironment { name: name.to_string(), text })
    }

    /// Finds an environment for a new episode: of the generation that its group pins or that is asked for, else of the
    /// current one.
    pub(crate) fn held(&self, name: &str, client: Key, arguments: &ResetArguments) -> Result<Held, Problem> {
        let current = self.live.catalog();
        let (group, number) = (arguments.group.as_deref(), arguments.generation);
        let chosen = self.live.generations().choose(&current, (group, client), number);
        let (catalog, group) = chosen.map_err(|unheld| refuse_generation(unheld, arguments, current.generation()))?;
        match catalog.pack(name) {
            Some(pack) => {
                let held = Held::new(Arc::clone(pack), Arc::clone(&catalog), group);
                Ok(held.with_trail(self.config.trail.clone()))
            }
            None => self.pack(name).and_then(|_| {
                let generation = catalog.generation();
                Err(Problem::NotFound(format!("generation {generation} has no environment `{name}`")))
            }),
        }
    }

    /// The same for an episode of a session, whose id no other session may play.
    pub(crate) fn held_for(&self, session: &Session, client: Key, arguments: &ResetArguments) -> Result<Held, Problem> {
        let held = self.held(session.environment(), client, arguments)?;
        self.sessions.choose_id(session, arguments)?;
        Ok(held)
    }

    /// Runs work off the async threads that may take as long as a step; it may wait for programs.
    pub(crate) async fn within_step<T: Send + 'static>(
        &self,
        waits: bool,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        within(self.config.step_timeout, self.work(waits, work)).await
    }

    /// Runs work that takes a while off the async threads; it may wait for programs.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        waits: bool,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.pool.run(waits, work).await.unwrap_or_else(|| Err(Problem::Failed("internal error".into())))
    }
}

fn refuse_generation(unheld: Unheld, arguments: &ResetArguments, current: u64) -> Problem {
    let entry = |name: &str, msg: String, input| {
        Problem::Invalid(vec![Entry::new("value_error", vec![name.into()], msg, input)])
    };
    let group = arguments.group.as_deref().unwrap_or_default();
    let number = arguments.generation.unwrap_or_default();
    match unheld {
        Unheld::Gone(held) => {
            let held: Vec<String> = held.into_iter().chain([current]).map(|number| number.to_string()).collect();
            let msg = format!("generation {number} is not held any more, or never was; held are {}", held.join(", "));
            entry("generation", msg, number.into())
        }
        Unheld::Pinned(pinned) => {
            let msg = format!("the group `{group}` plays generation {pinned}, not {number}");
            entry("generation", msg, number.into())
        }
        Unheld::TooMany { most, own } => {
            let whose = if own { "of this client " } else { "" };
            let msg = format!("{most} groups {whose}are kept already; a group ends half an hour after its last reset");
            entry("group", msg, group.into())
        }
    }
}

/// Says that an environment does not exist, and which do.
pub(crate) fn unknown_environment(name: &str, names: &[&str]) -> String {
    unknown_name("environment", name, nearest(name, names), "this server has", names)
}
