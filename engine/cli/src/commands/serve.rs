//! `casebook serve`

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use casebook_server::{Config, ReloadStatus, Server};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::{
    args::{Format, ServeArgs},
    exit::Exit,
    output, packs, trail,
};

pub(crate) fn run(args: ServeArgs, format: Format) -> Exit {
    // What becomes of a reload is told below, in words for the author.
    let quiet = || EnvFilter::new("warn,casebook_server::reload=off");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| quiet());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(output::stderr_has_color())
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(format!("the runtime cannot start: {error}"));
            return Exit::Failure;
        }
    };
    runtime.block_on(serve(args, format))
}

async fn serve(args: ServeArgs, format: Format) -> Exit {
    let (sources, compiled) = packs::read(&args.packs.packs);
    packs::show(&compiled.report, format);
    let Some(catalog) = &compiled.catalog else { return Exit::Findings };
    let environments: Map<String, Value> =
        catalog.packs().iter().map(|pack| (pack.name().to_owned(), pack.tasks().len().into())).collect();
    let trail = match trail::open(&args.trail) {
        Ok(trail) => trail,
        Err(exit) => return exit,
    };
    let config = Config {
        trail: trail.clone(),
        roots: args.packs.packs,
        environment: args.environment,
        max_sessions: args.max_sessions,
        idle_timeout: (args.idle_timeout > 0).then(|| Duration::from_secs(args.idle_timeout)),
        watch: !args.no_reload,
        poll: args.poll.map(|seconds| Duration::from_secs(seconds.max(1))),
        on_reload: Some(Arc::new(move |status: &ReloadStatus| tell(status, format))),
        ..Config::default()
    };
    let server = match Server::new(config, &sources, compiled) {
        Ok(server) => server,
        Err(error) => {
            output::error(error.to_string());
            return Exit::Usage;
        }
    };
    let listener = match TcpListener::bind(SocketAddr::new(args.host, args.port)).await {
        Ok(listener) => listener,
        Err(error) => {
            output::error(format!(
                "cannot listen on {}:{}: {error}; choose another port with `--port`, 0 takes a free one",
                args.host, args.port
            ));
            return Exit::Failure;
        }
    };
    let address = listener.local_addr().unwrap_or(SocketAddr::new(args.host, args.port));
    announce(&environments, address, args.host, format);
    let served = server.run(listener, interrupted()).await;
    let written = trail::close(trail.as_deref());
    match (served, written) {
        (Ok(()), Ok(())) => Exit::Success,
        (Ok(()), Err(exit)) => exit,
        (Err(error), _) => {
            output::error(format!("the server stopped: {error}"));
            Exit::Failure
        }
    }
}

fn announce(environments: &Map<String, Value>, address: SocketAddr, host: IpAddr, format: Format) {
    let shown =
        if host.is_unspecified() { SocketAddr::new(IpAddr::from([127, 0, 0, 1]), address.port()) } else { address };
    if format == Format::Json {
        let url = format!("http://{shown}");
        output::line(json!({ "event": "serving", "url": url, "environments": environments }).to_string());
    } else {
        output::line(format!("serving on http://{shown}"));
        for (name, tasks) in environments {
            output::line(format!("  http://{shown}/envs/{name}  ({tasks} tasks)"));
        }
    }
    if !host.is_loopback() {
        output::note(format!(
            "note: everyone who reaches {address} can play and read every task's score; there are no tokens yet"
        ));
    }
}

/// Tells what became of a change: on standard error for people, as a line of JSON for programs.
fn tell(status: &ReloadStatus, format: Format) {
    let (generation, rejected) = (status.generation, &status.rejected);
    if format == Format::Json {
        let rejected = rejected
            .as_ref()
            .map(|rejected| json!({ "reason": rejected.reason, "diagnostics": rejected.report.diagnostics }));
        output::line(
            json!({ "event": "reload", "outcome": status.outcome, "generation": generation, "rejected": rejected })
                .to_string(),
        );
        return;
    }
    match rejected {
        Some(rejected) => {
            output::note(rejected.text(output::stderr_has_color()).trim_end());
            output::note(format!("rejected: generation {generation} goes on"));
        }
        None => output::note(format!("reloaded: generation {generation}")),
    }
}

/// Ends when the process is asked to stop.
async fn interrupted() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
            }
            Err(_) => {
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}
