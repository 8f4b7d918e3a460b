//! Tasks: rubric with weights, instructions, items.

use std::{collections::BTreeMap, sync::Arc};

use minijinja::{Value as Context, context, value::Serde};

use casebook_runtime::{
    model::read_moment,
    names::{list, nearest},
    rubric::Rubric,
    scenario::{Family, Instructions, Task, action::MAX_BATCH, generator::InboxPart, templates::is_template},
    settings::SplitType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Content, Document, Kind, Order},
};
use serde_json::{Map, Value};

use super::{
    Parts, counted,
    generator::{TaskItems, parts_of_task},
    instructions, later, limits, plant, template, trial, vary,
};
use crate::rubric;

pub(super) fn compile(document: &Document, spec: &spec::Task, parts: &Parts<'_>, report: &mut Report) -> Option<Task> {
    let before = report.errors();
    let rubric = rubric_of(document, spec, parts, report)
        .map(|rubric| rubric::with_weights(rubric, &spec.weights, document, report));
    let clock = clock(document, spec, parts, report);
    let vary = vary::values(document, spec, parts, report);
    let items = vary.as_ref().and_then(|vary| items(document, (spec, vary), clock, parts, report));
    let plant = plant::compile(document, spec, rubric.as_ref(), parts, report);
    check_idle(document, spec, items.as_ref(), parts, report);
    check_split_name(document, spec, parts, report);
    let later = items.as_ref().map(|items| later::compile(document, spec, items, parts, report));
    if let Some(rubric) = &rubric {
        later::check_dynamics(document, spec, rubric, parts, report);
        if let (Some(items), Some(later)) = (&items, &later) {
            limits::check(document, spec, (rubric, clock), (items, later), parts, report);
        }
    }
    for (at, action) in spec.solution.iter().flatten().enumerate() {
        check_written(document, &format!("/solution/{at}"), action, parts, report);
    }
    let title = spec.title.clone().unwrap_or_else(|| spec.name.clone());
    let instructions = rubric.as_ref().and_then(|rubric| {
        let context = instructions_context(spec, &title, rubric, parts);
        instructions(document, spec, context, parts, report)
    });
    let (rubric, items, instructions, vary) = (rubric?, items?, instructions?, vary?);
    let TaskItems { listed, parts: item_parts, samples, levels, .. } = items;
    let (later, arrivals) = later.unwrap_or_default();
    let listed_forms = listed.iter().flat_map(|item| item.forms.iter().cloned());
    let forms: Vec<_> = listed_forms.chain(samples.iter().cloned()).collect();
    // Without trial draws nothing is known of items that are drawn.
    let is_known = parts.sound && !parts.untried;
    let idle = if is_known { rubric.idle_graders(&forms) } else { Vec::new() };
    // That nothing is planted, or wrongly, was reported before.
    let asks =
        plant.as_ref().is_none_or(|plant| forms.iter().any(|item| plant.texts.iter().any(|text| text.is_wrong(item))));
    let is_planted =
        |pointer: &str| asks && rubric.nodes.iter().any(|node| node.pointer == pointer && node.what == "injection");
    let idle = idle.into_iter().filter(|(_, pointer, _)| !is_planted(pointer));
    for (name, pointer, field) in idle {
        let column = field.and_then(|field| parts.decisions.iter().position(|column| column.name == field));
        let is_known = column.is_some_and(|column| forms.iter().any(|item| item.truth[column].is_known()));
        if !is_known && may_count(spec, field, parts) {
            continue;
        }
        let hint = if is_known {
            "the labels of the decision have keywords or a reference: grade it with `keywords` or another grader of texts"
        } else {
            "label the items, or give the component the weight 0 in this task"
        };
        report.push(
            document
                .at(
                    Code::BadGrader,
                    "/inbox",
                    format!(
                        "the grader `{name}` (at `{pointer}` of the rubric `{}`) has nothing to grade in this inbox",
                        rubric.name
                    ),
                )
                .hint(hint),
        );
    }
    check_steps(document, spec, &item_parts, parts, report);
    (report.errors() == before).then_some(())?;
    let task = Task {
        name: spec.name.clone(),
        title,
        description: spec.description.clone().unwrap_or_default(),
        difficulty: spec.difficulty,
        split: spec.split.clone(),
        max_steps: spec.max_steps,
        clock,
        shuffled: spec.order == Order::Shuffled,
        group: spec.group.clone(),
        family: family(document, spec, &item_parts, report),
        member: None,
        instructions: instructions.into(),
        solution: spec.solution.clone().unwrap_or_default(),
        rubric: Arc::new(rubric),
        vary: vary.into_iter().map(|(name, values)| (name, values.len())).collect(),
        items: listed.into(),
        parts: item_parts.into(),
        levels: levels.into(),
        samples: samples.into(),
        rankings: Arc::clone(&parts.rankings),
        later: later.into(),
        arrivals,
        budget: spec.budget,
        plant: plant.map(Arc::new),
    };
    counted::try_task(document, &task, parts, report);
    (report.errors() == before).then_some(task)
}

