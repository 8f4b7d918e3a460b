//! Mutation testing: a pack with one small fault after the other, and whether its tests notice each.
//!
//! | file | what |
//! |---|---|
//! | `mutants.rs` | the faults |
//! | `text.rs` | how they are written into a file |
//! | `killer.rs` | a test that would notice a mutant that no test noticed |
//! | `plays.rs` | the ways to play in which it looks for one |
//!
//! After R. A. `DeMillo`, R. J. Lipton and F. G. Sayward, "Hints on test data selection", Computer 11 (1978).

mod killer;
mod mutants;
mod plays;
mod text;

use std::{collections::HashSet, sync::Arc};

use casebook_compile::check::{Checker, Compiled};
use casebook_runtime::scenario::Pack;
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, apart, apply},
    source::SourceSet,
};
use serde::Serialize;

use crate::testing::{self, golden};
pub use killer::Killer;
pub use mutants::{Mutant, mutants};

/// The result of a mutant.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// `check` reports it, with an error or a warning that the pack does not have.
    Reported {
        /// The finding.
        by: String,
    },
    /// A test fails.
    Killed {
        /// The test's document, and its name.
        by: String,
    },
    /// It passes every test.
    Survived {
        /// A test that would fail; none where no built-in way to play shows a difference.
        #[serde(skip_serializing_if = "Option::is_none")]
        killer: Option<Killer>,
    },
    /// It says what the pack says.
    Same,
}

/// The pack without a fault, and what `check` reports about it.
#[derive(Debug)]
pub struct Healthy<'a> {
    sources: &'a SourceSet,
    pack: Arc<Pack>,
    findings: HashSet<(Code, String)>,
    /// What its golden file says, if it has one.
    golden: Option<Vec<golden::Line>>,
}

impl<'a> Healthy<'a> {
    /// The first of the packs, which must compile and pass its tests, and the text of its golden file.
    ///
    /// # Errors
    ///
    /// When it does not; the text says why.
    pub fn new(sources: &'a SourceSet, compiled: &Compiled, golden: Option<&str>) -> Result<Self, String> {
        let pack = compiled.catalog.as_ref().and_then(|catalog| catalog.packs().first());
        let pack = Arc::clone(pack.ok_or("nothing is changed: the pack has errors")?);
        let name = pack.name();
        if pack.tests() == 0 {
            return Err(format!("the pack `{name}` has no test; add a document with `kind: Test`"));
        }
        if let Some(case) = testing::first_failure(&pack) {
            return Err(format!("a test of `{name}` fails without a mutant (`{}`); run `casebook test`", case.name));
        }
        let golden = golden.map(golden::read).transpose()?;
        if let Some(found) = golden.as_ref().and_then(|lines| golden::first_difference(&pack, lines)) {
            return Err(format!(
                "`{}` of `{name}` says otherwise without a mutant: {found}; run `casebook test`",
                golden::FILE
            ));
        }
        let findings = compiled.report.diagnostics.iter().map(|one| (one.code, one.message.clone())).collect();
        Ok(Self { sources, pack, findings, golden })
    }

    /// The pack.
    pub const fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// Makes a mutant and tests it. The checker may keep what it compiled for others.
    pub fn fate(&self, mutant: &Mutant, checker: &mut Checker) -> Fate {
        let mut sources = self.sources.clone();
        sources.change(&|file| (*file.path == *mutant.path).then(|| apply(&file.text, &apart(mutant.fixes.clone()))));
        let compiled = checker.compile(&sources, 1);
        let is_new = |one: &&Diagnostic| !self.findings.contains(&(one.code, one.message.clone()));
        let new = compiled.report.diagnostics.iter().find(is_new);
        if let Some(finding) = new {
            return Fate::Reported { by: format!("{}: {}", finding.code, finding.message) };
        }
        let Some(pack) = compiled.catalog.as_ref().and_then(|catalog| catalog.pack(self.pack.name())) else {
            return Fate::Reported { by: "the pack has errors".to_owned() };
        };
        if pack.digest() == self.pack.digest() {
            return Fate::Same;
        }
        if let Some(case) = testing::first_failure(pack) {
            return Fate::Killed { by: format!("{}: {}", case.suite, case.name) };
        }
        if let Some(found) = self.golden.as_ref().and_then(|lines| golden::first_difference(pack, lines)) {
            return Fate::Killed { by: format!("{}: {found}", golden::FILE) };
        }
        let (healthy, changed) = ((&self.sources.packs[0], &self.pack), (&sources.packs[0], pack));
        Fate::Survived { killer: killer::find(healthy, changed, mutant) }
    }
}
