//! What rules mean, as findings with items that show them.
//!
//! Few questions are asked at every check; `casebook rules check` asks them all.

use std::{collections::HashMap, sync::Arc};

use casebook_proofs::{Analysis, Claim, Entry, Known, Limits, Unknown, Wanted, Witness, analyse};
use casebook_runtime::{
    model::{Column, Datum, Text, domain},
    names::list,
    rules::RuleSet,
    scenario::{Task, counts},
    settings::Hit,
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report},
    spec::{self, Content, Document, Kind},
};
use indexmap::IndexMap;
use serde_json::Value;

use super::Parts;
use crate::rules::{self, Written, takes_list};

/// Rules of one document beyond which nothing is quick.
const QUICK_RULES: usize = 1_000;

/// Items of a pack that are looked at where a question cannot be solved.
const KNOWN_ITEMS: usize = 1_000;

/// What was asked about rules.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// Whether every question was asked, not only the quick ones.
    pub thorough: bool,
    /// How many questions were asked.
    pub questions: usize,
    /// Those without an answer, by the name of the rules.
    pub unknown: Vec<(String, Unknown)>,
    /// Rules about which nothing was asked, for there are too many for a quick check: their name and number.
    pub left: Vec<(String, usize)>,
}

/// Asks about all rules of a pack.
pub(super) fn check(parts: &Parts<'_>, tasks: &[Arc<Task>], proof: &mut Proof, report: &mut Report) {
    let fields = counts::bounded(&parts.fields, parts.derived.greatest_count());
    // Items of the pack answer what cannot be solved; what is listed together may count more than an episode has.
    let is_within = |item: &Witness| {
        let counted = fields.iter().zip(&item.fields).filter(|(column, _)| column.counted);
        counted
            .filter_map(|(column, value)| Some((column, value.as_ref()?)))
            .all(|(column, value)| column.check(value).is_ok())
    };
    let known = tasks.iter().flat_map(|task| known(task)).filter(is_within);
    let known: Vec<Witness> = known.take(KNOWN_ITEMS).collect();
    for document in parts.documents.of(Kind::Rules) {
        let Content::Rules(spec) = &document.content else { continue };
        let Some(set) = parts.rules.get(&spec.name) else { continue };
        if !proof.thorough && set.rules.len() > QUICK_RULES {
            proof.left.push((spec.name.clone(), set.rules.len()));
            continue;
        }
        let written = rules::written(document, spec, &parts.fields, &parts.decisions, &mut Report::default());
        if written.len() != set.rules.len() {
            continue;
        }
        let (wanted, limits) =
            if proof.thorough { (wanted(parts, &spec.name), Limits::THOROUGH) } else { (Vec::new(), Limits::QUICK) };
        let analysis = analyse(set, &fields, &wanted, Known { items: &known, derived: Some(&parts.derived) }, limits);
        let prover = Prover { parts, fields: &fields, document, spec, set, written: &written };
        // A condition that can never hold is reported where it stands; its rule need not be as well.
        let explained = |claim: &Claim| {
            let Claim::Never { rule, .. } = claim else { return false };
            let below = |finding: &Diagnostic| {
                finding.code == Code::NeverMatches
                    && finding.path == document.file().path
                    && written[*rule].when.iter().any(|(place, _)| {
                        finding.pointer.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    })
            };
            report.diagnostics.iter().any(below)
        };
        let claims: Vec<&Claim> = analysis.claims.iter().filter(|claim| !explained(claim)).collect();
        // No item can reach a rule that never decides.
        for claim in &analysis.claims {
            if let Claim::Never { rule, .. } | Claim::Hidden { rule, .. } = claim {
                let id = format!("reached the rule `{}` in ", set.rules[*rule].reason.id);
                let path = &document.file().path;
                let is_follow_up = |finding: &Diagnostic| {
                    finding.code == Code::OutOfReach && finding.path == *path && finding.message.contains(&id)
                };
                report.diagnostics.retain(|finding| !is_follow_up(finding));
            }
        }
        let findings: Vec<Diagnostic> = claims.into_iter().map(|claim| prover.finding(claim)).collect();
        report.extend(findings);
        if proof.thorough {
            prover.indistinct(report);
        }
        prover.lists(report);
        let Analysis { questions, unknown, .. } = analysis;
        proof.questions += questions;
        proof.unknown.extend(unknown.into_iter().map(|unknown| (spec.name.clone(), unknown)));
    }
}

