//! A pack as data for readers: pages and reports are made of it.

use casebook_runtime::{
    model::Column,
    number::Number,
    scenario::{
        Pack, Task,
        generator::{Generator, InboxPart, Way},
    },
    value::ValueType,
};
use serde_json::{Map, Value, json};

/// Everything that a page about a pack shows.
pub fn of(pack: &Pack) -> Value {
    let rules: Vec<Value> = pack
        .rules
        .values()
        .map(|rules| {
            let all: Vec<Value> = rules
                .rules
                .iter()
                .zip(&rules.sentences)
                .map(|(rule, (id, sentence))| {
                    json!({ "id": id, "sentence": sentence, "trial": rule.trial, "severity": rule.reason.severity })
                })
                .collect();
            json!({ "name": rules.name, "policy": rules.policy, "hit": rules.hit, "rules": all })
        })
        .collect();
    let mut rubrics: Vec<Value> = Vec::new();
    for task in pack.tasks() {
        let outline = task.rubric.outline();
        if !rubrics.iter().any(|known| known["name"] == outline["name"]) {
            rubrics.push(outline);
        }
    }
    json!({
        "name": pack.name(),
        "title": pack.title(),
        "version": pack.version(),
        "description": pack.description(),
        "digest": pack.digest(),
        "noun": pack.noun,
        "fields": pack.fields.iter().map(column).collect::<Vec<_>>(),
        "decisions": pack.decisions.iter().map(column).collect::<Vec<_>>(),
        "tools": pack.tools(),
        "state": pack.state_schema().map(|(name, schema)| (name.to_owned(), schema)).collect::<Map<_, _>>(),
        "arguments": pack.reset_schema()["properties"],
        "rules": rules,
        "rubrics": rubrics,
        "generators": generators(pack),
        "plugins": pack.plugins().iter().map(|plugin| plugin.outline()).collect::<Vec<_>>(),
        "tasks": tasks(pack),
        "policies": pack.policies.keys().collect::<Vec<_>>(),
        "baseline": pack.baseline(),
    })
}

fn column(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": column.kind.name(),
        "values": if column.kind == ValueType::Enum { column.values.clone() } else { Vec::new() },
        "visible": column.visible,
        "optional": column.optional,
        "computed": column.is_made(),
        "unit": column.unit,
        "description": column.description,
        "bounds": [column.bounds.0, column.bounds.1],
    })
}

/// The generators that tasks use.
fn generators(pack: &Pack) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for task in pack.tasks() {
        for generator in drawn_by(task) {
            if found.iter().any(|known| known["name"] == *generator.name) {
                continue;
            }
            let slots = generator.slots.names.iter().zip(&generator.slots.slots);
            let slots: Vec<Value> =
                slots.map(|(name, slot)| json!({ "name": name, "draws": way(generator, &slot.way) })).collect();
            let phrases = generator.phrase_names.iter().zip(&generator.phrases);
            let phrases: Vec<Value> =
                phrases.map(|(name, phrase)| json!({ "name": name, "texts": phrase.alternatives.len() })).collect();
            let users = pack.tasks().iter().filter(|task| drawn_by(task).any(|one| one.name == generator.name));
            let tasks: Vec<&str> = users.map(|task| task.name()).collect();
            found.push(json!({ "name": generator.name, "slots": slots, "phrases": phrases, "tasks": tasks }));
        }
    }
    found
}

/// The generators that make items of a task.
fn drawn_by(task: &Task) -> impl Iterator<Item = &Generator> {
    let drawn = task.parts.iter().filter_map(|part| match part {
        InboxPart::Drawn(drawn) => Some(&drawn.sources),
        InboxPart::Listed(..) | InboxPart::Some(..) => None,
    });
    drawn.flatten().map(|source| &*source.cast.generator)
}

/// How a slot is drawn, in words.
fn way(generator: &Generator, way: &Way) -> String {
    match way {
        Way::Pick(choices) => format!("one of {} values", choices.len()),
        Way::Number(grid, unit) => {
            let end = |at: u64| unit.json(grid.value(at));
            let plain = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("from {} to {}", plain(end(0)), plain(end(grid.count.saturating_sub(1))))
        }
        Way::Boolean(share) => format!("`true` with {} %", Number::from(*share).to_f64() / 10_000.0),
        Way::Moment { .. } => "a moment".to_owned(),
        Way::Pool(at) => format!("an entry of the pool `{}`", generator.pools[*at].name),
        Way::Compute(_) => "computed".to_owned(),
        Way::Repeat(..) => "a list".to_owned(),
    }
}

/// The tasks; one with the instructions of a task before it names that one.
fn tasks(pack: &Pack) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for one in pack.tasks() {
        let mut outline = task(one);
        let same = all.iter().find(|known| known["instructions"] == outline["instructions"]);
        outline["instructions_of"] = same.map(|known| known["name"].clone()).unwrap_or_default();
        all.push(outline);
    }
    all
}

fn task(task: &Task) -> Value {
    let weights: Vec<Value> =
        task.rubric.weights().into_iter().map(|(name, weight)| json!({ "name": name, "weight": weight })).collect();
    json!({
        "name": task.name(),
        "title": task.title(),
        "description": task.description(),
        "difficulty": task.difficulty(),
        "split": task.split(),
        "group": task.group(),
        "max_steps": task.max_steps(),
        "items": task.items(),
        "min_items": task.item_range().0,
        "rubric": task.rubric.name,
        "weights": weights,
        "instructions": task.instructions.text(),
        "vary": task.vary.iter().map(|(name, _)| name).collect::<Vec<_>>(),
    })
}
