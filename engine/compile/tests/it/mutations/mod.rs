//! Mistakes of authors, made by machine over the shipped packs: the first finding must stand on the right line, and its
//! hint must name the cure.
//!
//! | operator | what it does |
//! |---|---|
//! | letters of a key swapped | `rubric:` becomes `rurbic:` |
//! | letter of a key dropped | `rubric:` becomes `rubic:` |
//! | letter of a key doubled | `rubric:` becomes `rubbric:` |
//! | key with a capital letter | `rubric:` becomes `Rubric:` |
//! | key with a dash | `max_steps:` becomes `max-steps:` |
//! | key removed | A key that must be there goes with its value; what held it is told, at its key or its first line |
//! | key twice | A key stands a second time; the second one is told |
//! | key of another grader | A grader gets a key that only another one has |
//! | key of another document | A key stands in a document of another kind |
//! | letters of a word swapped | `mode: sum` becomes `mode: smu` |
//! | letter of a word dropped | `type: text` becomes `type: tet` |
//! | word with a capital letter | `type: text` becomes `type: Text`; a kind begins with one anyway, and gets the other |
//! | value of an enum misspelt | `action: archive` becomes `action: archvie` |
//! | number for a text | A title, a name or an id is a plain number |
//! | text for a number | A number is written as a word |
//! | number in quotes | A number stands in quotes |
//! | `yes` for `true` | `required: true` becomes `required: yes`, and `false` becomes `no` |
//! | list for a scalar | One text or number stands in brackets |
//! | map for a scalar | A map stands where one text or number does |
//! | scalar for a list | A list is one text |
//! | scalar for a map | A map is one text |
//! | map for a list | `[a, b]` becomes `{ first: a, second: b }` |
//! | list for a map | `{ a: b }` becomes `[a: b]` |
//! | dashes before the keys of a map | Every key of a map in lines gets a dash before it; the map's own key or the first of the lines is told |
//! | value lost | A key has no value |
//! | list emptied | A list has no entry |
//! | number out of bounds | A number lies beyond what may be |
//! | bounds the wrong way round | The greater bound stands first |
//! | letters of a name swapped | `rubric: triage` becomes `rubric: tirage` |
//! | letter of a name dropped | `rubric: triage` becomes `rubric: triae` |
//! | name of nothing | A name that is like none that exists; the hint lists those that do |
//! | letters of a field swapped | A field is misspelt in an item or a condition |
//! | letters of a decision swapped | A decision or a component is misspelt in a label, an outcome, a weight |
//! | value in a matrix misspelt | A value is misspelt in the cells of a `matrix` or the parts of a `near` |
//! | name of a list dangling | A condition asks for the domains of a list that is not there |
//! | id twice | An item or a rule takes the id of the one before it |
//! | name of a node twice | A component takes the name of the one before it |
//! | name with a blank | `name: email-ops` becomes `name: Email ops` |
//! | name that is taken | A field, a part of the observation or a policy takes a name that Casebook uses itself |
//! | tab as indentation | Tabs stand for the spaces before a key |
//! | one space too deep | A key has a space more before it than the key above |
//! | one space too shallow | A key has a space less before it than the key above |
//! | line of a text moved left | A line of a text behind `|` stands where the text's key does |
//! | bar of a long text lost | `body: |` becomes `body:`, and the text below holds a `: ` |
//! | colon lost | `name: easy` becomes `name easy` |
//! | colon without a space | `name: easy` becomes `name:easy` |
//! | dash without a space | `- id: x` becomes `-id: x` |
//! | dash lost | `- id: x` becomes `  id: x`; the line is told, whatever the one above it looks like then |
//! | closing quote lost | A text in quotes is not closed |
//! | both quotes lost | A text that needs its quotes has none |
//! | closing bracket lost | `[a, b]` becomes `[a, b` |
//! | opening bracket lost | `[a, b]` becomes `a, b]` |
//! | wrong closing bracket | `[a, b]` becomes `[a, b}` |
//! | comma lost | `{ a: b, c: d }` becomes `{ a: b c: d }` |
//! | tag | `name: easy` becomes `name: !easy easy` |
//! | alias without an anchor | `name: easy` becomes `name: *easy` |
//! | sign that needs quotes | A text begins with a sign that YAML keeps for itself |
//! | backslash in double quotes | A pattern with a backslash stands in double quotes |
//! | merge key | A key `<<` takes over what another map holds |
//! | unknown format | `casebook/v1` becomes another version or format |
//! | weights that do not add up | One weight grows; the list of the weights is told, for any of them may be the wrong one |
//! | weight of a task too small | A weight of a task shrinks |
//! | label against the rules | An item that the rules decide gets a label that says something else |
//! | field that no template offers | The last name of an expression is misspelt |
//! | brace of a template lost | `}}` becomes `}` |
//! | filter that does not exist | `{{ name }}` becomes `{{ name | uper }}` |
//! | keyword twice | A keyword appears twice |
//! | operator for another type | A text has no order |
//! | operator that does not exist | `contains` becomes `includes` |
//! | bad regular expression | A pattern opens a group and does not close it |
//! | comparison with a text | A text is compared with a number |
//! | two containers in one node | A component gets a second container; the one that stands below is told |
//! | node of no kind | A node that has neither a grader nor a container left |
//! | grader of another type | A grader looks at a decision that it cannot grade; the hint names those that it can |
//! | rule of the whole episode in a reward | A grader of a whole episode stands in the reward |
//! | property of two roles | A property of the action fills a decision and names the item |
//! | values without an enum | A field that is no enum has values |
//! | list without a batch | The shape of an action is the other one |
//! | decision that nothing decides | The property that decides something is gone; the decision is told |

