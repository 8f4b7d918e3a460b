//! Values of another type, or that are none of those allowed.

use super::{
    Operator,
    text::{Change, File, Node, Style, capital, dropped, swapped},
};

pub(super) const OPERATORS: &[Operator] = &[
    ("letters of a word swapped", letters_swapped),
    ("letter of a word dropped", letter_dropped),
    ("word with a capital letter", with_capital),
    ("value of an enum misspelt", choice),
    ("number for a text", number_for_text),
    ("text for a number", text_for_number),
    ("number in quotes", quoted_number),
    ("`yes` for `true`", yes),
    ("list for a scalar", list_for_scalar),
    ("map for a scalar", map_for_scalar),
    ("scalar for a list", scalar_for_list),
    ("scalar for a map", scalar_for_map),
    ("map for a list", map_for_list),
    ("list for a map", list_for_map),
    ("dashes before the keys of a map", dashes),
    ("value lost", nothing),
    ("list emptied", empty_list),
    ("number out of bounds", out_of_bounds),
    ("bounds the wrong way round", wrong_way_round),
];

/// Where one word of a fixed list stands.
const WORDS: &[&str] = &[
    "*/kind",
    "Environment/item/fields/*/type",
    "Environment/decision/*/type",
    "Environment/action/shape",
    "Environment/action/properties/*/type",
    "Environment/action/properties/*/default",
    "Environment/action/properties/*/unknown",
    "Environment/observation/*/items",
    "Environment/observation/*/item",
    "Environment/observation/*/ids",
    "Environment/observation/*/counter",
    "Environment/observation/*/text",
    "Environment/observation/*/score",
    "Rules/hit",
    "Task/order",
    "Policy/rank/*",
    "Rubric/reward/mode",
    "Rubric/reward/explain",
    "Rubric/**/grader",
    "Rubric/**/take",
    "Rubric/**/aggregate",
    "Rubric/**/method",
    "Rubric/**/at",
];

/// Where a value of an enum that the pack declares stands.
const CHOICES: &[&str] = &[
    "Environment/decision/*/when/*",
    "Inbox/items/*/fields/category",
    "Inbox/items/*/labels/category",
    "Inbox/items/*/labels/action",
    "Rules/rules/*/when/category",
    "Rules/rules/*/when/category/*",
    "Rules/rules/*/then/action",
    "Rules/default/action",
    "Policy/rules/*/when/category",
    "Policy/rules/*/when/category/*",
    "Policy/**/decide/action",
    "Policy/**/decide/category",
    "Policy/default/*",
    "Rubric/**/where/action",
];

/// Where a text stands, and nothing else.
const TEXTS: &[&str] = &[
    "*/name",
    "*/title",
    "*/description",
    "Environment/version",
    "Environment/item/noun",
    "Environment/**/description",
    "Environment/baseline",
    "Inbox/items/*/id",
    "Inbox/items/*/fields/subject",
    "Rules/rules/*/id",
    "Rules/rules/*/because",
    "Task/split",
    "Task/inbox",
    "Task/rubric",
    "Rubric/**/name",
    "Rubric/**/field",
];

/// Where a number stands, and nothing else.
const NUMBERS: &[&str] = &[
    "Task/difficulty",
    "Task/max_steps",
    "Task/weights/*",
    "Environment/decision/*/min",
    "Environment/decision/*/max",
    "Rubric/round",
    "Rubric/**/weight",
    "Rubric/**/correct",
    "Rubric/**/default",
    "Rubric/**/each",
    "Rubric/**/most",
    "Rubric/**/none",
    "Rubric/**/above",
    "Rubric/**/divide",
    "Rubric/**/min_characters",
    "Rubric/**/limits/*",
    "Rubric/**/cells/*/*",
    "Rubric/**/partial/*/*",
    "Rubric/**/clip/*",
];

/// Where a list stands, and nothing else.
const LISTS: &[&str] = &[
    "Environment/**/values",
    "Inbox/items/*/labels/*/keywords",
    "Policy/rules/*/when/any/*/*/contains_any",
    "Task/vary/*/one_of",
    "Rubric/**/components",
    "Rubric/**/any",
    "Rubric/**/all",
    "Rubric/**/clip",
];