/// Warns of a task that ends before every item can be decided.
fn check_steps(document: &Document, spec: &spec::Task, items: &[InboxPart], parts: &Parts<'_>, report: &mut Report) {
    let Some(action) = &parts.environment.action else { return };
    let most = |part: &InboxPart| match part {
        InboxPart::Listed(range) => range.len(),
        InboxPart::Some(_, draw) => *draw,
        InboxPart::Drawn(drawn) => usize::try_from(drawn.count.value(drawn.count.count - 1)).unwrap_or_default(),
    };
    let (a_step, words) = match action.shape {
        spec::Shape::Batch => (MAX_BATCH, format!("at most {MAX_BATCH} items")),
        spec::Shape::Single => (1, "one item".to_owned()),
    };
    let count: usize = items.iter().map(most).sum();
    let decided = a_step.saturating_mul(spec.max_steps as usize);
    if count > decided {
        let varies = items.iter().any(|part| matches!(part, InboxPart::Drawn(drawn) if drawn.count.count > 1));
        let up_to = if varies { "up to " } else { "" };
        let message = format!("the task has {up_to}{count} items, and {decided} of them at most can be decided");
        let hint = format!("raise `max_steps`; one action decides {words}");
        report.push(document.at(Code::NoEffect, "/max_steps", message).hint(hint));
    }
}

/// The seeds of a family of tasks.
fn family(document: &Document, spec: &spec::Task, parts: &[InboxPart], report: &mut Report) -> Option<Family> {
    let text = spec.seeds.as_ref()?;
    let (first, last) = text.split_once("..")?;
    let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
    if last < first {
        report.push(
            document
                .at(Code::BadValue, "/seeds", format!("`{text}` ends before it begins"))
                .hint(format!("write `{last}..{first}`")),
        );
        return None;
    }
    let varies = spec.order == Order::Shuffled
        || !spec.vary.is_empty()
        || parts.iter().any(|part| !matches!(part, InboxPart::Listed(_)));
    // What is drawn of something broken is not among the parts.
    let known = spec.inbox.as_ref().is_none_or(|source| source.parts().len() == parts.len());
    if !varies && known {
        report.push(
            document
                .at_key(Code::NoEffect, "/seeds", "`seeds` makes the same task again and again: nothing in it is drawn")
                .hint("remove it, or draw items: `inbox: { generate: ..., items: ... }`"),
        );
    }
    Some(Family { first, count: last - first + 1 })
}

/// Warns of what varies and is shuffled for nothing.
fn check_idle(
    document: &Document,
    spec: &spec::Task,
    items: Option<&TaskItems>,
    parts: &Parts<'_>,
    report: &mut Report,
) {
    let Some(TaskItems { listed: items, .. }) = items else { return };
    for (at, name) in spec.vary.keys().enumerate() {
        if !items.iter().any(|item| item.uses.contains(&at)) {
            let place = format!("/vary/{name}");
            let message = format!("`{name}` has no effect: no item reads `vary.{name}`");
            report.push(
                document
                    .at_key(Code::NoEffect, place, message)
                    .hint("remove it, or read it in a field with `template: true` or in a label"),
            );
        }
    }
    if parts.environment.item.is_none() && spec.order == Order::Shuffled {
        report.push(
            document
                .at_key(Code::NoEffect, "/order", "`order` has no effect: the environment has no items")
                .hint("remove it"),
        );
    }
}

