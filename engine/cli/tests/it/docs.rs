//! The documentation is run: the commands of every page, every pack of the cookbook, every example of a code.
//!
//! A `yaml` block whose first line is a comment with a path is written to that file, without the comment, and each line
//! `$ ...` of a `console` block is run, one after the other, in one folder per page. The lines below a command are its
//! output: `...` on a line of its own stands for any lines, within a line for any text, and `[exit N]` is the exit code
//! (0 when there is none). Blocks of other languages are not run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use casebook_compile::check::prove;
use casebook_syntax::{diagnostic::Code, source};
use tempfile::TempDir;

use crate::shell::{self, root};

/// A fenced block: its language and its lines.
struct Block {
    language: String,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => open = Some(Block { language: language.trim().to_owned(), lines: Vec::new() }),
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    blocks
}

/// Runs a command line in a folder; returns what it printed, on both streams, and how it ended.
fn run(folder: &Path, line: &str) -> (String, i32) {
    let binary = Path::new(env!("CARGO_BIN_EXE_casebook"));
    let path = std::env::join_paths(
        std::iter::once(binary.parent().expect("a folder").to_path_buf())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .expect("a path");
    let output = Command::new("bash")
        .args(["-c", &format!("{{ {line}\n}} 2>&1")])
        .current_dir(folder)
        .env("PATH", path)
        .output()
        .expect("bash runs");
    (String::from_utf8(output.stdout).expect("UTF-8"), output.status.code().expect("it ends by itself"))
}

/// Whether a line is as expected; `...` stands for any text.
fn fits(expected: &str, line: &str) -> bool {
    let (expected, line) = (expected.trim_end(), line.trim_end());
    let parts: Vec<&str> = expected.split("...").collect();
    if parts.len() == 1 {
        return expected == line;
    }
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    let Some(mut rest) = line.strip_prefix(first).filter(|rest| rest.len() >= last.len() && rest.ends_with(last))
    else {
        return false;
    };
    rest = &rest[..rest.len() - last.len()];
    parts[1..parts.len() - 1].iter().all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// Whether lines are as expected; a line `...` stands for any lines.
fn all_fit(expected: &[&str], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.iter().all(|line| line.trim().is_empty()),
        Some((&"...", rest)) => (0..=lines.len()).any(|skip| all_fit(rest, &lines[skip..])),
        Some((first, rest)) => lines.split_first().is_some_and(|(line, more)| fits(first, line) && all_fit(rest, more)),
    }
}

/// The file that a block is written to, if its first line is a comment with a path.
fn file_of(block: &Block) -> Option<&str> {
    let path = block.lines.first()?.strip_prefix("# ")?;
    let is_path = Path::new(path).extension().is_some_and(|ending| ending == "yaml") && !path.contains(' ');
    (block.language == "yaml" && is_path).then_some(path)
}

/// Runs a page in a folder; returns how many commands it has.
fn play(page: &str, folder: &Path) -> usize {
    let text = fs::read_to_string(root().join("docs").join(page)).expect("the page");
    let mut ran = 0;
    for block in blocks(&text) {
        if let Some(path) = file_of(&block) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, block.lines[1..].join("\n") + "\n").expect("written");
        }
        if block.language != "console" {
            continue;
        }
        let mut commands: Vec<(String, Vec<&str>, i32)> = Vec::new();
        for line in &block.lines {
            if let Some(command) = line.strip_prefix("$ ") {
                commands.push((command.to_owned(), Vec::new(), 0));
            } else {
                let last = commands.last_mut().unwrap_or_else(|| panic!("{page}: output before a command: {line}"));
                match line.strip_prefix("[exit ").and_then(|rest| rest.strip_suffix(']')) {
                    Some(code) => last.2 = code.parse().expect("a number"),
                    None => last.1.push(line),
                }
            }
        }
        for (command, expected, exit) in commands {
            let (output, code) = run(folder, &command);
            assert_eq!(code, exit, "{page}: $ {command}\n{output}");
            let lines: Vec<&str> = output.lines().collect();
            assert!(
                expected.is_empty() || all_fit(&expected, &lines),
                "{page}: $ {command}\nprints\n{output}\nwhich is not\n{}",
                expected.join("\n")
            );
            ran += 1;
        }
    }
    ran
}

#[test]
fn the_tutorial_does_what_it_says() {
    let folder = TempDir::new().expect("a folder");
    let ran = play("tutorial.md", folder.path());
    assert!(ran >= 8, "only {ran} commands ran");
}

#[cfg(unix)]
#[test]
fn the_walk_through_for_compliance_does_what_it_says() {
    let folder = TempDir::new().expect("a folder");
    let ran = play("compliance.md", folder.path());
    assert!(ran >= 20, "only {ran} commands ran");
}

/// Pages whose commands use the packs that are included; those of all others begin in an empty folder.
#[cfg(unix)]
const WITH_PACKS: [&str; 5] = ["commands.md", "evaluate.md", "records.md", "train.md", "tuning-loop.md"];

