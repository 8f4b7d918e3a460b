//! Building a server and running it.

use std::{error::Error, fmt, future::Future, io, sync::Arc, time::Duration};

use axum::Router;
use casebook_compile::check::{Checker, Compiled};
use casebook_runtime::scenario::Catalog;
use casebook_syntax::source::SourceSet;
use tokio::{net::TcpListener, time};

use crate::{
    app::{App, Shared, unknown_environment},
    config::{Config, Release},
    connections,
    mode::Mode,
    names::listed,
    principals::TokenError,
    reload::{self, Candidate, Live, Settings},
    routes,
};

/// How long running requests and open sockets are waited for when the server ends.
const GRACE: Duration = Duration::from_millis(1500);
/// How often it is looked whether every session has ended.
const DRAIN_ROUND: Duration = Duration::from_millis(50);

/// Why a server cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupError {
    /// The packs have errors.
    Invalid,
    /// There is no pack at all.
    NoEnvironment,
    /// What is right is opened to everybody where there are tokens, or in production.
    Open,
    /// The tokens do not make sense together.
    Tokens(TokenError),
    /// The environment for the root does not exist.
    UnknownEnvironment {
        /// Its name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid => formatter.write_str("the packs have errors"),
            Self::NoEnvironment => formatter.write_str("there is no environment to serve"),
            Self::Open => formatter.write_str(
                "`--open` shows everybody what is right, so it goes neither with tokens nor with `--mode production`; \
                 with tokens it is the grader's to know",
            ),
            Self::Tokens(error) => error.fmt(formatter),
            Self::UnknownEnvironment { name, known } => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                formatter.write_str(&unknown_environment(name, &known))
            }
        }
    }
}

impl Error for SetupError {}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    app: Shared,
}

impl Server {
    /// Builds a server around a first catalog, with the checker that compiled it: a save compiles only what it changed.
    ///
    /// # Errors
    ///
    /// When no pack is free of errors, or not the one that is wanted at the root.
    pub fn new(config: Config, sources: &SourceSet, checker: Checker, compiled: Compiled) -> Result<Self, SetupError> {
        let nothing = Catalog { generation: 0, packs: Vec::new() };
        let first = Candidate::new(compiled, sources.hash(), &nothing).map_err(|_| SetupError::Invalid)?;
        let catalog = first.catalog();
        let mut known: Vec<String> = catalog.packs().iter().map(|pack| pack.name().to_string()).collect();
        known.sort();
        let by_name = known.first().cloned().ok_or(SetupError::NoEnvironment)?;
        let root = catalog.packs().iter().filter(|pack| pack.root).map(|pack| pack.name().to_string()).min();
        let name = config.environment.clone().or(root).unwrap_or(by_name);
        if catalog.pack(&name).is_none() {
            return Err(SetupError::UnknownEnvironment { name, known });
        }
        config.tokens.validate().map_err(SetupError::Tokens)?;
        if config.open && (!config.tokens.is_empty() || config.mode == Mode::Production) {
            return Err(SetupError::Open);
        }
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        tracing::debug!(environment = name, environments = listed(&names), "built");
        let chosen: Arc<str> = name.into();
        let settings = Settings {
            roots: config.roots.clone(),
            listener: config.on_reload.clone(),
            hold: config.release != Release::AtOnce,
            gate: config.gate.clone(),
            trail: config.trail.clone(),
            groups: (config.max_groups, config.groups_per_client.unwrap_or(config.max_groups / 4)),
        };
        let live = Live::new(first, sources, checker, Arc::clone(&chosen), settings);
        Ok(Self { app: Arc::new(App::new(live, chosen, config)) })
    }

    /// Serves until `shutdown` resolves, drains if it may, then closes every socket with 1012 and returns within two
    /// seconds.
    ///
    /// # Errors
    ///
    /// When the thread that watches the packs fails, or when what is right is opened on an address that others reach.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let near = listener.local_addr()?.ip().to_canonical().is_loopback();
        if self.app.config.open && !near {
            return Err(io::Error::other("`--open` needs a loopback address to listen on"));
        }
        let Config { watch, poll, .. } = self.app.config;
        let _watch = if watch { Some(reload::start(Arc::clone(&self.app.live), poll)?) } else { None };
        let reaper = tokio::spawn(reap(Arc::clone(&self.app)));
        self.serve(listener, routes::router(&self.app, near), shutdown).await;
        reaper.abort();
        if let Some(recorder) = &self.app.config.record {
            let recorder = recorder.clone();
            // It says itself what it could not write.
            let _ = tokio::task::spawn_blocking(move || recorder.close()).await;
        }
        Ok(())
    }

    /// Waits until every session has ended, but no longer than is set.
    async fn drained(&self) {
        let quiet = async {
            while self.app.sessions.capacity().active() > 0 {
                time::sleep(DRAIN_ROUND).await;
            }
        };
        // Those that are left hear of the end.
        let _ = time::timeout(self.app.config.drain, quiet).await;
    }

    async fn serve(&self, listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
        let stopping = &self.app.stopping;
        let patience = self.app.config.request_timeout;
        let limits = (Arc::clone(&self.app.connections), Arc::clone(&self.app.unfinished));
        let accepting = tokio::spawn(connections::accept(listener, router, limits, stopping.clone(), patience));
        shutdown.await;
        self.app.sessions.drain();
        if !self.app.config.drain.is_zero() {
            tracing::info!(sessions = self.app.sessions.capacity().active(), "draining");
            self.drained().await;
        }
        tracing::info!("stopping");
        stopping.send_replace(true);
        let quiet = async {
            if accepting.await.is_err() {
                tracing::error!("no more connections were taken: a bug");
            }
            stopping.closed().await;
        };
        if time::timeout(GRACE, quiet).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
        }
    }
}

/// Ends idle sessions over HTTP, again and again.
async fn reap(app: Shared) {
    let mut rounds = time::interval(app.sessions.rounds());
    loop {
        rounds.tick().await;
        let ended = app.sessions.reap();
        app.live.generations().forget();
        app.rates.forget();
        app.guesses.forget();
        if ended > 0 {
            tracing::debug!(ended, "ended idle sessions");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_leaves_room_for_others_on_a_large_server() {
        let share = |max_sessions, sessions_per_client| {
            Config { max_sessions, sessions_per_client, ..Config::default() }.client_share()
        };
        // Up to 1,024 sessions a trainer may have all there are.
        for max_sessions in [0, 1, 50, 1024] {
            assert_eq!(share(max_sessions, None), None, "{max_sessions}");
        }
        assert_eq!((share(1025, None), share(2048, None), share(16_384, None)), (Some(1024), Some(1536), Some(12_288)));
        assert_eq!((share(2048, Some(0)), share(50, Some(4))), (None, Some(4)));
        assert_eq!(Config::default().client_share(), Some(1536));
    }
}
