//! Mutation testing: a pack with one small fault after the other, and whether its tests notice each.
//!
//! | file | what |
//! |---|---|
//! | `mutants.rs` | the faults |
//! | `text.rs` | how they are written into a file |
//! | `alike.rs` | which mutants mean what the pack means |
//! | `killer.rs` | a test that would notice a mutant that no test noticed |
//! | `plays.rs` | the ways to play in which it looks for one |
//! | `again.rs` | what a change of the pack reaches of the fates that are known |
//!
//! After R. A. `DeMillo`, R. J. Lipton and F. G. Sayward, "Hints on test data selection", Computer 11 (1978).

mod again;
mod alike;
mod killer;
mod mutants;
mod plays;
mod text;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use casebook_compile::check::{Checker, Compiled, Ruled};
use casebook_runtime::scenario::{Pack, Task, generator::InboxPart};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report, apart, apply},
    source::SourceSet,
};
use serde::Serialize;

use crate::{
    comparison::{self, RulesCompared},
    starts::{Draws, Starts},
    testing::{Failure, fails_again, first_failure, first_rule_failure, golden},
};
pub use again::{Round, Standing};
pub use killer::Killer;
pub use mutants::{Mutant, mutants};
use plays::{Cast, Played, Player};

/// The result of a mutant.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// `check` or `rules check` reports it, with an error or a warning that the pack does not have.
    Reported {
        /// The finding.
        by: String,
    },
    /// A test fails.
    Killed {
        /// The test; as text its document and its name.
        by: Failure,
    },
    /// It passes every test.
    Survived {
        /// A test that would fail; none where no built-in way to play shows a difference.
        #[serde(skip_serializing_if = "Option::is_none")]
        killer: Option<Killer>,
        /// Why there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// It means what the pack means, so that no test can notice it.
    Same {
        /// How that is known.
        because: &'static str,
    },
}

