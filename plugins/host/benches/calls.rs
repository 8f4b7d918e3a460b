//! What a call of a plugin takes, an instance of its own included, and an episode with one beside the same without.
//!
//! `cargo bench -p casebook-plugin-host`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and ends when something is wrong")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use casebook_core::{
    check::Checker,
    plugin::{Limits, Offer, Operation, Plugin},
    policy,
    record::play,
    source::{self, SourceSet},
};
use casebook_plugin_host::WasmHost;

/// How long each thing is done.
const LONG: Duration = Duration::from_millis(1500);

fn main() {
    let trivial = wat::parse_str(include_str!("trivial.wat")).unwrap();
    calls("trivial", &trivial);
    for name in ["calibration", "readability", "pii_leak"] {
        let path = repository().join("plugins").join(name).join(format!("{name}.wasm"));
        calls(name, &std::fs::read(path).unwrap());
    }
    let recipe = repository().join("docs/cookbook/calibration");
    let with = source::read(std::slice::from_ref(&recipe));
    let mut without = with.clone();
    without.change(&|file| {
        let text =
            file.text.replace("grader: plugin\n      plugin: calibration\n      use: brier\n", "grader: exact\n");
        Some(text.replace("      with: { decision: verdict, confidence: sure }\n", ""))
    });
    episodes("an episode of two steps, `exact` twice", &without);
    episodes("an episode of two steps, `exact` and a plugin", &with);
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Calls each grader with its first example.
fn calls(name: &str, module: &[u8]) {
    let plugin = Plugin::load_checked(&WasmHost::default(), module, Limits::default()).unwrap();
    for grader in &plugin.description.graders {
        let call = grader.examples[0].call(Offer::Grader(grader));
        let each = time(|| drop(plugin.grade(grader, &call).unwrap()));
        println!(
            "{name} {:<12} {each:>8.2} us a call, {} units of fuel",
            grader.name,
            plugin.fuel_of(Operation::Grade, &call).unwrap()
        );
    }
}

fn episodes(what: &str, sources: &SourceSet) {
    let compiled = Checker::with_plugins(Some(Arc::new(WasmHost::default()))).compile(sources, 1);
    assert!(compiled.catalog.is_some(), "{}", compiled.report.render(false));
    let catalog = compiled.catalog.unwrap();
    let pack = &catalog.packs()[0];
    let oracle = policy::find(pack, "oracle").unwrap();
    let each = time(|| drop(play(&oracle, &pack.tasks()[0], 0).unwrap()));
    println!("{what:<46} {each:>8.2} us");
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
