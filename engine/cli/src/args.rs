//! The command line.
//!
//! | file | what |
//! |---|---|
//! | `args/audit.rs` | `audit` |
//! | `args/eval.rs` | `eval` |
//! | `args/explain_item.rs` | `explain-item` |
//! | `args/judge.rs` | language models that grade |
//! | `args/records.rs` | stores of records |
//! | `args/regrade.rs` | `regrade` |
//! | `args/sweep.rs` | `sweep` |
//! | `args/rules.rs` | `rules diff` and `rules trial` |
//! | `args/trail.rs` | audit trails |

mod audit;
mod eval;
mod explain_item;
mod judge;
mod mutate;
mod records;
mod regrade;
mod sweep;
mod rules;
mod sample;

mod serve;
mod trail;

use std::{ffi::OsString, path::PathBuf};

use casebook_runtime::{model::read_moment, record::MAX_SEED};
use clap::{
    ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, builder::OsStringValueParser,
    error::ErrorKind, parser::ValueSource,
};

use crate::{exit::Exit, output};

pub(crate) use serve::{GatePart, LogFormat, ServeArgs, seconds};

pub(crate) use audit::AuditArgs;
pub(crate) use eval::{Act, EvalArgs, ModelArgs};
pub(crate) use explain_item::ExplainItemArgs;
pub(crate) use judge::{JudgeAction, JudgeArgs, JudgeCheckArgs, JudgeSettings};
pub(crate) use mutate::{MutateArgs, Mutated};
pub(crate) use records::{
    CompactArgs, ExportArgs, ExportFormat, FilterArgs, ListArgs, PruneArgs, ReadArgs, RecordsAction, RecordsArgs,
    RecordsImportArgs, ShowArgs,
};
pub(crate) use regrade::RegradeArgs;
pub(crate) use rules::{RulesDiffArgs, RulesTrialArgs};
pub(crate) use sample::{SampleArgs, StatsArgs};
pub(crate) use sweep::SweepArgs;
pub(crate) use trail::{SealArgs, TrailAction, TrailArgs, TrailCommandArgs, VerifyArgs};

/// Triage environments for AI agents, written as YAML
#[derive(Debug, Parser)]
#[command(name = "casebook", version, long_about = ABOUT, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The command
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The output format
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Starts plugins that are programs, with all permissions of this user; only for code that you trust
    #[arg(long, global = true)]
    pub(crate) allow_process_plugins: bool,
    /// The local folder for logs of records that are kept in an object store such as `s3://bucket/prefix`
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "records-journal",
        env = "CASEBOOK_RECORDS_JOURNAL",
        hide_short_help = true
    )]
    pub(crate) records_journal: PathBuf,
    #[command(flatten)]
    pub(crate) judges: JudgeSettings,
}

impl Args {
    /// Reads the command line of this process; flags without a command are those of `serve`.
    ///
    /// # Errors
    ///
    /// When the command line is wrong, and when it asks for help; both are printed.
    pub(crate) fn read() -> Result<Self, Exit> {
        let args = with_command(std::env::args_os().collect());
        if let Some(action) = audit::moved(&args) {
            output::error(format!("trails are read by another command now: use `casebook trail {action} FILE`"));
            return Err(Exit::Usage);
        }
        Self::try_parse_from(args).map_err(|answer| {
            if answer.use_stderr() {
                // Where standard error takes nothing, the exit code still says it.
                let _ = answer.print();
                return Exit::Usage;
            }
            output::help(&answer);
            output::finish(Exit::Success)
        })
    }
}

/// Puts `serve` in front of flags that come without a command, so that `server --port 9000` serves.
fn with_command(mut args: Vec<OsString>) -> Vec<OsString> {
    const ASKING: [&str; 4] = ["-h", "--help", "-V", "--version"];
    let command = Args::command();
    let given = |arg: &OsString| {
        let text = arg.to_string_lossy();
        text == "help" || ASKING.contains(&text.as_ref()) || command.find_subcommand(text.as_ref()).is_some()
    };
    let bare = args.get(1).is_none_or(|first| first.to_string_lossy().starts_with('-'));
    if bare && !args.iter().skip(1).any(given) {
        args.insert(1, "serve".into());
    }
    args
}

const ABOUT: &str = "Triage environments for AI agents, written as YAML.

Without a command it serves the packs in `./scenarios` on http://127.0.0.1:8000.";

const EXIT_CODES: &str = "Exit codes: 0 success, 1 something is wrong with a pack, record or schema, \
2 the command line is wrong, 3 I/O error (port in use, file or output not writable).";

