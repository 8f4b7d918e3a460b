//! Mistakes in YAML itself.

use super::{
    Operator,
    text::{Change, File, Node, Style},
};

pub(super) const OPERATORS: &[Operator] = &[
    ("tab as indentation", tab),
    ("one space too deep", too_deep),
    ("one space too shallow", too_shallow),
    ("line of a text moved left", text_moved),
    ("bar of a long text lost", bar_lost),
    ("colon lost", colon_lost),
    ("colon without a space", colon_without_space),
    ("dash without a space", dash_without_space),
    ("dash lost", dash_lost),
    ("closing quote lost", closing_quote_lost),
    ("both quotes lost", quotes_lost),
    ("closing bracket lost", closing_bracket_lost),
    ("opening bracket lost", opening_bracket_lost),
    ("wrong closing bracket", wrong_bracket),
    ("comma lost", comma_lost),
    ("tag", tag),
    ("alias without an anchor", alias),
    ("sign that needs quotes", sign),
    ("backslash in double quotes", backslash),
    ("merge key", merge),
];

/// Lines that begin with a key, and are not alone in their map.
fn lines(file: &File) -> impl Iterator<Item = &Node> {
    file.nodes.iter().filter(|node| file.leads(node) && file.siblings(node).len() > 1)
}

/// Keys on lines of their own that follow another one of their map, whose indentation is theirs.
fn followers(file: &File) -> impl Iterator<Item = (&Node, usize)> {
    lines(file).filter_map(|node| {
        let indent = file.column(File::start(node));
        (indent > 0 && !file.is_first(node)).then_some((node, indent))
    })
}

/// Tabs stand for the spaces before a key.
fn tab(file: &File) -> Vec<Change> {
    let one = |(node, indent): (&Node, usize)| {
        let start = File::start(node);
        file.replace(start - indent..start, &"\t".repeat(indent / 2), &["spaces", "tabs"])
    };
    followers(file).map(one).collect()
}

/// A key has a space more before it than the key above.
fn too_deep(file: &File) -> Vec<Change> {
    let one = |(node, indent): (&Node, usize)| {
        let start = File::start(node);
        file.replace(start..start, " ", &["indent", &format!("{indent} spaces")])
    };
    followers(file).map(one).collect()
}

/// A key has a space less before it than the key above.
fn too_shallow(file: &File) -> Vec<Change> {
    let one = |(node, indent): (&Node, usize)| {
        let start = File::start(node);
        file.replace(start - 1..start, "", &["indent", &format!("{indent} spaces")])
    };
    followers(file).map(one).collect()
}

/// A line of a text behind `|` stands where the text's key does.
fn text_moved(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for node in file.nodes.iter().filter(|node| node.style == Style::Literal && node.key.is_some()) {
        let indent = file.column(File::start(node));
        let lines: Vec<&str> = file.value(node).lines().collect();
        let mut start = node.value.start;
        for (number, line) in lines.iter().enumerate() {
            let text = line.trim_start();
            // Only a line that is no pair itself; that one would be a key that does not exist.
            if number > 0 && !text.is_empty() && !text.contains(':') {
                let deep = line.len() - text.len();
                changes.push(file.replace(start..start + deep - indent, "", &["indent", &format!("{deep} spaces")]));
            }
            start += line.len() + 1;
        }
    }
    changes
}

/// `body: |` becomes `body:`, and the text below holds a `: `.
fn bar_lost(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for node in file.nodes.iter().filter(|node| node.style == Style::Literal) {
        let bar = file.text[..node.value.start].rfind('|').filter(|bar| *bar > File::start(node));
        let paired = |line: &str| line.contains(": ");
        if let Some(bar) = bar
            && file.value(node).lines().any(paired)
        {
            changes.push(file.replace(bar - 1..bar + 1, "", &["`|`"]));
        }
    }
    changes
}

/// `name: easy` becomes `name easy`.
fn colon_lost(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let end = node.key.as_ref()?.end;
        Some(file.replace(end..end + 1, "", &[&format!("`{}:`", file.key(node))]))
    };
    lines(file).filter_map(one).collect()
}

/// `name: easy` becomes `name:easy`.
fn colon_without_space(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let end = node.key.as_ref()?.end;
        let same_line = file.text[end..].starts_with(": ");
        same_line
            .then(|| file.replace(end + 1..end + 2, "", &["space after the colon", &format!("`{}: ", file.key(node))]))
    };
    // `key:"x"` in braces is a pair, by a courtesy of YAML to JSON.
    let plain = |node: &&Node| node.style == Style::Plain || !node.inside_flow && node.style != Style::Literal;
    file.nodes.iter().filter(|node| file.leads(node) || node.inside_flow).filter(plain).filter_map(one).collect()
}

/// `- id: x` becomes `-id: x`.
fn dash_without_space(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let start = node.value.start;
        let space = file.text[..start].ends_with("- ");
        space.then(|| file.replace(start - 1..start, "", &["space after the dash"]))
    };
    file.nodes.iter().filter(|node| node.key.is_none()).filter_map(one).collect()
}

