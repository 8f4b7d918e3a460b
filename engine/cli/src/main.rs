//! The `casebook` binary.
//!
//! | file | what |
//! |---|---|
//! | `args.rs` | the command line |
//! | `audit/` | what an audit needs of a socket, and its report for people |
//! | `completions.rs` | completions of language models behind an endpoint |
//! | `descriptors.rs` | how many connections the system has open files for |
//! | `exit.rs` | what exit codes mean |
//! | `files.rs` | files that commands write |
//! | `interrupt.rs` | being asked to stop |
//! | `judge.rs` | language models that grade |
//! | `objects.rs` | object stores in which records are kept |
//! | `formats/` | findings and test results as CI systems read them |
//! | `output.rs` | the one place that writes to the terminal |
//! | `packs.rs` | packs read and compiled, with their findings shown |
//! | `plugins.rs` | the one place that names what runs plugins |
//! | `telemetry.rs` | where events and spans of the server go |
//! | `trail.rs` | the audit trail that a command writes |
//! | `commands/` | one file a command |

mod args;
mod audit;
mod commands;
mod completions;
mod descriptors;
mod exit;
mod files;
mod formats;
mod http;
mod interrupt;
mod judge;
mod objects;
mod output;
mod packs;
mod plot;
mod plugins;
mod progress;
mod telemetry;
mod trail;

use std::process::ExitCode;

use args::{Args, Command, Format};
use casebook_runtime::names::list;
use clap::ValueEnum as _;

fn main() -> ExitCode {
    if let Err(error) = interrupt::outlive_size_limits() {
        output::error(format!("cannot listen for signals: {error}"));
        return exit::Exit::Failure.into();
    }
    let args = match Args::read() {
        Ok(args) => args,
        Err(exit) => return exit.into(),
    };
    output::set_color(args.color);
    let format = args.format;
    if !args.command.writes(format) {
        let formats = Format::value_variants().iter().filter(|format| args.command.writes(**format));
        let names: Vec<String> = formats.map(|format| format.name()).collect();
        let known = list(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
        output::error(format!("this command cannot write the format `{}`; it can write {known}", format.name()));
        return exit::Exit::Usage.into();
    }
    objects::keep_logs_in(&args.records_journal);
    if let Err((exit, problem)) = judge::allow(&args.judges) {
        output::error(problem);
        return exit.into();
    }
    if let Err(error) = plugins::allow(&args) {
        output::error(format!("cannot listen for signals: {error}"));
        return exit::Exit::Failure.into();
    }
    let exit = match args.command {
        Command::Serve(args) => commands::serve::run(*args, format),
        Command::Check(args) => commands::check::run(&args, format),
        Command::Test(args) => commands::test::run(&args, format),
        Command::Explain(args) => commands::explain::run(&args, format),
        Command::ExplainItem(args) => commands::explain_item::run(&args, format),
        Command::Trail(args) => commands::trail::run(&args, format),
        Command::Audit(args) => commands::audit::run(&args, format),
        Command::New(args) => commands::new::run(&args, format),
        Command::Fmt(args) => commands::fmt::run(&args, format),
        Command::Docs(args) => commands::docs::run(&args, format),
        Command::Table(args) => commands::table::run(&args, format),
        Command::Rules(args) => commands::rules::run(&args, format),
        Command::Schema(args) => commands::schema::run(&args, format),
        Command::Plugin(args) => commands::plugin::run(&args, format),
        Command::Import(args) => commands::import::run(&args, format),
        Command::Sample(args) => commands::sample::run(&args, format),
        Command::Stats(args) => commands::stats::run(&args, format),
        Command::Mutate(args) => commands::mutate::run(&args, format),
        Command::Run(args) => commands::run::run(&args, format),
        Command::Records(args) => commands::records::run(&args, format),
        Command::Regrade(args) => commands::regrade::run(&args, format),
        Command::Eval(args) => commands::eval::run(&args, format),
        Command::Judge(args) => commands::judge::run(&args, format),
        Command::Sweep(args) => commands::sweep::run(&args, format),
        Command::Replay(args) => commands::replay::run(&args, format),
        Command::Baseline(args) => commands::baseline::run(&args, format),
    };
    plugins::end();
    output::finish(judge::exit(exit)).into()
}
