//! A set that people have labelled: what a prompt reads, and the right answer.

use serde_json::{Map, Value};

/// The column or key of the label.
const LABEL: &str = "label";
/// The first names of what a prompt reads.
const ROOTS: [&str; 3] = ["item", "decision", "truth"];

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

/// Reads a table with columns such as `decision.reply`; a cell that begins with `[` or `{` is JSON, any other a text.
///
/// # Errors
///
/// One sentence for each row that is not an example.
pub fn from_csv(text: &str) -> Result<Vec<Labelled>, Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| vec![error.to_string()])?.clone();
    if !headers.iter().any(|name| name == LABEL) {
        return Err(vec![format!("there is no column `{LABEL}`")]);
    }
    known(headers.iter().filter(|name| *name != LABEL)).map_err(|problem| vec![problem])?;
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string());
        rows.push(row.and_then(|row| {
            let line = row.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or_default());
            let (mut names, mut label) = (Value::Object(Map::new()), Value::Null);
            for (name, cell) in headers.iter().zip(&row) {
                if name == LABEL {
                    label = cell.into();
                    continue;
                }
                let value = if cell.starts_with(['[', '{']) {
                    serde_json::from_str(cell).map_err(|error| format!("line {line}: `{name}`: {error}"))?
                } else {
                    cell.into()
                };
                put(&mut names, name, value);
            }
            Ok(Labelled { line, names, label })
        }));
    }
    gather(rows.into_iter())
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
    fn every_problem_is_reported() {
        let problems = from_lines("{\"label\": 1}\n\n{}\n[]\n{\"label\": 1, \"items\": {}}\n").expect_err("problems");
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].starts_with("line 3: there is no `label`"), "{problems:?}");
        assert!(problems[2].starts_with("line 5: `items` is nothing that a prompt reads"), "{problems:?}");
        assert!(from_csv("decision.reply\nx\n").expect_err("a problem")[0].contains("no column `label`"));
        assert!(from_lines("").expect_err("a problem")[0].contains("no example"));
    }
}