/// How to print results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// For programs, on standard output
    Json,
    /// Annotations on the lines of a pull request (`check`, `rules check`, `test`, `fmt`)
    Github,
    /// JUnit XML, for the test reports of CI systems (`check`, `rules check`, `test`, `fmt --check`, `audit`)
    Junit,
    /// SARIF 2.1, for code scanning (`check`, `rules check`)
    Sarif,
    /// Markdown, for a comment on a pull request (`rules diff`, `rules trial`, `regrade`, `audit`)
    Markdown,
    /// A page that opens without a network (`audit`)
    Html,
    /// Comma-separated values (`records list`, `records stats`)
    Csv,
}

impl Format {
    /// The name as the command line writes it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Command {
    /// Whether it can write a format.
    pub(crate) fn writes(&self, format: Format) -> bool {
        match format {
            Format::Human | Format::Json => true,
            Format::Github if matches!(self, Self::Fmt(_)) => true,
            Format::Junit if matches!(self, Self::Fmt(args) if args.check) => true,
            Format::Junit | Format::Markdown | Format::Html if matches!(self, Self::Audit(_)) => true,
            Format::Github | Format::Junit => {
                matches!(
                    self,
                    Self::Check(_) | Self::Test(_) | Self::Rules(RulesArgs { action: RulesAction::Check(_) })
                )
            }
            Format::Markdown if matches!(self, Self::Regrade(_)) => true,
            Format::Markdown => {
                matches!(self, Self::Rules(RulesArgs { action: RulesAction::Diff(_) | RulesAction::Trial(_) }))
            }
            Format::Html => false,
            Format::Csv => {
                matches!(self, Self::Records(RecordsArgs { action: RecordsAction::List(_) | RecordsAction::Stats(_) }))
            }
            Format::Sarif => matches!(self, Self::Check(_) | Self::Rules(RulesArgs { action: RulesAction::Check(_) })),
        }
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves packs over the OpenEnv protocol, with a page to try them, and reloads them when they change
    Serve(Box<ServeArgs>),
    /// Checks packs and reports every problem with its line
    Check(CheckArgs),
    /// Runs the test documents of packs: rule cases, episodes, probes, coverage
    Test(TestArgs),
    /// Explains a diagnostic code, with a wrong and a right example
    Explain(ExplainArgs),
    /// Explains the right decisions about an item, rule by rule
    ExplainItem(ExplainItemArgs),
    /// Verifies and seals audit trails
    Trail(TrailCommandArgs),
    /// Audits packs, or the server at an address (`http://...`), by the checks of OpenEnv's quality bar
    Audit(AuditArgs),
    /// Creates a pack from a template
    New(NewArgs),
    /// Formats files; comments are kept
    Fmt(FmtArgs),
    /// Writes one page about each pack
    Docs(DocsArgs),
    /// Converts rules to a CSV table and back
    Table(TableArgs),
    /// Proves what rules mean: what never matches, what overlaps, what no rule covers
    Rules(RulesArgs),
    /// Writes the JSON Schemas of all kinds of documents
    Schema(SchemaArgs),
    /// Creates, checks, lists and pins plugins
    Plugin(PluginArgs),
    /// Makes an inbox from a file, with an importer of one of the pack's plugins
    Import(ImportArgs),
    /// Prints items that tasks draw, with what is right about them
    Sample(SampleArgs),
    /// Describes the items of tasks: shares, texts that repeat, and shortcuts past the truth
    Stats(StatsArgs),
    /// Makes small faults in packs, one after the other, and reports which of them no test notices
    Mutate(MutateArgs),
    /// Grades recorded episodes with another version of their packs, and reports what changes
    Regrade(RegradeArgs),
    /// Measures how far language models that grade agree with people
    Judge(JudgeArgs),
    /// Tries values of a rubric on recorded episodes, and reports which of them order the policies as wanted
    Sweep(SweepArgs),
    /// Plays tasks with a policy
    Run(RunArgs),
    /// Plays tasks with policies, models and programs, and reports means with intervals
    Eval(Box<EvalArgs>),
    /// Plays recorded episodes again and compares every byte
    Replay(ReplayArgs),
    /// Lists, shows, exports, imports and removes recorded episodes
    Records(RecordsArgs),
    /// Plays every task with the pack's baseline policy and prints the scores; leaves out families
    Baseline(BaselineArgs),
}

/// Which packs.
#[derive(Debug, Clone)]
pub(crate) struct PacksArgs {
    pub(crate) packs: Vec<PathBuf>,
    /// Whether neither the command line nor the variable names any.
    pub(crate) is_default: bool,
}

/// Which packs, as the command line or the variable names them.
#[derive(Debug, clap::Args)]
struct NamedPacks {
    /// Packs, folders of packs, or files of packs; in the variable they are separated by `:`
    #[arg(value_name = "PACK", default_value = "scenarios", env = "CASEBOOK_PACKS", value_parser = OsStringValueParser::new())]
    packs: Vec<OsString>,
}

impl clap::Args for PacksArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        NamedPacks::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        NamedPacks::augment_args_for_update(command)
    }
}

