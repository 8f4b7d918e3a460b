//! A pack as data for readers: pages and reports are made of it.

use casebook_runtime::{
    model::Column,
    scenario::{Pack, Task},
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
        "plugins": pack.plugins().iter().map(|plugin| plugin.outline()).collect::<Vec<_>>(),
        "tasks": pack.tasks().iter().map(|one| task(one)).collect::<Vec<_>>(),
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
        "bounds": [column.bounds.0, column.bounds.1],
    })
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
        "rubric": task.rubric.name,
        "weights": weights,
        "instructions": task.instructions.text(),
        "vary": task.vary.iter().map(|(name, _)| name).collect::<Vec<_>>(),
    })
}