#[cfg(unix)]
#[test]
fn every_other_page_does_what_it_says() {
    let mut ran = 0;
    for entry in fs::read_dir(root().join("docs")).expect("the pages") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let is_page = Path::new(&name).extension().is_some_and(|ending| ending == "md");
        if !is_page || ["tutorial.md", "compliance.md", "diagnostics.md"].contains(&name.as_str()) {
            continue;
        }
        let folder = TempDir::new().expect("a folder");
        if WITH_PACKS.contains(&name.as_str()) {
            shell::copy(&root().join("scenarios"), &folder.path().join("scenarios"));
        }
        if name == "judge.md" {
            let recipe = Path::new("docs/cookbook/llm-judge");
            shell::copy(&root().join(recipe), &folder.path().join(recipe));
        }
        ran += play(&name, folder.path());
    }
    assert!(ran >= 50, "only {ran} commands ran");
}

#[test]
fn every_recipe_of_the_cookbook_passes() {
    let cookbook = root().join("docs/cookbook");
    let index = fs::read_to_string(cookbook.join("README.md")).expect("the index");
    let mut recipes = 0;
    for entry in fs::read_dir(&cookbook).expect("the cookbook") {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(index.contains(&format!("({name}/")), "the index does not link to {name}");
        assert!(path.join("README.md").is_file(), "{name} has no README");
        for command in ["check --strict", "test", "fmt --check"] {
            // Its program needs an environment of its own; see `textsim.rs`.
            if name == "textsim" && command == "test" {
                continue;
            }
            let (output, code) = run(&root(), &format!("casebook {command} docs/cookbook/{name}"));
            assert_eq!(code, 0, "$ casebook {command} docs/cookbook/{name}\n{output}");
        }
        recipes += 1;
    }
    assert!(recipes >= 20, "only {recipes} recipes");
}

#[test]
fn shipped_packs_are_formatted_and_pass_their_tests() {
    // Packs one folder below the others are named by that folder.
    for packs in ["scenarios", "scenarios/conformance"] {
        for command in ["check --strict", "test", "fmt --check"] {
            let (output, code) = run(&root(), &format!("casebook {command} {packs}"));
            assert_eq!(code, 0, "$ casebook {command} {packs}\n{output}");
        }
    }
}

/// The small pack of the core's tests, by file.
fn desk() -> Vec<(String, String)> {
    let folder = root().join("engine/compile/tests/packs/desk");
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).expect("a text"))
    };
    fs::read_dir(folder).expect("the pack").map(|entry| read(entry.expect("an entry").path())).collect()
}

/// A text's top-level parts: the key, and its lines.
fn parts(text: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let key = line.split(':').next().filter(|_| !line.starts_with([' ', '#', '-']) && line.contains(':'));
        match (key, parts.last_mut()) {
            (Some(key), _) => parts.push((key.to_owned(), format!("{line}\n"))),
            (None, Some((_, part))) => part.push_str(&format!("{line}\n")),
            (None, None) => parts.push((String::new(), format!("{line}\n"))),
        }
    }
    parts
}

/// Applies an example to the small pack: its first line names a file, the others are keys that replace the file's own.
fn apply(example: &Block, files: &mut Vec<(String, String)>) {
    let head = example.lines[0].strip_prefix("# ").unwrap_or_else(|| panic!("no file: {}", example.lines[0]));
    let (name, how) = head.split_once(' ').unwrap_or((head, ""));
    let text = example.lines[1..].join("\n") + "\n";
    let at = files.iter().position(|(known, _)| known == name);
    match (how, at) {
        ("(remove)", Some(at)) => drop(files.remove(at)),
        ("(whole)", Some(at)) => files[at].1 = text,
        ("", Some(at)) => {
            let mut whole = parts(&files[at].1);
            for (key, part) in parts(&text) {
                match whole.iter_mut().find(|(known, _)| *known == key) {
                    Some(old) => old.1 = part,
                    None => whole.push((key, part)),
                }
            }
            files[at].1 = whole.into_iter().map(|(_, part)| part).collect();
        }
        (_, None) => files.push((name.to_owned(), text)),
        (how, _) => panic!("what is `{how}`?"),
    }
}

#[test]
fn the_examples_of_every_code_are_wrong_and_right() {
    let mut tried = 0;
    for code in Code::ALL {
        let text = code.explanation();
        let (wrong, right) = text.split_once("## Right").unwrap_or_else(|| panic!("{code} has no right example"));
        for (example, is_wrong) in [(wrong, true), (right, false)] {
            let examples: Vec<Block> = blocks(example).into_iter().filter(|block| block.language == "yaml").collect();
            if examples.is_empty() {
                continue;
            }
            let mut files = desk();
            for example in &examples {
                apply(example, &mut files);
            }
            let texts = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            let report = prove(&source::from_texts("desk", texts)).report;
            let found = report.diagnostics.iter().any(|finding| finding.code == *code);
            assert_eq!(found, is_wrong, "{code}:\n{}", report.render(false));
            tried += 1;
        }
    }
    assert!(tried >= 60, "only {tried} examples");
}