impl FromArgMatches for PacksArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let NamedPacks { packs } = NamedPacks::from_arg_matches(matches)?;
        let source = matches.value_source("packs");
        // Only a variable needs a separator; on the command line a path may hold one.
        let packs: Vec<PathBuf> = if source == Some(ValueSource::EnvVariable) {
            packs.iter().flat_map(std::env::split_paths).filter(|path| !path.as_os_str().is_empty()).collect()
        } else {
            packs.into_iter().map(PathBuf::from).collect()
        };
        if packs.iter().any(|path| path.as_os_str().is_empty()) {
            return Err(clap::Error::raw(ErrorKind::InvalidValue, "a PACK cannot be an empty text\n"));
        }
        // A variable that is set to nothing names nothing.
        let is_default = packs.is_empty() || source == Some(ValueSource::DefaultValue);
        Ok(Self { packs: if packs.is_empty() { vec!["scenarios".into()] } else { packs }, is_default })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// Applies the fixes that findings suggest; comments and formatting are kept
    #[arg(long)]
    pub(crate) fix: bool,
    /// Fails on warnings
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// Runs only cases whose name, or whose document's name, contains this
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) filter: String,
    /// Runs again whenever a file changes, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// Writes `golden.csv` into each pack: what policies and built-in agents score and earn in its tasks, which each later run
    /// must find as it is; with `--judge URL` also `judge.jsonl`: what models that grade answer to what the tests ask
    #[arg(long, conflicts_with_all = ["watch", "filter"])]
    pub(crate) update: bool,
    /// Also lists the cases that passed
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// A code such as `CB201`; lists all codes if it is omitted
    pub(crate) code: Option<String>,
}

/// Arguments of `new`.
#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// The pack's name: lower-case letters, digits and `-`
    pub(crate) name: String,
    /// The template
    #[arg(long, value_enum, default_value_t = Template::Single)]
    pub(crate) template: Template,
    /// The folder in which to create the pack's folder
    #[arg(long = "in", value_name = "FOLDER", default_value = "scenarios")]
    pub(crate) folder: PathBuf,
}

/// A template of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// One item per step, decided by rules
    Single,
    /// A list of decisions per step, over the whole inbox
    Batch,
    /// One item per step, and a tool that looks up hidden fields
    Tools,
    /// Typed actions and a state, no items
    Actions,
}

/// Arguments of `fmt`.
#[derive(Debug, clap::Args)]
pub(crate) struct FmtArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// Writes nothing; fails if a file would change
    #[arg(long)]
    pub(crate) check: bool,
}

/// Arguments of `docs`.
#[derive(Debug, clap::Args)]
pub(crate) struct DocsArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// The folder to write `<pack>.md` into; default: standard output
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `table`.
#[derive(Debug, clap::Args)]
pub(crate) struct TableArgs {
    #[command(subcommand)]
    pub(crate) action: TableAction,
}

/// The command with a table.
#[derive(Debug, Subcommand)]
pub(crate) enum TableAction {
    /// Prints the rules of a file as CSV
    Export {
        /// The file with `kind: Rules`
        file: PathBuf,
        /// Where to write it; default: standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Replaces the rules of a file by the rows of a CSV table
    Import {
        /// The CSV table
        csv: PathBuf,
        /// The file with `kind: Rules`; everything else in it stays the same
        file: PathBuf,
    },
}

/// Arguments of `rules`.
#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    pub(crate) action: RulesAction,
}

/// What to ask about rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesAction {
    /// Proves what rules can and cannot do, with an example item for each finding
    Check(RulesCheckArgs),
    /// Proves what changes from one version of rules to another, with example items
    Diff(RulesDiffArgs),
    /// Judges items and recorded episodes with candidate rules, and compares with the current rules
    Trial(RulesTrialArgs),
}

/// Arguments of `rules check`.
#[derive(Debug, clap::Args)]
pub(crate) struct RulesCheckArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// Fails on warnings
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// Where to write them
    #[arg(long, value_name = "FOLDER", default_value = "schemas")]
    pub(crate) out: PathBuf,
    /// Adds the parameters of this pack's plugins, for editors; best with a separate `--out`
    #[arg(long, value_name = "PACK")]
    pub(crate) pack: Option<PathBuf>,
    /// Also writes the reference of all keys, a Markdown page, to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) reference: Option<PathBuf>,
    /// Writes nothing; fails if a file is stale
    #[arg(long)]
    pub(crate) check: bool,
}

