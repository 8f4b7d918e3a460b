//! Findings, outcomes, and the report in the schema that OpenEnv's own validator writes.

use std::{fmt, path::PathBuf, time::Duration};

use casebook_runtime::rubric::{Node, Rubric};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    allowance::Allowance,
    bar::{BAR, Check, Level, POLICY, Severity},
};

/// The greatest number of findings of a check that are listed.
const LISTED: usize = 20;

/// What a check has found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All is well.
    Pass,
    /// Something is wrong.
    Fail,
    /// It could not run; a note says why.
    Skip,
    /// It broke off; a note says why.
    Error,
}

impl Status {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Error => "error",
        }
    }
}

/// What the whole report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every check passed.
    Pass,
    /// Some could not run, or found something that does not keep a package from being accepted.
    Warn,
    /// A check failed.
    Fail,
}

impl Verdict {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Where something was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Place {
    /// The pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The seed of the reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Its line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

impl Place {
    /// A line of a file; 0 for the file as a whole.
    pub fn line(path: impl Into<PathBuf>, line: usize) -> Self {
        Self { path: Some(path.into()), line: Some(line).filter(|line| *line > 0), ..Self::default() }
    }

    /// A pack.
    pub fn pack(pack: &str) -> Self {
        Self { pack: Some(pack.to_owned()), ..Self::default() }
    }

    /// A task of a pack.
    pub fn task(pack: &str, task: &str) -> Self {
        Self { task: Some(task.to_owned()), ..Self::pack(pack) }
    }

    /// An episode.
    pub fn episode(pack: &str, task: &str, seed: u64) -> Self {
        Self { seed: Some(seed), ..Self::task(pack, task) }
    }

    /// The same at the line of a task's rubric where the score begins, unless it has a line.
    pub(super) fn scored_by(self, rubric: &Rubric) -> Self {
        self.at(&rubric.nodes[rubric.score])
    }

    /// The same where the rewards begin.
    pub(super) fn paid_by(self, rubric: &Rubric) -> Self {
        let first = rubric.components.first().copied().unwrap_or(rubric.score);
        self.at(&rubric.nodes[first])
    }

    /// The same at the line of a node of a rubric, unless it has a line.
    pub(super) fn at(self, node: &Node) -> Self {
        if self.path.is_some() {
            return self;
        }
        Self { path: Some(node.place.path.to_path_buf()), line: Some(node.place.line), ..self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let file = self.path.as_ref().map(|path| format!("{}{line}", path.display()));
        let pack = [self.pack.as_deref(), self.task.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("/");
        let seed = self.seed.map(|seed| format!("seed {seed}"));
        let parts = [file, Some(pack).filter(|pack| !pack.is_empty()), seed].into_iter().flatten();
        f.write_str(&parts.collect::<Vec<_>>().join(" "))
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is the case.
    pub text: String,
    /// What was expected instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Why it is allowed, where a baseline says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
}

impl Finding {
    /// Something at a place.
    pub fn new(place: Place, text: impl Into<String>) -> Self {
        Self { place, text: text.into(), expected: None, allowed: None }
    }

    /// Adds what was expected.
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.to_string();
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.text)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(reason) = &self.allowed {
            write!(f, " (allowed: {reason})")?;
        }
        Ok(())
    }
}

/// What one run of a check gives, for a package or a pack.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Why it could not run, or not to its end.
    pub skipped: Vec<String>,
    /// Why it broke off.
    pub errors: Vec<String>,
    /// What was looked at.
    pub notes: Vec<String>,
    /// Figures by name.
    pub measured: Map<String, Value>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// One that passes unless something is found.
    pub fn looked(note: impl Into<String>) -> Self {
        Self { notes: vec![note.into()], ..Self::default() }
    }

    /// One that could not run.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self { skipped: vec![reason.into()], ..Self::default() }
    }

    /// One that broke off.
    pub fn error(reason: impl Into<String>) -> Self {
        Self { errors: vec![reason.into()], ..Self::default() }
    }

    /// Adds findings.
    #[must_use]
    pub fn with(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.findings.extend(findings);
        self
    }

