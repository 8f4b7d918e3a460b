//! `casebook explain-item`

use std::{path::Path, sync::Arc};

use casebook_runtime::{
    explanation::{
        self, Condition, Decision, ItemExplanation, RuleExplanation, RuleLink, Source, Subject, TextAsked, Verdict,
    },
    json,
    model::Row,
    names::list,
    scenario::{Catalog, Pack, Task},
};
use casebook_syntax::source::plain;
use serde_json::{Map, Value};

use crate::{
    args::{ExplainItemArgs, Format},
    exit::Exit,
    output,
    packs::{self, Loaded},
};

/// Rules that nearly match which are shown.
const NEAREST: usize = 3;
/// Rules that do not match, and items that are counted, which are named.
const NAMED: usize = 8;
/// Seeds among which one is sought that draws an item.
const SEEDS: u64 = 100;
const BOLD: &str = "1";
const GREEN: &str = "32";
const RED: &str = "31";
const FAINT: &str = "2";

pub(crate) fn run(args: &ExplainItemArgs, format: Format) -> Exit {
    explain(args, format).unwrap_or_else(|exit| exit)
}

fn explain(args: &ExplainItemArgs, format: Format) -> Result<Exit, Exit> {
    let loaded = packs::load_sound(&args.packs.packs, format)?;
    let (pack, subject) = match (&args.item, &args.given) {
        (Some(id), _) => find(&loaded.catalog, id, args)?,
        (None, given) => {
            let pack = only(&loaded)?;
            let given = object("--given", given.as_deref().unwrap_or_default())?;
            (pack, explanation::subject(pack, &given, args.clock).map_err(|problems| refuse("--given", &problems))?)
        }
    };
    let row = match &args.decided {
        None => Row::default(),
        Some(text) => {
            let decided = object("--decided", text)?;
            explanation::decided(pack, &decided).map_err(|problems| refuse("--decided", &problems))?
        }
    };
    let mut explained = explanation::explain(pack, &subject, &row);
    name_files(&mut explained, pack.folder());
    if format == Format::Json {
        output::json(&explained);
    } else {
        show(&explained, args);
    }
    Ok(loaded.exit(Exit::Success))
}

/// Names files as findings name them, so that they can be opened from here.
fn name_files(explained: &mut ItemExplanation, folder: &Path) {
    let sources = explained.decisions.iter_mut().filter_map(|decision| match &mut decision.source {
        Source::Rule(RuleLink { path, .. }) | Source::Label { path, .. } | Source::Override { path, .. } => Some(path),
        Source::Default { .. } | Source::Computed | Source::Ranking | Source::Nowhere => None,
    });
    let rules = explained.rules.iter_mut().flat_map(|set| &mut set.rules).map(|rule| &mut rule.link.path);
    for path in sources.chain(rules) {
        *path = plain(&folder.join(&*path));
    }
}

/// Finds an item by its id: in the task that was named, else in the first one that has it.
fn find<'a>(catalog: &'a Catalog, id: &str, args: &ExplainItemArgs) -> Result<(&'a Arc<Pack>, Subject), Exit> {
    let names: Vec<String> = args.task.iter().cloned().collect();
    let tasks = packs::pick(catalog, &names)?;
    if let Some(found) = tasks.iter().find_map(|(pack, task)| Some((*pack, Subject::of(pack, task, id, args.seed)?))) {
        return Ok(found);
    }
    if let Some((pack, task)) = tasks.iter().find(|(_, task)| task.item_ids().any(|known| known == id)) {
        output::error(undrawn(pack, task, id, args.seed));
        return Err(Exit::Usage);
    }
    let drawn =
        tasks.iter().filter(|(_, task)| task.is_drawn()).filter_map(|(pack, task)| pack.items(task, args.seed).ok());
    let drawn: Vec<_> = drawn.flatten().collect();
    let mut known: Vec<&str> = tasks.iter().flat_map(|(_, task)| task.item_ids()).collect();
    known.extend(drawn.iter().map(|item| item.id.as_str()));
    known.dedup();
    let families = tasks.iter().filter_map(|(_, task)| Some((task.name(), task.family?.first)));
    let family =
        families.map(|(name, first)| format!("; items of a family need its task, such as `--task {name}/{first}`"));
    let family = family.take(1).collect::<String>();
    output::error(format!("{}{family}", packs::unknown("item", id, &known)));
    Err(Exit::Usage)
}

