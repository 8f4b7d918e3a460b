//! Tools whose answers a plugin computes: what the plugin needs, and whether the pack gives it.

use casebook_runtime::{
    model::{Column, Place},
    names::list,
    plugin::{Operation, Parts, Section, ToolOffer, naming},
    scenario::tools::Computed,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{Document, PluginResult, ToolSpec},
};
use serde_json::{Map, Value, json};

use super::scope::Names;
use crate::plugin::{Declared, Use, check_fields, check_reads, used};

/// Where a tool says what computes its answers.
pub(super) struct Site<'a> {
    pub(super) root: &'a Document,
    /// The pointer to the tool.
    pub(super) pointer: &'a str,
    pub(super) tool: &'a ToolSpec,
    pub(super) given: &'a PluginResult,
    pub(super) fields: &'a [Column],
    pub(super) reveals: &'a [usize],
    pub(super) names: &'a Names,
    /// JSON Schema of the arguments, as the pack declares them.
    pub(super) arguments: &'a Value,
}

/// Finds the plugin's tool and checks what it is given; every problem goes to the report.
pub(super) fn compile(site: &Site<'_>, plugins: &Declared, report: &mut Report) -> Option<Computed> {
    let before = report.errors();
    let (root, pointer) = (site.root, format!("{}/result", site.pointer));
    let given = Use { plugin: &site.given.plugin, offer: site.given.offer.as_deref() };
    let (plugin, at) = used((root, &pointer), plugins, Operation::Tool, given, report)?;
    let offer = plugin.description.tools[at].clone();
    check_arguments(site, &offer, report);
    check_item(site, &offer, report);
    let hidden = hidden(site, &offer, report);
    let seen: Vec<&Column> = site
        .fields
        .iter()
        .enumerate()
        .filter(|(at, column)| column.visible || site.reveals.contains(at) || hidden.contains(at))
        .map(|(_, column)| column)
        .collect();
    check_fields((root, &pointer), &site.given.with, &offer.parameters, &seen, report);
    let readable = seen.iter().map(|column| (column.name.as_str(), column.kind.name())).collect();
    let state =
        site.names.state.iter().map(|variable| (variable.column.name.as_str(), variable.column.kind.name())).collect();
    let known: [(Section, Vec<(&str, &str)>); 2] = [(Section::Item, readable), (Section::State, state)];
    for (section, known) in known {
        let reads = (section, offer.reads.section(section));
        check_reads((root, &pointer), &site.given.plugin, reads, &known, report);
    }
    (report.errors() == before).then_some(())?;
    let (path, line) = root.line(&pointer);
    let head = json!({ "tool": offer.name, "parameters": site.given.with });
    let head = if let Value::Object(head) = head { head } else { Map::new() };
    Some(Computed { plugin, offer, place: Place { path, line }, head, hidden })
}

/// The arguments that the plugin takes, as agents see them: as the pack declares them, within what the plugin declares.
pub(super) fn narrow(schema: &mut Value, offer: &ToolOffer) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, own) in properties {
        let of_plugin = offer.arguments.pointer(&format!("/properties/{name}")).and_then(Value::as_object);
        let (Some(of_plugin), Some(own)) = (of_plugin, own.as_object_mut()) else { continue };
        for (keyword, limit) in of_plugin {
            let (Some(mine), Some(other)) = (own.get(keyword).and_then(Value::as_f64), limit.as_f64()) else {
                own.entry(keyword).or_insert_with(|| limit.clone());
                continue;
            };
            let tighter = if keyword.starts_with("min") { other > mine } else { other < mine };
            if tighter {
                own.insert(keyword.clone(), limit.clone());
            }
        }
    }
}

