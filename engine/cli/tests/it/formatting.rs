//! `fmt` over every pack here, restyled, with comments at random places: no comment changes what it is about.

use std::{collections::BTreeMap, fs, ops::Range, path::Path};

use casebook_syntax::{
    diagnostic::Report,
    source,
    spec::{self, Draft},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{casebook, code, copy, root, stderr, stdout};

/// Rounds over all packs.
const ROUNDS: u64 = 3;

/// A pseudo-random number below a bound: the same in every run.
fn draw(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).expect("it fits") % below.max(1)
}

/// The values of a file with their pointers, document by document, outer ones first.
fn values(text: &str) -> Vec<(String, Range<usize>, Value)> {
    fn walk(draft: &Draft, pointer: &str, value: &Value, all: &mut Vec<(String, Range<usize>, Value)>, head: &str) {
        all.push((format!("{head}{pointer}"), draft.span(pointer), value.clone()));
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    walk(draft, &format!("{pointer}/{key}"), value, all, head);
                }
            }
            Value::Array(list) => {
                for (at, value) in list.iter().enumerate() {
                    walk(draft, &format!("{pointer}/{at}"), value, all, head);
                }
            }
            _ => {}
        }
    }
    let set = source::from_texts("pack", [("file.yaml", text)]);
    let mut all = Vec::new();
    let drafts = spec::read(&set.packs[0].files[0], &mut Vec::new(), &mut Report::default());
    for (at, draft) in drafts.iter().enumerate() {
        walk(draft, "", &draft.canonical(), &mut all, &format!("{at}:"));
    }
    all
}

fn is_block_scalar(text: &str, (_, span, value): &(String, Range<usize>, Value)) -> bool {
    value.is_string() && text[span.clone()].starts_with(['|', '>'])
}

/// By comment what it is about: the value that ends before it on its line, else the next one.
fn abouts(text: &str) -> BTreeMap<String, String> {
    let values = values(text);
    let mut abouts = BTreeMap::new();
    for (at, _) in text.match_indices("# comment ") {
        let line = text[..at].rfind('\n').map_or(0, |line| line + 1);
        let comment = text[at..].lines().next().expect("a line").trim_end().to_owned();
        let about = if text[line..at].trim().is_empty() {
            let next = values.iter().filter(|(_, span, _)| span.start > at);
            let next = next.min_by_key(|(pointer, span, _)| (span.start, pointer.matches('/').count()));
            format!("above {}", next.map_or("the end", |(pointer, ..)| pointer))
        } else {
            let before = values.iter().filter(|(_, span, _)| span.end <= at);
            let before = before.max_by_key(|(pointer, span, _)| (span.end, usize::MAX - pointer.matches('/').count()));
            format!("behind {}", before.map_or("nothing", |(pointer, ..)| pointer))
        };
        abouts.insert(comment, about);
    }
    abouts
}

/// Moves the entries of some lists into the column of their key.
fn restyled(text: &str, state: &mut u64) -> String {
    let mut out = String::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut at = 0;
    while at < lines.len() {
        out.push_str(lines[at]);
        at += 1;
        let is_key = lines[at - 1].starts_with(|sign: char| sign.is_ascii_alphabetic())
            && lines[at - 1].trim_end().ends_with(':');
        let end = (at..lines.len()).find(|line| !lines[*line].starts_with("  ") && !lines[*line].trim().is_empty());
        let below = &lines[at..end.unwrap_or(lines.len())];
        if is_key && below.first().is_some_and(|line| line.starts_with("  - ")) && draw(state, 3) > 0 {
            below.iter().for_each(|line| out.push_str(line.strip_prefix("  ").unwrap_or(line)));
            at += below.len();
        }
    }
    out
}

/// A text with comments above some keys and entries, in their column, and behind some values.
fn commented(text: &str, state: &mut u64) -> String {
    let values = values(text);
    let mut places: Vec<(usize, String)> = Vec::new();
    for value in &values {
        let (_, span, _) = value;
        if text[span.end..].starts_with('\n')
            && !is_block_scalar(text, value)
            && text[..span.end].rfind('\n') < Some(span.start)
        {
            places.push((span.end, String::new()));
        }
    }
    let mut line = 0;
    for words in text.split_inclusive('\n') {
        let inside = values.iter().any(|(_, span, value)| {
            // A text of several lines that begins on a line of its own: a comment above it would be part of it.
            let first = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
            if first == line && value.is_string() && text[first..span.start].trim().is_empty() {
                return text[..first].trim_end().ends_with(['|', '>', '-', '+']);
            }
            let flow = text[span.clone()].starts_with(['[', '{']);
            (flow || !(value.is_object() || value.is_array())) && span.start < line && line < span.end
        });
        let key = words.trim_start_matches(' ');
        // What stands above the head of a document is about all of it.
        let head = ["---", "#", "apiVersion", "\n"].iter().any(|head| key.starts_with(head));
        if !inside && !head {
            places.push((line, " ".repeat(words.len() - key.len())));
        }
        line += words.len();
    }
    places.sort();
    places.dedup_by_key(|(at, _)| *at);
    let mut out = text.to_owned();
    for (number, (at, indent)) in places.iter().enumerate().rev() {
        if draw(state, 4) > 0 {
            continue;
        }
        let behind = !text[..*at].ends_with('\n') && *at > 0;
        let comment = if behind { format!(" # comment {number}") } else { format!("{indent}# comment {number}\n") };
        out.insert_str(*at, &comment);
    }
    out
}

