//! Scripted policies.

use casebook_runtime::{
    model::Column,
    rules::Predicate,
    scenario::{
        BUILT_IN_POLICIES, Choice, Move, Script,
        action::ActionModel,
        templates::{is_template, sole_expression},
    },
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Content, Document, Kind},
};
use indexmap::IndexMap;
use minijinja::{Environment as Engine, Value as Context, context, value::Serde};
use serde_json::{Map, Value, json};

use super::{
    Parts,
    action::check_taken,
    proofs::find_lists,
    scope::{self, What, row_sample},
    task, template,
};
use crate::{
    column, rubric,
    rules::{self, Scope},
};

pub(super) fn compile(
    document: &Document,
    spec: &spec::Policy,
    parts: &Parts<'_>,
    (action, engine): (Option<&ActionModel>, &mut Engine<'static>),
    report: &mut Report,
) -> Option<Script> {
    let before = report.errors();
    if BUILT_IN_POLICIES.contains(&spec.name.as_str()) {
        report.push(
            document
                .at(Code::BadName, "/name", format!("`{}` is a built-in policy", spec.name))
                .hint("choose another name"),
        );
    }
    if let Some(play) = &spec.play {
        check_play(document, spec, play, (parts, action), report);
        let script = Script { play: spec.play.clone(), ..Script::default() };
        return (report.errors() == before).then_some(script);
    }
    if parts.environment.item.is_none() {
        report.push(
            document
                .at_key(Code::BadDeclaration, "/kind", "a policy decides about items, and the environment has none")
                .hint("give it `play:` with a list of actions; the `solution` of a task is what `oracle` plays"),
        );
        return None;
    }
    let Some(decided) = &spec.default else {
        report.push(
            document
                .at(Code::MissingKey, "", "`default` is missing")
                .hint("add `default:` with what is decided when no rule matches, or `play:` with a list of actions"),
        );
        return None;
    };
    let revealed = revealed(parts);
    let mut site = Site {
        document,
        policy: &spec.name,
        parts,
        action,
        sample: sample(parts, &revealed),
        read: Map::new(),
        known: revealed,
        lists: &spec.lists,
    };
    let reads = site.reads(&spec.reads, engine, report);
    let site = site;
    let mut compiled = Vec::new();
    for (at, rule) in spec.rules.iter().enumerate() {
        let pointer = format!("/rules/{at}");
        let when = site.when(&pointer, rule.when.as_ref(), report);
        let made = match (&rule.decide, &rule.call) {
            (Some(decide), None) => {
                Some(Move::Decide(choices(&site, &format!("{pointer}/decide"), decide, engine, report)))
            }
            (None, Some(call)) => site.call(&format!("{pointer}/call"), call, report),
            (Some(_), Some(_)) => {
                report.push(
                    document
                        .at_key(Code::BadDeclaration, format!("{pointer}/call"), "a rule decides, or it calls a tool")
                        .hint("make two rules of it; put the one that calls first"),
                );
                None
            }
            (None, None) => {
                report.push(
                    document
                        .at(Code::MissingKey, &pointer, "a rule needs `decide` or `call`")
                        .hint("add `decide:` with what is decided, or `call:` with a tool"),
                );
                None
            }
        };
        compiled.extend(when.zip(made));
    }
    check_clock(document, (&reads, &compiled), parts, report);
    check_applied(document, &spec.apply, parts, report);
    // A list whose name is misspelt elsewhere would only seem unused.
    if report.errors() == before {
        check_lists(document, spec, report);
    }
    let default = choices(&site, "/default", decided, engine, report);
    let ranked = ranked(document, spec, parts, report);
    (report.errors() == before).then_some(Script {
        reads,
        rules: compiled,
        collects: spec.hit == spec::PolicyHit::Collect,
        apply: spec.apply.clone(),
        default,
        ranked,
        play: None,
    })
}

/// The decisions that a policy fills with the position of an item.
fn ranked(document: &Document, spec: &spec::Policy, parts: &Parts<'_>, report: &mut Report) -> Vec<usize> {
    let mut ranked = Vec::new();
    for name in spec.rank.keys() {
        let pointer = format!("/rank/{name}");
        match parts.decisions.iter().position(|column| column.name == *name) {
            Some(at) if parts.decisions[at].kind == ValueType::Rank => ranked.push(at),
            Some(_) => report.push(
                document
                    .at_key(Code::BadDeclaration, pointer, format!("the decision `{name}` is not of type `rank`"))
                    .hint("remove it; `decide` and `default` set other decisions"),
            ),
            None => {
                let names = parts.decisions.iter().map(|column| column.name.as_str());
                report.push(
                    document
                        .at_key(Code::UnknownName, pointer, format!("there is no decision `{name}`"))
                        .maybe_hint(suggest(name, names)),
                );
            }
        }
    }
    ranked
}

/// Checks a list of actions, and that nothing else is given with it.
fn check_play(
    document: &Document,
    spec: &spec::Policy,
    play: &[Value],
    (parts, action): (&Parts<'_>, Option<&ActionModel>),
    report: &mut Report,
) {
    for (key, there) in [
        ("reads", !spec.reads.is_empty()),
        ("rules", !spec.rules.is_empty()),
        ("hit", spec.hit != spec::PolicyHit::First),
        ("apply", !spec.apply.is_empty()),
        ("default", spec.default.is_some()),
        ("rank", !spec.rank.is_empty()),
        ("lists", !spec.lists.is_empty()),
    ] {
        if there {
            report.push(
                document
                    .at_key(
                        Code::BadDeclaration,
                        format!("/{key}"),
                        format!("`{key}` decides about items, `play` does not"),
                    )
                    .hint(format!("remove `{key}`, or `play`")),
            );
        }
    }
    for (at, taken) in play.iter().enumerate() {
        let pointer = format!("/play/{at}");
        // What a template makes is known when it is played.
        if !task::check_written(document, &pointer, taken, parts, report)
            && let Some(model) = action
        {
            check_taken(document, &pointer, taken, (model, &parts.decisions), "fix it", report);
        }
    }
}

/// A policy that reads the clock can play only tasks that have one.
fn check_clock(
    document: &Document,
    (reads, rules): (&[Reads], &[(Predicate, Move)]),
    parts: &Parts<'_>,
    report: &mut Report,
) {
    let read = reads.iter().find_map(|(column, values)| {
        let at = values.iter().position(|(when, _)| when.needs_clock())?;
        Some(format!("/reads/{}/{at}/when", parts.fields[*column].name))
    });
    let ruled = || rules.iter().position(|(when, _)| when.needs_clock()).map(|at| format!("/rules/{at}/when"));
    let Some(pointer) = read.or_else(ruled) else { return };
    let timeless = parts.documents.of(Kind::Task).find_map(|task| match &task.content {
        Content::Task(task) if task.clock.is_none() => Some(&task.name),
        _ => None,
    });
    if let Some(task) = timeless {
        let message = format!("the condition reads the clock, and the task `{task}` has none");
        report.push(document.at(Code::NoClock, pointer, message).hint("add `clock:` with a moment to the task"));
    }
}

/// The rules that a policy applies must exist, and decide what actions can say.
fn check_applied(document: &Document, apply: &[String], parts: &Parts<'_>, report: &mut Report) {
    for (at, name) in apply.iter().enumerate() {
        let pointer = format!("/apply/{at}");
        if apply[..at].contains(name) {
            report.push(
                document
                    .at(Code::DuplicateName, pointer, format!("the rules `{name}` appear twice"))
                    .hint("remove one of the two"),
            );
        } else if parts.documents.find(Kind::Rules, name).is_none() {
            parts.documents.missing_among(Kind::Rules, name, apply, (document, &pointer), report);
        }
    }
}

/// Warns of lists that no rule names.
fn check_lists(document: &Document, spec: &spec::Policy, report: &mut Report) {
    let mut uses = IndexMap::new();
    let read = spec.reads.values().flatten().map(|reading| &reading.when);
    for when in read.chain(spec.rules.iter().map(|rule| &rule.when)).flatten() {
        find_lists(&when.0, (0, ""), &mut uses);
    }
    for name in spec.lists.keys().filter(|name| !uses.contains_key(name.as_str())) {
        report.push(
            document
                .at_key(Code::NoEffect, format!("/lists/{name}"), format!("no rule uses the list `{name}`"))
                .hint(format!("write `domain_in: {name}` or `in: {name}` in a rule, or remove the list")),
        );
    }
}

/// The hidden fields that a tool may reveal.
fn revealed(parts: &Parts<'_>) -> Vec<usize> {
    let names = parts.environment.tools.values().flat_map(spec::ToolSpec::revealed);
    names.filter_map(|name| parts.fields.iter().position(|column| column.name == *name)).collect()
}

/// A sample of what a policy's templates read.
fn sample(parts: &Parts<'_>, revealed: &[usize]) -> Context {
    let seen = parts.fields.iter().enumerate().filter(|(at, column)| column.visible || revealed.contains(at));
    let mut item = row_sample(seen.map(|(_, column)| column));
    item.insert("id".into(), "".into());
    Context::from(Serde(&item))
}

/// A field, and the values that are concluded for it.
type Reads = (usize, Vec<(Predicate, Choice)>);

/// A policy whose rules are compiled.
struct Site<'a> {
    document: &'a Document,
    policy: &'a str,
    parts: &'a Parts<'a>,
    action: Option<&'a ActionModel>,
    /// A sample of an item.
    sample: Context,
    /// A sample of what it concludes.
    read: Map<String, Value>,
    /// The hidden fields that its conditions may read.
    known: Vec<usize>,
    lists: &'a IndexMap<String, Vec<String>>,
}

impl Site<'_> {
    /// Compiles what it concludes, from top to bottom: each field may be read below.
    fn reads(
        &mut self,
        spec: &IndexMap<String, Vec<spec::Reading>>,
        engine: &mut Engine<'static>,
        report: &mut Report,
    ) -> Vec<Reads> {
        let mut reads = Vec::new();
        for (name, values) in spec {
            let pointer = format!("/reads/{name}");
            let Some(column) = self.parts.fields.iter().position(|column| column.name == *name) else {
                let hidden = self.parts.fields.iter().filter(|column| !column.visible);
                report.push(
                    self.document
                        .at_key(Code::UnknownName, pointer, format!("items have no field `{name}`"))
                        .maybe_hint(suggest(name, hidden.map(|column| column.name.as_str()))),
                );
                continue;
            };
            let field = &self.parts.fields[column];
            if field.visible {
                report.push(
                    self.document
                        .at_key(Code::NoEffect, pointer, format!("agents see the field `{name}`"))
                        .hint("remove it; the policy reads the field as it is"),
                );
                continue;
            }
            let mut compiled = Vec::new();
            for (at, reading) in values.iter().enumerate() {
                let pointer = format!("{pointer}/{at}");
                let when = self.when(&pointer, reading.when.as_ref(), report);
                compiled.extend(when.zip(self.concluded((&pointer, column), &reading.value, engine, report)));
                if reading.when.is_none() && at + 1 < values.len() {
                    let message = "a value without `when` always counts, so those below it never do";
                    report.push(
                        self.document
                            .at(Code::NoEffect, format!("/reads/{name}/{}", at + 1), message)
                            .hint("move the value without `when` to the end"),
                    );
                    break;
                }
            }
            reads.push((column, compiled));
            self.known.push(column);
            self.read.extend(row_sample(std::iter::once(field)));
        }
        reads
    }

    /// Compiles a value that is concluded for a field.
    fn concluded(
        &self,
        (pointer, column): (&str, usize),
        value: &Value,
        engine: &mut Engine<'static>,
        report: &mut Report,
    ) -> Option<Choice> {
        let place = format!("{pointer}/value");
        let field = &self.parts.fields[column];
        match value.as_str().filter(|text| is_template(text)) {
            Some(text) => self.template(&place, (field, text), engine, report),
            None => column::read(field, self.document, Code::BadValue, &place, value, report).map(Choice::Value),
        }
    }

    /// Compiles a condition; without one, it always holds.
    fn when(&self, pointer: &str, when: Option<&spec::Condition>, report: &mut Report) -> Option<Predicate> {
        let Some(when) = when else { return Some(Predicate::All(Vec::new())) };
        let scope = Scope {
            document: self.document,
            columns: &self.parts.fields,
            hidden: Some(&self.known),
            lists: self.lists,
            regexes: &self.parts.regexes,
        };
        rules::compile(scope, &format!("{pointer}/when"), when, report)
    }

    /// What its templates read.
    fn names(&self) -> Context {
        // What an item may lack, as what an agent may leave out.
        let optional = self.parts.fields.iter().filter(|column| column.optional);
        let optional: Vec<String> = optional.map(|column| format!("item.{}", column.name)).collect();
        context! {
            item => self.sample.clone(), read => Context::from(Serde(&self.read)), names__maybe => Vec::<String>::new(),
            names__optional => optional, data => self.parts.first.get_attr("data").unwrap_or_default(),
        }
    }

    /// Compiles a call of a tool.
    fn call(&self, pointer: &str, call: &spec::PolicyCall, report: &mut Report) -> Option<Move> {
        let before = report.errors();
        let (document, model) = (self.document, self.action?);
        let Some(at) = model.tools.iter().position(|tool| tool.card.name == call.tool_name) else {
            let names = model.tools.iter().map(|tool| tool.card.name.as_str());
            let message = format!("the environment has no tool `{}`", call.tool_name);
            let finding = document.at(Code::UnknownName, format!("{pointer}/tool_name"), message);
            report.push(
                finding.hint(suggest(&call.tool_name, names).unwrap_or_else(|| "declare it under `tools`".into())),
            );
            return None;
        };
        let mut arguments = call.arguments.clone();
        if let Some((item, _)) = &model.tools[at].item {
            arguments.entry(item.clone()).or_insert_with(|| "".into());
        }
        let known: Vec<&str> = model.tools[at].card.input_schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
            .collect();
        let names = context! { ..self.names(), ..self.parts.first.clone() };
        let written = Value::Object(call.arguments.clone());
        let place = format!("{pointer}/arguments");
        // What a template makes is known when it is played.
        let templates = task::try_written(document, &place, &written, &names, report);
        if !templates && call.arguments.keys().all(|name| known.contains(&name.as_str())) {
            let taken = json!({ "tool_name": call.tool_name, "arguments": arguments });
            check_taken(document, pointer, &taken, (model, &self.parts.decisions), "fix it", report);
        }
        for name in call.arguments.keys().filter(|name| !known.contains(&name.as_str())) {
            let message = format!("the tool `{}` has no argument `{name}`", call.tool_name);
            report.push(
                document
                    .at_key(Code::UnknownKey, format!("{place}/{name}"), message)
                    .maybe_hint(suggest(name, known.iter().copied())),
            );
        }
        (report.errors() == before).then(|| Move::Call(at, call.arguments.clone()))
    }

    /// Compiles what decides by a template: a text, or one expression that gives a value of the decision's type.
    fn template(
        &self,
        pointer: &str,
        (column, text): (&Column, &str),
        engine: &mut Engine<'static>,
        report: &mut Report,
    ) -> Option<Choice> {
        let name = format!("policy:{}{pointer}", self.policy);
        let names = self.names();
        let kind = match column.kind {
            ValueType::Text => {
                template::add(engine, &name, self.document, pointer, text, &names, report)?;
                return Some(Choice::Template(name));
            }
            // What is out of bounds is sent all the same, and the episode says so.
            ValueType::Address | ValueType::Url | ValueType::Timestamp | ValueType::Duration | ValueType::Enum => {
                ValueType::Text
            }
            ValueType::Set => ValueType::List,
            kind => kind,
        };
        let Some(expression) = sole_expression(text) else {
            let message = format!("`{}` is of type `{}`, not a text", column.name, column.kind.name());
            report.push(
                self.document
                    .at(Code::BadTemplate, pointer, message)
                    .hint("write one expression in `{{ }}` and nothing else; its value keeps its type"),
            );
            return None;
        };
        let what = What { name, pointer, text: expression };
        let (expression, _) = scope::add(engine, self.document, what, &names, Some(&Column::new("", kind)), report)?;
        Some(Choice::Computed(expression))
    }
}

fn choices(
    site: &Site<'_>,
    pointer: &str,
    given: &Map<String, Value>,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Vec<(usize, Choice)> {
    let mut result = Vec::new();
    let mut plain = Map::new();
    for (name, value) in given {
        let column = site.parts.decisions.iter().position(|column| column.name == *name);
        let place = format!("{pointer}/{name}");
        match (column, value) {
            (Some(column), Value::String(text)) if is_template(text) => {
                let choice = site.template(&place, (&site.parts.decisions[column], text), engine, report);
                result.extend(choice.map(|choice| (column, choice)));
            }
            (column, Value::Array(_))
                if rubric::is_list_of_lists(value)
                    || column.is_none_or(|at| site.parts.decisions[at].kind != ValueType::Set) =>
            {
                report.push(
                    site.document
                        .at(Code::BadValue, place, format!("a policy decides one `{name}`, not several"))
                        .hint("write one value"),
                );
            }
            _ => {
                plain.insert(name.clone(), value.clone());
            }
        }
    }
    let values = rubric::decision_values(site.document, pointer, &plain, &site.parts.decisions, report);
    result.extend(values.into_iter().filter_map(|(column, mut values)| Some((column, Choice::Value(values.pop()?)))));
    result
}
