//! `casebook trail`

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use casebook_server::{trail_head, trail_lost, trail_pieces};
use casebook_trail::{Head, Key, Seal, Verifier, read_seal};
use serde_json::{Value, json};

use crate::{
    args::{Format, SealArgs, TrailAction, TrailCommandArgs, VerifyArgs},
    exit::Exit,
    files,
    output::{self, count},
    trail,
};

const GREEN: &str = "32";
/// The greatest number of bytes of a line; no entry has as many.
const MAX_LINE: u64 = 64 << 20;

pub(crate) fn run(args: &TrailCommandArgs, format: Format) -> Exit {
    match &args.action {
        TrailAction::Verify(args) => match verify(args, format) {
            Ok(exit) | Err(exit) => exit,
        },
        TrailAction::Seal(args) => match seal(args) {
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
    heads: Vec<Sealed>,
    /// Entries that could not be written, as the trail says.
    lost: u64,
    /// The same that it does not say yet.
    unsaid: u64,
}

/// A sealed head, and what the trail has in its place.
struct Sealed {
    path: PathBuf,
    head: Head,
    /// Whether the entry that it names has its hash; `None` when there is no such entry.
    agrees: Option<bool>,
}

fn verify(args: &VerifyArgs, format: Format) -> Result<Exit, Exit> {
    let key = trail::key(args.key.as_deref())?;
    let files = in_order(&args.files)?;
    let mut outcome = Outcome::default();
    for path in args.files.iter().map(|path| trail_head(path)).filter(|path| path.exists()).chain(args.sealed.clone()) {
        read_head(path, key.as_ref(), &mut outcome)?;
    }
    for path in &files {
        read(path, (args.after.as_deref(), args.head.as_deref()), &mut outcome)?;
    }
    let last = files.last().cloned().unwrap_or_default();
    if let Some(head) = &args.head
        && outcome.anchor.is_none()
    {
        let text = format!("no entry has the hash `{head}`: entries were cut off at the end, or rewritten");
        outcome.findings.push(Finding { path: last.clone(), line: None, text });
    }
    if outcome.verifier.seen() == 0 {
        outcome.findings.push(Finding { path: last.clone(), line: None, text: "there is no entry".to_owned() });
    }
    compare_heads(&mut outcome);
    let is_signed = |sealed: &Sealed| sealed.agrees.is_some() || sealed.head.last.number == 0;
    if key.is_some() && outcome.findings.is_empty() && !outcome.heads.iter().any(is_signed) {
        let text = "no signed head names an entry of the trail, so its end may have been cut off: its file, with the \
                    ending `.head`, is missing";
        outcome.findings.push(Finding { path: last, line: None, text: text.to_owned() });
    }
    outcome.unsaid = args.files.iter().map(|path| trail_lost(path)).sum();
    show(&files, args, &outcome, format);
    Ok(if outcome.findings.is_empty() { Exit::Success } else { Exit::Findings })
}

/// Prints the sealed head of a trail that is whole.
fn seal(args: &SealArgs) -> Result<Exit, Exit> {
    let key = trail::key(args.key.as_deref())?;
    let files = in_order(std::slice::from_ref(&args.file))?;
    let mut outcome = Outcome::default();
    let sealed = trail_head(&args.file);
    if sealed.exists() {
        read_head(sealed, key.as_ref(), &mut outcome)?;
    }
    for path in &files {
        read(path, (args.after.as_deref(), None), &mut outcome)?;
    }
    compare_heads(&mut outcome);
    if outcome.verifier.seen() == 0 || !outcome.findings.is_empty() {
        for finding in &outcome.findings {
            output::note(finding.text());
        }
        output::error(format!("`{}` is not a whole audit trail, and is not sealed", args.file.display()));
        return Err(Exit::Findings);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    output::line(Head::new(outcome.verifier.last().clone(), time).seal(key.as_ref()));
    if key.is_none() {
        output::note("note: the head is not signed: whoever can change it can seal another end; give `--key`");
    }
    Ok(Exit::Success)
}

/// Reads a sealed head; one that is not believed is a finding.
fn read_head(path: PathBuf, key: Option<&Key>, outcome: &mut Outcome) -> Result<(), Exit> {
    let text = files::plain_text(&path).map_err(|error| unreadable(&path, &error))?;
    match Head::read(&text, key) {
        Ok(head) => outcome.heads.push(Sealed { path, head, agrees: None }),
        Err(error) => {
            let text = format!("the sealed head is not believed: {error}");
            outcome.findings.push(Finding { path, line: None, text });
        }
    }
    Ok(())
}

/// Finds the ends that are not as they were sealed.
fn compare_heads(outcome: &mut Outcome) {
    let (first, last) = (outcome.first.unwrap_or_default(), outcome.verifier.last().number);
    for Sealed { path, head, agrees } in &outcome.heads {
        let (number, time) = (head.last.number, &head.time);
        let text = match agrees {
            Some(true) => continue,
            Some(false) => {
                format!("entry {number} is not the one that was sealed at {time}: the trail was rewritten")
            }
            None if number < first => continue,
            None => format!(
                "entry {number} was sealed at {time}, and the trail ends with entry {last}: its end was cut off"
            ),
        };
        outcome.findings.push(Finding { path: path.clone(), line: None, text });
    }
}

impl Finding {
    fn text(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}", self.path.display(), self.text)
    }
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
        let mut reader = BufReader::new(open(&path)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line);
            let read = read.map_err(|error| unreadable(&path, &error))?;
            if read == 0 || read as u64 == MAX_LINE {
                break;
            }
            first = read_seal(String::from_utf8_lossy(&line).trim_end_matches('\n')).map(|seal| seal.number);
            if first.is_some() {
                break;
            }
        }
        numbered.push((first.unwrap_or(u64::MAX), path));
    }
    numbered.sort_by_key(|(first, _)| *first);
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

/// Reads a file; the hashes are that of the entry before the first one, and one that an entry must have.
fn read(path: &Path, (after, anchor): (Option<&str>, Option<&str>), outcome: &mut Outcome) -> Result<(), Exit> {
    let mut reader = BufReader::new(open(path)?);
    let mut bytes = Vec::new();
    let mut number = 0;
    loop {
        bytes.clear();
        let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut bytes);
        if read.map_err(|error| unreadable(path, &error))? == 0 {
            return Ok(());
        }
        number += 1;
        if bytes.len() as u64 == MAX_LINE {
            let text = "the line is longer than any entry: this is not a trail".to_owned();
            outcome.findings.push(Finding { path: path.to_path_buf(), line: Some(number), text });
            return Ok(());
        }
        let whole = bytes.pop_if(|byte| *byte == b'\n').is_some();
        // What is no UTF-8 is no line of a trail either; its bytes must not be changed on the way.
        let line = std::str::from_utf8(&bytes).unwrap_or_default();
        let seal = read_seal(line);
        if outcome.first.is_none()
            && let Some(seal) = &seal
        {
            outcome.first = Some(seal.number);
            if let Some(after) = after {
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
        outcome.lost += lost_in(line);
        let is_anchor = |seal: &Seal| seal.sound && anchor == Some(seal.hash.as_str());
        for sealed in &mut outcome.heads {
            if let Some(seal) = seal.as_ref().filter(|seal| seal.number == sealed.head.last.number) {
                sealed.agrees = Some(seal.sound && seal.hash == sealed.head.last.hash);
            }
        }
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
            "lost": outcome.lost + outcome.unsaid,
            "sealed": outcome.heads.iter().map(|sealed| json!({
                "path": sealed.path, "entries": sealed.head.last.number, "hash": sealed.head.last.hash,
                "time": sealed.head.time, "signed": sealed.head.signed, "agrees": sealed.agrees,
            })).collect::<Vec<_>>(),
            "findings": findings,
        }));
        return;
    }
    for finding in &outcome.findings {
        output::line(finding.text());
    }
    if outcome.lost + outcome.unsaid > 0 {
        let lost = count(usize::try_from(outcome.lost + outcome.unsaid).unwrap_or(usize::MAX), "entry");
        let unsaid = if outcome.unsaid == 0 { "" } else { "; the trail does not mention all of them" };
        output::line(format!("lost because the file could not be written: {lost}{unsaid}"));
    }
    let entries = usize::try_from(outcome.verifier.seen()).unwrap_or(usize::MAX);
    let words = format!("{} in {}: ", count(entries, "entry"), count(files.len(), "file"));
    if !outcome.findings.is_empty() {
        output::line(format!("{words}{}", count(outcome.findings.len(), "finding")));
        return;
    }
    output::line(format!("{words}{}", output::paint("every line is whole and in its place", GREEN)));
    output::line(format!("head: {} (entry {})", last.hash, last.number));
    let behind = |number: u64| count(usize::try_from(last.number - number).unwrap_or(usize::MAX), "entry");
    let is_checked = args.key.is_some() && outcome.heads.iter().any(|sealed| sealed.agrees.is_some());
    for Sealed { path, head, agrees } in &outcome.heads {
        let signed = match (args.key.is_some(), head.signed) {
            (true, _) => "signed",
            (false, true) => "its signature was not checked",
            (false, false) => "not signed",
        };
        let number = head.last.number;
        if agrees.is_some() {
            let path = path.display();
            output::line(format!("sealed in {path}: entry {number} ({signed}), with {} behind it", behind(number)));
        }
    }
    match (&args.head, outcome.anchor) {
        (Some(_), Some(anchor)) => {
            let behind = behind(anchor);
            output::line(format!("the hash that was kept is that of entry {anchor}, with {behind} behind it"));
        }
        _ if is_checked => {}
        _ => output::note(
            "note: a chain cannot show that its end was cut off or written anew; sign its head (`--audit-key`, `trail \
             seal`) and give `--key`, or keep the head elsewhere and give it with `--head`",
        ),
    }
}

/// The number of entries that could not be written, where an entry says so.
fn lost_in(line: &str) -> u64 {
    if !line.contains(r#""event":"lost""#) {
        return 0;
    }
    let entry: Value = serde_json::from_str(line).unwrap_or_default();
    if entry["event"] == "lost" { entry["entries"].as_u64().unwrap_or_default() } else { 0 }
}

fn open(path: &Path) -> Result<File, Exit> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Exit {
    output::error(format!("`{}` cannot be read: {error}", path.display()));
    Exit::Failure
}
