//! Documents of the right shape that mean nothing.

use super::{
    Operator,
    text::{Change, File, Node, Style, swapped},
};

pub(super) const OPERATORS: &[Operator] = &[
    ("unknown format", format_unknown),
    ("weights that do not add up", weights),
    ("weight of a task too small", task_weights),
    ("label against the rules", label),
    ("field that no template offers", template_name),
    ("brace of a template lost", template_brace),
    ("filter that does not exist", template_filter),
    ("keyword twice", keyword),
    ("operator for another type", operator),
    ("operator that does not exist", unknown_operator),
    ("bad regular expression", regex),
    ("comparison with a text", comparison),
    ("two containers in one node", two_containers),
    ("node of no kind", no_kind),
    ("grader of another type", wrong_decision),
    ("rule of the whole episode in a reward", steps_in_reward),
    ("property of two roles", two_roles),
    ("values without an enum", values_without_enum),
    ("list without a batch", list_without_batch),
    ("decision that nothing decides", undecided),
];

/// `casebook/v1` becomes another version or format.
fn format_unknown(file: &File) -> Vec<Change> {
    let versions = ["casebook/v2", "v1", "1", "Casebook/V1"];
    let one = |node: &Node| {
        let all = versions.iter();
        all.map(|version| file.replace(node.value.clone(), version, &["`apiVersion: casebook/v1`"])).collect::<Vec<_>>()
    };
    file.at(&["*/apiVersion"]).flat_map(one).collect()
}

/// One weight grows; the list of the weights is told, for any of them may be the wrong one.
fn weights(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for node in file.at(&["Rubric/**/weighted_sum/*/weight"]) {
        let list = node.parent.and_then(|parent| file.nodes[parent].parent).map(|list| &file.nodes[list]);
        let (Some(list), Ok(weight)) = (list, file.value(node).parse::<f64>()) else { continue };
        if weight > 0.0 {
            let change = file.replace(node.value.clone(), &format!("{}", weight + 0.5), &["0.5", "1"]);
            changes.push(change.on(file.line(File::start(list))));
        }
    }
    changes
}

/// A weight of a task shrinks.
fn task_weights(file: &File) -> Vec<Change> {
    let positive = |node: &&Node| file.value(node).parse::<f64>().is_ok_and(|weight| weight > 0.1);
    file.at(&["Task/weights/*"])
        .filter(positive)
        .map(|node| file.replace(node.value.clone(), "0.1", &["more to one of them"]))
        .collect()
}

/// An item that the rules decide gets a label that says something else.
fn label(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for node in file.at(&["Inbox/items/*/fields/category"]) {
        let wrong = match file.value(node) {
            "newsletter" | "product" => "escalate",
            _ => "archive",
        };
        let number = node.path.split('/').nth(2).unwrap_or_default();
        let labels = format!("Inbox/items/{number}/labels");
        let place = [labels.as_str()];
        if let Some(labels) = file.at(&place).next() {
            let start = labels.value.start;
            let indent = " ".repeat(file.column(start));
            changes.push(file.replace(
                start..start,
                &format!("action: {wrong}\n{indent}"),
                &["remove the label", "`override:`"],
            ));
        } else {
            let fields = format!("Inbox/items/{number}/fields");
            let fields = [fields.as_str()];
            let Some(start) = file.at(&fields).next().map(File::start) else { continue };
            let indent = " ".repeat(file.column(start));
            let text = format!("labels: {{ action: {wrong} }}\n{indent}");
            changes.push(file.replace(start..start, &text, &["remove the label", "`override:`"]));
        }
    }
    changes
}

/// The words within `{{ ... }}` of a file, each with its place.
fn expressions(file: &File) -> Vec<(usize, &str)> {
    let places = file.text.match_indices("{{ ");
    places
        .filter_map(|(at, _)| {
            let inner = file.text[at + 3..].split(" }}").next()?;
            Some((at + 3, inner.split(" | ").next().unwrap_or(inner)))
        })
        .collect()
}

/// The last name of an expression is misspelt.
fn template_name(file: &File) -> Vec<Change> {
    let one = |(at, words): (usize, &str)| {
        let start = words.rfind('.').map_or(0, |dot| dot + 1);
        let name = &words[start..];
        Some(file.replace(at + start..at + words.len(), &swapped(name)?, &[&format!("`{name}`")]))
    };
    expressions(file).into_iter().filter_map(one).collect()
}

/// `}}` becomes `}`.
fn template_brace(file: &File) -> Vec<Change> {
    let places = file.text.match_indices(" }}");
    places.map(|(at, _)| file.replace(at + 2..at + 3, "", &["`}}`"])).collect()
}

/// `{{ name }}` becomes `{{ name | uper }}`.
fn template_filter(file: &File) -> Vec<Change> {
    let one = |(at, words): (usize, &str)| {
        let end = at + words.len();
        file.replace(end..end, " | uper", &["`upper`"])
    };
    expressions(file).into_iter().map(one).collect()
}

/// A keyword appears twice.
fn keyword(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let end = node.value.end;
        file.replace(end..end, &format!(", {}", file.value(node)), &["remove one of the two"])
    };
    let plain = |node: &&Node| node.style == Style::Plain;
    file.at(&["Inbox/items/*/labels/response/keywords/*"]).filter(plain).map(one).collect()
}

fn conditions(file: &File, condition: &str, cure: &[&str]) -> Vec<Change> {
    let flow = |node: &&Node| file.text.as_bytes()[node.value.start] == b'{';
    let places = ["Rules/rules/*/when", "Policy/rules/*/when", "Policy/rules/*/when/any/*"];
    file.at(&places).filter(flow).map(|node| file.replace(node.value.clone(), condition, cure)).collect()
}