/// Items of a task: the first form of each that is listed, and some that are drawn.
fn known(task: &Task) -> impl Iterator<Item = Witness> {
    let listed = task.items.iter().filter_map(|variants| variants.forms.first());
    listed.chain(task.samples.iter()).map(|item| Witness { fields: item.fields.clone(), clock: task.clock })
}

/// The decisions whose truth comes from these rules alone.
fn wanted(parts: &Parts<'_>, name: &str) -> Vec<Wanted> {
    let of = |column: &Column| {
        parts
            .environment
            .decision
            .get(&column.name)
            .and_then(|spec| spec.truth.as_ref())
            .is_some_and(|truth| truth.rules.as_deref() == Some(name))
    };
    let mut all = Vec::new();
    for (decision, column) in parts.decisions.iter().enumerate() {
        let when = conditions(&parts.decisions, decision);
        // Where something else decides whether the decision is in play, nobody can tell here.
        if of(column) && when.iter().all(|(other, _)| of(&parts.decisions[*other])) {
            all.push(Wanted { decision, name: column.name.clone(), when });
        }
    }
    all
}

/// What brings a decision into play: its own `when`, and that of the decisions that it names.
fn conditions(decisions: &[Column], decision: usize) -> Vec<(usize, Vec<Datum>)> {
    let mut all = Vec::new();
    let (mut open, mut seen) = (vec![decision], vec![decision]);
    while let Some(at) = open.pop() {
        for (other, values) in &decisions[at].when {
            all.push((*other, values.clone()));
            if !seen.contains(other) {
                seen.push(*other);
                open.push(*other);
            }
        }
    }
    all
}

struct Prover<'a> {
    parts: &'a Parts<'a>,
    /// The fields, as far as their values go.
    fields: &'a [Column],
    document: &'a Document,
    spec: &'a spec::Rules,
    set: &'a RuleSet,
    written: &'a [Written<'a>],
}