/// Where a map stands, and nothing else.
const MAPS: &[&str] = &[
    "Environment/item/fields/*",
    "Environment/decision/*/when",
    "Environment/decision/*/truth",
    "Environment/action/properties/*",
    "Environment/observation/*",
    "Rules/rules/*/when",
    "Rules/rules/*/then",
    "Rules/default",
    "Policy/rules/*/when",
    "Policy/rules/*/decide",
    "Policy/default",
    "Policy/rank",
    "Inbox/items/*/labels",
    "Task/weights",
    "Rubric/**/limits",
    "Rubric/**/if",
    "Rubric/**/cells/*",
    "Rubric/**/partial/*",
    "Rubric/**/where",
];

/// Rewrites every word; the hint gives the right one back.
fn rewritten(file: &File, places: &[&str], change: impl Fn(&str) -> Option<String>) -> Vec<Change> {
    let one = |node: &Node| {
        let word = file.value(node);
        Some(file.replace(node.value.clone(), &change(word)?, &[&format!("`{word}`")]))
    };
    file.at(places).filter(|node| node.style == Style::Plain).filter_map(one).collect()
}

/// Puts the same in the place of every value.
fn replaced(file: &File, places: &[&str], with: &str, cure: &[&str]) -> Vec<Change> {
    file.at(places).map(|node| file.replace(node.value.clone(), with, cure)).collect()
}

/// `mode: sum` becomes `mode: smu`.
fn letters_swapped(file: &File) -> Vec<Change> {
    rewritten(file, WORDS, swapped)
}

/// `type: text` becomes `type: tet`.
fn letter_dropped(file: &File) -> Vec<Change> {
    rewritten(file, WORDS, dropped)
}

/// `type: text` becomes `type: Text`; a kind begins with one anyway, and gets the other.
fn with_capital(file: &File) -> Vec<Change> {
    rewritten(file, WORDS, |word| capital(word).or_else(|| Some(word.to_lowercase())))
}

/// `action: archive` becomes `action: archvie`.
fn choice(file: &File) -> Vec<Change> {
    rewritten(file, CHOICES, swapped)
}

/// A title, a name or an id is a plain number.
fn number_for_text(file: &File) -> Vec<Change> {
    replaced(file, TEXTS, "2026", &["quotes", "`\"2026\"`"])
}

/// A number is written as a word.
fn text_for_number(file: &File) -> Vec<Change> {
    replaced(file, NUMBERS, "seven", &["write", "number"])
}

/// A number stands in quotes.
fn quoted_number(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let number = file.value(node);
        file.replace(node.value.clone(), &format!("\"{number}\""), &["without quotes", &format!("`{number}`")])
    };
    file.at(NUMBERS).map(one).collect()
}

/// `required: true` becomes `required: yes`, and `false` becomes `no`.
fn yes(file: &File) -> Vec<Change> {
    let one = |node: &Node| match file.value(node) {
        "true" => Some(file.replace(node.value.clone(), "yes", &["`true`"])),
        "false" => Some(file.replace(node.value.clone(), "no", &["`false`"])),
        _ => None,
    };
    file.nodes.iter().filter_map(one).collect()
}

/// One text or number stands in brackets.
fn list_for_scalar(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let with = format!("[{}]", file.value(node));
        file.replace(node.value.clone(), &with, &["without brackets"])
    };
    file.at(TEXTS).chain(file.at(NUMBERS)).filter(|node| node.style == Style::Plain).map(one).collect()
}

/// A map stands where one text or number does.
fn map_for_scalar(file: &File) -> Vec<Change> {
    let places = [TEXTS, NUMBERS].concat();
    replaced(file, &places, "{ is: this }", &["one value"])
}

/// A list is one text.
fn scalar_for_list(file: &File) -> Vec<Change> {
    let lists = |node: &&Node| matches!(file.text.as_bytes()[node.value.start], b'[');
    file.at(LISTS).filter(lists).map(|node| file.replace(node.value.clone(), "one", &["brackets", "`[...]`"])).collect()
}

