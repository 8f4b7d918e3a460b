//! The `casebook` binary.
//!
//! | file | what |
//! |---|---|
//! | `args.rs` | the command line |
//! | `exit.rs` | what exit codes mean |
//! | `output.rs` | the one place that writes to the terminal |
//! | `packs.rs` | packs read and compiled, with their findings shown |
//! | `commands/` | one file a command |

mod args;
mod commands;
mod exit;
mod output;
mod packs;

use std::process::ExitCode;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::read();
    output::set_color(args.color);
    let format = args.format;
    let exit = match args.command {
        Command::Serve(args) => commands::serve::run(args, format),
        Command::Check(args) => commands::check::run(&args, format),
        Command::Schema(args) => commands::schema::run(&args, format),
        Command::Run(args) => commands::run::run(&args, format),
        Command::Replay(args) => commands::replay::run(&args, format),
        Command::Baseline(args) => commands::baseline::run(&args, format),
    };
    exit.into()
}
