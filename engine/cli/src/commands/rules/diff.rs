//! `casebook rules diff`

use std::{
    collections::HashSet,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use casebook_analysis::comparison::{
    self, Difference, ItemsCompared, Regraded, RulesCompared, SignOff, Signed, SignedPack, Version,
};
use casebook_compile::check::{Checker, Ruled};
use casebook_runtime::hash::sha256;
use casebook_runtime::{
    model::write_moment,
    record::Recording,
    scenario::{Catalog, Pack},
};
use casebook_syntax::{
    diagnostic::{Diagnostic, Report},
    source::SourceSet,
};
use serde::Serialize;
use serde_json::json;

use super::{
    diff_markdown, diff_text,
    rows::{self, BadRow},
    side,
};
use crate::{
    args::{Format, RulesDiffArgs},
    exit::Exit,
    files, output, packs,
    progress::Progress,
};

/// One pack in both versions.
#[derive(Debug, Serialize)]
pub(super) struct PackDiff {
    pub(super) environment: String,
    /// None where the pack is new.
    pub(super) old: Option<Version>,
    /// None where the pack is gone.
    pub(super) new: Option<Version>,
    pub(super) rules: Vec<RulesCompared>,
    /// What else the documents say otherwise, by head.
    pub(super) differences: Vec<Difference>,
    /// None where one of the two versions has findings that stop it.
    pub(super) items: Option<ItemsCompared>,
    pub(super) records: Vec<Regraded>,
}

impl PackDiff {
    /// Whether it is not proved that nothing changes that an agent or a score can notice.
    pub(super) fn is_changed(&self) -> bool {
        self.old.is_none()
            || self.new.is_none()
            || self.rules.iter().any(RulesCompared::is_changed)
            || self.differences.iter().any(|difference| difference.counts)
            || self.items.as_ref().is_none_or(|items| !items.changes.is_empty())
            || self.records.iter().any(Regraded::is_changed)
    }

    fn signed(&self) -> SignedPack {
        let digest = |version: &Option<Version>| version.as_ref().map(|version| version.digest.clone());
        let tests = |version: &Option<Version>| version.as_ref().map(|version| version.tests.clone());
        let readme = |version: &Option<Version>| version.as_ref().and_then(|version| version.readme.clone());
        SignedPack {
            environment: self.environment.clone(),
            old: digest(&self.old),
            new: digest(&self.new),
            old_tests: tests(&self.old),
            new_tests: tests(&self.new),
            old_readme: readme(&self.old),
            new_readme: readme(&self.new),
        }
    }
}

/// Both versions of all packs.
struct Sides {
    old: Vec<Ruled>,
    new: Vec<Ruled>,
    catalogs: (Option<Catalog>, Option<Catalog>),
    /// What `casebook check` finds in the new version and not in the old one.
    findings: Report,
}

pub(crate) fn run(args: &RulesDiffArgs, format: Format) -> Exit {
    match compare(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn compare(args: &RulesDiffArgs, format: Format) -> Result<Exit, Exit> {
    let usage = |text: String| {
        output::error(text);
        Exit::Usage
    };
    let (old, new) = (
        side::open(&args.old, args.pack.as_deref()).map_err(usage)?,
        side::open(&args.new, args.pack.as_deref()).map_err(usage)?,
    );
    let progress = Progress::start("reading both versions");
    let (before, old_catalog, known) = version(&old, &args.old, format)?;
    let (after, new_catalog, mut findings) = version(&new, &args.new, format)?;
    drop(progress);
    let key = |one: &Diagnostic| (one.code.text(), one.message.clone());
    let known: HashSet<_> = known.diagnostics.iter().map(key).collect();
    // What stops a version was shown.
    findings.diagnostics.retain(|one| new_catalog.is_some() && !known.contains(&key(one)));
    let sides = Sides { old: before, new: after, catalogs: (old_catalog, new_catalog), findings };
    let records = rows::recordings(&args.records).map_err(|text| {
        output::error(text);
        Exit::Failure
    })?;
    let progress = Progress::start("comparing rules");
    let diffs = diffs(&sides, &records.rows);
    drop(progress);
    let changed = diffs.iter().any(PackDiff::is_changed);
    let signed: Vec<SignedPack> = diffs.iter().map(PackDiff::signed).collect();
    let note = sign_off(args, &sides, signed)?;
    tell((&diffs, &sides.findings), changed, note.as_deref(), &records.bad, (format, args.brief));
    let passes = !changed || args.exit_zero || note.is_some();
    Ok(if passes && records.bad.is_empty() { Exit::Success } else { Exit::Findings })
}

/// A version: its rules, its packs as they can be played, and what was found in them.
///
/// Of each file there is one tree at a time, and none is left: of 20,000 rules a tree takes more than all else together.
fn version(set: &SourceSet, name: &str, format: Format) -> Result<(Vec<Ruled>, Option<Catalog>, Report), Exit> {
    let mut checker = packs::checker();
    let mut rules = ruled(&mut checker, set, format)?;
    let (catalog, report) = catalog(&mut checker, set, name, format);
    drop(checker);
    rules.iter_mut().for_each(Ruled::forget_places);
    Ok((rules, catalog, report))
}

/// The rules of all packs of a version; shows why they cannot be had.
fn ruled(checker: &mut Checker, set: &SourceSet, format: Format) -> Result<Vec<Ruled>, Exit> {
    let mut all = Vec::new();
    let mut broken = !set.missing.is_empty();
    if broken {
        packs::show(&packs::compile(set).report, format);
    }
    for source in &set.packs {
        let (ruled, report) = checker.ruled(source);
        if ruled.is_none() {
            packs::show(&report, format);
            broken = true;
        }
        all.extend(ruled);
    }
    if broken { Err(Exit::Findings) } else { Ok(all) }
}

/// The packs as they can be played, and what was found in them; says why items and records are left out where they cannot.
fn catalog(checker: &mut Checker, set: &SourceSet, name: &str, format: Format) -> (Option<Catalog>, Report) {
    let compiled = checker.compile(set, 1);
    if compiled.catalog.is_none() {
        if format != Format::Json {
            packs::show(&compiled.report, Format::Human);
        }
        output::note(format!("`{name}` cannot be played as it is, so items and records are not compared"));
    }
    (compiled.catalog, compiled.report)
}

fn diffs(sides: &Sides, records: &[Recording]) -> Vec<PackDiff> {
    // The digest of a pack that can be played covers its plugins as well.
    let version = |ruled: &Ruled, catalog: &Option<Catalog>| {
        let played = catalog.as_ref().and_then(|all| all.pack(&ruled.name));
        let digest = played.map_or(ruled.digest.as_str(), |pack| pack.digest());
        Version {
            version: ruled.version.clone(),
            digest: digest.to_owned(),
            tests: ruled.tests.clone(),
            readme: ruled.readme.as_deref().map(|text| sha256(text.as_bytes())),
        }
    };
    let pack = |catalog: &Option<Catalog>, name: &str| catalog.as_ref().and_then(|all| all.pack(name).cloned());
    let known = |name: &str| sides.new.iter().any(|new| new.name == name);
    let mut all: Vec<PackDiff> = Vec::new();
    for new in &sides.new {
        let Some(old) = sides.old.iter().find(|old| old.name == new.name) else {
            all.push(PackDiff::one_sided(&new.name, None, Some(version(new, &sides.catalogs.1))));
            continue;
        };
        let both = (pack(&sides.catalogs.0, &new.name), pack(&sides.catalogs.1, &new.name));
        let mut differences = comparison::documents(old, new);
        let (items, records) = match &both {
            (Some(before), Some(after)) => {
                differences.extend(comparison::plugins(before, after));
                (Some(comparison::items(before, after)), regrade(before, after, records))
            }
            _ => (None, Vec::new()),
        };
        differences.sort_by_key(|difference| difference.head);
        let mut rules = comparison::meaning(old, new);
        if let (Some(items), (_, Some(after))) = (&items, &both) {
            comparison::attribute(&mut rules, (old, new), (after, items), &records);
        }
        all.push(PackDiff {
            environment: new.name.clone(),
            old: Some(version(old, &sides.catalogs.0)),
            new: Some(version(new, &sides.catalogs.1)),
            rules,
            differences,
            items,
            records,
        });
    }
    for old in sides.old.iter().filter(|old| !known(&old.name)) {
        all.push(PackDiff::one_sided(&old.name, Some(version(old, &sides.catalogs.0)), None));
    }
    all
}

impl PackDiff {
    fn one_sided(name: &str, old: Option<Version>, new: Option<Version>) -> Self {
        Self {
            environment: name.to_owned(),
            old,
            new,
            rules: Vec::new(),
            differences: Vec::new(),
            items: None,
            records: Vec::new(),
        }
    }
}

fn regrade(before: &Arc<Pack>, after: &Arc<Pack>, records: &[Recording]) -> Vec<Regraded> {
    let of_pack = records.iter().filter(|recording| recording.environment == after.name());
    of_pack.map(|recording| comparison::records(before, after, recording)).collect()
}

/// Writes an approval, or reads one; a text says that the change is approved.
fn sign_off(args: &RulesDiffArgs, sides: &Sides, packs: Vec<SignedPack>) -> Result<Option<String>, Exit> {
    if let Some(path) = &args.sign_off {
        if sides.catalogs.1.is_none() {
            output::error("what cannot be played cannot be signed off");
            return Err(Exit::Findings);
        }
        let (by, reason) = (args.by.clone().unwrap_or_default(), args.reason.clone().unwrap_or_default());
        if by.trim().is_empty() || reason.trim().is_empty() {
            output::error("a sign-off needs a name and a reason: `--by NAME --reason TEXT`");
            return Err(Exit::Usage);
        }
        let note = format!("signed off by {by}: {reason}");
        let signed = SignOff::new(Signed { by, reason, time: now(), covers: 0, packs });
        let text = serde_json::to_string_pretty(&signed).unwrap_or_default() + "\n";
        files::write(path, text).map_err(|error| {
            output::error(format!("`{}` cannot be written: {error}", path.display()));
            Exit::Failure
        })?;
        return Ok(Some(note));
    }
    let Some(path) = &args.signed else { return Ok(None) };
    let sign_off = read_sign_off(path)?;
    if let Some(refusal) = sign_off.refusal(&packs) {
        output::error(format!("`{}`: {refusal}", path.display()));
        return Ok(None);
    }
    Ok(Some(format!("signed off by {}: {}", sign_off.signed.by, sign_off.signed.reason)))
}

fn read_sign_off(path: &Path) -> Result<SignOff, Exit> {
    let text = files::plain_text(path).map_err(|error| {
        output::error(format!("`{}` cannot be read: {error}", path.display()));
        Exit::Failure
    })?;
    serde_json::from_str(&text).map_err(|error| {
        output::error(format!("`{}` is no sign-off: {error}", path.display()));
        Exit::Findings
    })
}

fn tell(
    (diffs, findings): (&[PackDiff], &Report),
    changed: bool,
    note: Option<&str>,
    bad: &[BadRow],
    (format, brief): (Format, bool),
) {
    match format {
        Format::Json => output::json(&json!({
            "changed": changed,
            "signed": note,
            "packs": diffs,
            "findings": findings.diagnostics,
            "bad_records": bad,
        })),
        Format::Markdown => output::text(diff_markdown::markdown(diffs, brief, note)),
        _ => {
            output::text(diff_text::human(diffs, brief));
            if let Some(note) = note {
                output::line(note);
            }
        }
    }
    if !findings.diagnostics.is_empty() && format != Format::Json {
        output::note("the new version has findings that the old one does not have:");
        packs::show(findings, Format::Human);
    }
    for row in bad.iter().filter(|_| format != Format::Json) {
        output::error(format!("{}:{}: {}", row.path.display(), row.line, row.message));
    }
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    write_moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