/// Checks that the tool takes what the plugin needs, in a type that suits.
fn check_arguments(site: &Site<'_>, offer: &ToolOffer, report: &mut Report) {
    let plugin = &site.given.plugin;
    let mut refuse = |message: String, hint: String| {
        let pointer = format!("{}/result/plugin", site.pointer);
        report.push(site.root.at(Code::BadPluginUse, pointer, message).hint(hint));
    };
    let needed = offer.arguments.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in needed.filter_map(Value::as_str) {
        match site.tool.arguments.get(name) {
            None => refuse(
                format!("the plugin `{plugin}` needs the argument `{name}`, which the tool does not take"),
                format!("add `{name}:` to the tool's `arguments`"),
            ),
            Some(argument) if !argument.required && argument.default.is_none() => refuse(
                format!("the plugin `{plugin}` needs the argument `{name}`, which a call may leave out"),
                format!("add `required: true` or a `default` to `{name}`"),
            ),
            Some(_) => {}
        }
    }
    for name in site.tool.arguments.keys() {
        let type_in = |schema: &Value| types(schema.pointer(&format!("/properties/{name}/type")));
        let (own, wanted) = (type_in(site.arguments), type_in(&offer.arguments));
        let suits = |one: &String| wanted.contains(one) || one == "integer" && wanted.contains(&"number".to_owned());
        if !wanted.is_empty() && !own.iter().any(suits) {
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let message = format!("the plugin `{plugin}` takes no `{}` as the argument `{name}`", own.join(" or "));
            report.push(
                site.root
                    .at_key(Code::BadPluginUse, format!("{}/arguments/{name}", site.pointer), message)
                    .hint(format!("it takes the JSON type {}", list(&wanted).unwrap_or_default())),
            );
        }
    }
}

fn types(kind: Option<&Value>) -> Vec<String> {
    match kind {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).filter(|one| *one != "null").map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// Checks that a plugin that reads an item is called about one.
fn check_item(site: &Site<'_>, offer: &ToolOffer, report: &mut Report) {
    let reads = [Section::Item, Section::Hidden].into_iter().any(|section| offer.reads.section(section).is_some());
    if reads && !site.tool.arguments.values().any(|argument| argument.item) {
        let message = format!("the plugin `{}` reads an item, and nothing says which one is meant", site.given.plugin);
        report.push(
            site.root
                .at(Code::BadPluginUse, format!("{}/result/plugin", site.pointer), message)
                .hint("add an argument such as `ticket_id: { item: true, default: current }`"),
        );
    }
}

/// The hidden fields that the plugin declares it reads and that the pack allows; both must name them.
fn hidden(site: &Site<'_>, offer: &ToolOffer, report: &mut Report) -> Vec<usize> {
    let (plugin, with) = (&site.given.plugin, &site.given.with);
    let is_hidden = |name: &str| site.fields.iter().any(|column| !column.visible && column.name == name);
    let mut wanted: Vec<(&str, &[String])> = Vec::new();
    match offer.reads.section(Section::Hidden) {
        None => {}
        Some(Parts::All) => {
            let named = naming(&offer.parameters, "x-field").filter_map(|(name, _)| with.get(name)?.as_str());
            wanted.extend(named.filter(|name| is_hidden(name)).map(|name| (name, &[][..])));
        }
        Some(parts) => wanted.extend(parts.named()),
    }
    let mut allowed = Vec::new();
    for (at, name) in site.given.hidden.iter().enumerate() {
        let place = format!("{}/result/hidden/{at}", site.pointer);
        let Some(field) = site.fields.iter().position(|column| column.name == *name) else {
            let known = site.fields.iter().filter(|column| !column.visible).map(|column| column.name.as_str());
            let message = format!("items have no field `{name}`");
            report.push(site.root.at(Code::UnknownName, place, message).maybe_hint(suggest(name, known)));
            continue;
        };
        let problem = if site.fields[field].visible {
            format!("agents see the field `{name}` anyway")
        } else if wanted.iter().all(|(other, _)| other != name) {
            format!("the plugin `{plugin}` does not say that it reads the hidden field `{name}`")
        } else {
            allowed.push(field);
            continue;
        };
        report.push(site.root.at(Code::BadPluginUse, place, problem).hint("remove it"));
    }
    let known: Vec<(&str, &str)> =
        allowed.iter().map(|at| (site.fields[*at].name.as_str(), site.fields[*at].kind.name())).collect();
    for (name, _) in &wanted {
        if is_hidden(name) && known.iter().all(|(other, _)| other != name) {
            let message = format!("the plugin `{plugin}` reads the hidden field `{name}`, which is not allowed to it");
            report.push(
                site.root
                    .at(Code::BadPluginUse, format!("{}/result/plugin", site.pointer), message)
                    .hint(format!("add `hidden: [{name}]`, when that is meant")),
            );
        } else if !is_hidden(name) {
            let message = format!("the plugin `{plugin}` reads the hidden field `{name}`, which does not exist");
            report.push(
                site.root
                    .at(Code::BadPluginUse, format!("{}/result/plugin", site.pointer), message)
                    .hint("declare it with `visible: false`"),
            );
        }
    }
    check_reads(
        (site.root, &format!("{}/result", site.pointer)),
        plugin,
        (Section::Hidden, offer.reads.section(Section::Hidden).filter(|_| known.len() == wanted.len())),
        &known,
        report,
    );
    allowed
}