mod keys;
mod meaning;
mod names;
mod syntax;
mod text;
mod values;

use std::{env, fmt::Write, fs, path::Path};

use casebook_compile::check::compile;
use casebook_syntax::{diagnostic::Severity, source};

use super::packs;
use text::{Change, File};

/// The shipped packs that are mutated.
const PACKS: &[&str] = &["email-ops", "email-triage"];
/// Mutants of each operator at the most.
const EACH: usize = 5;

/// A kind of mistake: its name, and what finds its places in a file.
type Operator = (&'static str, fn(&File) -> Vec<Change>);

struct Mutant<'a> {
    file: &'a File,
    change: Change,
}

fn operators() -> Vec<Operator> {
    [keys::OPERATORS, values::OPERATORS, names::OPERATORS, syntax::OPERATORS, meaning::OPERATORS].concat()
}

fn files() -> Vec<File> {
    let mut files = Vec::new();
    for pack in PACKS {
        let root = packs::scenarios().join(pack);
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "yaml") {
                    let name = path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
                    files.push(File::new(pack, name, fs::read_to_string(&path).expect("a text")));
                }
            }
        }
    }
    files.sort_by(|a, b| (&a.pack, &a.name).cmp(&(&b.pack, &b.name)));
    files
}

/// The mutants of an operator: from every file in turn, and from different places of each, always the same.
fn choose(files: &[File], find: fn(&File) -> Vec<Change>, turn: usize, limit: usize) -> Vec<Mutant<'_>> {
    let mut found: Vec<(&File, Vec<Change>)> = files.iter().map(|file| (file, find(file))).collect();
    for (number, (_, changes)) in found.iter_mut().enumerate() {
        if !changes.is_empty() {
            let middle = (turn * 7 + number * 3) % changes.len();
            changes.rotate_left(middle);
        }
    }
    let count = found.len();
    found.rotate_left(turn % count);
    let mut chosen = Vec::new();
    for round in 0.. {
        let before = chosen.len();
        for (file, changes) in &found {
            let change = changes.get(round).cloned();
            chosen.extend(change.filter(|_| chosen.len() < limit).map(|change| Mutant { file, change }));
        }
        if chosen.len() == before {
            break;
        }
    }
    chosen
}

/// What is wrong with what is said about a mutant, if anything.
fn miss(files: &[File], mutant: &Mutant<'_>) -> Option<String> {
    let Mutant { file, change } = mutant;
    let pack = files.iter().filter(|other| other.pack == file.pack).map(|other| {
        (other.name.as_str(), if other.name == file.name { change.text.as_str() } else { other.text.as_str() })
    });
    let report = compile(&source::from_texts(&file.pack, pack), 1).report;
    let complaint = match report.diagnostics.first() {
        _ if report.errors() == 0 => "gives no error".to_owned(),
        None => "gives no finding".to_owned(),
        Some(first) if first.severity != Severity::Error => "gives no error first".to_owned(),
        Some(first) if *first.path != *Path::new(&file.pack).join(&file.name) => "is told in another file".to_owned(),
        Some(first) if first.line != change.line => format!("is told on line {}", first.line),
        Some(first) => {
            let hint = first.hint.as_deref().unwrap_or_default();
            let lacking = change.cure.iter().find(|part| !hint.contains(part.as_str()))?;
            format!("has no `{lacking}` in its hint")
        }
    };
    let written = change.text.lines().nth(change.line - 1).unwrap_or_default();
    let first: String = report.render(false).split("\n\n").next().unwrap_or_default().to_owned();
    Some(format!("{}/{}:{}: {complaint}\n  {written}\n{first}", file.pack, file.name, change.line))
}

/// `MUTATIONS=all` tries every place of every operator, not only those chosen.
#[test]
#[allow(clippy::print_stdout, reason = "the rate is to be read")]
fn every_injected_mistake_is_found_and_cured() {
    let files = files();
    let limit = if env::var("MUTATIONS").is_ok_and(|wish| wish == "all") { usize::MAX } else { EACH };
    let (mut total, mut hits, mut table, mut misses) = (0, 0, String::new(), String::new());
    for (turn, (name, find)) in operators().into_iter().enumerate() {
        let mutants = choose(&files, find, turn, limit);
        assert!(!mutants.is_empty(), "{name} finds no place");
        let wrong: Vec<String> = mutants.iter().filter_map(|mutant| miss(&files, mutant)).collect();
        for text in &wrong {
            writeln!(misses, "{name}: {text}\n").expect("a text");
        }
        let right = mutants.len() - wrong.len();
        writeln!(table, "{name:<32} {right:>5} of {:>5}", mutants.len()).expect("a text");
        (total, hits) = (total + mutants.len(), hits + right);
    }
    println!("{table}{:<32} {hits:>5} of {total:>5}", "all");
    println!("rate: {hits}/{total}");
    assert!(total >= 200, "only {total} mistakes were made");
    assert!(hits == total, "{} of {total} mistakes miss:\n{misses}", total - hits);
}

#[test]
fn every_operator_is_in_the_table_above() {
    let documented = include_str!("mod.rs");
    for (name, _) in operators() {
        assert!(documented.contains(&format!("//! | {name} |")), "{name} is not documented");
    }
}
