//! The documentation as a book: every page is in the summary, every link and anchor resolves, every command and flag
//! exists, and the page of diagnostic codes is current.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use casebook_syntax::diagnostic::{Code, Severity};

use crate::{
    markdown::{self, Markdown},
    shell::{casebook, root, stdout},
};

/// Addresses of files of the repository; pages of the book use them for everything outside of `docs/`.
const REPOSITORY: [&str; 2] =
    ["https://github.com/casebook/casebook/blob/main/", "https://github.com/casebook/casebook/tree/main/"];

/// Flags of other programs that pages mention alone, and of builds with other features.
const FOREIGN_FLAGS: [&str; 9] = [
    "--release",
    "--profile",
    "--features",
    "--no-default-features",
    "--tmpfs",
    "--locked",
    "--seconds",
    "--url",
    "--otlp",
];

#[test]
fn every_page_is_in_the_summary() {
    let docs = root().join("docs");
    let summary = Markdown::read(&docs.join("SUMMARY.md"));
    let listed: Vec<PathBuf> = summary.links().into_iter().map(|link| docs.join(link.target)).collect();
    let unique: BTreeSet<&PathBuf> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len(), "SUMMARY.md lists a page twice");
    let pages: BTreeSet<PathBuf> =
        markdown::below(&docs).into_iter().filter(|page| !page.ends_with("SUMMARY.md")).collect();
    let missing: Vec<&PathBuf> = pages.iter().filter(|page| !unique.contains(page)).collect();
    assert!(missing.is_empty(), "SUMMARY.md does not list {missing:?}");
    let gone: Vec<&&PathBuf> = unique.iter().filter(|page| !pages.contains(**page)).collect();
    assert!(gone.is_empty(), "SUMMARY.md lists pages that do not exist: {gone:?}");
}

#[test]
fn every_link_and_anchor_resolves() {
    let docs = root().join("docs");
    let mut problems = String::new();
    let mut checked = 0;
    for page in markdown::all() {
        let in_book = page.path.starts_with(&docs);
        for link in page.links() {
            let mut problem = |text: &str| {
                let _ = writeln!(problems, "{}:{}: `{}` {text}", page.name(), link.line, link.target);
            };
            checked += 1;
            if let Some(path) = REPOSITORY.iter().find_map(|prefix| link.target.strip_prefix(prefix)) {
                if !root().join(path.split('#').next().unwrap_or_default()).exists() {
                    problem("is not in the repository");
                }
                continue;
            }
            if link.target.contains("://") || link.target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) =
                link.target.split_once('#').map_or((link.target.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let target = match path {
                "" => page.path.clone(),
                path => resolve(page.path.parent().expect("a folder"), path),
            };
            if !target.exists() {
                problem("does not exist");
            } else if in_book && (!target.is_file() || !target.starts_with(&docs)) {
                problem("is not a file of the book; link to its address in the repository");
            } else if let Some(anchor) = anchor
                && target.extension().is_some_and(|ending| ending == "md")
                && !Markdown::read(&target).anchors().contains(anchor)
            {
                problem("names an anchor that the page does not have");
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(checked > 100, "only {checked} links");
}

/// A relative path from a folder, without `.` and `..`.
fn resolve(folder: &Path, path: &str) -> PathBuf {
    let mut whole = folder.to_path_buf();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(whole.pop()),
            part => whole.push(part),
        }
    }
    whole
}

/// The help text of every command, by its words (`rules diff`); the empty name has that of the program.
pub(crate) fn helps() -> BTreeMap<String, String> {
    fn read(words: &[String], helps: &mut BTreeMap<String, String>) {
        let args: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let help = stdout(&casebook(&root(), &args));
        let listed = help.split_once("\nCommands:\n").map(|(_, listed)| listed.to_owned()).unwrap_or_default();
        helps.insert(words.join(" "), help);
        let names = listed.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
            line.strip_prefix("  ").filter(|line| !line.starts_with(' ')).and_then(|line| line.split(' ').next())
        });
        for name in names.filter(|name| *name != "help") {
            read(&[words, &[name.to_owned()]].concat(), helps);
        }
    }
    let mut all = BTreeMap::new();
    read(&[], &mut all);
    all
}

/// The flags of every command.
fn commands() -> BTreeMap<String, BTreeSet<String>> {
    let flags = |help: &str| {
        help.lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with('-'))
            .flat_map(|line| line.split([' ', ',', '=', '[']))
            .filter(|word| word.starts_with("--") && word.len() > 2)
            .map(str::to_owned)
            .collect()
    };
    helps().into_iter().map(|(name, help)| (name, flags(&help))).collect()
}