/// Whether a decision that counts nowhere in a task's inbox would have a truth where it counts.
fn may_count(spec: &spec::Task, field: Option<&str>, parts: &Parts<'_>) -> bool {
    let Some((name, decision)) = field.and_then(|field| parts.environment.decision.get_key_value(field)) else {
        return false;
    };
    let inboxes = spec.inbox.iter().flat_map(|source| source.inboxes());
    let inboxes = inboxes.filter_map(|inbox| parts.documents.find(Kind::Inbox, inbox));
    let generators = spec.inbox.iter().flat_map(|source| source.generators());
    let generators = generators.filter_map(|name| parts.documents.find(Kind::Generator, name));
    let labelled = inboxes.chain(generators).any(|document| match &document.content {
        Content::Inbox(inbox) => inbox.items.iter().any(|item| item.labels.contains_key(name)),
        Content::Generator(generator) => generator.labels.contains_key(name),
        _ => false,
    });
    decision.when.is_some() && (decision.truth.is_some() || labelled)
}

/// Checks that every split has a task whose type is declared, and a name that does not say otherwise.
pub(super) fn check_splits(parts: &Parts<'_>, report: &mut Report) {
    let known = splits(parts);
    for (name, kind) in &parts.environment.splits {
        let pointer = format!("/splits/{name}");
        if !known.contains(&name.as_str()) {
            if !parts.documents.broken() {
                report.push(
                    parts
                        .root
                        .at_key(Code::UnknownName, pointer, format!("no task is in the split `{name}`"))
                        .maybe_hint(suggest(name, known.iter().copied())),
                );
            }
        } else if SplitType::named(name).is_some_and(|own| own != *kind) {
            report.push(
                parts
                    .root
                    .at(Code::NotAllowed, pointer, format!("the split `{name}` always has the purpose of its name"))
                    .hint("remove the line, or give the split another name"),
            );
        }
    }
}

/// Warns of a split without a meaning of its own that is named almost like one that has it, or whose task draws what training
/// uses although its generator keeps something from training.
fn check_split_name(document: &Document, spec: &spec::Task, parts: &Parts<'_>, report: &mut Report) {
    let name = spec.split.as_str();
    if SplitType::named(name).is_some() || parts.environment.splits.contains_key(name) {
        return;
    }
    let plain = format!("the name `{name}` has no meaning of its own: it counts as `validation`");
    if let Some(near) = nearest(name, SplitType::ALL.iter().map(|kind| kind.name())) {
        report.push(
            document
                .at(Code::NoEffect, "/split", plain)
                .hint(format!("did you mean `{near}`? otherwise write what it is under `splits` of the environment")),
        );
        return;
    }
    let generators = spec.inbox.iter().flat_map(spec::InboxSource::generators);
    let holds_out = |name: &&str| match parts.documents.find(Kind::Generator, name).map(|one| &one.content) {
        Some(Content::Generator(generator)) => !generator.hold_out.is_empty(),
        _ => false,
    };
    if let Some(generator) = generators.into_iter().find(holds_out) {
        let message = format!("{plain}, so it draws what `hold_out` of `{generator}` leaves for training");
        report.push(document.at(Code::NoEffect, "/split", message).hint(format!(
            "write what it is under `splits` of the environment: `{name}: test`, which draws what is held out, or \
             `{name}: validation`"
        )));
    }
}

/// Checks that every split that is for practice has a task, and is not there to measure.
pub(super) fn check_practice(parts: &Parts<'_>, report: &mut Report) {
    let known = splits(parts);
    for (at, name) in parts.environment.practice.iter().enumerate() {
        let pointer = format!("/practice/{at}");
        let kind = parts.environment.splits.get(name).copied().or_else(|| SplitType::named(name));
        if parts.environment.practice[..at].contains(name) {
            report.push(
                parts
                    .root
                    .at(Code::DuplicateName, pointer, format!("the split `{name}` appears here twice"))
                    .hint("name each split once"),
            );
        } else if kind == Some(SplitType::Test) {
            report.push(
                parts
                    .root
                    .at(
                        Code::NotAllowed,
                        pointer,
                        format!("the split `{name}` is there to measure, not to practise on"),
                    )
                    .hint("let agents practise on a split of the type `train` or `validation`"),
            );
        } else if !known.contains(&name.as_str()) && !parts.documents.broken() {
            report.push(
                parts
                    .root
                    .at(Code::UnknownName, pointer, format!("no task is in the split `{name}`"))
                    .maybe_hint(suggest(name, known.iter().copied())),
            );
        }
    }
}