/// `- id: x` becomes `  id: x`; the line is told, whatever the one above it looks like then.
fn dash_lost(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let start = node.value.start;
        let dash = file.text[..start].ends_with("- ") && node.style == Style::Map;
        let block = file.text.as_bytes()[start] != b'{';
        (dash && block).then(|| file.replace(start - 2..start, "  ", &["`- `"]))
    };
    file.nodes.iter().filter(|node| node.key.is_none()).filter_map(one).collect()
}

/// A text in quotes is not closed.
fn closing_quote_lost(file: &File) -> Vec<Change> {
    let one =
        |node: &Node| file.replace(node.value.end - 1..node.value.end, "", &["quote"]).on(file.line(node.value.start));
    file.nodes.iter().filter(|node| node.style == Style::Quoted).map(one).collect()
}

/// A text that needs its quotes has none.
fn quotes_lost(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let inner = &file.text[node.value.start + 1..node.value.end - 1];
        file.replace(node.value.clone(), inner, &["quotes"])
    };
    let needs = |node: &&Node| {
        let inner = file.value(node).trim_matches('"');
        node.style == Style::Quoted && (inner.contains(": ") || inner.starts_with("{{"))
    };
    file.nodes.iter().filter(needs).map(one).collect()
}

/// Lists and maps in brackets, on one line.
fn brackets(file: &File) -> impl Iterator<Item = (&Node, char, char)> {
    file.nodes.iter().filter_map(|node| match file.value(node).as_bytes().first() {
        Some(b'[') if node.style == Style::List => Some((node, '[', ']')),
        Some(b'{') if node.style == Style::Map => Some((node, '{', '}')),
        _ => None,
    })
}

/// `[a, b]` becomes `[a, b`.
fn closing_bracket_lost(file: &File) -> Vec<Change> {
    brackets(file)
        .map(|(node, _, close)| file.replace(node.value.end - 1..node.value.end, "", &[&format!("`{close}`")]))
        .collect()
}

/// `[a, b]` becomes `a, b]`.
fn opening_bracket_lost(file: &File) -> Vec<Change> {
    brackets(file)
        .map(|(node, open, _)| {
            let start = node.value.start;
            let space = usize::from(open == '{');
            file.replace(start..start + 1 + space, "", &[&format!("`{open}`")])
        })
        .collect()
}

/// `[a, b]` becomes `[a, b}`.
fn wrong_bracket(file: &File) -> Vec<Change> {
    brackets(file)
        .map(|(node, _, close)| {
            let other = if close == ']' { "}" } else { "]" };
            file.replace(node.value.end - 1..node.value.end, other, &[&format!("`{close}`")])
        })
        .collect()
}

/// `{ a: b, c: d }` becomes `{ a: b c: d }`.
fn comma_lost(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for node in file.nodes.iter().filter(|node| node.inside_flow && node.key.is_some() && !file.is_first(node)) {
        let start = File::start(node);
        changes.push(file.replace(start - 2..start - 1, "", &["comma"]));
    }
    changes
}

/// `name: easy` becomes `name: !easy easy`.
fn tag(file: &File) -> Vec<Change> {
    let one = |node: &Node| file.replace(node.value.start..node.value.start, "!mine ", &["remove the tag"]);
    file.nodes
        .iter()
        .filter(|node| node.key.is_some() && !matches!(node.style, Style::Literal))
        .filter(|node| !is_block(file, node))
        .map(one)
        .collect()
}

/// Whether its value is a map or list in lines.
fn is_block(file: &File, node: &Node) -> bool {
    matches!(node.style, Style::Map | Style::List) && !matches!(file.text.as_bytes()[node.value.start], b'[' | b'{')
}

/// `name: easy` becomes `name: *easy`.
fn alias(file: &File) -> Vec<Change> {
    plain(file).map(|node| file.replace(node.value.start..node.value.end, "*same", &["`&same`"])).collect()
}

fn plain(file: &File) -> impl Iterator<Item = &Node> {
    file.nodes.iter().filter(|node| node.style == Style::Plain)
}

/// A text begins with a sign that YAML keeps for itself.
fn sign(file: &File) -> Vec<Change> {
    let sign = |at: usize| ["@", "`", "%"][at % 3];
    plain(file)
        .enumerate()
        .map(|(at, node)| file.replace(node.value.start..node.value.start, sign(at), &["quotes"]))
        .collect()
}

/// A pattern with a backslash stands in double quotes.
fn backslash(file: &File) -> Vec<Change> {
    let pattern = "{ subject: { matches: \"\\d+\" } }";
    let flow = |node: &&Node| file.text.as_bytes()[node.value.start] == b'{';
    let conditions = file.at(&["Rules/rules/*/when", "Policy/rules/*/when"]).filter(flow);
    let texts = file.at(&["*/title", "*/description"]);
    conditions
        .map(|node| file.replace(node.value.clone(), pattern, &["single quotes"]))
        .chain(texts.map(|node| file.replace(node.value.clone(), "\"C:\\desk\"", &["single quotes"])))
        .collect()
}

/// A key `<<` takes over what another map holds.
fn merge(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let start = File::start(node);
        let indent = " ".repeat(file.column(start));
        file.replace(start..start, &format!("<<: {{ a: b }}\n{indent}"), &["write the keys out"])
    };
    lines(file).map(one).collect()
}