fn yaml_files(folder: &Path, all: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            yaml_files(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            all.push(path);
        }
    }
}

#[test]
fn no_comment_changes_what_it_is_about_and_formatting_twice_changes_nothing_more() {
    let mut state = 7;
    for round in 0..ROUNDS {
        let folder = TempDir::new().expect("a folder");
        for packs in ["scenarios", "docs/cookbook"] {
            copy(&root().join(packs), &folder.path().join(packs));
        }
        let mut files = Vec::new();
        yaml_files(folder.path(), &mut files);
        files.sort();
        let mut before = Vec::new();
        for path in &files {
            let text = fs::read_to_string(path).expect("a text");
            let plain: String = text.split_inclusive('\n').filter(|line| !line.trim_start().starts_with('#')).collect();
            let text = commented(&restyled(&plain, &mut state), &mut state);
            fs::write(path, &text).expect("written");
            before.push((text.clone(), abouts(&text)));
        }
        let output = casebook(folder.path(), &["fmt", "scenarios", "docs/cookbook"]);
        assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
        let mut wrong = Vec::new();
        for (path, (text, before)) in files.iter().zip(&before) {
            let formatted = fs::read_to_string(path).expect("a text");
            let after = abouts(&formatted);
            for (comment, about) in before {
                if after.get(comment) != Some(about) {
                    wrong.push(format!("{}: {comment} was {about} and is {:?}", path.display(), after.get(comment)));
                }
            }
            assert!(wrong.is_empty(), "round {round}\n{}\n{text}\n=====\n{formatted}", wrong.join("\n"));
        }
        let output = casebook(folder.path(), &["fmt", "--check", "scenarios", "docs/cookbook"]);
        assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    }
}

/// A pack in a folder of its own, with a file of this text.
fn formatted(text: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    let pack = folder.path().join("pack");
    fs::create_dir(&pack).expect("a folder");
    fs::write(pack.join("rules.yaml"), text).expect("written");
    let output = casebook(folder.path(), &["fmt", "pack"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let formatted = fs::read_to_string(pack.join("rules.yaml")).expect("a text");
    let output = casebook(folder.path(), &["fmt", "--check", "pack"]);
    assert_eq!(code(&output), 0, "{}{}{formatted}", stdout(&output), stderr(&output));
    formatted
}

#[test]
fn a_comment_below_a_list_in_the_column_of_its_key_is_about_the_next_key() {
    let before = "\
apiVersion: casebook/v1
kind: Rules
name: routing
rules:
# about the first
- id: R-LARGE # the only one so far
  when:
    any:
    - { amount: { gte: 500 } } # a lot
    # or anything of the shop

    - { tier: shop }
    # about the part that follows
    not: { tier: free }
  then: { queue: forward }
  because: |
    Two
      lines
# about the next rule
- id: R-LAST
  then: { queue: answer }
  # the end of that rule

# about the default
default: { queue: close }
";
    let after = "\
apiVersion: casebook/v1
kind: Rules
name: routing
rules:
  # about the first
  - id: R-LARGE # the only one so far
    when:
      any:
        - { amount: { gte: 500 } } # a lot
        # or anything of the shop

        - { tier: shop }
      # about the part that follows
      not: { tier: free }
    then: { queue: forward }
    because: |
      Two
        lines
  # about the next rule
  - id: R-LAST
    then: { queue: answer }
    # the end of that rule

# about the default
default: { queue: close }
";
    assert_eq!(formatted(before), after);
    assert_eq!(formatted(after), after);
}

#[test]
fn a_row_of_a_table_stays_on_its_line_whatever_stands_behind_it() {
    let row = vec!["\"-\""; 40].join(", ");
    let text = format!(
        "apiVersion: casebook/v1\nkind: Rules\nname: routing\ntable:\n  - [id, then queue] # the columns\n  # a long one\n  - [{row}] # and why\n"
    );
    assert_eq!(formatted(&text), text);
    assert_eq!(formatted(&text.replace(" # and why", "   # and why")), text);
}

#[test]
fn blank_lines_at_the_end_of_a_text_stay_where_they_count() {
    let head = "apiVersion: casebook/v1\nkind: Rules\nname:";
    for (text, rest) in [
        ("|+\n  One.\n\n\n", ""),
        ("|+\n  One.\n\n  Two.\n\n", "\nrules: []\n"),
        ("|\n  One.\n     \n", "rules: []\n"),
        ("|+\n  One.\n\n     \n\n", "rules: []\n"),
        (">+\n  One.\n\n", "---\napiVersion: casebook/v1\nkind: Rules\nname: other\n"),
    ] {
        let text = format!("{head} routing\ndescription: {text}{}", rest.trim_start());
        assert_eq!(formatted(&text.replacen("name:", "name:   ", 1)), text, "{text:?}");
    }
}

#[test]
fn a_comment_at_the_end_of_a_file_stays_where_the_first_round_puts_it() {
    let text = "name: monday\nkind: Inbox\napiVersion: casebook/v1\nitems:\n    - id: t-1\n      labels:\n        reply:\n          keywords:\n            - w0\n            - w2\n            # the end";
    assert!(formatted(text).contains("# the end"));
}

#[test]
fn comments_before_all_else_begin_in_the_first_column() {
    let text = "  # who wrote it\n\n    # and why\nname: monday\nkind: Inbox\napiVersion: casebook/v1\nitems: []\n";
    let told = formatted(text);
    assert!(told.contains("\n# and why\n") || told.starts_with("# who wrote it\n"), "{told}");
    assert!(!told.contains(" # "), "{told}");
}
