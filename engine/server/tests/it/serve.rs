//! A server of one test's own, on a free port.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use casebook_compile::check::Checker;
use casebook_server::{Config, Server, SetupError};
use casebook_syntax::source;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// A running server; it ends with the test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
}

/// Settings for tests: nothing is watched unless a test is about that.
pub(crate) fn config() -> Config {
    Config { watch: false, ..Config::default() }
}

/// Builds a server of the packs in a folder.
pub(crate) fn build(config: Config, roots: &[PathBuf]) -> Result<Server, SetupError> {
    build_with(Checker::default(), config, roots)
}

fn build_with(mut checker: Checker, config: Config, roots: &[PathBuf]) -> Result<Server, SetupError> {
    let sources = source::read(roots);
    let compiled = checker.compile(&sources, 1);
    assert!(!compiled.sound.packs().is_empty(), "{}", compiled.report.render(false));
    Server::new(Config { roots: roots.to_vec(), ..config }, &sources, checker, compiled)
}

/// Serves both packs.
pub(crate) async fn start(config: Config) -> Running {
    let folder = crate::packs::write();
    let root = folder.path().to_path_buf();
    start_in(config, folder, &[root]).await
}

/// Serves the packs in the given roots.
pub(crate) async fn start_in(config: Config, folder: TempDir, roots: &[PathBuf]) -> Running {
    start_with(Checker::default(), config, folder, roots).await
}

/// The same, with what a checker has, such as a host for plugins.
pub(crate) async fn start_with(checker: Checker, config: Config, folder: TempDir, roots: &[PathBuf]) -> Running {
    let server = build_with(checker, config, roots).expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        // A test that drops the sender wants the end as well.
        let _ = stopped.await;
    };
    let task = tokio::spawn(server.run(listener, shutdown));
    Running { address, folder, stop: Some(stop), task }
}

impl Running {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Asks the server to end.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).expect("the server still runs");
        }
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(self) {
        self.task.await.expect("no panic").expect("no error");
    }
}
