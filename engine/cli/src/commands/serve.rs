//! `casebook serve`

use std::{
    env,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    time::Duration,
};

use casebook_analysis::testing::{Case, CaseKind};
use casebook_compile::check::Compiled;
use casebook_server::{
    Config, Outcome, RecordConfig, RecordTarget, Recorder, Release, ReloadGate, ReloadListener, ReloadStatus, Role,
    Server, TokenError, Tokens,
};
use casebook_syntax::source;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::{
    args::{Format, GatePart, LogFormat, ServeArgs, seconds},
    commands::{records, test},
    descriptors,
    exit::Exit,
    files, interrupt, output, packs,
    telemetry::Telemetry,
    trail,
};

const WIDE_OPEN: &str = "warning: there are no tokens, so everyone who reaches this address can play, read every task's \
                         score and end every session; see `--tokens`";

pub(crate) fn run(args: ServeArgs, format: Format) -> Exit {
    let telemetry = match Telemetry::start(&args) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            output::error(error);
            return Exit::Failure;
        }
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // Under load the tasks that have waited longest are in the queue that all threads share. It is looked at before every
    // task: with thousands of sessions some would otherwise wait for seconds while others are answered at once.
    let runtime = match runtime.enable_all().global_queue_interval(1).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(format!("the runtime cannot start: {error}"));
            return Exit::Failure;
        }
    };
    let exit = runtime.block_on(serve(args, format));
    // Steps that nobody waits for any more are not waited for at the end either.
    runtime.shutdown_background();
    telemetry.end();
    exit
}

#[expect(clippy::too_many_lines, reason = "what is asked for becomes a server, piece by piece")]
async fn serve(args: ServeArgs, format: Format) -> Exit {
    let tokens = match tokens(args.tokens.as_deref()) {
        Ok(tokens) => tokens,
        Err(exit) => return exit,
    };
    if args.open && !args.host.to_canonical().is_loopback() {
        output::error(format!("`--open` shows what is right, so it needs a loopback address, not {}", args.host));
        return Exit::Usage;
    }
    if (args.reload.hold || args.reload.signed) && tokens.is_empty() && !args.open {
        output::error(
            "with `--hold` and `--signed` somebody has to apply changes: give the orchestrator a token (`--tokens`), or start \
             the server with `--open`",
        );
        return Exit::Usage;
    }
    let record = match recorder(&args) {
        Ok(record) => record,
        Err(exit) => return exit,
    };
    let log = args.log;
    let guarded = !tokens.is_empty();
    let sources = source::read(&args.packs.packs);
    let mut checker = packs::checker();
    let compiled = checker.compile(&sources, 1);
    let catalog = &compiled.sound;
    if catalog.packs().is_empty() {
        packs::show(&compiled.report, format);
        return Exit::Findings;
    }
    tell_findings(&compiled, format);
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
        mode: args.mode,
        max_sessions: args.sessions.max_sessions,
        sessions_per_client: args.sessions.sessions_per_client,
        agent_sessions: args.sessions.agent_sessions,
        idle_timeout: seconds(args.sessions.idle_timeout),
        step_timeout: seconds(args.sessions.step_timeout),
        max_wait: Duration::from_secs(args.sessions.max_wait),
        resume_grace: Duration::from_secs(args.sessions.resume_grace),
        drain: Duration::from_secs(args.sessions.drain),
        invalid_actions: args.sessions.invalid_actions,
        limits: args.limits.limits(),
        request_timeout: seconds(args.limits.request_timeout),
        rate: NonZeroU32::new(args.limits.rate),
        agent_rate: NonZeroU32::new(args.limits.agent_rate),
        max_connections: descriptors::connections(args.limits.max_connections, args.sessions.max_sessions),
        connections_per_client: args.limits.connections_per_client,
        max_unfinished: args.limits.max_unfinished,
        max_groups: args.limits.max_groups,
        groups_per_client: args.limits.groups_per_client,
        wrong_tokens: NonZeroU32::new(args.limits.wrong_tokens),
        tokens,
        open: args.open,
        allow_origins: args.allow_origin,
        allow_hosts: args.allow_host,
        record: record.clone(),
        watch: !args.reload.no_reload,
        release: match (args.reload.hold, args.reload.signed) {
            (_, true) => Release::Signed,
            (true, false) => Release::Applied,
            (false, false) => Release::AtOnce,
        },
        gate: (!args.reload.gate.is_empty()).then(|| gate(args.reload.gate)),
        poll: args.reload.poll.map(|seconds| Duration::from_secs(seconds.max(1))),
        // In a log for programs it stands as an event like any other.
        on_reload: (log == LogFormat::Text || format == Format::Json)
            .then(|| Arc::new(move |status: &ReloadStatus| tell(status, format)) as ReloadListener),
        ..Config::default()
    };
    let server = match Server::new(config, &sources, checker, compiled) {
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
    // Before the address is told: whoever knows it may ask the server to stop.
    let stopped = match interrupt::interrupted() {
        Ok(stopped) => stopped,
        Err(error) => {
            output::error(format!("cannot listen for signals: {error}"));
            return Exit::Failure;
        }
    };
    // What is moved away for the night is begun again at once.
    let reopening = interrupt::hangups().map(|hangups| {
        let (record, trail) = (record.clone(), trail.clone());
        tokio::spawn(hangups.each(move || {
            record.iter().for_each(Recorder::reopen);
            trail.iter().for_each(|trail| trail.reopen());
        }))
    });
    if let Err(error) = &reopening {
        output::note(format!("warning: cannot listen for SIGHUP: {error}"));
    }
    let address = listener.local_addr().unwrap_or(SocketAddr::new(args.host, args.port));
    announce(&environments, address, args.host, format);
    if !args.host.is_loopback() && !guarded {
        output::note(WIDE_OPEN);
    }
    let served = server.run(listener, stopped).await;
    if let Ok(reopening) = reopening {
        reopening.abort();
    }
    let written = recorded(record.as_ref()).and(trail::close(trail.as_deref()));
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
        output::json_line(&json!({ "event": "serving", "url": url, "environments": environments }));
    } else {
        output::line(format!("serving on http://{shown}"));
        for (name, tasks) in environments {
            let noun = if *tasks == 1 { "task" } else { "tasks" };
            output::line(format!("  http://{shown}/envs/{name}  ({tasks} {noun})"));
        }
    }
}

