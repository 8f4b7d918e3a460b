//! `hostile/*.wat`: plugins that mean harm, or are merely broken, and what each is told.
//!
//! Each ends in an error in bounded time, for every one has fuel for a million units, and in bounded memory.

use std::fs;

use casebook_plugins::WasmHost;
use casebook_runtime::plugin::{Limits, Refusal};

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
    assert!(cases.len() >= 70, "only {} cases", cases.len());
    for (name, text) in cases {
        let says = text.lines().next().and_then(|line| line.strip_prefix(";; says: ")).expect("what it is told");
        let loaded = casebook_compile::plugin::load_checked(&host, &guests::module(&name, &text), LIMITS);
        let error = match (name.starts_with("call_"), loaded) {
            (true, Ok(plugin)) => {
                let offer = plugin.description.offers().next().expect("an offer");
                let once = plugin.call(offer, &long()).expect_err(&name);
                // What a call did does not matter to the next one.
                assert_eq!(plugin.call(offer, &long()).expect_err(&name), once, "{name}");
                assert!(plugin.call(offer, "{}").is_ok(), "{name}");
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

/// Millions of items, as many as an author's import may answer in bytes: no more are read than are allowed.
#[test]
fn an_importer_of_millions_of_items_is_refused_before_they_are_read() {
    let text = r"@plugin_of importer
@import_when_long (return (call $many))
(func $many (result i64) (local $at i32)
  (drop (memory.grow (i32.const 260)))
  (i64.store (i32.const 65536) (i64.const 0x5b3a22736d657469)) (i32.store16 (i32.const 65534) (i32.const 0x227b))
  (local.set $at (i32.const 65544))
  (loop $more
    (i32.store16 (local.get $at) (i32.const 0x2c30))
    (local.set $at (i32.add (local.get $at) (i32.const 2)))
    (br_if $more (i32.lt_u (local.get $at) (i32.const 16000000))))
  (i32.store16 (local.get $at) (i32.const 0x5d30)) (i32.store8 offset=2 (local.get $at) (i32.const 0x7d))
  (i64.or (i64.shl (i64.const 65534) (i64.const 32)) (i64.extend_i32_u (i32.sub (i32.add (local.get $at) (i32.const 3)) (i32.const 65534)))))";
    let plugin =
        casebook_compile::plugin::load_checked(&WasmHost::default(), &guests::module("many", text), Limits::AUTHORING)
            .unwrap_or_else(|refusal| panic!("{}", told(refusal)));
    let offer = plugin.description.offers().next().expect("an offer");
    let error = plugin.call(offer, &long()).expect_err("too many");
    assert!(error.contains("more than the 10000 items that are allowed"), "{error}");
    assert!(peak_kib().is_none_or(|peak| peak < 512 * 1024), "{:?} KiB were used", peak_kib());
}

#[test]
fn plugins_that_only_look_strange_are_taken() {
    let host = WasmHost::default();
    for (name, text) in guests::all("fine") {
        let loaded = casebook_compile::plugin::load_checked(&host, &guests::module(&name, &text), LIMITS);
        assert!(loaded.is_ok(), "{name}: {:?}", loaded.err());
    }
}

/// The most memory that this process has had, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}
