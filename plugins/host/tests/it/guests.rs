//! Guests from WebAssembly's text format, with short forms for what all of them need.
//!
//! A line that begins with `@` stands for more: `@plugin` is a memory, an allocation and a plain description,
//! `@answers TEXT` a grader that gives this text, `@when_long CODE` one that runs the code when its input has more than
//! 400 bytes and answers as its example says otherwise.

use std::{fs, path::PathBuf};

use casebook_core::plugin::Limits;

pub(crate) const LIMITS: Limits = Limits { fuel: 1_000_000, memory: 4 * 1024 * 1024, output: 64 * 1024 };

const PLAIN: &str = r#"{"name":"odd","version":"1.0.0","summary":"s","graders":[{"name":"g","summary":"s","reads":["decision"],"examples":[{"name":"e","input":{},"output":{"value":0.5}}]}]}"#;
const GOOD: &str = r#"{"value":0.5}"#;
const ALLOC: &str = r#"(func (export "casebook_alloc") (param i32) (result i32) (i32.const 32768))"#;

/// Where descriptions lie, then answers.
const DESCRIPTION: usize = 1024;
const ANSWER: usize = 16_384;
const OTHER_ANSWER: usize = 24_576;

/// The guests of a folder beside this one, by name.
pub(crate) fn all(folder: &str) -> Vec<(String, String)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut guests: Vec<(String, String)> = fs::read_dir(path)
        .expect("the guests")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    guests.sort();
    guests
}

/// Compiles a guest.
pub(crate) fn module(name: &str, text: &str) -> Vec<u8> {
    let lines: Vec<String> = text.lines().map(expand).collect();
    let text = format!("(module\n{}\n)", lines.join("\n"));
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn expand(line: &str) -> String {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "@plugin" => format!("{}\n{ALLOC}\n{}", memory("1"), describe(PLAIN)),
        "@plugin_with_memory" => format!("{}\n{ALLOC}\n{}", memory(rest), describe(PLAIN)),
        "@plugin_without_alloc" => format!("{}\n{}", memory("1"), describe(PLAIN)),
        "@plugin_without_describe" => format!("{}\n{ALLOC}", memory("1")),
        "@describes" => format!("{}\n{ALLOC}\n{}", memory("1"), describe(rest)),
        "@answers" => format!("{}\n{}", data(ANSWER, rest), grade("", &place(ANSWER, rest))),
        "@when_long" => format!("{}\n{}", data(ANSWER, GOOD), grade(rest, &place(ANSWER, GOOD))),
        "@answers_when_long" => {
            let other = format!("(return {})", place(OTHER_ANSWER, rest));
            let data = format!("{}\n{}", data(ANSWER, GOOD), data(OTHER_ANSWER, rest));
            format!("{data}\n{}", grade(&other, &place(ANSWER, GOOD)))
        }
        _ => line.to_owned(),
    }
}

fn memory(pages: &str) -> String {
    format!(r#"(memory (export "memory") {pages})"#)
}

fn describe(text: &str) -> String {
    format!(
        r#"{}(func (export "casebook_describe") (result i64) {})"#,
        data(DESCRIPTION, text),
        place(DESCRIPTION, text)
    )
}

fn grade(when_long: &str, answer: &str) -> String {
    format!(
        r#"(func (export "casebook_grade") (param i32 i32) (result i64)
          (if (i32.gt_u (local.get 1) (i32.const 400)) (then {when_long}))
          {answer})"#
    )
}

fn data(at: usize, text: &str) -> String {
    format!("(data (i32.const {at}) \"{}\")", text.replace('"', "\\\""))
}

/// The value that says where a text lies; `\ff` is one byte.
fn place(at: usize, text: &str) -> String {
    let length = text.len() - 2 * text.matches("\\f").count();
    format!("(i64.or (i64.shl (i64.const {at}) (i64.const 32)) (i64.const {length}))")
}
