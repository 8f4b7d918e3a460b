//! What of a pack its tests exercised.

use std::collections::{BTreeMap, BTreeSet};

use casebook_proofs::{Idle, Limits, idle};
use casebook_runtime::{
    episode::Episode,
    names::list,
    rules::{Decided, Facts, RuleSet},
    scenario::{Pack, counts, suite::Measure},
};
use serde::Serialize;

/// The maximum number of uncovered rules of a pack for which is asked whether a test could cover them.
const MAX_PROOFS: usize = 100;

/// One measure of coverage.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// `rules`, `outcomes`, `graders` or `cells`.
    pub measure: &'static str,
    /// How many were exercised.
    pub covered: usize,
    /// How many there are.
    pub total: usize,
    /// Those that were not.
    pub missing: Vec<String>,
}

impl Coverage {
    /// The share that was exercised; 1 of nothing.
    #[expect(clippy::cast_precision_loss, reason = "a pack has few rules and graders")]
    pub fn share(&self) -> f64 {
        if self.total == 0 { 1.0 } else { self.covered as f64 / self.total as f64 }
    }

    /// The result of a demand on it.
    pub(super) fn words(&self, demanded: f64) -> Vec<String> {
        let mut lines = vec![format!(
            "{} of {} {} ({:.0} %), {:.0} % demanded",
            self.covered,
            self.total,
            self.measure,
            self.share() * 100.0,
            demanded * 100.0
        )];
        if self.share() + 1e-9 < demanded {
            lines.extend(self.missing.iter().map(|missing| format!("  missing: {missing}")));
        }
        lines
    }
}

/// What was seen while tests ran.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Rules that decided: rules' name and id.
    decided: BTreeSet<(String, String)>,
    /// Rules by whether they matched.
    matched: BTreeSet<(String, String, bool)>,
    /// The least and greatest value of every grader: rubric and pointer.
    graders: BTreeMap<(String, String), (f64, f64)>,
    /// Pairs of right and actual value: rubric, pointer, right, actual.
    cells: BTreeSet<(String, String, usize, usize)>,
}

impl Seen {
    /// Adds what was seen elsewhere.
    pub(super) fn add(&mut self, other: Self) {
        self.decided.extend(other.decided);
        self.matched.extend(other.matched);
        self.cells.extend(other.cells);
        for (leaf, (least, greatest)) in other.graders {
            let range = self.graders.entry(leaf).or_insert((least, greatest));
            *range = (range.0.min(least), range.1.max(greatest));
        }
    }

    /// Notes a rule case that passed.
    pub(super) fn rules(&mut self, rules: &RuleSet, facts: Facts<'_>, decided: &[Decided<'_>]) {
        for rule in decided.iter().filter_map(|one| one.rule) {
            self.decided.insert((rules.name.clone(), rule.reason.id.clone()));
        }
        for rule in &rules.rules {
            self.matched.insert((rules.name.clone(), rule.reason.id.clone(), rule.matches(facts)));
        }
    }

    /// Notes the state of an episode after a step.
    pub(super) fn episode(&mut self, episode: &Episode) {
        let rubric = &episode.task().rubric;
        let values = episode.grader_values().unwrap_or_default();
        for leaf in rubric.graders() {
            let key = (rubric.name.clone(), leaf.pointer.to_owned());
            if let Some((_, value)) = values.iter().find(|(node, _)| *node == leaf.node) {
                let range = self.graders.entry(key.clone()).or_insert((*value, *value));
                *range = (range.0.min(*value), range.1.max(*value));
            }
            if let Some((column, _)) = leaf.cells {
                for (right, actual) in episode.pairs(column) {
                    self.cells.insert((key.0.clone(), key.1.clone(), right, actual));
                }
            }
        }
    }
}

pub(super) fn measure(pack: &Pack, seen: &Seen) -> Vec<Coverage> {
    let mut counts: Vec<Coverage> = Measure::ALL
        .into_iter()
        .map(|measure| Coverage { measure: measure.name(), covered: 0, total: 0, missing: Vec::new() })
        .collect();
    let mut count = |measure: Measure, covered: bool, name: String| {
        let one = &mut counts[measure as usize];
        one.total += 1;
        if covered {
            one.covered += 1;
        } else {
            one.missing.push(name);
        }
    };
    let fields = counts::bounded(&pack.fields, pack.derived.greatest_count());
    let mut proofs = 0;
    for rules in pack.rules.values() {
        for (at, rule) in rules.rules.iter().enumerate() {
            let id = &rule.reason.id;
            let decided = rule.trial || seen.decided.contains(&(rules.name.clone(), id.clone()));
            proofs += usize::from(!decided);
            let idle = if decided || proofs > MAX_PROOFS { None } else { idle(rules, &fields, at, Limits::QUICK) };
            if !rule.trial {
                let why = idle.as_ref().map(|idle| unreachable(rules, idle)).unwrap_or_default();
                count(Measure::Rules, decided, format!("`{id}` of `{}` never decided{why}", rules.name));
            }
            for (matched, words) in [(true, "never matched"), (false, "never failed to match")] {
                let there = seen.matched.contains(&(rules.name.clone(), id.clone(), matched));
                let why = idle.as_ref().filter(|idle| matched && **idle == Idle::Never);
                let why = why.map(|idle| unreachable(rules, idle)).unwrap_or_default();
                count(Measure::Outcomes, there, format!("`{id}` of `{}` {words}{why}", rules.name));
            }
        }
    }
    let mut done = BTreeSet::new();
    for task in &pack.tasks {
        let rubric = &task.rubric;
        if !done.insert(rubric.name.as_str()) {
            continue;
        }
        // A constant has one value by design.
        for leaf in rubric.graders().filter(|leaf| !rubric.is_constant(&pack.templates, leaf.pointer)) {
            let key = (rubric.name.clone(), leaf.pointer.to_owned());
            let varied = seen.graders.get(&key).is_some_and(|(least, greatest)| greatest > least);
            count(Measure::Graders, varied, format!("`{}` of `{}` never changed its value", leaf.name, rubric.name));
            let Some((column, cells)) = leaf.cells else { continue };
            let values = &pack.decisions[column].values;
            for (right, actual) in cells {
                let there = seen.cells.contains(&(key.0.clone(), key.1.clone(), *right, *actual));
                let name = format!("`{}`: right `{}`, decided `{}`", leaf.name, values[*right], values[*actual]);
                count(Measure::Cells, there, name);
            }
        }
    }
    counts
}

/// Why no test can cover a rule.
fn unreachable(rules: &RuleSet, idle: &Idle) -> String {
    match idle {
        Idle::Never => ": no item can match it (CB601)".to_owned(),
        Idle::Hidden(by) => {
            let names: Vec<&str> = by.iter().map(|rule| rules.rules[*rule].reason.id.as_str()).collect();
            let takes = if by.len() == 1 { "takes" } else { "take" };
            format!(": {} before it {takes} every item that it matches (CB602)", list(&names).unwrap_or_default())
        }
    }
}
