//! Test documents run: rule cases, episode cases, probes, coverage.
//!
//! | file | what |
//! |---|---|
//! | `rules.rs` | rule cases, with what matched and why |
//! | `episodes.rs` | episode cases and probes |
//! | `coverage.rs` | what of a pack they exercised |
//! | `golden.rs` | what all agents score and earn, next to what a file says |
//!
//! Nothing here prints; the outcome is data.

mod coverage;
mod episodes;
pub mod golden;
mod rules;

use std::{collections::HashSet, fmt, path::PathBuf, sync::Arc};

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use casebook_compile::plugin::{ExampleRun, run_examples};
use casebook_runtime::{
    plugin::Plugin,
    scenario::{
        Pack,
        suite::{EpisodeCase, RuleCase, Site},
    },
};
pub use coverage::Coverage;
use coverage::Seen;
pub use episodes::PROBING_SEEDS;
pub(crate) use episodes::constants;
use episodes::{Asked, Rival};

use crate::starts::Starts;

/// The result of a pack's tests.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The pack's name.
    pub pack: String,
    /// Every case, in the order of the documents; built-in probes last.
    pub cases: Vec<Case>,
    /// What was exercised.
    pub coverage: Vec<Coverage>,
    /// Rules that are only tried out.
    pub trials: Vec<Trial>,
}

/// The result of one case.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// The test document, or `built-in`.
    pub suite: String,
    /// What kind of case.
    pub kind: CaseKind,
    /// What it is about.
    pub name: String,
    /// Whether all that it demands holds.
    pub passed: bool,
    /// The result, or what does not hold; one line each.
    pub details: Vec<String>,
    /// The file that it is in; none for built-in probes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Its line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// Kinds of case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// An item and what rules say about it.
    Rule,
    /// An episode and its result.
    Episode,
    /// An agent and its score in every task.
    Probe,
    /// A demand on coverage.
    Coverage,
    /// An example that a plugin shows.
    Example,
    /// Scores and returns as a file says.
    Golden,
}

/// What a rule on trial would do to the items of the shipped inboxes.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// The rules' name.
    pub rules: String,
    /// The rule's id.
    pub rule: String,
    /// Items that it matches.
    pub items: Vec<String>,
    /// Those whose truth it would change.
    pub changes: Vec<String>,
}

impl Outcome {
    /// How many cases passed.
    pub fn passed(&self) -> usize {
        self.cases.iter().filter(|case| case.passed).count()
    }

    /// How many cases failed.
    pub fn failed(&self) -> usize {
        self.cases.len() - self.passed()
    }
}

/// Runs the tests of a pack whose document or case name holds `filter`; all of them when it is empty. Probes that no
/// test names run as well, unless there is a filter, and so do the examples of its plugins.
pub fn run(pack: &Arc<Pack>, filter: &str) -> Outcome {
    let (starts, rival) = (Starts::new(pack), Rival::default());
    let ran = units(pack, (filter, &KINDS)).into_par_iter().map(|unit| {
        let mut seen = Seen::default();
        (unit.run(&starts, &rival, &mut seen), seen)
    });
    let (mut cases, mut seen) = (Vec::new(), Seen::default());
    for (some, of_them) in ran.collect::<Vec<_>>() {
        cases.extend(some);
        seen.add(of_them);
    }
    let coverage = coverage::measure(pack, &seen);
    cases.extend(demands(pack, filter, &coverage));
    Outcome { pack: pack.name().to_owned(), cases, coverage, trials: rules::trials(pack) }
}

/// What a pack fails: a case, a line of its golden file, or a demand on coverage. As text it is one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The test document, `built-in`, or the golden file.
    pub suite: String,
    /// What kind of case.
    pub kind: CaseKind,
    /// What it is about; of a golden file how the line differs.
    pub name: String,
    /// The line of the golden file that differs.
    pub line: Option<golden::Line>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.suite, self.name)
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Case> for Failure {
    fn from(Case { suite, kind, name, .. }: Case) -> Self {
        Self { suite, kind, name, line: None }
    }
}