/// Opens what was asked for to record into.
fn recorder(args: &ServeArgs) -> Result<Option<Recorder>, Exit> {
    let target = match (&args.record, &args.records) {
        (Some(path), _) => RecordTarget::File(path.clone()),
        (None, Some(folder)) => RecordTarget::Store(records::create(folder)?),
        (None, None) => return Ok(None),
    };
    let recorder = Recorder::open(&RecordConfig { target, required: args.record_required });
    recorder.map(Some).map_err(|error| {
        output::error(format!("the record {error}"));
        Exit::Failure
    })
}

/// Whether everything that ended is recorded.
fn recorded(record: Option<&Recorder>) -> Result<(), Exit> {
    record.map_or(Ok(()), Recorder::close).map_err(|error| {
        output::error(error);
        Exit::Failure
    })
}

/// Reads the tokens of a file and of the variables.
fn tokens(file: Option<&Path>) -> Result<Tokens, Exit> {
    let refuse = |place: &str, error: TokenError| {
        output::error(format!("{place}: {error}"));
        Exit::Usage
    };
    let mut tokens = match file {
        None => Tokens::default(),
        Some(file) => {
            let text = files::read_text(file).map_err(|problem| {
                output::error(problem);
                Exit::Failure
            })?;
            Tokens::read(&text).map_err(|error| refuse(&file.display().to_string(), error))?
        }
    };
    for role in Role::ALL {
        let variable = format!("CASEBOOK_{}_TOKEN", role.name().to_uppercase());
        let Some(token) = env::var_os(&variable) else { continue };
        // A secret that came out empty is no wish to serve everybody.
        if token.is_empty() {
            output::error(format!("`{variable}` is set but empty; unset it, or give it a token"));
            return Err(Exit::Usage);
        }
        let token = token.to_str().ok_or_else(|| refuse(&variable, TokenError::Unsendable(role)))?;
        tokens.add(role, token).map_err(|error| refuse(&variable, error))?;
    }
    Ok(tokens)
}