    /// Adds a figure.
    #[must_use]
    pub fn measured(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.measured.insert(name.to_owned(), value.into());
        self
    }
}

/// A check with its outcome over all packs.
#[derive(Debug, Clone)]
pub struct Result {
    /// The check.
    pub check: &'static Check,
    /// What it gave.
    pub outcome: Outcome,
}

impl Result {
    /// What the check has found out; findings that are allowed do not count.
    pub fn status(&self) -> Status {
        let Outcome { findings, skipped, errors, .. } = &self.outcome;
        if !errors.is_empty() {
            Status::Error
        } else if findings.iter().any(|finding| finding.allowed.is_none()) {
            Status::Fail
        } else if skipped.is_empty() {
            Status::Pass
        } else {
            Status::Skip
        }
    }

    /// Whether it decides that the verdict is `fail`.
    pub fn is_severe(&self) -> bool {
        let status = self.status();
        status == Status::Error || status == Status::Fail && self.check.severity == Severity::Fail
    }

    /// What it has to say, line by line.
    pub fn lines(&self) -> Vec<String> {
        let Outcome { findings, skipped, errors, notes, .. } = &self.outcome;
        let more = findings.len().saturating_sub(LISTED);
        let listed = findings.iter().take(LISTED).map(ToString::to_string);
        let more = (more > 0).then(|| format!("and {more} more"));
        errors
            .iter()
            .cloned()
            .chain(listed)
            .chain(more)
            .chain(skipped.iter().cloned())
            .chain(notes.iter().cloned())
            .collect()
    }

    /// What to do about it; nothing where it passed.
    pub fn fix(&self) -> Option<&'static str> {
        matches!(self.status(), Status::Fail | Status::Error).then_some(self.check.fix)
    }

    fn to_json(&self) -> Value {
        let mut measured = self.outcome.measured.clone();
        if !self.outcome.findings.is_empty() {
            measured.insert("findings".into(), json!(self.outcome.findings));
        }
        json!({
            "check_id": self.check.id, "status": self.status(), "measured": measured, "evidence": self.lines(),
            "remediation": self.fix(), "duration_s": self.outcome.took.as_secs_f64(),
        })
    }
}

/// What an audit has found out.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was audited: a path or an address.
    pub target: String,
    /// SHA-256, in hex, of what was read.
    pub source_digest: String,
    /// The manifest in its normal form, where there is a valid one.
    pub manifest: Option<Value>,
    /// The checks that were asked for, in the order of the bar.
    pub results: Vec<Result>,
}

