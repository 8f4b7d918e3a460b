//! `cargo bench --bench check`: how long it takes to check a large pack, next to other tools that can check it.
//!
//! 1. A pack with 10,000 items: `casebook check` (everything: shape, names, rules, templates), next to `check-jsonschema`
//!    and ajv, which check the same files against the same schema and nothing else. Each is a whole process.
//! 2. A pack with 1,000 files of which one changed: reading, parsing and compiling it again, in process, as a reload does.
//! 3. Packs at size: 100,000 items, 20,000 rules, 10,000 tasks. Each is a whole process.
//! 4. A shipped pack with three families of a million tasks: checked whole, and again after its rubric and after its generator
//!    was saved, in process.
//!
//! The other tools are installed into the target folder. A tool that cannot be installed is left out with a note.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use casebook_compile::check::Checker;
use casebook_syntax::source::{self, SourceFile, SourceSet};

const ITEMS: usize = 10_000;
const FILES: usize = 1_000;
const RUNS: usize = 7;

const ENVIRONMENT: &str = "apiVersion: casebook/v1
kind: Environment
name: large
version: 1.0.0
description: Many tickets.
item:
  noun: ticket
  fields:
    subject: { type: text }
    sender: { type: address }
    amount: { type: number }
    plan: { type: enum, values: [free, paid] }
decision:
  queue: { type: enum, values: [answer, refund], truth: { rules: routing } }
action:
  shape: single
  properties: { queue: { decides: queue, required: true } }
observation:
  tickets: { items: pending }
---
apiVersion: casebook/v1
kind: Rules
name: routing
rules:
  - { id: R-MONEY, when: { amount: { gte: 100 } }, then: { queue: refund } }
default: { queue: answer }
---
apiVersion: casebook/v1
kind: Rubric
name: plain
reward: { mode: terminal }
score: { grader: exact, field: queue }
";

fn task(name: &str) -> String {
    format!(
        "apiVersion: casebook/v1\nkind: Task\nname: {name}\ndifficulty: 1\nsplit: train\ninbox: {name}\nmax_steps: 100\n\
         instructions: Sort them.\n"
    )
}

fn inbox(name: &str, items: usize) -> String {
    let mut text = format!("apiVersion: casebook/v1\nkind: Inbox\nname: {name}\nitems:\n");
    for at in 0..items {
        text.push_str(&format!(
            "  - id: t-{at}\n    fields:\n      subject: Question {at} about an order that has not come yet\n      \
             sender: customer{at}@home.example\n      amount: {}\n      plan: {}\n",
            at % 200,
            if at % 3 == 0 { "paid" } else { "free" }
        ));
    }
    text
}

/// Writes a pack of so many inboxes, each with a task of its own.
fn pack(folder: &Path, inboxes: usize, items: usize) -> Vec<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder).expect("removed");
    }
    fs::create_dir_all(folder.join("inboxes")).expect("a folder");
    fs::create_dir_all(folder.join("tasks")).expect("a folder");
    fs::write(folder.join("environment.yaml"), ENVIRONMENT).expect("written");
    (0..inboxes)
        .map(|at| {
            let name = format!("box-{at}");
            fs::write(folder.join(format!("tasks/{name}.yaml")), task(&name)).expect("written");
            let path = folder.join(format!("inboxes/{name}.yaml"));
            fs::write(&path, inbox(&name, items)).expect("written");
            path
        })
        .collect()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// The median time of a command in milliseconds; none when it fails.
fn time(label: &str, mut command: Command, runs: usize) -> Option<f64> {
    let mut times = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        let status = command.stdout(Stdio::null()).status();
        if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            println!("{label:<28} could not run: {status:?}");
            return None;
        }
        times.push(start.elapsed());
    }
    Some(median(times))
}

fn row(label: &str, ours: f64, theirs: Option<f64>) {
    if let Some(theirs) = theirs {
        println!("{label:<28} {theirs:>9.1} ms  {:>6.1} times ours", theirs / ours);
    }
}