/// That a task has an item, but not with a seed, and with which it does.
fn undrawn(pack: &Pack, task: &Task, id: &str, seed: u64) -> String {
    let drawn = |seed: u64| pack.items(task, seed).unwrap_or_default();
    let ids: Vec<String> = drawn(seed).iter().map(|item| item.id.clone()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let other = (0..SEEDS).find(|seed| drawn(*seed).iter().any(|item| item.id == id));
    let other = other.map(|seed| format!("; `--seed {seed}` draws it")).unwrap_or_default();
    let name = task.name();
    format!(
        "the task `{name}` does not draw `{id}` with the seed {seed}, but {}{other}",
        list(&ids).unwrap_or_default()
    )
}

/// The one pack that was read.
fn only(loaded: &Loaded) -> Result<&Arc<Pack>, Exit> {
    match (loaded.catalog.packs(), loaded.broken.len()) {
        ([only], 0) => Ok(only),
        (several, broken) => {
            let count = several.len() + broken;
            output::error(format!("{count} packs were read, and an item is of one; name its PACK"));
            Err(Exit::Usage)
        }
    }
}

fn object(flag: &str, text: &str) -> Result<Map<String, Value>, Exit> {
    match json::strict(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(refuse(flag, &["expected a JSON object; write `{\"field\": \"value\"}`".to_owned()])),
        Err(error) => Err(refuse(flag, &[format!("it is not JSON: {error}")])),
    }
}

fn refuse(flag: &str, problems: &[String]) -> Exit {
    for problem in problems {
        output::error(format!("{flag}: {problem}"));
    }
    Exit::Usage
}

fn show(explained: &ItemExplanation, args: &ExplainItemArgs) {
    let title = match (&explained.item, &explained.task) {
        (Some(item), Some(task)) => format!("{item} of {}/{task}", explained.environment),
        _ => format!("an item of {}", explained.environment),
    };
    output::line(output::paint(&title, BOLD));
    for (name, value) in &explained.fields {
        let counted = explained.counted.iter().find(|counted| counted.field == *name && !counted.items.is_empty());
        let counted = counted.map(|counted| format!(" ({})", named(&counted.items))).unwrap_or_default();
        output::line(format!("  {name}: {}{counted}", short(value)));
    }
    output::line("");
    for decision in &explained.decisions {
        show_decision(decision);
        if let Some(asked) = explained.texts.iter().find(|asked| asked.field == decision.field) {
            show_text(asked);
        }
    }
    for set in &explained.rules {
        output::line("");
        output::line(output::paint(&format!("rules `{}`", set.name), BOLD));
        if let Some([first, second]) = &set.conflict {
            output::line(output::paint(&format!("  `{first}` and `{second}` both match and differ"), RED));
        }
        let rest = show_rules(&set.rules, args.all);
        let decides_by_default = set.conflict.is_none()
            && !set.decides.is_empty()
            && !set.rules.iter().any(|rule| rule.verdict == Verdict::Decides);
        if decides_by_default {
            output::line(format!("  no rule decides; the default is {}", pairs(&set.decides)));
        }
        if !rest.is_empty() {
            let ids: Vec<&str> = rest.iter().take(NAMED).map(|rule| rule.link.id.as_str()).collect();
            let words = if rest.len() == 1 { "1 more rule does" } else { &format!("{} more rules do", rest.len()) };
            let more = if rest.len() > NAMED { ", ...; `--all` shows every rule" } else { "" };
            output::line(output::paint(&format!("  {words} not match: {}{more}", ids.join(", ")), FAINT));
        }
    }
}

/// Shows the rules that match, and the nearest of the others; returns those that are not shown.
fn show_rules(rules: &[RuleExplanation], all: bool) -> Vec<&RuleExplanation> {
    if all {
        rules.iter().for_each(show_rule);
        return Vec::new();
    }
    let missed = |rule: &RuleExplanation| matches!(rule.verdict, Verdict::Near | Verdict::No);
    let mut near: Vec<&RuleExplanation> = rules.iter().filter(|rule| rule.verdict == Verdict::Near).collect();
    near.sort_by_key(|rule| rule.missing.len());
    near.truncate(NEAREST);
    for rule in rules.iter().filter(|rule| !missed(rule)) {
        show_rule(rule);
    }
    for rule in &near {
        show_head(rule);
        output::line(format!("    missing: {}", rule.missing.join("; ")));
    }
    rules.iter().filter(|rule| missed(rule) && !near.iter().any(|shown| std::ptr::eq(*shown, *rule))).collect()
}

/// Ids in a row, the first of many.
fn named(ids: &[String]) -> String {
    let shown: Vec<String> = ids.iter().take(NAMED).map(|id| format!("`{id}`")).collect();
    format!("{}{}", shown.join(", "), if ids.len() > NAMED { ", ..." } else { "" })
}

fn show_decision(decision: &Decision) {
    let expected = match &decision.source {
        Source::Nowhere => "no right value".to_owned(),
        _ if decision.expected.is_null() => "no single right value".to_owned(),
        _ => short(&decision.expected),
    };
    let source = match &decision.source {
        Source::Rule(link) => format!("by the rule {} ({}:{})", link.id, link.path.display(), link.line),
        Source::Default { rules } => format!("by the default of `{rules}`"),
        Source::Label { path, line } => format!("by the item's label ({}:{line})", path.display()),
        Source::Override { reason, path, line } => {
            format!("by the item's label ({}:{line}), against the rules: {reason}", path.display())
        }
        Source::Computed => "it is computed from the item's fields".to_owned(),
        Source::Ranking => "it follows from the other items of the episode".to_owned(),
        Source::Nowhere => "no rule decides it and the item has no label for it".to_owned(),
    };
    output::line(format!("{}: {expected}, {source}", output::paint(&decision.field, BOLD)));
    if let Source::Rule(link) = &decision.source
        && let Some(because) = &link.because
    {
        output::line(format!("  {because}"));
    }
    if !decision.decided.is_null() {
        let verdict = match decision.right {
            Some(true) => output::paint("right", GREEN),
            Some(false) => output::paint("wrong", RED),
            None if matches!(decision.source, Source::Nowhere) => "nothing to compare it with".to_owned(),
            None => "not compared with one value; graders score it by the label".to_owned(),
        };
        output::line(format!("  decided {}: {verdict}", short(&decision.decided)));
    }
}

/// Shows what a label asks of a text.
fn show_text(asked: &TextAsked) {
    if !asked.keywords.is_empty() {
        let keywords: Vec<String> = asked.keywords.iter().map(|keyword| format!("`{keyword}`")).collect();
        output::line(format!("  keywords: {}", keywords.join(", ")));
    }
    if let Some(reference) = &asked.reference {
        output::line(format!("  reference: {reference}"));
    }
}

/// Shows a rule with its conditions.
fn show_rule(rule: &RuleExplanation) {
    show_head(rule);
    for condition in &rule.when {
        show_condition(condition, 2);
    }
    if !rule.except.is_empty() {
        output::line("    except when");
        for condition in &rule.except {
            show_condition(condition, 3);
        }
    }
    if rule.verdict == Verdict::Near {
        output::line(format!("    missing: {}", rule.missing.join("; ")));
    }
}

fn show_head(rule: &RuleExplanation) {
    let verdict = match rule.verdict {
        Verdict::Decides => output::paint("decides", GREEN),
        Verdict::Hidden => "matches, behind the one that decides".to_owned(),
        Verdict::OnTrial => "matches, and is only on trial".to_owned(),
        Verdict::Excepted => "would match, and an exception holds".to_owned(),
        Verdict::NotValid => "would match, and is not valid at this moment".to_owned(),
        Verdict::Near => "nearly matches".to_owned(),
        Verdict::No => output::paint("does not match", FAINT),
    };
    let link = &rule.link;
    let place = output::paint(&format!("{}:{}", link.path.display(), link.line), FAINT);
    output::line(format!("  {} {verdict}; it says {}  {place}", output::paint(&link.id, BOLD), pairs(&rule.then)));
}

fn show_condition(condition: &Condition, depth: usize) {
    let mark = if condition.holds { output::paint("yes", GREEN) } else { output::paint("no ", RED) };
    let found = condition.found.as_ref().filter(|_| !condition.holds);
    let found = found.map(|found| format!(" (it {found})")).unwrap_or_default();
    output::line(format!("{}{mark} {}{found}", "  ".repeat(depth), condition.text));
    for part in &condition.parts {
        show_condition(part, depth + 1);
    }
}

fn pairs(map: &Map<String, Value>) -> String {
    let all: Vec<String> = map.iter().map(|(name, value)| format!("{name} {}", short(value))).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

/// A value in a line.
fn short(value: &Value) -> String {
    const MOST: usize = 100;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned).replace('\n', " ");
    let cut: String = text.chars().take(MOST).collect();
    let more = if cut.len() < text.len() { "..." } else { "" };
    format!("`{cut}{more}`")
}