/// What is wrong with a command line of a page, if anything.
fn wrong(line: &str, commands: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    let words: Vec<&str> = line
        .split_whitespace()
        .skip(1)
        .take_while(|word| !matches!(*word, "|" | "||" | "&&" | ">" | "2>" | "#" | "\\" | "&"))
        .collect();
    let mut name = String::new();
    for word in &words {
        let longer = if name.is_empty() { (*word).to_owned() } else { format!("{name} {word}") };
        if !commands.contains_key(&longer) {
            break;
        }
        name = longer;
    }
    let next = words.get(name.split_whitespace().count());
    let has_commands = commands.keys().any(|key| {
        key.starts_with(&name) && key.len() > name.len() && (name.is_empty() || key[name.len()..].starts_with(' '))
    });
    let is_name = |word: &str| word.starts_with(|first: char| first.is_ascii_lowercase());
    if has_commands && next.is_some_and(|word| is_name(word)) {
        return Some(format!("there is no command `{}`", next.expect("a word")));
    }
    let unknown = words.iter().filter(|word| word.starts_with("--")).find_map(|word| {
        let flag = word.split(['=', '[']).next().unwrap_or_default().trim_end_matches([']', ',', '.', ';']);
        let known = [name.as_str(), "serve"]
            .iter()
            .take(if name.is_empty() { 2 } else { 1 })
            .any(|name| commands[*name].contains(flag));
        (!known && flag.len() > 2).then(|| flag.to_owned())
    });
    unknown.map(|flag| format!("`casebook {name}` has no flag `{flag}`"))
}

#[test]
fn every_command_and_flag_that_a_page_names_exists() {
    let commands = commands();
    assert!(commands.len() > 25 && commands["serve"].contains("--tokens"), "{commands:?}");
    let flags: BTreeSet<&String> = commands.values().flatten().collect();
    let mut problems = String::new();
    let mut checked = 0;
    let pages = markdown::all();
    let codes = Code::ALL.iter().map(|code| Markdown::new(&format!("{code}"), code.explanation()));
    for page in pages.into_iter().chain(codes).filter(|page| !page.path.ends_with("CHANGELOG.md")) {
        for (line, command) in page.commands("casebook") {
            checked += 1;
            if let Some(problem) = wrong(&command, &commands) {
                let _ = writeln!(problems, "{}:{line}: {problem} in `{command}`", page.name());
            }
        }
        for (line, flag) in page.commands("--").into_iter().filter(|(_, flag)| !flag.starts_with("-->")) {
            let flag = flag.split([' ', '=', '[', ',']).next().unwrap_or_default().to_owned();
            checked += 1;
            if flag.len() > 2 && !flags.contains(&flag) && !FOREIGN_FLAGS.contains(&flag.as_str()) {
                let _ = writeln!(problems, "{}:{line}: no command has the flag `{flag}`", page.name());
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(checked > 200, "only {checked} commands and flags");
}

#[test]
fn a_wrong_command_is_found() {
    let commands = commands();
    for (line, expected) in [
        ("casebook chekc scenarios", Some("there is no command `chekc`")),
        ("casebook rules dif a b", Some("there is no command `dif`")),
        ("casebook check --strikt", Some("`casebook check` has no flag `--strikt`")),
        ("casebook rules diff a b --format markdown", None),
        ("casebook --open", None),
        ("casebook serve my-pack | grep --colour x", None),
    ] {
        assert_eq!(wrong(line, &commands).as_deref(), expected, "{line}");
    }
}

/// The page of diagnostic codes, from their registry.
fn diagnostics() -> String {
    let mut page = String::from(
        "# Diagnostic codes\n\nLook up a code that a command printed. `casebook explain CB201` shows the same text in a terminal, and \
         `casebook explain`\nlists all codes. Codes are never reused. A warning fails only with `--strict`.\n\n\
         Generated from the registry of codes; to update it, run `UPDATE_EXPECT=1 cargo test --test it diagnostic_codes`.\n",
    );
    let families = [
        ("CB0", "Files"),
        ("CB1", "YAML"),
        ("CB2", "Keys and values"),
        ("CB3", "Names"),
        ("CB4", "Types"),
        ("CB5", "What a pack means"),
        ("CB6", "What rules mean"),
        ("CB7", "Plugins"),
    ];
    for (prefix, title) in families {
        let _ = write!(page, "\n## {title}\n\n| code | meaning | |\n|---|---|---|\n");
        let codes: Vec<&Code> = Code::ALL.iter().filter(|code| code.text().starts_with(prefix)).collect();
        for code in &codes {
            let severity = if code.severity() == Severity::Error { "error" } else { "warning" };
            let anchor = code.text().to_lowercase();
            let _ = writeln!(page, "| [`{code}`](#{anchor}) | {} | {severity} |", code.summary());
        }
        for code in codes {
            let text =
                code.explanation().replace("\n## Wrong\n", "\n**Wrong**\n").replace("\n## Right\n", "\n**Right**\n");
            let _ = write!(page, "\n### {code}\n\n**{}** {}\n", code.summary(), text.trim());
        }
    }
    page
}

#[test]
fn the_page_of_diagnostic_codes_is_current() {
    let path = root().join("docs/diagnostics.md");
    let page = diagnostics();
    assert!(Code::ALL.iter().all(|code| page.contains(&format!("\n### {code}\n"))), "a family of codes is missing");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &page).expect("written");
    }
    let current = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        current == page,
        "docs/diagnostics.md is stale; run `UPDATE_EXPECT=1 cargo test --test it diagnostic_codes`"
    );
}