impl Prover<'_> {
    fn id(&self, rule: usize) -> &str {
        &self.set.rules[rule].reason.id
    }

    /// Whether two rules decide another value of some set.
    fn differ_in_a_set(&self, first: usize, second: usize) -> bool {
        let then = |rule: usize| &self.set.rules[rule].then;
        then(first).iter().any(|(at, value)| {
            self.parts.decisions[*at].kind == ValueType::Set
                && then(second).iter().any(|(other, set)| other == at && set != value)
        })
    }

    fn finding(&self, claim: &Claim) -> Diagnostic {
        match claim {
            Claim::Never { rule, part, witness } => {
                let place = self.written[*rule].when.first().map_or(&self.written[*rule].pointer, |(place, _)| place);
                let message = format!("the rule `{}` can never match", self.id(*rule));
                let finding = self.document.at(Code::NeverMatches, place, message);
                let (meets, change) = match (part.as_deref(), witness) {
                    (Some("the exception"), None) => ("the exception covers every item".to_owned(), "narrow it"),
                    (Some("the exception"), Some(_)) => (
                        "the exception covers every item that meets the conditions".to_owned(),
                        "narrow one of the two",
                    ),
                    (Some(part), None) => (format!("no item meets {part}"), "change it"),
                    (Some(part), Some(_)) => (
                        format!("no item meets {part} together with the conditions before it"),
                        "change one of the two",
                    ),
                    (None, _) => ("no item meets all of its conditions".to_owned(), "change one of them"),
                };
                let finding = finding.hint(format!("{meets}; {change}, or remove the rule"));
                self.witnessed(finding, claim)
            }
            Claim::Hidden { rule, by, .. } => {
                let names: Vec<&str> = by.iter().map(|rule| self.id(*rule)).collect();
                let names = list(&names).unwrap_or_default();
                let (would, takes) = (
                    if self.set.rules[*rule].trial { "would decide" } else { "decides" },
                    if by.len() == 1 { "takes" } else { "take" },
                );
                let message = format!(
                    "the rule `{}` {would} nothing: {names} before it {takes} every item that it matches",
                    self.id(*rule)
                );
                let finding = self.document.at(Code::HiddenRule, &self.written[*rule].places[0], message);
                let hint = match self.set.hit {
                    Hit::First => "move it up, narrow the rules before it, or remove it",
                    Hit::Unique | Hit::Collect => "they decide the same: remove it, or narrow the rules before it",
                };
                self.witnessed(finding.hint(hint), claim)
            }
            Claim::Overlap { rules: [first, second], trial, .. } => {
                let place = &self.written[*second].places[0];
                let (a, b) = (self.id(*first), self.id(*second));
                let finding = if *trial {
                    let message =
                        format!("the rules `{a}` and `{b}` would match one item and differ, were both enforced");
                    self.document.at(Code::TrialOverlap, place, message).hint("narrow one of the two before that")
                } else {
                    let hint = match self.set.hit {
                        Hit::Collect if self.differ_in_a_set(*first, *second) => {
                            "rules do not add to a set: let each decide the whole set for its own items, or declare a \
                             boolean decision for each value, which rules decide one by one"
                        }
                        Hit::Collect => "narrow one of the two, or let both decide the same",
                        _ => "narrow one of the two, or set `hit: first`",
                    };
                    let message = format!("the rules `{a}` and `{b}` can match one item, and differ");
                    self.document.at(Code::RuleOverlap, place, message).hint(hint)
                };
                self.witnessed(finding, claim)
            }
            Claim::Uncovered { decision, condition, witness } => {
                let name = &self.parts.decisions[*decision].name;
                let kind = condition.as_ref().map_or("for some items", casebook_proofs::Condition::words);
                let message = format!("no rule of `{}` decides `{name}` {kind}", self.set.name);
                let finding = self.document.at(Code::Uncovered, "/name", message);
                // Nobody may have thought of such an item, and it may not exist.
                if let Some(field) = casebook_proofs::below_nothing(self.set, self.fields, witness) {
                    return finding.hint(format!(
                        "write `min: 0` to the field `{}` if it is never negative, or add a rule or a `default`",
                        field.name
                    ));
                }
                self.witnessed(finding.hint("add a rule or a `default`, unless labels decide about such items"), claim)
            }
        }
    }

    /// Adds the item that shows it.
    fn witnessed(&self, finding: Diagnostic, claim: &Claim) -> Diagnostic {
        let witness = match claim {
            Claim::Never { witness, .. } => witness.as_ref(),
            Claim::Hidden { witness, .. } | Claim::Overlap { witness, .. } | Claim::Uncovered { witness, .. } => {
                Some(witness)
            }
        };
        match witness {
            Some(witness) => finding.witness(self.case(witness)),
            None => finding,
        }
    }

    /// An item as a case of a test.
    fn case(&self, witness: &Witness) -> String {
        let several = self.parts.documents.of(Kind::Rules).count() > 1;
        witness.case(self.set, several, self.fields, &self.parts.decisions)
    }

    /// Adds an item for each of some values of a decision; all of them or none.
    fn decided(&self, finding: Diagnostic, decision: usize, values: &[Datum]) -> Diagnostic {
        let item = |value: &Datum| {
            casebook_proofs::decided(self.set, self.fields, (decision, value), Limits::THOROUGH)
                .map(|witness| self.case(&witness))
        };
        match values.iter().map(item).collect::<Option<Vec<_>>>() {
            Some(cases) if !cases.is_empty() => finding.witness(cases.concat()),
            _ => finding,
        }
    }

    /// Adds an item that has an entry of a list.
    fn listed(&self, finding: Diagnostic, uses: &[Use<'_>], text: &str) -> Diagnostic {
        let item = |one: &Use<'_>| {
            let field = self.fields.iter().position(|column| column.name == one.field)?;
            let entry = Entry { rule: one.rule, field, text, domain: one.domain };
            casebook_proofs::listed(self.set, self.fields, entry, Limits::QUICK)
        };
        match uses.iter().find_map(item) {
            Some(witness) => finding.witness(self.case(&witness)),
            None => finding,
        }
    }

    /// Finds values that no grader of any task distinguishes.
    fn indistinct(&self, report: &mut Report) {
        let rubrics: Vec<Value> = self
            .parts
            .documents
            .of(Kind::Rubric)
            .filter_map(|document| match &document.content {
                Content::Rubric(rubric) => serde_json::to_value(rubric).ok(),
                _ => None,
            })
            .collect();
        for (at, column) in self.parts.decisions.iter().enumerate() {
            let truth = self.parts.environment.decision.get(&column.name).and_then(|spec| spec.truth.as_ref());
            let place = self.written.iter().flat_map(|one| &one.then).find_map(|(pointer, map)| {
                map.contains_key(&column.name).then(|| format!("{pointer}/{}", column.name))
            });
            let (Some(place), true) = (place, truth.is_some_and(|truth| truth.rules.as_ref() == Some(&self.set.name)))
            else {
                continue;
            };
            let mut graders = Vec::new();
            for rubric in &rubrics {
                find_graders(rubric, &column.name, &mut graders);
            }
            let gates = self.parts.decisions.iter().any(|other| other.when.iter().any(|(gate, _)| *gate == at));
            if graders.is_empty() && !gates {
                let name = &column.name;
                let message =
                    format!("no grader reads `{name}`, so every decision of the rules about it scores the same");
                let finding = self
                    .document
                    .at_key(Code::Indistinct, place, message)
                    .hint("add a grader with `field:` to a rubric, or remove the decision");
                let any = self.set.rules.iter().flat_map(|rule| &rule.then).find(|(own, _)| *own == at);
                let any: Vec<Datum> = any.map(|(_, value)| value.clone()).into_iter().collect();
                report.push(self.decided(finding, at, &any));
                continue;
            }
            for (a, b) in self
                .pairs(at, column)
                .into_iter()
                .filter(|(a, b)| !graders.is_empty() && same(&graders, column, *a, *b))
            {
                let (a_value, b_value) = (&column.values[a], &column.values[b]);
                let message = format!("no grader distinguishes `{a_value}` from `{b_value}` as `{}`", column.name);
                let finding = self
                    .document
                    .at_key(Code::Indistinct, place.clone(), message)
                    .hint("give the two different cells in some matrix, or let rules decide one value");
                report.push(self.decided(finding, at, &[Datum::Choice(a), Datum::Choice(b)]));
            }
        }
    }

    /// The pairs of values that rules decide.
    fn pairs(&self, at: usize, column: &Column) -> Vec<(usize, usize)> {
        let all = self.set.rules.iter().flat_map(|rule| &rule.then).chain(&self.set.default);
        let mut values: Vec<usize> = all
            .filter(|(own, _)| *own == at && column.kind == ValueType::Enum)
            .filter_map(|(_, value)| if let Datum::Choice(value) = value { Some(*value) } else { None })
            .collect();
        values.sort_unstable();
        values.dedup();
        values.iter().enumerate().flat_map(|(at, a)| values[at + 1..].iter().map(|b| (*a, *b))).collect()
    }

    /// Finds lists that nothing uses, and entries that others cover.
    fn lists(&self, report: &mut Report) {
        let mut uses: IndexMap<&str, Vec<Use>> = IndexMap::new();
        for (rule, one) in self.written.iter().enumerate() {
            for (_, condition) in one.when.iter().chain(&one.except) {
                find_lists(&condition.0, (rule, ""), &mut uses);
            }
        }
        for (name, entries) in &self.spec.lists {
            let place = format!("/lists/{name}");
            let Some(uses) = uses.get(name.as_str()) else {
                report
                    .push(self.document.at_key(Code::ListEntry, place, format!("no rule uses the list `{name}`")).hint(
                    format!(
                        "write `domain_in: {name}`, `in: {name}` or `calendar: {name}` in a rule, or remove the list"
                    ),
                ));
                continue;
            };
            let domains = uses.iter().all(|one| one.domain);
            let form = |entry: &String| {
                let domain = if domains { domain::entry(entry).ok() } else { None };
                domain.unwrap_or_else(|| Text::new(entry).folded().to_owned())
            };
            let forms: Vec<String> = entries.iter().map(form).collect();
            let mut first: HashMap<&str, usize> = HashMap::new();
            for (at, form) in forms.iter().enumerate() {
                first.entry(form).or_insert(at);
            }
            for (at, entry) in entries.iter().enumerate() {
                let own = &forms[at];
                let same = first.get(own.as_str()).copied().filter(|other| *other < at);
                let above = own.match_indices('.').filter(|_| domains).map(|(dot, _)| &own[dot + 1..]);
                let above = above.filter_map(|above| first.get(above).copied());
                if let Some(found) = same.into_iter().chain(above).min() {
                    let other = &entries[found];
                    let message = if forms[found] == *own {
                        format!("`{entry}` appears twice in the list `{name}`")
                    } else {
                        format!("`{entry}` is below `{other}`, which is in the list `{name}` as well")
                    };
                    let finding = self.document.at(Code::ListEntry, format!("{place}/{at}"), message);
                    report.push(self.listed(finding.hint("remove it; nothing changes"), uses, entry));
                }
            }
        }
    }
}

