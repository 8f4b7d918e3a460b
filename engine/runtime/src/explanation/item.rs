//! One item: every rule, condition by condition, and what nearly matched.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Decision, RuleLink, decisions, outcome};
use crate::{
    items::Law,
    model::{Column, Datum, Item, Keyword, Row, TruthCell},
    names::{list, nearest},
    rules::{CompiledRule, Conflict, Facts, RuleSet, Trace},
    scenario::{Pack, Task, counts::Fields},
};

/// Conditions that may be missing for a rule to have nearly matched.
const NEAR: usize = 2;

/// An item, and the moment at which it is judged.
#[derive(Debug)]
pub struct Subject {
    /// The item; its id is empty where it was given field by field.
    pub item: Arc<Item>,
    /// The moment, in milliseconds since 1970.
    pub clock: Option<i64>,
    /// The task that it was taken from.
    pub task: Option<String>,
    /// The other items that it counts.
    pub counted: Vec<CountedItems>,
}

/// The other items of an episode that a field counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountedItems {
    /// The field's name.
    pub field: String,
    /// Their ids.
    pub items: Vec<String>,
}

/// Why one item is to be decided as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemExplanation {
    /// The pack's name.
    pub environment: String,
    /// The task that the item was taken from.
    pub task: Option<String>,
    /// Its id; none where it was given field by field.
    pub item: Option<String>,
    /// Its fields.
    pub fields: Map<String, Value>,
    /// The other items that its fields count; none where it was given field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<CountedItems>,
    /// What is right about it, and what makes it right.
    pub decisions: Vec<Decision>,
    /// What its labels ask of texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<TextAsked>,
    /// What the rules say.
    pub rules: Vec<RulesExplanation>,
}

/// What an item's label asks of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextAsked {
    /// The decision's name.
    pub field: String,
    /// The keywords.
    pub keywords: Vec<String>,
    /// The model answer.
    pub reference: Option<String>,
}

/// What one set of rules says about an item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RulesExplanation {
    /// The rules' name.
    pub name: String,
    /// What they decide; empty when two of them differ.
    pub decides: Map<String, Value>,
    /// The ids of two rules that both match and differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<[String; 2]>,
    /// Every rule, in order.
    pub rules: Vec<RuleExplanation>,
}

/// What one rule says about an item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleExplanation {
    /// The rule and its place.
    #[serde(flatten)]
    pub link: RuleLink,
    /// The result of it.
    pub verdict: Verdict,
    /// Whether it is only tried out.
    pub trial: bool,
    /// What it decides when it matches.
    pub then: Map<String, Value>,
    /// Its conditions.
    pub when: Vec<Condition>,
    /// Its exceptions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Condition>,
    /// What would have to be otherwise for it to match, where that is little.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// The result of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It decides.
    Decides,
    /// It matches, and an earlier rule decides.
    Hidden,
    /// It matches, and is only on trial.
    OnTrial,
    /// It would match, and an exception holds.
    Excepted,
    /// It would match, and is not valid at this moment.
    NotValid,
    /// Little is missing.
    Near,
    /// It does not match.
    No,
}

/// A condition and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// In words; for a group `all of`, `one of` or `not`.
    pub text: String,
    /// Whether it holds.
    pub holds: bool,
    /// What the field holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Its parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Condition>,
}

