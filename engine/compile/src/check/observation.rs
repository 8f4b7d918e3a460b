//! What agents see: the parts of an observation.

use casebook_runtime::{
    json::Name,
    scenario::{line::Line, observation::Part},
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{Document, Environment, ObservationPart, TextSource},
};
use minijinja::{Environment as Engine, Value as Context, context, value::Serde};

use super::{
    environment::{Columns, check_name},
    scope::{self, Names, What, row_sample},
    template, trial,
};

/// Names of the protocol's members next to an observation.
const RESERVED: &[&str] = &["reward", "done", "metadata"];
/// Names of what an observation shows of calls where the tools are the actions.
pub(super) const ANSWERS: &[&str] = &["tool_name", "result", "error", "tools"];

pub(super) fn observation(
    root: &Document,
    spec: &Environment,
    (columns, names): (&Columns, &Names),
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Vec<(Name, Part)> {
    let reserved: Vec<&str> =
        RESERVED.iter().chain(ANSWERS.iter().filter(|_| spec.action.is_none())).copied().collect();
    let site = Site {
        root,
        columns,
        texts: spec.tools.values().all(|tool| tool.value.is_none()),
        sample: after(spec, columns, names),
        before: names.before(),
    };
    let mut parts = Vec::new();
    for (name, part) in &spec.observation {
        let pointer = format!("/observation/{name}");
        check_name(root, &pointer, name, &reserved, report);
        let keys = keys(part);
        if keys.len() != 1 {
            let (message, hint) = if keys.is_empty() {
                (
                    format!("`{name}` shows nothing"),
                    "add one of `items`, `item`, `ids`, `log`, `counter`, `text`, `value`, `template` ...",
                )
            } else {
                (format!("`{name}` is one thing, but this is `{}`", keys.join("` and `")), "make two fields of it")
            };
            report.push(root.at_key(Code::BadDeclaration, &pointer, message).hint(hint));
            continue;
        }
        if part.kind.is_some() && part.value.is_none() {
            report.push(
                root.at_key(Code::BadDeclaration, format!("{pointer}/type"), "`type` is only valid with `value`")
                    .hint("remove `type`"),
            );
        }
        parts.extend(observation_part(&site, &pointer, name, part, engine, report).map(|part| (Name::new(name), part)));
    }
    parts
}

/// What expressions and templates read after a step: the action, where there is one, and what a tool answered.
pub(super) fn after(spec: &Environment, columns: &Columns, names: &Names) -> Context {
    let nothing = || Context::from(());
    let action = spec.action.as_ref().map(|action| scope::action_sample(action, &columns.decisions));
    let action = action.map_or_else(nothing, |action| Context::from(Serde(&action)));
    let item = scope::item_sample(spec, &columns.fields);
    let optional = spec.action.as_ref().map(|action| scope::optional(action, &columns.fields));
    let optional = names.optional(optional.unwrap_or_default());
    let sample = names.sample([("action", action), ("item", item), ("result", nothing()), optional]);
    trial::behind(sample, spec.action.as_ref().and_then(|action| action.fail.as_ref()))
}

struct Site<'a> {
    root: &'a Document,
    columns: &'a Columns,
    /// Whether every tool answers with a text.
    texts: bool,
    sample: Context,
    /// The same before the first action.
    before: Context,
}

/// The keys that say what a part shows.
fn keys(part: &ObservationPart) -> Vec<&'static str> {
    let given = [
        ("items", part.items.is_some()),
        ("item", part.item.is_some()),
        ("ids", part.ids.is_some()),
        ("log", part.log.is_some()),
        ("counter", part.counter.is_some()),
        ("text", part.text.is_some()),
        ("result", part.result.is_some()),
        ("score", part.score.is_some()),
        ("feedback", part.feedback.is_some()),
        ("template", part.template.is_some()),
        ("value", part.value.is_some()),
    ];
    given.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect()
}

fn observation_part(
    site: &Site<'_>,
    pointer: &str,
    name: &str,
    part: &ObservationPart,
    engine: &mut Engine<'static>,
    report: &mut Report,
) -> Option<Part> {
    let root = site.root;
    if let Some(items) = part.items {
        return Some(Part::Items(items));
    }
    if let Some(ids) = part.ids {
        return Some(Part::Ids(ids));
    }
    if let Some(counter) = part.counter {
        return Some(Part::Counter(counter));
    }
    if part.item.is_some() {
        return Some(Part::Current);
    }
    if part.score.is_some() {
        return Some(Part::Score);
    }
    if part.result.is_some() {
        return Some(Part::Result(site.texts));
    }
    if let Some(text) = part.text {
        return Some(match text {
            TextSource::Instructions => Part::Instructions,
            TextSource::TaskId => Part::TaskId,
        });
    }
    if let Some(text) = &part.log {
        let template = format!("log:{name}");
        template::add(engine, &template, root, &format!("{pointer}/log"), text, &log_sample(site.columns), report)?;
        return Some(Part::Log(Line::new(template, text, &site.columns.fields, &site.columns.decisions)));
    }
    if let Some(text) = &part.template {
        let template = format!("observation:{name}");
        template::add(engine, &template, root, &format!("{pointer}/template"), text, &site.sample, report)?;
        let place = format!("{pointer}/template");
        template::render(engine, root, &place, text, &site.before, report)?;
        return Some(Part::Template(template));
    }
    if let Some(text) = &part.value {
        let place = format!("{pointer}/value");
        let what = What { name: format!("observation:{name}"), pointer: &place, text: &text.0 };
        let (expression, _) = scope::add(engine, root, what, &site.sample, scope::typed(part.kind).as_ref(), report)?;
        let fits = |value| part.kind.map_or(Ok(()), |kind| kind.fit(value).map(|_| ()));
        scope::try_before(&expression, engine, root, (&place, &text.0), &site.before, fits, report)?;
        return Some(Part::Value(expression, part.kind));
    }
    let text = part.feedback.as_ref()?;
    let template = format!("feedback:{name}");
    let counters = ["steps", "max_steps", "items", "pending", "decided", "accepted", "minutes", "budget_left"];
    let sample =
        context! { counter => counters.iter().map(|name| (*name, 0)).collect::<std::collections::BTreeMap<_, _>>() };
    template::add(engine, &template, root, &format!("{pointer}/feedback"), text, &sample, report)?;
    Some(Part::Feedback(template))
}

/// Names that a log line may read, with empty values.
fn log_sample(columns: &Columns) -> Context {
    let mut item = row_sample(columns.fields.iter().filter(|column| column.visible));
    item.insert("id".into(), "".into());
    let decision = row_sample(columns.decisions.iter());
    let lacking = scope::lacking("item", columns.fields.iter().filter(|column| column.visible));
    let undecided = columns.decisions.iter().map(|column| format!("decision.{}", column.name));
    context! {
        item => Context::from(Serde(&item)), decision => Context::from(Serde(&decision)),
        names__optional => lacking.chain(undecided).collect::<Vec<_>>(),
    }
}
