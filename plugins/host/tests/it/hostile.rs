//! `hostile/*.wat`: plugins that mean harm, or are merely broken, and what each is told.
//!
//! Each ends in an error in bounded time, for every one has fuel for a million units, and in bounded memory.

use std::fs;

use casebook_core::plugin::{Plugin, Refusal};
use casebook_plugin_host::WasmHost;

use super::guests::{self, LIMITS};

/// An input that is longer than any example.
fn long() -> String {
    format!(r#"{{"grader":"g","parameters":{{}},"decision":{{"reply":"{}"}}}}"#, "x".repeat(1000))
}

fn told(refusal: Refusal) -> String {
    match refusal {
        Refusal::Unfit(text) => text,
        Refusal::Untrue(texts) => texts.join("; "),
        Refusal::NotAllowed => "is not allowed".into(),
    }
}

#[test]
fn every_hostile_plugin_ends_in_its_error() {
    let host = WasmHost::default();
    let mut wrong = Vec::new();
    let cases = guests::all("hostile");
    assert!(cases.len() >= 50, "only {} cases", cases.len());
    for (name, text) in cases {
        let says = text.lines().next().and_then(|line| line.strip_prefix(";; says: ")).expect("what it is told");
        let loaded = Plugin::load_checked(&host, &guests::module(&name, &text), LIMITS);
        let error = match (name.starts_with("call_"), loaded) {
            (true, Ok(plugin)) => {
                let grader = &plugin.description.graders[0];
                let once = plugin.grade(grader, &long()).expect_err(&name);
                // What a call did does not matter to the next one.
                assert_eq!(plugin.grade(grader, &long()).expect_err(&name), once, "{name}");
                assert!(plugin.grade(grader, "{}").is_ok(), "{name}");
                once
            }
            (false, Err(refusal)) => told(refusal),
            (true, Err(refusal)) => format!("is refused: {}", told(refusal)),
            (false, Ok(_)) => "is taken".to_owned(),
        };
        if !error.contains(says) {
            wrong.push(format!("{name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(peak_kib().is_none_or(|peak| peak < 512 * 1024), "{:?} KiB were used", peak_kib());
}

#[test]
fn plugins_that_only_look_strange_are_taken() {
    let host = WasmHost::default();
    for (name, text) in guests::all("fine") {
        let loaded = Plugin::load_checked(&host, &guests::module(&name, &text), LIMITS);
        assert!(loaded.is_ok(), "{name}: {:?}", loaded.err());
    }
}

/// The most memory that this process has had, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}