/// The pack without a fault, and what `check` reports about it.
#[derive(Debug)]
pub struct Healthy<'a> {
    sources: &'a SourceSet,
    pack: Arc<Pack>,
    /// The items of its tasks, which mutants share that do not change them.
    draws: Arc<Draws>,
    /// Its rules alone, once a mutant of rules passes every test.
    ruled: OnceLock<Option<Ruled>>,
    /// Those who play its tasks while tests are looked for.
    cast: Cast,
    findings: Findings,
    /// The same with all that `rules check` asks, once a mutant of rules passes every test.
    proved: OnceLock<Findings>,
    /// What its golden file says, if it has one.
    golden: Option<Vec<golden::Line>>,
    /// Their results.
    results: Mutex<HashMap<(String, Player), Option<Played>>>,
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
        let golden = golden.map(golden::read).transpose()?;
        let draws = Arc::default();
        if let Some(failed) = first_failure(&Starts::drawn(&pack, &draws), golden.as_deref(), &HashSet::new()) {
            return Err(format!("a test of `{name}` fails without a mutant (`{failed}`); run `casebook test`"));
        }
        let findings = findings(&compiled.report);
        let cast = Cast::new(&pack, &draws);
        let (ruled, proved) = (OnceLock::new(), OnceLock::new());
        Ok(Self { sources, pack, draws, ruled, cast, findings, proved, golden, results: Mutex::default() })
    }

    /// The pack.
    pub const fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// The result of a player in a task of the pack.
    fn result(&self, player: &Player, task: &str) -> Option<Played> {
        let key = (task.to_owned(), player.clone());
        let known = self.results.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let result = player.result(&self.cast, task);
            self.results.lock().unwrap_or_else(PoisonError::into_inner).insert(key, result.clone());
            result
        })
    }

    /// The rule case that changed rules fail, if nothing else is wrong with them: drawing items by them takes much longer.
    fn ruled_otherwise(&self, changed: &SourceSet, checker: &mut Checker) -> Option<Failure> {
        let compiled = checker.compile_untried(changed);
        let pack = compiled.catalog.as_ref()?.pack(self.pack.name())?;
        if new(&compiled.report, &self.findings).is_some() {
            return None;
        }
        first_rule_failure(pack)
    }

    /// What the proofs say about the rules that a mutant changes.
    fn compared(&self, mutant: &Mutant, changed: &SourceSet, checker: &mut Checker) -> Option<RulesCompared> {
        let now = self.ruled.get_or_init(|| checker.ruled(&self.sources.packs[0]).0);
        // A case is judged by the pack as it is.
        let (before, after) = (checker.ruled(&changed.packs[0]).0?, now.as_ref()?);
        comparison::meaning(&before, after).into_iter().find(|set| set.name == mutant.document)
    }

    /// Makes a mutant and tests it, first by what noticed it before. The checker may keep what it compiled for others.
    pub fn fate(&self, mutant: &Mutant, before: Option<&Failure>, checker: &mut Checker) -> Fate {
        let mut sources = self.sources.clone();
        sources.change(&|file| (*file.path == *mutant.path).then(|| apply(&file.text, &apart(mutant.fixes.clone()))));
        if mutant.kind == "Rules"
            && let Some(by) = self.ruled_otherwise(&sources, checker)
        {
            return Fate::Killed { by };
        }
        let compiled = checker.compile(&sources, 1);
        if let Some(by) = new(&compiled.report, &self.findings) {
            return Fate::Reported { by };
        }
        let Some(pack) = compiled.catalog.as_ref().and_then(|catalog| catalog.pack(self.pack.name())) else {
            return Fate::Reported { by: "the pack has errors".to_owned() };
        };
        if pack.digest() == self.pack.digest() {
            return Fate::Same { because: "the documents say the same" };
        }
        let golden = self.golden.as_deref();
        let reached = reached(mutant, (&self.pack, pack));
        let is_same = |task: &&Arc<Task>| matches!(mutant.kind, "Rubric") || !reached.contains(task.name());
        let same = pack.tasks().iter().filter(is_same).map(|task| task.name().to_owned()).collect();
        let draws = Arc::new(Draws::with(&self.draws, same));
        let starts = Starts::drawn(pack, &draws);
        let again = before.filter(|failure| fails_again(&starts, failure, golden)).cloned();
        if let Some(by) = again.or_else(|| first_failure(&starts, golden, &reached)) {
            return Fate::Killed { by };
        }
        let meaning = if mutant.kind == "Rules" { self.compared(mutant, &sources, checker) } else { None };
        if let Some(because) = alike::because(mutant, meaning.as_ref(), &self.pack, pack) {
            return Fate::Same { because };
        }
        // It takes longest, and few mutants come so far.
        if mutant.kind == "Rules" {
            let proved = self.proved.get_or_init(|| findings(&checker.prove(self.sources).report));
            if let Some(by) = new(&checker.prove(&sources).report, proved) {
                return Fate::Reported { by };
            }
        }
        match killer::find(self, &Cast::new(pack, &draws), mutant, meaning.as_ref()) {
            Ok(killer) => Fate::Survived { killer: Some(killer), why: None },
            Err(why) => Fate::Survived { killer: None, why: Some(why) },
        }
    }
}

/// The tasks, or families, of which a mutant may change what is drawn or how it is graded.
fn reached(mutant: &Mutant, (pack, changed): (&Pack, &Pack)) -> HashSet<String> {
    // Others may extend the document that is changed.
    let differs = |kind: &str, name: &str| pack.digest_of(kind, name) != changed.digest_of(kind, name);
    let draws_otherwise = |part: &InboxPart| match part {
        InboxPart::Drawn(drawn) => drawn.sources.iter().any(|source| differs("Generator", &source.cast.generator.name)),
        InboxPart::Listed(_) | InboxPart::Some(..) => false,
    };
    let is_reached = |task: &Task| match mutant.kind {
        "Task" => differs("Task", &task.name),
        "Rubric" => differs("Rubric", &task.rubric.name),
        "Inbox" => !task.items.is_empty(),
        "Generator" => task.parts.iter().any(draws_otherwise),
        _ => true,
    };
    changed.tasks().iter().filter(|task| is_reached(task)).map(|task| task.name.clone()).collect()
}

/// What `check` reports, by code and message.
type Findings = HashSet<(Code, String)>;

fn findings(report: &Report) -> Findings {
    report.diagnostics.iter().map(|one| (one.code, one.message.clone())).collect()
}

/// The first finding that is not known, in words.
fn new(report: &Report, known: &Findings) -> Option<String> {
    let is_new = |one: &&Diagnostic| !known.contains(&(one.code, one.message.clone()));
    report.diagnostics.iter().find(is_new).map(|finding| format!("{}: {}", finding.code, finding.message))
}
