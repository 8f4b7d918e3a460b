//! A set that people have labelled: what a prompt reads, and the right answer.

use casebook_runtime::names::list;
use casebook_syntax::sheet;
use serde_json::{Map, Value};

/// The column or key of the label.
const LABEL: &str = "label";
/// The first names of what a prompt reads.
const ROOTS: [&str; 3] = ["item", "decision", "truth"];

/// What the names of decisions begin with.
const DECISION: &str = "decision.";
/// The maximum number of lines that are reported because they are not examples.
const MAX_PROBLEMS: usize = 20;

/// One example.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// The line of the file, from 1.
    pub line: usize,
    /// What the prompt reads: `item`, `decision` and `truth`.
    pub names: Value,
    /// The answer of a person.
    pub label: Value,
}

/// Reads JSON lines.
///
/// # Errors
///
/// One sentence for each line that is not an example.
pub fn from_lines(text: &str) -> Result<Vec<Labelled>, Vec<String>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    gather(lines.map(|(line, text)| {
        let read: Result<Map<String, Value>, _> = serde_json::from_str(text);
        let mut names = read.map_err(|error| format!("line {line}: not a JSON object: {error}"))?;
        let label = names.shift_remove(LABEL).ok_or_else(|| format!("line {line}: there is no `{LABEL}`"))?;
        known(names.keys().map(String::as_str)).map_err(|problem| format!("line {line}: {problem}"))?;
        Ok(Labelled { line, names: Value::Object(names), label })
    }))
}

/// Reads a table with columns such as `decision.reply`; a cell that begins with `[` or `{` is JSON, an empty one of a decision
/// that it was not made, and any other a text.
///
/// # Errors
///
/// One sentence for each row that is not an example.
pub fn from_csv(text: &str) -> Result<Vec<Labelled>, Vec<String>> {
    let said = |problem: sheet::SheetProblem| format!("line {}: {}", problem.line, problem.message);
    let sheet = sheet::read(text).map_err(|problems| problems.into_iter().map(said).collect::<Vec<_>>())?;
    if !sheet.names.iter().any(|name| name == LABEL) {
        let names = list(&sheet.names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
        return Err(vec![format!("there is no column `{LABEL}`; the first line names {names}")]);
    }
    known(sheet.names.iter().map(String::as_str).filter(|name| *name != LABEL)).map_err(|problem| vec![problem])?;
    let rows = sheet.rows.into_iter().map(|row| {
        let (mut names, mut label) = (Value::Object(Map::new()), Value::Null);
        for (name, cell) in sheet.names.iter().zip(row.cells) {
            if name == LABEL {
                label = cell.into();
                continue;
            }
            let value = if cell.starts_with(['[', '{']) {
                serde_json::from_str(&cell).map_err(|error| format!("line {}: `{name}`: {error}", row.line))?
            } else if cell.is_empty() && name.starts_with(DECISION) {
                Value::Null
            } else {
                cell.into()
            };
            put(&mut names, name, value);
        }
        Ok(Labelled { line: row.line, names, label })
    });
    gather(rows.chain(sheet.problems.into_iter().map(|problem| Err(said(problem)))))
}

/// Puts a value at a dotted name.
fn put(names: &mut Value, path: &str, value: Value) {
    let mut place = names;
    for part in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[part];
    }
    *place = value;
}

fn known<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    for name in names {
        let root = name.split('.').next().unwrap_or(name);
        if !ROOTS.contains(&root) {
            return Err(format!(
                "`{name}` is nothing that a prompt reads; expected `item`, `decision`, `truth` or `{LABEL}`"
            ));
        }
    }
    Ok(())
}

/// All examples, or all problems.
fn gather(examples: impl Iterator<Item = Result<Labelled, String>>) -> Result<Vec<Labelled>, Vec<String>> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for example in examples {
        match example {
            Ok(example) => good.push(example),
            Err(problem) => bad.push(problem),
        }
    }
    if good.is_empty() && bad.is_empty() {
        bad.push("there is no example in it".into());
    }
    if bad.len() > MAX_PROBLEMS {
        let more = bad.len() - MAX_PROBLEMS;
        bad.truncate(MAX_PROBLEMS);
        bad.push(format!("and {more} more lines that are not examples"));
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_and_lines_say_the_same() {
        let table = "decision.reply,truth.reply.keywords,item.id,label\n\"Dear, all\",\"[\"\"refund\"\"]\",007,good\n";
        let line = json!({
            "decision": { "reply": "Dear, all" }, "truth": { "reply": { "keywords": ["refund"] } },
            "item": { "id": "007" }, "label": "good",
        });
        let (table, lines) = (from_csv(table).expect("a table"), from_lines(&line.to_string()).expect("lines"));
        assert_eq!(table[0].names, lines[0].names);
        assert_eq!((&table[0].label, table[0].line, lines[0].line), (&json!("good"), 2, 1));
    }

    #[test]
    fn a_row_has_the_line_on_which_it_begins() {
        for end in ["\n", "\r\n"] {
            let text = ["item.id,decision.reply,label", "a,\"two", "lines\",1", "", "b,,0", ""].join(end);
            let rows = from_csv(&text).expect("a table");
            assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 5]);
            assert_eq!(rows[1].names["decision"]["reply"], Value::Null, "an empty cell means no decision");
        }
    }

    #[test]
    fn every_problem_is_reported() {
        let problems = from_lines("{\"label\": 1}\n\n{}\n[]\n{\"label\": 1, \"items\": {}}\n").expect_err("problems");
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].starts_with("line 3: there is no `label`"), "{problems:?}");
        assert!(problems[2].starts_with("line 5: `items` is nothing that a prompt reads"), "{problems:?}");
        assert!(from_csv("decision.reply\nx\n").expect_err("a problem")[0].contains("no column `label`"));
        let problems = from_csv("decision.reply;label\r\na;1\r\nb;1;2\r\n").expect_err("a problem");
        assert_eq!(problems, ["line 3: the row has 3 cells, the first line 2 cells"]);
        assert!(from_csv("label,label\n1,0\n").expect_err("a problem")[0].contains("`label` appears twice"));
        assert!(from_lines("").expect_err("a problem")[0].contains("no example"));
    }
}
