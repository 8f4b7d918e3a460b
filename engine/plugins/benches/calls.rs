//! What a call of a plugin takes, an instance of its own included, and episodes with one next to the same without: one by one,
//! and of 64 sessions at one time.
//!
//! `cargo bench -p casebook-plugins`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and ends when something is wrong")]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use casebook_compile::check::Checker;
use casebook_plugins::{PluginHost, Processes, WasmHost};
use casebook_runtime::{
    episode::Episode,
    plugin::{GraderOffer, Limits, Offer, Operation, Plugin},
    policy,
    record::play,
    scenario::Pack,
};
use casebook_syntax::{
    source::{self, SourceSet},
    spec::ProcessSpec,
};

/// What is run as a process.
const SCRIPT: &str = "import plain\nplain.serve(None)\n";
/// Sessions that play at one time.
const SESSIONS: usize = 64;
/// How long each thing is done.
const LONG: Duration = Duration::from_millis(1500);

fn main() {
    let trivial = wat::parse_str(include_str!("trivial.wat")).unwrap();
    calls("trivial", &trivial);
    for name in ["calibration", "readability", "pii_leak"] {
        let path = repository().join("plugins").join(name).join(format!("{name}.wasm"));
        calls(name, &std::fs::read(path).unwrap());
    }
    let process = casebook_compile::plugin::program("odd", &process(1), files(), None);
    let plugin = casebook_compile::plugin::start_checked(&host(), &process).unwrap();
    println!("process in Python  {:>8.2} us a call", call_of(&plugin, &plugin.description.graders[0]));
    drop(plugin);

    let recipe = source::read(&[repository().join("docs/cookbook/calibration")]);
    let packs = [
        ("built-in grader", compile(&changed(&recipe, "", "grader: exact"))),
        ("wasm grader", compile(&recipe)),
        ("process grader", compile(&changed(&recipe, declaration(), "grader: plugin\n      plugin: odd"))),
    ];
    println!("\nepisodes of two steps, with `exact` and another grader");
    compare(&packs, "us", |pack| {
        let oracle = policy::find(pack, "oracle").unwrap();
        time(|| drop(play(&oracle, &pack.tasks()[0], 0).unwrap()))
    });
    println!("\n{SESSIONS} sessions at one time");
    compare(&packs, "us a step", |pack| 1e6 / steps_a_second(pack));
}

/// Prints the time of each pack, and its ratio to the first one.
fn compare(packs: &[(&str, Arc<Pack>)], unit: &str, mut measure: impl FnMut(&Arc<Pack>) -> f64) {
    let mut first = None;
    for (name, pack) in packs {
        let value = measure(pack);
        let ratio = value / *first.get_or_insert(value);
        println!("{name:<18} {value:>8.2} {unit}, {ratio:>6.2} times the first");
    }
}

/// The steps of all sessions together, in each second.
fn steps_a_second(pack: &Arc<Pack>) -> f64 {
    let oracle = policy::find(pack, "oracle").unwrap();
    let actions = play(&oracle, &pack.tasks()[0], 0).unwrap().actions;
    let steps = AtomicU64::new(0);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..SESSIONS {
            scope.spawn(|| {
                while begun.elapsed() < LONG {
                    let mut episode = Episode::reset(pack, &pack.tasks()[0], 0).unwrap();
                    for action in &actions {
                        drop(episode.step(action).unwrap());
                        steps.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "there are not so many")]
    let steps = steps.into_inner() as f64;
    steps / begun.elapsed().as_secs_f64()
}

fn host() -> PluginHost {
    PluginHost { processes: Processes::Allowed, ..PluginHost::default() }
}

fn process(processes: u32) -> ProcessSpec {
    ProcessSpec { command: ["python3", "-B"].map(str::to_owned).into(), processes, ..ProcessSpec::default() }
}

/// A script that answers the same always, and the plain plugin behind it.
fn files() -> Vec<(PathBuf, Arc<[u8]>)> {
    let plain = std::fs::read(repository().join("engine/plugins/tests/plain.py")).unwrap();
    vec![("odd.py".into(), Arc::from(SCRIPT.as_bytes())), ("plain.py".into(), plain.into())]
}

/// The same program, as a pack declares it.
fn declaration() -> &'static str {
    "plugins:\n  odd:\n    file: plugins/odd.py\n    version: \"1\"\n    \
     process: { command: [python3, -B], files: [plugins/plain.py], processes: 2 }\n"
}

/// The recipe with another plugin, or none, and another grader.
fn changed(recipe: &SourceSet, plugins: &str, grader: &str) -> SourceSet {
    let mut sources = recipe.clone();
    sources.change(&|file| {
        let text = file.text.replace("grader: plugin\n      plugin: calibration\n      use: brier", grader);
        let text = text.replace("      with: { decision: verdict, confidence: sure }\n", "");
        let (before, after) = (text.find("plugins:\n"), text.find("observation:\n"));
        Some(match (before, after) {
            (Some(before), Some(after)) => format!("{}{plugins}{}", &text[..before], &text[after..]),
            _ => text,
        })
    });
    let files = files();
    let named = [("plugins/odd.py", &files[0].1), ("plugins/plain.py", &files[1].1)];
    sources.with_modules(named.map(|(name, bytes)| (name, &**bytes)))
}

fn compile(sources: &SourceSet) -> Arc<Pack> {
    let compiled = Checker::with_plugins(Some(Arc::new(host()))).compile(sources, 1);
    assert!(compiled.catalog.is_some(), "{}", compiled.report.render(false));
    Arc::clone(&compiled.catalog.unwrap().packs()[0])
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Calls each grader with its first example.
fn calls(name: &str, module: &[u8]) {
    let plugin = casebook_compile::plugin::load_checked(&WasmHost::default(), module, Limits::default()).unwrap();
    for grader in &plugin.description.graders {
        let call = grader.examples[0].call(Offer::Grader(grader));
        let each = call_of(&plugin, grader);
        println!(
            "{name} {:<12} {each:>8.2} us a call, {} units of fuel",
            grader.name,
            plugin.fuel_of(Operation::Grade, &call).unwrap()
        );
    }
}

/// Microseconds of a call with the first example.
fn call_of(plugin: &Plugin, grader: &GraderOffer) -> f64 {
    let call = grader.examples[0].call(Offer::Grader(grader));
    time(|| drop(plugin.grade(grader, &call).unwrap()))
}

/// Microseconds that something takes, in the mean of many times.
fn time(mut run: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut times = 0_u32;
    while begun.elapsed() < LONG {
        for _ in 0..50 {
            run();
        }
        times += 50;
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}
