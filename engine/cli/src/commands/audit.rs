//! `casebook audit`

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use casebook_core::trail::{Seal, Verifier, read_seal};
use casebook_server::trail_pieces;
use serde_json::{Value, json};

use crate::{
    args::{AuditAction, AuditArgs, Format, VerifyArgs},
    exit::Exit,
    output::{self, count},
};

const GREEN: &str = "32";

pub(crate) fn run(args: &AuditArgs, format: Format) -> Exit {
    match &args.action {
        AuditAction::Verify(args) => match verify(args, format) {
            Ok(exit) | Err(exit) => exit,
        },
    }
}

/// What is wrong, and where.
struct Finding {
    path: PathBuf,
    line: Option<usize>,
    text: String,
}

/// What was found out about a trail.
#[derive(Default)]
struct Outcome {
    verifier: Verifier,
    findings: Vec<Finding>,
    /// The number of the first entry.
    first: Option<u64>,
    /// The number of the entry whose hash was given.
    anchor: Option<u64>,
}

fn verify(args: &VerifyArgs, format: Format) -> Result<Exit, Exit> {
    let files = in_order(&args.files)?;
    let mut outcome = Outcome::default();
    for path in &files {
        read(path, args, &mut outcome)?;
    }
    let last = files.last().cloned().unwrap_or_default();
    if let Some(head) = &args.head
        && outcome.anchor.is_none()
    {
        let text = format!("no entry has the hash `{head}`: entries were cut off at the end, or written anew");
        outcome.findings.push(Finding { path: last.clone(), line: None, text });
    }
    if outcome.verifier.seen() == 0 {
        outcome.findings.push(Finding { path: last, line: None, text: "there is no entry".to_owned() });
    }
    show(&files, args, &outcome, format);
    Ok(if outcome.findings.is_empty() { Exit::Success } else { Exit::Findings })
}

/// The files with those that were put aside, by the number of their first entry.
fn in_order(given: &[PathBuf]) -> Result<Vec<PathBuf>, Exit> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in given {
        for piece in trail_pieces(path) {
            if !files.contains(&piece) && (piece.exists() || piece == *path) {
                files.push(piece);
            }
        }
    }
    let mut numbered = Vec::with_capacity(files.len());
    for path in files {
        let mut first = None;
        for line in BufReader::new(open(&path)?).split(b'\n') {
            let line = line.map_err(|error| unreadable(&path, &error))?;
            first = read_seal(&String::from_utf8_lossy(&line)).map(|seal| seal.number);
            if first.is_some() {
                break;
            }
        }
        numbered.push((first.unwrap_or(u64::MAX), path));
    }
    numbered.sort_by_key(|(first, _)| *first);
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

fn read(path: &Path, args: &VerifyArgs, outcome: &mut Outcome) -> Result<(), Exit> {
    let mut reader = BufReader::new(open(path)?);
    let mut bytes = Vec::new();
    let mut number = 0;
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|error| unreadable(path, &error))? == 0 {
            return Ok(());
        }
        number += 1;
        let whole = bytes.pop_if(|byte| *byte == b'\n').is_some();
        // What is no UTF-8 is no line of a trail either; its bytes must not be mended on the way.
        let line = std::str::from_utf8(&bytes).unwrap_or_default();
        let seal = read_seal(line);
        if outcome.first.is_none()
            && let Some(seal) = &seal
        {
            outcome.first = Some(seal.number);
            if let Some(after) = &args.after {
                outcome.verifier = Verifier::after(after, seal);
            }
        }
        let mut add = |text: String| {
            outcome.findings.push(Finding { path: path.to_path_buf(), line: Some(number), text });
        };
        for wrong in outcome.verifier.line(line) {
            add(wrong.to_string());
        }
        if !whole {
            add("the line does not end: it was cut off, or is being written".to_owned());
        }
        let is_anchor = |seal: &Seal| seal.sound && args.head.as_deref() == Some(seal.hash.as_str());
        if let Some(seal) = seal.filter(is_anchor) {
            outcome.anchor = Some(seal.number);
        }
    }
}

fn show(files: &[PathBuf], args: &VerifyArgs, outcome: &Outcome, format: Format) {
    let last = outcome.verifier.last();
    if format == Format::Json {
        let findings: Vec<Value> = outcome
            .findings
            .iter()
            .map(|finding| json!({ "path": finding.path, "line": finding.line, "message": finding.text }))
            .collect();
        output::json(&json!({
            "files": files,
            "entries": outcome.verifier.seen(),
            "first": outcome.first,
            "head": { "n": last.number, "hash": last.hash },
            "anchored": outcome.anchor,
            "findings": findings,
        }));
        return;
    }
    for finding in &outcome.findings {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        output::line(format!("{}{line}: {}", finding.path.display(), finding.text));
    }
    let entries = usize::try_from(outcome.verifier.seen()).unwrap_or(usize::MAX);
    let words = format!("{} in {}: ", count(entries, "entry"), count(files.len(), "file"));
    if !outcome.findings.is_empty() {
        output::line(format!("{words}{}", count(outcome.findings.len(), "finding")));
        return;
    }
    output::line(format!("{words}{}", output::paint("every line is whole and in its place", GREEN)));
    output::line(format!("head: {} (entry {})", last.hash, last.number));
    match (&args.head, outcome.anchor) {
        (Some(_), Some(anchor)) => {
            let behind = usize::try_from(last.number - anchor).unwrap_or(usize::MAX);
            let behind = count(behind, "entry");
            output::line(format!("the hash that was kept is that of entry {anchor}, with {behind} behind it"));
        }
        _ => output::note(
            "note: a chain cannot show that its end was cut off or written anew; keep the head elsewhere and give it \
             with `--head`",
        ),
    }
}

fn open(path: &Path) -> Result<File, Exit> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Exit {
    output::error(format!("`{}` cannot be read: {error}", path.display()));
    Exit::Failure
}
