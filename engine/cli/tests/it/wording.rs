//! The English of the documentation: the words in `wording.txt` are not used.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use casebook_syntax::diagnostic::Code;
use regex::{Regex, RegexBuilder};

use crate::{
    book,
    markdown::{self, Markdown},
    shell::root,
};

/// A word that is not used.
struct Word {
    pattern: Regex,
    instead: &'static str,
    example: &'static str,
}

/// A place where one is used.
struct Finding {
    line: usize,
    found: String,
    instead: &'static str,
}

fn words() -> Vec<Word> {
    let entries = include_str!("wording.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let words = entries.map(|line| {
        let parts: Vec<&str> = line.split(" => ").collect();
        let [pattern, instead, example] = parts[..] else { panic!("three parts expected: {line}") };
        // A mark at the end of the example keeps the expression to the beginning of a sentence.
        let (example, start) =
            example.strip_suffix(" ^").map_or((example, ""), |example| (example, r"(?:\A|[.:;] |\n\n|\| )"));
        let whole = format!(r"{start}\b(?:{})\b", pattern.replace(' ', r"\s+"));
        let pattern =
            RegexBuilder::new(&whole).case_insensitive(true).build().unwrap_or_else(|error| panic!("{line}: {error}"));
        Word { pattern, instead, example }
    });
    words.collect()
}

fn findings(prose: &str, words: &[Word]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in words {
        for found in word.pattern.find_iter(prose) {
            let lead = found.as_str().len() - found.as_str().trim_start().len();
            let line = 1 + prose[..found.start() + lead].matches('\n').count();
            let found = found.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
            findings.push(Finding { line, found, instead: word.instead });
        }
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

fn report(name: &str, prose: &str, words: &[Word], into: &mut String) -> usize {
    let findings = findings(prose, words);
    for finding in &findings {
        let _ = writeln!(into, "{name}:{}: `{}`: write {}", finding.line, finding.found, finding.instead);
    }
    findings.len()
}

#[test]
fn every_entry_finds_its_example() {
    for word in words() {
        assert!(word.pattern.is_match(word.example), "`{}` does not find `{}`", word.pattern, word.example);
    }
    let prose = "The\nfile is\nno session. See x.";
    let found = findings(prose, &words());
    assert_eq!(found.iter().map(|one| (one.line, one.found.as_str())).collect::<Vec<_>>(), [(2, "file is no session")]);
}

#[test]
fn the_documentation_uses_plain_words() {
    let words = words();
    let mut problems = String::new();
    let mut pages = markdown::all();
    pages.extend(markdown::below(&root().join("engine/cli/src/templates")).iter().map(|path| Markdown::read(path)));
    pages.extend(Code::ALL.iter().map(|code| Markdown::new(&format!("explain/{code}.md"), code.explanation())));
    for page in pages {
        report(&page.name(), &page.prose(), &words, &mut problems);
    }
    assert!(problems.is_empty(), "{problems}");
}

/// The files below a folder with one of these endings, in order.
fn files(folder: &Path, endings: &[&str], into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("target") {
                files(&path, endings, into);
            }
        } else if path.extension().is_some_and(|ending| endings.iter().any(|one| ending == *one)) {
            into.push(path);
        }
    }
    into.sort();
}

#[test]
fn templates_and_recipes_use_plain_words() {
    let words = words();
    let mut problems = String::new();
    let mut packs = Vec::new();
    files(&root().join("engine/cli/src/templates"), &["yaml"], &mut packs);
    files(&root().join("docs/cookbook"), &["yaml"], &mut packs);
    assert!(packs.len() > 60, "only {} files", packs.len());
    for path in packs {
        let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        report(&name, &fs::read_to_string(&path).expect("a text"), &words, &mut problems);
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn help_texts_use_plain_words() {
    let words = words();
    let mut problems = String::new();
    for (command, help) in book::helps() {
        report(&format!("casebook {command} --help"), &help.replace('`', ""), &words, &mut problems);
    }
    assert!(problems.is_empty(), "{problems}");
}

/// The comments that become documentation, and the texts, of a Rust file; with as many lines as the file.
fn texts(source: &str) -> String {
    let literal = Regex::new(r#""(?:[^"\\]|\\.)*""#).expect("an expression");
    let lines = source.lines().map(|line| {
        let line = line.trim_start();
        match line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) {
            Some(comment) => comment.replace('`', ""),
            None if line.starts_with("//") => String::new(),
            None => literal.find_iter(line).map(|found| found.as_str()).collect::<Vec<_>>().join(" "),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn messages_and_doc_comments_use_plain_words() {
    let words = words();
    let mut sources = Vec::new();
    files(&root().join("engine"), &["rs"], &mut sources);
    files(&root().join("plugins"), &["rs"], &mut sources);
    let mut problems = String::new();
    let mut counts = String::new();
    for file in sources.into_iter().filter(|file| !file.components().any(|part| part.as_os_str() == "tests")) {
        let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        let text = texts(&fs::read_to_string(&file).expect("a source file"));
        let count = report(&name, &text, &words, &mut problems);
        if count > 0 {
            let _ = writeln!(counts, "{count:4} {name}");
        }
    }
    assert!(problems.is_empty(), "{problems}\n{counts}");
}
