//! Guests from WebAssembly's text format, with short forms for what all of them need.
//!
//! A line that begins with `@` stands for more: `@plugin` is a memory, an allocation and a plain description,
//! `@answers TEXT` a grader that gives this text, `@when_long CODE` one that runs the code when its input has more than
//! 400 bytes and answers as its example says otherwise. `@plugin_of KIND` is a plugin that offers another thing than a grader;
//! `@fill`, `@tool` and `@import` answer its calls with this text when their input has more than 400 bytes, and `@fill_when_long`
//! and the like run this code.

use std::{fs, path::PathBuf};

use casebook_runtime::plugin::Limits;

pub(crate) const LIMITS: Limits = Limits { fuel: 1_000_000, memory: 4 * 1024 * 1024, output: 64 * 1024 };

const PLAIN: &str = r#"{"name":"odd","version":"1.0.0","summary":"s","graders":[{"name":"g","summary":"s","reads":["decision"],"examples":[{"name":"e","input":{},"output":{"value":0.5}}]}]}"#;
const GOOD: &str = r#"{"value":0.5}"#;
const GOOD_FILL: &str = r#"{"value":"a"}"#;
const GOOD_TOOL: &str = r#"{"value":true}"#;
const GOOD_IMPORT: &str = r#"{"items":[{"id":"a"}]}"#;
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
        "@plugin_of" => format!("{}\n{ALLOC}\n{}", memory("1"), describe(&plain(rest))),
        "@fill" | "@tool" | "@import" => {
            let code = format!("(return {})", place(OTHER_ANSWER, rest));
            format!("{}\n{}", data(OTHER_ANSWER, rest), operation(&word[1..], &code))
        }
        "@fill_when_long" | "@tool_when_long" | "@import_when_long" => {
            operation(word[1..].trim_end_matches("_when_long"), rest)
        }
        _ => line.to_owned(),
    }
}

/// A description with one offer of a kind.
fn plain(kind: &str) -> String {
    let (promise, output) = match kind {
        "filler" => (r#""returns":"text","#, GOOD_FILL),
        "tool" => (r#""returns":"boolean","#, GOOD_TOOL),
        _ => ("", GOOD_IMPORT),
    };
    format!(
        r#"{{"name":"odd","version":"1.0.0","summary":"s","{kind}s":[{{"name":"o","summary":"s",{promise}"examples":[{{"name":"e","input":{{}},"output":{output}}}]}}]}}"#
    )
}

/// A function that runs code when its input is long, and answers well otherwise.
fn operation(name: &str, when_long: &str) -> String {
    let good = match name {
        "fill" => GOOD_FILL,
        "tool" => GOOD_TOOL,
        _ => GOOD_IMPORT,
    };
    format!("{}\n{}", data(ANSWER, good), answering(name, when_long, &place(ANSWER, good)))
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
    answering("grade", when_long, answer)
}

fn answering(operation: &str, when_long: &str, answer: &str) -> String {
    format!(
        r#"(func (export "casebook_{operation}") (param i32 i32) (result i64)
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
