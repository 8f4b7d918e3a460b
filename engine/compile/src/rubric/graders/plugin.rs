//! `plugin`: the offer that is meant, and what its parameters name.

use std::sync::Arc;

use casebook_runtime::{
    model::Column,
    names::list,
    plugin::{GraderOffer, Operation, Per, Section, naming},
    rubric::graders::PluginGrader,
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec,
};
use serde_json::{Value, json};

use super::{Built, Site};
use crate::plugin::{Use, check_fields, check_reads, used};

pub(super) fn build(params: &spec::PluginGrader, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let before = report.errors();
    let given = Use { plugin: &params.plugin, offer: params.offer.as_deref() };
    let (plugin, at) = used((site.document, site.pointer), site.plugins, Operation::Grade, given, report)?;
    let offer = plugin.description.graders[at].clone();
    let column = match &params.field {
        Some(field) => Some(site.decision(field, &[], report)?),
        None => None,
    };
    check_decisions(params, &offer, site, report);
    let place = (site.document, site.pointer);
    let visible: Vec<&Column> = site.fields.iter().filter(|column| column.visible).collect();
    check_fields(place, &params.with, &offer.parameters, &visible, report);
    let sections: [(Section, Vec<&Column>); 3] = [
        (Section::Item, visible),
        (Section::Decision, site.decisions.iter().collect()),
        (Section::Truth, site.decisions.iter().collect()),
    ];
    for (section, columns) in sections {
        let known: Vec<(&str, &str)> =
            columns.iter().map(|column| (column.name.as_str(), column.kind.name())).collect();
        check_reads(place, &params.plugin, (section, offer.reads.section(section)), &known, report);
    }
    if report.errors() > before {
        return None;
    }
    let head = json!({ "grader": offer.name, "parameters": params.with, "field": params.field }).to_string();
    let head = head.strip_suffix('}').unwrap_or(&head).to_owned();
    let fields = Arc::clone(site.fields);
    let grader = Arc::new(PluginGrader { plugin, column, head, fields, offer: offer.clone() });
    Some(match offer.per {
        Per::Item => Built::Row(grader),
        Per::Episode => Built::Whole(grader),
    })
}

/// Checks the parameters that name decisions.
fn check_decisions(params: &spec::PluginGrader, offer: &GraderOffer, site: &Site<'_>, report: &mut Report) {
    let with = format!("{}/with", site.pointer);
    for (name, types) in naming(&offer.parameters, "x-decision") {
        let kinds: Vec<ValueType> =
            site.decisions.iter().map(|column| column.kind).filter(|kind| types.contains(&kind.name())).collect();
        let Some(decision) = params.with.get(name).and_then(Value::as_str) else { continue };
        if !types.is_empty() && kinds.is_empty() {
            report.push(
                site.document
                    .at(Code::BadGrader, format!("{with}/{name}"), format!("no decision suits `{name}`"))
                    .hint(format!("it must name one of the type {}", list(&types).unwrap_or_default())),
            );
        } else {
            site.decision_at(format!("{with}/{name}"), decision, &kinds, report);
        }
    }
}