/// Installs the other tools where they are not yet; returns the Python's folder and that of the node modules.
fn tools(target: &Path, sources: &Path) -> (PathBuf, PathBuf) {
    let node = target.join("validators");
    let venv = node.join(".venv");
    let quiet = |command: &mut Command| {
        if let Err(error) = command.stdout(Stdio::null()).status() {
            println!("{command:?}: {error}");
        }
    };
    if !venv.join("bin/check-jsonschema").exists() {
        quiet(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        quiet(Command::new(venv.join("bin/pip")).args(["install", "-q", "-r"]).arg(sources.join("requirements.txt")));
    }
    if !node.join("node_modules/ajv").exists() {
        fs::create_dir_all(&node).expect("a folder");
        for file in ["package.json", "package-lock.json", "ajv.mjs"] {
            if let Err(error) = fs::copy(sources.join(file), node.join(file)) {
                println!("{file}: {error}");
            }
        }
        quiet(
            Command::new("npm")
                .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--no-bin-links"])
                .current_dir(&node),
        );
    }
    (venv, node)
}

fn large_pack(target: &Path, root: &Path) {
    let folder = target.join("tmp/check-bench-large");
    let inboxes = pack(&folder, 10, ITEMS / 10);
    println!("a pack with {ITEMS} items in 10 files: medians of {RUNS} runs of a process");
    let mut check = Command::new(env!("CARGO_BIN_EXE_casebook"));
    check.arg("check").arg(&folder);
    let Some(ours) = time("casebook check", check, RUNS) else { return };
    println!("{:<28} {ours:>9.1} ms", "casebook check, everything");
    let (venv, node) = tools(target, &root.join("engine/cli/benches/validators"));
    let schema = root.join("schemas/inbox.schema.json");
    let mut python = Command::new(venv.join("bin/check-jsonschema"));
    python.arg("--schemafile").arg(&schema).args(&inboxes);
    row("check-jsonschema, shape only", ours, time("check-jsonschema", python, 3));
    let mut ajv = Command::new("node");
    ajv.arg(node.join("ajv.mjs")).arg(&schema).args(&inboxes);
    row("ajv from YAML, shape only", ours, time("ajv", ajv, RUNS));
}

fn one_file(target: &Path) {
    let folder = target.join("tmp/check-bench-many");
    let inboxes = pack(&folder, FILES / 2, 10);
    let roots = [folder];
    let mut checker = Checker::default();
    let start = Instant::now();
    let compiled = checker.compile(&source::read(&roots), 1);
    let first = start.elapsed().as_secs_f64() * 1e3;
    assert!(compiled.catalog.is_some(), "{}", compiled.report.render(false));
    let mut times = Vec::new();
    for run in 0..RUNS {
        let text = inbox("box-7", 10).replace("Question 3", &format!("Query {run}"));
        fs::write(&inboxes[7], text).expect("written");
        let start = Instant::now();
        let compiled = checker.compile(&source::read(&roots), 2);
        times.push(start.elapsed());
        assert!(compiled.catalog.is_some());
    }
    println!("\na pack with {} files and {} items, in process", FILES + 1, FILES / 2 * 10);
    println!("{:<28} {first:>9.1} ms", "read and checked whole");
    println!("{:<28} {:>9.1} ms", "again, one file changed", median(times));
}

/// Rules of which no two meet, and rules of which many may.
fn rules(folder: &Path, count: usize) {
    let mut text = "apiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: first\nrules:\n".to_owned();
    for at in 0..count {
        let when = match at % 3 {
            0 => format!("amount: {{ gte: {}, lt: {} }}", at * 10, at * 10 + 10),
            1 => format!("subject: {{ contains: order {at} }}, plan: free"),
            _ => format!("sender: {{ domain_in: [shop{at}.example] }}, amount: {{ gte: {at} }}"),
        };
        let queue = if at % 2 == 0 { "answer" } else { "refund" };
        text.push_str(&format!("  - {{ id: R-{at}, when: {{ {when} }}, then: {{ queue: {queue} }} }}\n"));
    }
    text.push_str("default: { queue: answer }\n");
    let environment = ENVIRONMENT.split("---\n").filter(|part| !part.contains("kind: Rules"));
    fs::write(folder.join("environment.yaml"), environment.collect::<Vec<_>>().join("---\n")).expect("written");
    fs::write(folder.join("rules.yaml"), text).expect("written");
}

/// Adds tasks, a hundred to a file, that play the inboxes there are.
fn tasks(folder: &Path, inboxes: usize, count: usize) {
    for file in 0..count / 100 {
        let all = (0..100).map(|at| {
            let number = file * 100 + at;
            task(&format!("more-{number}"))
                .replace(&format!("inbox: more-{number}"), &format!("inbox: box-{}", number % inboxes))
        });
        fs::write(folder.join(format!("tasks/more-{file}.yaml")), all.collect::<Vec<_>>().join("---\n"))
            .expect("written");
    }
}

fn sizes(target: &Path) {
    println!("\nat size: medians of 3 runs of `casebook check`");
    let folder = target.join("tmp/check-bench-sizes");
    let check = |label: &str| {
        let mut check = Command::new(env!("CARGO_BIN_EXE_casebook"));
        check.arg("check").arg(&folder);
        if let Some(ours) = time(label, check, 3) {
            println!("{label:<28} {ours:>9.1} ms");
        }
    };
    for items in [10_000, 100_000] {
        pack(&folder, 10, items / 10);
        check(&format!("{items} items"));
    }
    for count in [1_000, 20_000] {
        pack(&folder, 1, 100);
        rules(&folder, count);
        check(&format!("{count} rules"));
    }
    for count in [2_500, 10_000] {
        pack(&folder, 100, 2);
        tasks(&folder, 100, count);
        check(&format!("{count} tasks"));
    }
}

fn family(root: &Path) {
    let mut sources = source::read(&[root.join("scenarios/email-ops")]);
    let mut checker = Checker::default();
    let mut compile = |sources: &SourceSet| {
        let start = Instant::now();
        let compiled = checker.compile(sources, 1);
        assert!(compiled.catalog.is_some(), "{}", compiled.report.render(false));
        start.elapsed()
    };
    println!("\na pack with three families of a million tasks, in process: medians of {RUNS} runs");
    println!("{:<28} {:>9.1} ms", "checked whole", median(vec![compile(&sources)]));
    for name in ["rubric-desk.yaml", "generator.yaml"] {
        let mut times = Vec::new();
        for run in 0..RUNS {
            let file = sources.packs[0].files.iter_mut().find(|file| file.path.ends_with(name)).expect("the file");
            *file = SourceFile::new(&file.path, &format!("{}# {run}\n", file.text));
            times.push(compile(&sources));
        }
        println!("{:<28} {:>9.1} ms", format!("again, {name} saved"), median(times));
    }
}

fn main() {
    // `cargo test --benches` asks whether it runs at all; that is shown by building it.
    if env::args().any(|arg| arg == "--test") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in engine/cli");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is in the target folder");
    large_pack(target, root);
    one_file(target);
    sizes(target);
    family(root);
}