/// What a pack fails first: a case, a line of its golden file, a probe, or a demand on coverage; nothing where all pass.
///
/// What takes least time is tried first, and of the golden file some tasks, or families. What follows the first failure is not run.
pub(crate) fn first_failure(
    starts: &Starts<'_>,
    golden: Option<&[golden::Line]>,
    first: &HashSet<String>,
) -> Option<Failure> {
    let (pack, rival, mut seen) = (starts.pack(), Rival::default(), Seen::default());
    let mut first_of = |kinds: &[CaseKind]| {
        let mut cases = units(pack, ("", kinds)).into_iter().flat_map(|unit| unit.run(starts, &rival, &mut seen));
        cases.find(|case| !case.passed).map(Failure::from)
    };
    first_of(&[CaseKind::Rule])
        .or_else(|| first_of(&[CaseKind::Episode]))
        .or_else(|| golden::first_difference(starts, golden?, first))
        .or_else(|| first_of(&[CaseKind::Probe, CaseKind::Example]))
        .or_else(|| demands(pack, "", &coverage::measure(pack, &seen)).find(|case| !case.passed).map(Failure::from))
}

/// The first rule case that fails.
pub(crate) fn first_rule_failure(pack: &Arc<Pack>) -> Option<Failure> {
    let mut seen = Seen::default();
    let mut cases = pack.suites.iter().flat_map(|suite| suite.rules.iter().map(move |case| (&suite.name, case)));
    cases.find_map(|(suite, test)| {
        let case = rules::run(pack, suite, test, &mut seen);
        (!case.passed).then(|| case.into())
    })
}

/// Whether a pack fails what another version of it failed, as far as that can be run alone.
pub(crate) fn fails_again(starts: &Starts<'_>, failure: &Failure, golden: Option<&[golden::Line]>) -> bool {
    if let (Some(line), Some(golden)) = (&failure.line, golden) {
        return golden::still_differs(starts, golden, line);
    }
    let (pack, mut seen, rival) = (starts.pack(), Seen::default(), Rival::default());
    let mut suites = pack.suites.iter().filter(|suite| suite.name == failure.suite);
    match failure.kind {
        CaseKind::Rule => suites.any(|suite| {
            let mut cases = suite.rules.iter().filter(|case| case.name == failure.name);
            cases.any(|case| !rules::run(pack, &suite.name, case, &mut seen).passed)
        }),
        CaseKind::Episode => suites.any(|suite| {
            let mut cases = suite.episodes.iter().filter(|case| case.name == failure.name);
            cases.any(|case| !episodes::run(starts, &suite.name, case, &mut seen).passed)
        }),
        CaseKind::Probe => {
            let named = suites.flat_map(|suite| {
                suite.probes.iter().map(|case| Asked::by_test(pack, &suite.name, case)).collect::<Vec<_>>()
            });
            let mut asked = named.chain(episodes::built_in(pack)).filter(|asked| asked.probe.name() == failure.name);
            asked.any(|asked| !episodes::probe(starts, &asked, &rival, &mut seen).passed)
        }
        CaseKind::Coverage | CaseKind::Example | CaseKind::Golden => false,
    }
}

/// Lets the agents play that tests of a pack name, and the built-in ones that no test names.
///
/// Their ceilings hold for so many seeds of each task, and first tasks of each family.
pub fn probes(pack: &Arc<Pack>, seeds: u64) -> Vec<Case> {
    let mut all = Vec::new();
    for suite in &pack.suites {
        all.extend(suite.probes.iter().map(|case| Asked::by_test(pack, &suite.name, case)));
    }
    all.extend(episodes::built_in(pack));
    let (starts, rival) = (Starts::new(pack), Rival::default());
    let play = |asked: Asked<'_>| episodes::probe(&starts, &asked.with_seeds(seeds), &rival, &mut Seen::default());
    all.into_par_iter().map(play).collect()
}