/// A map is one text.
fn scalar_for_map(file: &File) -> Vec<Change> {
    let maps = |node: &&Node| matches!(file.text.as_bytes()[node.value.start], b'{');
    let shown = |at: usize| {
        let names_decisions = ["then: ", "default: "].iter().any(|key| file.text[..at].ends_with(key));
        if names_decisions { "{ DECISION: one }`" } else { "`{ key: value }`" }
    };
    let change = |node: &Node| file.replace(node.value.clone(), "one", &[shown(node.value.start)]);
    file.at(MAPS).filter(maps).map(change).collect()
}

/// `[a, b]` becomes `{ first: a, second: b }`.
fn map_for_list(file: &File) -> Vec<Change> {
    let lists = |node: &&Node| matches!(file.text.as_bytes()[node.value.start], b'[');
    file.at(LISTS)
        .filter(lists)
        .map(|node| file.replace(node.value.clone(), "{ first: one, second: two }", &["`- `", "`[...]`"]))
        .collect()
}

/// `{ a: b }` becomes `[a: b]`.
fn list_for_map(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let inner = file.value(node);
        let inner = inner.strip_prefix("{ ").and_then(|inner| inner.strip_suffix(" }")).unwrap_or(inner);
        file.replace(node.value.clone(), &format!("[{inner}]"), &["without `- `", "`{ ... }`"])
    };
    file.at(MAPS).filter(|node| matches!(file.text.as_bytes()[node.value.start], b'{')).map(one).collect()
}

/// Every key of a map in lines gets a dash before it; the map's own key or the first of the lines is told.
fn dashes(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for (at, node) in file.nodes.iter().enumerate() {
        // The texts of a phrase can be a list of maps.
        let is_map = node.style == Style::Map && !node.path.starts_with("Generator/phrases/");
        let Some(key) = node.key.as_ref().filter(|_| is_map) else { continue };
        let children: Vec<&Node> = file.nodes.iter().filter(|child| child.parent == Some(at)).collect();
        if !children.iter().all(|child| file.leads(child)) {
            continue;
        }
        let mut text = file.text.clone();
        for child in children.iter().rev() {
            // The lines below a key move along with it.
            let below = text[child.value.clone()].replace('\n', "\n  ").replace("\n  \n", "\n\n");
            text.replace_range(child.value.clone(), &below);
            if file.line(child.value.start) > file.line(File::start(child)) {
                text.insert_str(child.value.start - file.column(child.value.start), "  ");
            }
            text.insert_str(File::start(child), "- ");
        }
        let first = children.first().map_or(key.start, |child| File::start(child));
        let mut change = file.replace(0..0, "", &["without `- `"]).on(file.line(first));
        change.text = text;
        changes.push(change);
    }
    changes
}

/// A key has no value.
fn nothing(file: &File) -> Vec<Change> {
    let places = [TEXTS, NUMBERS, WORDS].concat();
    let keyed = |node: &&Node| node.key.is_some();
    file.at(&places)
        .filter(keyed)
        .map(|node| file.replace(node.value.start - 1..node.value.end, "", &["give it a value"]))
        .collect()
}

/// A list has no entry.
fn empty_list(file: &File) -> Vec<Change> {
    let places =
        ["Environment/**/values", "Policy/**/contains_any", "Rubric/**/components", "Rubric/**/any", "Rubric/**/all"];
    file.at(&places).map(|node| file.replace(node.value.clone(), "[]", &["add an entry"])).collect()
}

/// A number lies beyond what may be.
fn out_of_bounds(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, wrong, cure) in [
        ("Task/max_steps", "0", "`1`"),
        ("Task/max_steps", "20000", "`10000`"),
        ("Task/difficulty", "-1", "`0`"),
        ("Rubric/round", "40", "`12`"),
        ("Rubric/**/density", "30", "`1`"),
        ("Rubric/**/length/words", "0", "`1`"),
        ("Rubric/**/min_characters", "-5", "`0`"),
        ("Inbox/items/*/labels/priority", "0", "1"),
        ("Inbox/items/*/labels/priority", "21", "20"),
    ] {
        changes.extend(replaced(file, &[place], wrong, &[cure]));
    }
    changes
}

/// The greater bound stands first.
fn wrong_way_round(file: &File) -> Vec<Change> {
    let mut changes = replaced(file, &["Rubric/**/clip"], "[1, 0]", &["least value first"]);
    changes.extend(replaced(file, &["Environment/decision/*/min"], "21", &["swap"]));
    changes
}