/// The splits that tasks are in.
fn splits<'a>(parts: &Parts<'a>) -> Vec<&'a str> {
    let tasks = parts.documents.of(Kind::Task).filter_map(|task| match &task.content {
        Content::Task(task) => Some(task.split.as_str()),
        _ => None,
    });
    tasks.collect()
}

/// Tries the templates of an action that is written down once; returns whether there are some.
pub(super) fn check_written(
    document: &Document,
    pointer: &str,
    value: &Value,
    parts: &Parts<'_>,
    report: &mut Report,
) -> bool {
    try_written(document, pointer, value, &parts.first, report)
}

/// The same with the names that the templates may read.
pub(super) fn try_written(
    document: &Document,
    pointer: &str,
    value: &Value,
    names: &Context,
    report: &mut Report,
) -> bool {
    match value {
        Value::String(text) => {
            let engine = casebook_runtime::scenario::templates::engine();
            if template::render(&engine, document, pointer, text, names, report).is_some() {
                template::check_names(document, pointer, text, names, report);
            }
            is_template(text)
        }
        Value::Array(list) => list.iter().enumerate().fold(false, |some, (at, value)| {
            try_written(document, &format!("{pointer}/{at}"), value, names, report) || some
        }),
        Value::Object(map) => map.iter().fold(false, |some, (key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            try_written(document, &format!("{pointer}/{key}"), value, names, report) || some
        }),
        _ => false,
    }
}

/// The items of the task's inbox; none where the environment has no items.
fn items(
    document: &Document,
    (spec, vary): (&spec::Task, &vary::Values),
    clock: Option<i64>,
    parts: &Parts<'_>,
    report: &mut Report,
) -> Option<TaskItems> {
    let has_items = parts.environment.item.is_some();
    if has_items && spec.solution.is_some() {
        report.push(
            document
                .at_key(Code::BadDeclaration, "/solution", "the truth of the items says how the task is solved")
                .hint("remove `solution`; it is for environments without items"),
        );
    }
    match &spec.inbox {
        Some(_) if !has_items => {
            report.push(
                document
                    .at_key(Code::BadDeclaration, "/inbox", "the environment has no items, so a task has no inbox")
                    .hint("remove `inbox`, or declare `item` and `decision`"),
            );
            None
        }
        None if has_items => {
            report.push(document.at_key(Code::MissingKey, "/name", "the task does not say which inbox it plays").hint(
                "add `inbox:` with the name of a document of `kind: Inbox`, or `inbox: { generate: ..., items: ... }`",
            ));
            None
        }
        None => Some(TaskItems::default()),
        Some(source) => parts_of_task(document, (spec, vary), source, clock, parts, report),
    }
}

/// Renders the instructions, or keeps them as a template where they read what a reset is given.
fn instructions(
    document: &Document,
    spec: &spec::Task,
    names: Context,
    parts: &Parts<'_>,
    report: &mut Report,
) -> Option<Instructions> {
    let mut problems = Report::default();
    let engine = casebook_runtime::scenario::templates::engine();
    let reads_reset = !parts.reset.parameters.is_empty()
        && engine
            .template_from_str(&spec.instructions)
            .is_ok_and(|one| one.undeclared_variables(false).contains("reset"));
    let sample: Map<String, Value> =
        parts.reset.parameters.iter().map(|one| (one.name().to_owned(), one.sample())).collect();
    let left_out = parts.reset.parameters.iter().filter(|one| !one.required && one.default.is_none());
    let left_out: Vec<String> = left_out.map(|one| format!("reset.{}", one.name())).collect();
    let context = context! {
        reset => Context::from(Serde(&sample)), names__maybe => Vec::<String>::new(), names__optional => left_out,
        ..names.clone()
    };
    let text = template::render(&engine, document, "/instructions", &spec.instructions, &context, &mut problems);
    if text.is_some() {
        let template = spec.instructions.as_str();
        template::check_names(document, "/instructions", template, &context, &mut problems);
        let site = trial::Site { document, pointer: "/instructions", what: "template", template };
        let again = |names: &Context| {
            engine.render_str(template, names).map(Value::from).map_err(|error| template::fails(&error))
        };
        problems.extend(site.left_out(&context, again));
    }
    if parts.sound {
        report.extend(problems.diagnostics);
    }
    let text = text?;
    Some(if reads_reset {
        Instructions::Template(spec.instructions.clone(), names)
    } else {
        Instructions::Fixed(Value::from(text.trim_end()).to_string())
    })
}