/// A text has no order.
fn operator(file: &File) -> Vec<Change> {
    conditions(file, "{ subject: { gte: 3 } }", &["have an order"])
}

/// `contains` becomes `includes`.
fn unknown_operator(file: &File) -> Vec<Change> {
    conditions(file, "{ subject: { includes: bill } }", &["`contains`"])
}

/// A pattern opens a group and does not close it.
fn regex(file: &File) -> Vec<Change> {
    conditions(file, "{ subject: { matches: '(bill' } }", &["`)`"])
}

/// A text is compared with a number.
fn comparison(file: &File) -> Vec<Change> {
    conditions(file, "{ subject: 15 }", &["quotes", "`\"15\"`"])
}

/// A component gets a second container; the one that stands below is told.
fn two_containers(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let start = File::start(node);
        let indent = " ".repeat(file.column(start));
        let second = format!("mean: [{{ grader: completion }}]\n{indent}");
        file.replace(start..start, &second, &["node of its own"]).on(file.line(start) + 1)
    };
    let places = [
        "Rubric/score/weighted_sum",
        "Rubric/**/add",
        "Rubric/**/all",
        "Rubric/**/gate",
        "Rubric/**/weighted_sum/*/weighted_sum",
    ];
    file.at(&places).filter(|node| !node.inside_flow).map(one).collect()
}

/// A node that has neither a grader nor a container left.
fn no_kind(file: &File) -> Vec<Change> {
    let named = ["Rubric/**/name"];
    file.at(&named)
        .filter(|node| node.inside_flow)
        .filter_map(|node| {
            let owner = &file.nodes[node.parent?];
            let weight = file.siblings(node).into_iter().find(|other| file.key(other) == "weight");
            let weight = weight.map_or(String::new(), |weight| format!(", weight: {}", file.value(weight)));
            let with = format!("{{ name: {}{weight} }}", file.value(node));
            Some(file.replace(owner.value.clone(), &with, &["add `grader:`"]))
        })
        .collect()
}

/// A grader looks at a decision that it cannot grade; the hint names those that it can.
fn wrong_decision(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for node in file.at(&["Rubric/**/field"]) {
        let wrong = if file.value(node) == "response" { "action" } else { "response" };
        let grader =
            file.siblings(node).into_iter().find(|other| file.key(other) == "grader").map(|node| file.value(node));
        if grader.is_some_and(|grader| grader != "exact") {
            changes.push(file.replace(node.value.clone(), wrong, &[&format!("`{}`", file.value(node))]));
        }
    }
    changes
}

/// A grader of a whole episode stands in the reward.
fn steps_in_reward(file: &File) -> Vec<Change> {
    let wrong = "balanced_accuracy, field: action";
    let one = |node: &Node| {
        let flow = node.inside_flow;
        let indent = " ".repeat(file.column(File::start(node)));
        let broken = format!("balanced_accuracy\n{indent}field: action");
        file.replace(node.value.clone(), if flow { wrong } else { &broken }, &["move it under `score`"])
    };
    let bare = |node: &&Node| matches!(file.value(node), "invalid_actions" | "unfinished" | "completion");
    let mut changes = Vec::new();
    for node in file.at(&["Rubric/reward/**/grader"]).filter(bare) {
        let owner = &file.nodes[node.parent.unwrap_or_default()];
        let mut change = one(node);
        let name = file.siblings(node).into_iter().find(|other| file.key(other) == "name");
        let name = name.map_or(String::new(), |name| format!("name: {}, ", file.value(name)));
        change.text = file.replace(owner.value.clone(), &format!("{{ {name}grader: {wrong} }}"), &[]).text;
        changes.push(change);
    }
    changes
}

/// A property of the action fills a decision and names the item.
fn two_roles(file: &File) -> Vec<Change> {
    let one =
        |node: &Node| file.replace(node.value.end..node.value.end, ", item: true", &["`item: true` names the item"]);
    file.at(&["Environment/action/properties/*/decides"]).map(one).collect()
}

/// A field that is no enum has values.
fn values_without_enum(file: &File) -> Vec<Change> {
    let one = |node: &Node| file.replace(node.value.end..node.value.end, ", values: [a, b]", &["remove `values`"]);
    let flow = |node: &&Node| node.inside_flow && file.value(node) != "enum";
    file.at(&["Environment/item/fields/*/type"]).filter(flow).map(one).collect()
}

/// The shape of an action is the other one.
fn list_without_batch(file: &File) -> Vec<Change> {
    file.at(&["Environment/action/shape"])
        .map(|node| match file.value(node) {
            "batch" => file
                .replace(node.value.clone(), "single", &["`list`", "`shape: batch`"])
                .on(file.line(node.value.start) + 1),
            _ => file.replace(node.value.clone(), "batch", &["`list:`"]).on(file.line(node.value.start) - 1),
        })
        .collect()
}

/// The property that decides something is gone; the decision is told.
fn undecided(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for node in file.at(&["Environment/action/properties/*/decides"]) {
        let name = file.value(node);
        let path = format!("Environment/decision/{name}");
        let place = [path.as_str()];
        let Some(decision) = file.at(&place).next() else { continue };
        let property = &file.nodes[node.parent.unwrap_or_default()];
        let cure = format!("`{{ decides: {name} }}`");
        let change = file.replace(property.value.clone(), "{ type: text }", &["add", &cure]);
        changes.push(change.on(file.line(File::start(decision))));
    }
    changes
}