impl Report {
    /// Puts outcomes together: one result for each check that was wanted, several outcomes of a check as one.
    ///
    /// A check without any outcome is one that broke off.
    pub fn new(target: String, wanted: impl Fn(&Check) -> bool, outcomes: Vec<(&'static str, Outcome)>) -> Self {
        let mut results: Vec<Result> = BAR
            .iter()
            .filter(|check| wanted(check))
            .map(|check| Result { check, outcome: Outcome::default() })
            .collect();
        let mut ran = Vec::new();
        for (id, outcome) in outcomes {
            let Some(result) = results.iter_mut().find(|result| result.check.id == id) else { continue };
            ran.push(id);
            let whole = &mut result.outcome;
            whole.findings.extend(outcome.findings);
            whole.errors.extend(outcome.errors);
            for (all, more) in [(&mut whole.skipped, outcome.skipped), (&mut whole.notes, outcome.notes)] {
                all.extend(more.into_iter().filter(|line| !all.contains(line)).collect::<Vec<_>>());
            }
            whole.measured.extend(outcome.measured);
            whole.took += outcome.took;
        }
        for result in results.iter_mut().filter(|result| !ran.contains(&result.check.id)) {
            result.outcome = Outcome::error("the check did not run: a bug");
        }
        Self { target, source_digest: String::new(), manifest: None, results }
    }

    /// Allows findings that are known; returns what is wrong with those allowances.
    pub fn allow(&mut self, allowances: &[Allowance], today: &str) -> Vec<String> {
        let mut problems = Vec::new();
        for allowance in allowances {
            if allowance.expires.as_str() < today {
                problems
                    .push(format!("{allowance} expired on {}; remove it, or fix what it allows", allowance.expires));
                continue;
            }
            let mut used = false;
            for result in self.results.iter_mut().filter(|result| result.check.id == allowance.id) {
                for finding in result.outcome.findings.iter_mut().filter(|finding| allowance.covers(&finding.place)) {
                    finding.allowed = Some(allowance.reason.clone());
                    used = true;
                }
            }
            let ran = self.results.iter().any(|result| result.check.id == allowance.id);
            if !used && ran {
                problems.push(format!("{allowance} allows nothing any more; remove it"));
            }
        }
        problems
    }

    /// What the report says as a whole.
    pub fn verdict(&self) -> Verdict {
        if self.results.iter().any(Result::is_severe) {
            Verdict::Fail
        } else if self.results.iter().any(|result| result.status() != Status::Pass) {
            Verdict::Warn
        } else {
            Verdict::Pass
        }
    }

    /// How many checks have a status.
    pub fn count(&self, status: Status) -> usize {
        self.results.iter().filter(|result| result.status() == status).count()
    }

    /// The report in the stock schema, version 2.
    pub fn to_json(&self) -> Value {
        let has = |level: Level| self.results.iter().any(|result| result.check.level == level);
        let levels: Vec<u8> = Level::ALL.into_iter().filter(|level| has(*level)).map(Level::number).collect();
        // The stock policy gives the statistical checks to those who run a hub.
        let lane = if has(Level::Statistical) { "hub" } else { "local" };
        json!({
            "report_schema_version": "2", "target": self.target, "source_digest": self.source_digest,
            "signature": "openenv.yaml", "manifest": self.manifest, "policy_version": POLICY, "lane": lane,
            "levels_run": levels, "results": self.results.iter().map(Result::to_json).collect::<Vec<_>>(),
            "verdict": self.verdict(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: Vec<(&'static str, Outcome)>) -> Report {
        let ids: Vec<&str> = outcomes.iter().map(|(id, _)| *id).collect();
        Report::new("here".into(), |check| ids.contains(&check.id), outcomes)
    }

    #[test]
    fn a_check_that_was_skipped_or_did_not_run_never_passes() {
        let skipped = report(vec![("semantic.oracle_max", Outcome::skip("why"))]);
        assert_eq!((skipped.results[0].status(), skipped.verdict()), (Status::Skip, Verdict::Warn));
        let forgotten = Report::new("here".into(), |check| check.id == "semantic.oracle_max", Vec::new());
        assert_eq!((forgotten.results[0].status(), forgotten.verdict()), (Status::Error, Verdict::Fail));
        // One pack for which it was skipped is enough.
        let half = report(vec![
            ("semantic.oracle_max", Outcome::looked("one")),
            ("semantic.oracle_max", Outcome::skip("why")),
        ]);
        assert_eq!(half.results[0].status(), Status::Skip);
        let whole = report(vec![("semantic.oracle_max", Outcome::looked("one"))]);
        assert_eq!((whole.results[0].status(), whole.verdict()), (Status::Pass, Verdict::Pass));
    }

    #[test]
    fn severity_decides_the_verdict_and_allowances_take_findings_away() {
        let wrong = || Outcome::looked("").with([Finding::new(Place::task("desk", "easy"), "wrong")]);
        assert_eq!(report(vec![("static.layout", wrong())]).verdict(), Verdict::Warn);
        let mut severe = report(vec![("semantic.floor_gap", wrong())]);
        assert_eq!(severe.verdict(), Verdict::Fail);
        let allowance = |task: &str, expires: &str| Allowance {
            id: "semantic.floor_gap".into(),
            pack: Some("desk".into()),
            task: Some(task.into()),
            reason: "known".into(),
            expires: expires.into(),
        };
        let problems = severe.allow(&[allowance("hard", "2030-01-01"), allowance("easy", "2020-01-01")], "2026-01-01");
        assert_eq!(
            problems,
            [
                "the entry for `semantic.floor_gap` of `desk/hard` allows nothing any more; remove it",
                "the entry for `semantic.floor_gap` of `desk/easy` expired on 2020-01-01; remove it, or fix what it allows",
            ]
        );
        assert_eq!(severe.verdict(), Verdict::Fail);
        assert!(severe.allow(&[allowance("easy", "2026-01-01")], "2026-01-01").is_empty());
        assert_eq!(severe.verdict(), Verdict::Pass);
    }
}