/// All kinds of cases that documents and built-in agents give.
const KINDS: [CaseKind; 4] = [CaseKind::Rule, CaseKind::Episode, CaseKind::Probe, CaseKind::Example];

/// What can be run apart from all else.
enum Unit<'a> {
    Rule(&'a str, &'a RuleCase),
    Episode(&'a str, &'a EpisodeCase),
    Probe(Asked<'a>),
    Examples(&'a Arc<Plugin>, &'a str),
}

/// The cases of some kinds that a filter lets pass.
fn units<'a>(pack: &'a Arc<Pack>, (filter, kinds): (&'a str, &[CaseKind])) -> Vec<Unit<'a>> {
    let wanted = |kind: CaseKind, suite: &str, name: &str| {
        kinds.contains(&kind) && (filter.is_empty() || suite.contains(filter) || name.contains(filter))
    };
    let mut units = Vec::new();
    for suite in &pack.suites {
        let name = &*suite.name;
        let rules = suite.rules.iter().filter(|case| wanted(CaseKind::Rule, name, &case.name));
        units.extend(rules.map(|case| Unit::Rule(name, case)));
        let episodes = suite.episodes.iter().filter(|case| wanted(CaseKind::Episode, name, &case.name));
        units.extend(episodes.map(|case| Unit::Episode(name, case)));
        let probes = suite.probes.iter().filter(|case| wanted(CaseKind::Probe, name, case.probe.name()));
        units.extend(probes.map(|case| Unit::Probe(Asked::by_test(pack, name, case))));
    }
    if filter.is_empty() && kinds.contains(&CaseKind::Probe) {
        units.extend(episodes::built_in(pack).into_iter().map(Unit::Probe));
    }
    if kinds.contains(&CaseKind::Example) {
        units.extend(pack.plugins().iter().map(|plugin| Unit::Examples(plugin, filter)));
    }
    units
}

impl Unit<'_> {
    fn run(self, starts: &Starts<'_>, rival: &Rival, seen: &mut Seen) -> Vec<Case> {
        match self {
            Self::Rule(suite, test) => vec![rules::run(starts.pack(), suite, test, seen)],
            Self::Episode(suite, test) => vec![episodes::run(starts, suite, test, seen)],
            Self::Probe(asked) => vec![episodes::probe(starts, &asked, rival, seen)],
            Self::Examples(plugin, filter) => {
                let suite = format!("plugin {}", plugin.description.name);
                let wanted = |name: &str| filter.is_empty() || suite.contains(filter) || name.contains(filter);
                let of = |ran: ExampleRun| {
                    let name = format!("{}: {}", ran.offer, ran.example);
                    let (passed, details) = (ran.problem.is_none(), ran.problem.into_iter().collect());
                    case(&suite, CaseKind::Example, &name, None, details, passed)
                };
                run_examples(plugin).into_iter().filter(|ran| wanted(&ran.example)).map(of).collect()
            }
        }
    }
}

/// What tests demand of the coverage.
fn demands<'a>(pack: &'a Arc<Pack>, filter: &'a str, coverage: &'a [Coverage]) -> impl Iterator<Item = Case> + 'a {
    let suites = pack.suites.iter().filter(move |suite| filter.is_empty() || suite.name.contains(filter));
    suites.flat_map(move |suite| {
        suite.coverage.iter().filter_map(move |(measure, share, site)| {
            let one = coverage.iter().find(|one| one.measure == measure.name())?;
            let passed = one.share() + 1e-9 >= *share;
            Some(case(&suite.name, CaseKind::Coverage, measure.name(), Some(site), one.words(*share), passed))
        })
    })
}

fn case(suite: &str, kind: CaseKind, name: &str, site: Option<&Site>, details: Vec<String>, passed: bool) -> Case {
    Case {
        suite: suite.to_owned(),
        kind,
        name: name.to_owned(),
        passed,
        details,
        path: site.map(|site| site.path.to_path_buf()),
        line: site.map(|site| site.line),
    }
}