/// The graders of a field.
fn find_graders<'a>(value: &'a Value, field: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            if map.contains_key("grader") && map.get("field").is_some_and(|own| own == field) {
                found.push(value);
            }
            map.values().for_each(|value| find_graders(value, field, found));
        }
        Value::Array(list) => list.iter().for_each(|value| find_graders(value, field, found)),
        _ => {}
    }
}

/// Whether all graders are matrices in which two values have the same cells.
fn same(graders: &[&Value], column: &Column, a: usize, b: usize) -> bool {
    graders.iter().all(|grader| {
        let number = |key: &str, or: f64| grader.get(key).and_then(Value::as_f64).unwrap_or(or);
        let (key, correct, default) = match grader.get("grader").and_then(Value::as_str) {
            Some("matrix") => ("cells", number("correct", 1.0), number("default", 0.0)),
            Some("near") => ("partial", 1.0, 0.0),
            _ => return false,
        };
        let cell = |right: usize, actual: usize| {
            let given = grader.get(key).and_then(|cells| cells.get(&column.values[right])?.get(&column.values[actual]));
            given.and_then(Value::as_f64).unwrap_or(if right == actual { correct } else { default })
        };
        (0..column.values.len()).all(|other| {
            (cell(a, other) - cell(b, other)).abs() < f64::EPSILON
                && (cell(other, a) - cell(other, b)).abs() < f64::EPSILON
        })
    })
}

/// Where a rule names a list.
pub(super) struct Use<'a> {
    rule: usize,
    field: &'a str,
    /// Whether its entries are domains.
    domain: bool,
}

/// The lists that a condition of a rule names; `field` is the field that the map is about.
pub(super) fn find_lists<'a>(
    map: &'a serde_json::Map<String, Value>,
    (rule, field): (usize, &'a str),
    uses: &mut IndexMap<&'a str, Vec<Use<'a>>>,
) {
    for (key, value) in map {
        match (key.as_str(), value) {
            (_, Value::String(name)) if takes_list(key) => {
                uses.entry(name).or_default().push(Use { rule, field, domain: key == "domain_in" });
            }
            ("not", Value::Object(inner)) => find_lists(inner, (rule, field), uses),
            (key, Value::Object(inner)) => find_lists(inner, (rule, key), uses),
            (_, Value::Array(all)) => {
                all.iter().filter_map(Value::as_object).for_each(|inner| find_lists(inner, (rule, field), uses));
            }
            _ => {}
        }
    }
}