/// Makes an item of fields that were given, with its truth as the rules say; every problem at once.
pub fn subject(pack: &Pack, given: &Map<String, Value>, clock: Option<i64>) -> Result<Subject, Vec<String>> {
    let (mut fields, mut problems) = read(&pack.fields, "items have no field", given);
    if problems.is_empty() {
        let failed = pack.derived.complete(&pack.fields, given, &mut fields);
        problems.extend(failed.into_iter().map(|(at, problem)| format!("`{}`: {problem}", pack.fields[at].name)));
    }
    if clock.is_none()
        && let Some(rule) = pack.rules.values().find_map(|set| set.needs_clock())
    {
        problems.push(format!("the rule `{}` reads the clock; give the moment with `--clock`", rule.reason.id));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut truth = vec![TruthCell::default(); pack.decisions.len()];
    let values: Vec<Option<Value>> =
        pack.fields.iter().zip(&fields).map(|(column, datum)| Some(datum.as_ref()?.to_json(column))).collect();
    // Where a field is missing nothing is computed from it.
    let _ = pack.derived.judge((&pack.fields, &pack.decisions), &values, &mut truth);
    // What rules leave open, or differ about, is told rule by rule.
    let _ = Law { decisions: &pack.decisions, sources: &pack.sources(), clock }.settle(&fields, &mut truth, None);
    let item = Item { id: String::new(), json: String::new(), fields, truth, shown: None, asked: None };
    Ok(Subject { item: Arc::new(item), clock, task: None, counted: Vec::new() })
}

/// Makes a row of decisions that were given; every problem at once.
pub fn decided(pack: &Pack, given: &Map<String, Value>) -> Result<Row, Vec<String>> {
    let (cells, problems) = read(&pack.decisions, "there is no decision", given);
    if problems.is_empty() { Ok(Row { cells: cells.into() }) } else { Err(problems) }
}

/// Reads values by the names of their columns.
fn read(columns: &[Column], unknown: &str, given: &Map<String, Value>) -> (Vec<Option<Datum>>, Vec<String>) {
    let mut problems = Vec::new();
    let mut data = vec![None; columns.len()];
    for (name, value) in given {
        let Some(at) = columns.iter().position(|column| column.name == *name) else {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            let hint = near.or_else(|| list(&names).map(|names| format!("; what exists: {names}"))).unwrap_or_default();
            problems.push(format!("{unknown} `{name}`{hint}"));
            continue;
        };
        match Datum::read(&columns[at], value) {
            Ok(datum) => data[at] = Some(datum),
            Err(expected) => problems.push(format!("`{name}` cannot be `{}`; expected {expected}", plain(value))),
        }
    }
    (data, problems)
}

impl Subject {
    /// An item of an episode of a task, by its id.
    pub fn of(pack: &Pack, task: &Task, id: &str, seed: u64) -> Option<Self> {
        let items = pack.items(task, seed).ok()?;
        let at = items.iter().position(|item| item.id == id)?;
        let all: Vec<Fields<'_>> = items.iter().map(|item| item.fields.as_slice()).collect();
        let counted = pack.derived.counts().iter().map(|count| CountedItems {
            field: pack.fields[count.of].name.clone(),
            items: count.counted(&all, at, task.clock).into_iter().map(|other| items[other].id.clone()).collect(),
        });
        let (counted, task_name) = (counted.collect(), task.name.clone());
        Some(Self { item: Arc::clone(&items[at]), clock: task.clock, task: Some(task_name), counted })
    }
}

/// Explains an item, with what was decided about it.
pub fn explain(pack: &Pack, subject: &Subject, decided: &Row) -> ItemExplanation {
    let item = &subject.item;
    let facts = Facts { fields: &item.fields, clock: subject.clock };
    let task = subject.task.as_ref().and_then(|name| pack.tasks.iter().find(|task| task.name == *name));
    ItemExplanation {
        environment: pack.name.clone(),
        task: subject.task.clone(),
        item: (!item.id.is_empty()).then(|| item.id.clone()),
        fields: fields(pack, item),
        counted: subject.counted.clone(),
        decisions: decisions(pack, task.map(|task| &*task.rubric), item, decided),
        texts: texts(pack, item),
        rules: pack.rules.values().map(|set| explain_rules(pack, set, facts)).collect(),
    }
}

/// What an item's labels ask of texts.
fn texts(pack: &Pack, item: &Item) -> Vec<TextAsked> {
    let asked = pack.decisions.iter().zip(&item.truth).filter(|(_, truth)| truth.wants_text());
    asked
        .map(|(column, truth)| TextAsked {
            field: column.name.clone(),
            keywords: truth.keywords.iter().map(Keyword::words).collect(),
            reference: truth.reference.as_ref().map(ToString::to_string),
        })
        .collect()
}

/// The fields that an item has, hidden ones among them; the visible ones as agents see them, with what is planted into them.
pub fn fields(pack: &Pack, item: &Item) -> Map<String, Value> {
    let pairs = pack.fields.iter().zip(&item.fields);
    let mut fields: Map<String, Value> =
        pairs.filter_map(|(column, datum)| Some((column.name.clone(), datum.as_ref()?.to_json(column)))).collect();
    let shown: Map<String, Value> = serde_json::from_str(&item.json).unwrap_or_default();
    for (name, value) in shown {
        if let Some(own) = fields.get_mut(&name) {
            *own = value;
        }
    }
    fields
}

fn explain_rules(pack: &Pack, set: &RuleSet, facts: Facts<'_>) -> RulesExplanation {
    let decided = set.decide(facts);
    let deciders: Vec<&CompiledRule> = decided.iter().flatten().filter_map(|one| one.rule).collect();
    let rules = set
        .rules
        .iter()
        .map(|rule| explain_rule(pack, set, rule, facts, deciders.iter().any(|one| std::ptr::eq(*one, rule))))
        .collect();
    let (decides, conflict) = match &decided {
        Ok(all) => {
            let pairs: Vec<(usize, Datum)> = all.iter().map(|one| (one.column, one.value.clone())).collect();
            (outcome(pack, &pairs), None)
        }
        Err(Conflict(a, b)) => (Map::new(), Some([a.reason.id.clone(), b.reason.id.clone()])),
    };
    RulesExplanation { name: set.name.clone(), decides, conflict, rules }
}

fn explain_rule(pack: &Pack, set: &RuleSet, rule: &CompiledRule, facts: Facts<'_>, decides: bool) -> RuleExplanation {
    let when = rule.when.trace(facts, &pack.fields);
    let except = rule.except.as_ref().map(|except| except.trace(facts, &pack.fields));
    let excepted = except.as_ref().is_some_and(|trace| trace.holds);
    let valid = rule.is_valid(facts.clock);
    let mut missing = Vec::new();
    let verdict = match (when.holds, valid, excepted) {
        (true, true, false) if rule.trial => Verdict::OnTrial,
        (true, true, false) if decides => Verdict::Decides,
        (true, true, false) => Verdict::Hidden,
        (true, true, true) => {
            missing.push("an exception holds".to_owned());
            Verdict::Excepted
        }
        (true, false, _) => {
            missing.push("it is not valid at this moment".to_owned());
            Verdict::NotValid
        }
        (false, ..) => {
            let wants = missing_of(&when, true);
            // A rule of which nothing holds is no near miss, however short it is.
            if (1..=NEAR).contains(&wants.len()) && holds_some(&when) && valid {
                missing = wants;
                Verdict::Near
            } else {
                Verdict::No
            }
        }
    };
    RuleExplanation {
        link: RuleLink::new(pack, &set.name, rule),
        verdict,
        trial: rule.trial,
        then: outcome(pack, &rule.then),
        when: flat(when),
        except: except.map(flat).unwrap_or_default(),
        missing,
    }
}

/// What would have to be otherwise for a condition to come out as wanted: of all parts of a conjunction, of the part of
/// an alternative that misses least.
fn missing_of(trace: &Trace, wanted: bool) -> Vec<String> {
    if trace.holds == wanted {
        return Vec::new();
    }
    let all = |parts: &[Trace]| parts.iter().flat_map(|part| missing_of(part, wanted)).collect();
    let least =
        |parts: &[Trace]| parts.iter().map(|part| missing_of(part, wanted)).min_by_key(Vec::len).unwrap_or_default();
    match trace.text.as_str() {
        "all of" if wanted => all(&trace.parts),
        "one of" if !wanted => all(&trace.parts),
        "all of" | "one of" => least(&trace.parts),
        "not" => trace.parts.iter().flat_map(|part| missing_of(part, !wanted)).collect(),
        text => {
            let found = trace.found.as_ref().map(|found| format!(" (it {found})")).unwrap_or_default();
            vec![if wanted { format!("{text}{found}") } else { format!("not: {text}{found}") }]
        }
    }
}

/// Whether some condition of a trace comes out as the rule wants it.
fn holds_some(trace: &Trace) -> bool {
    match trace.text.as_str() {
        "all of" | "one of" => trace.parts.iter().any(holds_some),
        _ => trace.holds,
    }
}

/// A trace as data; a group of everything is its parts.
fn flat(trace: Trace) -> Vec<Condition> {
    if trace.text == "all of" {
        return trace.parts.into_iter().flat_map(flat).collect();
    }
    let parts = trace.parts.into_iter().flat_map(flat).collect();
    vec![Condition { text: trace.text, holds: trace.holds, found: trace.found, parts }]
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