/// Prints the result of a change: on standard error for people, as a line of JSON for programs.
fn tell(status: &ReloadStatus, format: Format) {
    let ReloadStatus { generation, outcome, rejected, candidate, report, .. } = status;
    if format == Format::Json {
        let rejected = rejected
            .as_ref()
            .map(|rejected| json!({ "reason": rejected.reason, "diagnostics": rejected.report.diagnostics }));
        let candidate =
            candidate.as_ref().map(|candidate| json!({ "digest": candidate.digest, "changed": candidate.changed }));
        output::json_line(&json!({
            "event": "reload", "outcome": outcome, "generation": generation, "rejected": rejected,
            "candidate": candidate, "warnings": report.diagnostics,
        }));
        return;
    }
    if let Some(rejected) = rejected {
        output::note(rejected.text(output::stderr_has_color()).trim_end());
    }
    let warnings = match candidate {
        Some(candidate) => &candidate.report,
        None => report,
    };
    if *outcome != Outcome::Rejected && !warnings.diagnostics.is_empty() {
        output::note(warnings.render(output::stderr_has_color()).trim_end());
    }
    output::note(match (outcome, candidate, rejected) {
        (Outcome::Rejected, ..) => format!("rejected: generation {generation} goes on"),
        (Outcome::Held, Some(candidate), _) => format!(
            "held: {} changes with `POST /reload/apply`; generation {generation} goes on",
            candidate.changed.join(", ")
        ),
        (Outcome::Unchanged, ..) => format!("unchanged: the files say again what generation {generation} says"),
        (Outcome::RolledBack, ..) => format!("rolled back: generation {generation}; the files say something else"),
        (_, _, Some(_)) => format!("reloaded: generation {generation}; what has errors is as it was"),
        _ => format!("reloaded: generation {generation}"),
    });
}

/// Shows what the first catalog is warned about, and the errors of packs that are left out.
fn tell_findings(compiled: &Compiled, format: Format) {
    match format {
        // Standard output is for the server's events.
        Format::Json if !compiled.report.diagnostics.is_empty() => {
            output::note(compiled.report.render(output::stderr_has_color()).trim_end());
        }
        _ => packs::show(&compiled.report, format),
    }
    for path in &compiled.broken {
        output::error(format!("`{}` has errors and is left out until they are gone", path.display()));
    }
}

/// What changed packs must pass: what `casebook test` runs, or a part of it. A pack without such cases does not pass.
fn gate(parts: Vec<GatePart>) -> ReloadGate {
    let part_of = |case: &Case| if case.kind == CaseKind::Probe { GatePart::Probes } else { GatePart::Tests };
    Arc::new(move |packs| {
        let mut problems = Vec::new();
        for pack in packs {
            let outcome = test::outcome(pack, "")?;
            // What every pack has by itself says nothing about this one.
            let is_own =
                |part: &GatePart| outcome.cases.iter().any(|case| case.path.is_some() && part_of(case) == *part);
            problems.extend(parts.iter().filter(|part| !is_own(part)).map(|part| {
                let noun = if *part == GatePart::Probes { "probe" } else { "test" };
                format!("the pack `{}` has no {noun}, and the gate asks for one", pack.name())
            }));
            let failed = outcome.cases.iter().filter(|case| parts.contains(&part_of(case)) && !case.passed);
            problems.extend(failed.map(|case| {
                let place = match (&case.path, case.line) {
                    (Some(path), Some(line)) => format!(" ({}:{line})", path.display()),
                    _ => String::new(),
                };
                format!("`{}` fails {} `{}`{place}: {}", pack.name(), case.suite, case.name, case.details.join("; "))
            }));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    })
}