/// Arguments of `plugin`.
#[derive(Debug, clap::Args)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    pub(crate) action: PluginAction,
}

/// The command with plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginAction {
    /// Creates a plugin from a template, with the command that builds it
    New {
        /// The plugin's name: lower-case letters, digits, `-` and `_`
        name: String,
        /// The language
        #[arg(long, value_enum, default_value_t = PluginLanguage::C)]
        lang: PluginLanguage,
        /// The folder in which to create the plugin's folder
        #[arg(long = "in", value_name = "FOLDER", default_value = "plugins")]
        folder: PathBuf,
    },
    /// Runs a plugin's examples and measures a call
    Check {
        /// The `.wasm` file, or the file of a program, with its other files next to it
        file: PathBuf,
        /// The command that runs a program's file, with arguments; default: `python3` for a `.py` file,
        /// otherwise the file itself
        #[arg(long, value_name = "COMMAND")]
        command: Option<String>,
    },
    /// Lists the plugins of packs
    List(PacksArgs),
    /// Writes the digests of the plugins' files into the packs; comments and formatting are kept
    Lock(PacksArgs),
}

/// The language of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PluginLanguage {
    /// C, with one header and no library
    C,
    /// Rust, with its WebAssembly target
    Rust,
    /// Python, as a process, which needs `--allow-process-plugins`
    Python,
}

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The pack
    pub(crate) pack: PathBuf,
    /// The file to import items from
    pub(crate) file: PathBuf,
    /// The plugin, as the pack's environment names it, and the importer if it offers several
    #[arg(long, value_name = "PLUGIN[:IMPORTER]")]
    pub(crate) with: String,
    /// A parameter of the importer; can be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) parameters: Vec<(String, String)>,
    /// The inbox's name; default: the name of the file
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where to write it; default: a file with the inbox's name in the pack
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Overwrites an existing file
    #[arg(long)]
    pub(crate) replace: bool,
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// A task to play; can be repeated. Default: all tasks
    #[arg(long = "task", value_name = "NAME")]
    pub(crate) tasks: Vec<String>,
    /// The policy: `oracle`, `nothing`, `random`, one answer to everything such as `always(archive)` or `always(queue=archive)`,
    /// `oracle_minus_one`, `keywords` or `echo`, `obey` where instructions are planted, `longest`, `first_listed`, `label_probe`,
    /// `pump`, `invalid`, `memoriser` or `hill_climber`, or a policy of the pack
    #[arg(long, value_name = "NAME", default_value = "oracle")]
    pub(crate) policy: String,
    /// The seed of the first episode
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = seed)]
    pub(crate) seed: u64,
    /// The number of episodes per task, with consecutive seeds
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) episodes: u64,
    /// A reset argument that the pack declares; can be repeated
    #[arg(long = "reset", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) arguments: Vec<(String, String)>,
    /// The level at which tasks draw; short for `--reset level=NAME`
    #[arg(long, value_name = "NAME")]
    pub(crate) level: Option<String>,
    /// Appends one JSON line per episode to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Adds each episode, with its observations, to a store of records: a folder of Parquet files
    #[arg(long, value_name = "DIR")]
    pub(crate) records: Option<PathBuf>,
    /// Prints `[START]`, `[STEP]` and `[END]` lines
    #[arg(long, value_enum)]
    pub(crate) log: Option<Log>,
    /// Explains each score: what each node of the rubric adds to it, and which items cost something. Done anyway for a
    /// single episode without full marks
    #[arg(long)]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
}

/// A log's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Log {
    /// The lines that OpenEnv's example scripts print
    Openenv,
}

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// A file written by `run --record`
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
}

/// Arguments of `baseline`.
#[derive(Debug, clap::Args)]
pub(crate) struct BaselineArgs {
    #[command(flatten)]
    pub(crate) packs: PacksArgs,
    /// The seed
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = seed)]
    pub(crate) seed: u64,
}

/// Reads a seed.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    let seed = text.parse().ok().filter(|seed| *seed <= MAX_SEED);
    seed.ok_or_else(|| format!("expected a whole number from 0 to {MAX_SEED}"))
}

/// Reads `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "write it as NAME=VALUE".to_owned())?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// A moment of a command line, in milliseconds since 1970.
fn moment(text: &str) -> Result<i64, String> {
    read_moment(text).map_err(|expected| format!("expected {expected}"))
}