/// The moment at which the task plays; rules and policies that read it must find it.
fn clock(document: &Document, spec: &spec::Task, parts: &Parts<'_>, report: &mut Report) -> Option<i64> {
    if let Some(text) = &spec.clock {
        return match read_moment(text) {
            Ok(clock) => Some(clock),
            Err(expected) => {
                let message = format!("`{text}` is not a moment");
                report.push(document.at(Code::BadValue, "/clock", message).label(format!("expected {expected}")));
                None
            }
        };
    }
    if let Some(count) = parts.derived.counts().iter().find(|count| count.needs_clock()) {
        let message = format!("the count `{}` reads the clock, and the task has none", parts.fields[count.of].name);
        report.push(document.at(Code::NoClock, "", message).hint(ADD_CLOCK));
        return None;
    }
    for decision in parts.environment.decision.values() {
        let rules = decision.truth.as_ref().and_then(|truth| parts.rules.get(truth.rules.as_ref()?));
        if let Some((rules, rule)) = rules.and_then(|rules| Some((rules, rules.needs_clock()?))) {
            let message =
                format!("the rule `{}` of `{}` reads the clock, and the task has none", rule.reason.id, rules.name);
            report.push(document.at(Code::NoClock, "", message).hint(ADD_CLOCK));
            break;
        }
    }
    None
}

/// The cure for a missing clock.
pub(super) const ADD_CLOCK: &str = "add `clock:` with a moment such as `2026-01-05T09:00:00Z`";

fn rubric_of<'a>(
    document: &Document,
    spec: &spec::Task,
    parts: &'a Parts<'_>,
    report: &mut Report,
) -> Option<&'a Rubric> {
    if let Some(name) = &spec.rubric {
        if parts.documents.find(Kind::Rubric, name).is_none() {
            parts.documents.missing(Kind::Rubric, name, document, "/rubric", report);
        }
        return parts.rubrics.get(name);
    }
    let names = parts.documents.names(Kind::Rubric);
    match names.as_slice() {
        [only] => parts.rubrics.get(*only),
        _ if parts.documents.broken() => None,
        [] => {
            report.push(
                document
                    .at(Code::UnknownName, "", "the pack has no rubric to score this task")
                    .hint("add a document with `kind: Rubric`"),
            );
            None
        }
        several => {
            report.push(
                document
                    .at(
                        Code::MissingKey,
                        "",
                        "the pack has several rubrics, and the task does not say which one scores it",
                    )
                    .hint(format!("add `rubric:`, one of {}", list(several).unwrap_or_default())),
            );
            None
        }
    }
}

/// What instructions may read.
fn instructions_context(spec: &spec::Task, title: &str, rubric: &Rubric, parts: &Parts<'_>) -> Context {
    let environment = parts.environment;
    let rules: BTreeMap<&str, Context> = parts
        .rules
        .values()
        .map(|rules| (rules.name.as_str(), context! { policy => rules.policy.as_str(), table => rules.table.as_str() }))
        .collect();
    context! {
        environment => context! {
            name => environment.name.as_str(),
            title => environment.title.as_deref().unwrap_or(&environment.name),
            description => environment.description.as_str(),
            version => environment.version.as_str(),
            definitions => instructions::definitions(environment),
            decisions => instructions::decisions(environment),
        },
        task => context! {
            name => spec.name.as_str(),
            title,
            split => spec.split.as_str(),
            group => spec.group.as_deref(),
            description => spec.description.as_deref().unwrap_or_default(),
            max_steps => spec.max_steps,
            difficulty => spec.difficulty,
            clock => spec.clock.as_deref(),
        },
        rules,
        rubric => context! { name => rubric.name.as_str(), weights => instructions::weights(rubric) },
    }
}
