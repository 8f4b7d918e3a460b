//! The data files of a pack in two versions: the lines that differ.

use casebook_compile::check::{DataFile, Ruled};
use serde_json::Value;

use super::{
    documents::{Change, Difference, Head},
    tree::Found,
};

/// Every data file that differs.
pub(super) fn differences(old: &Ruled, new: &Ruled) -> Vec<Difference> {
    let find = |files: &[DataFile], path: &str| files.iter().position(|file| file.path == path);
    let mut all = Vec::new();
    for before in &old.data {
        match find(&new.data, &before.path) {
            Some(at) => all.extend(changed(before, &new.data[at])),
            None => all.push(whole(before, Change::Removed)),
        }
    }
    all.extend(
        new.data.iter().filter(|after| find(&old.data, &after.path).is_none()).map(|after| whole(after, Change::Added)),
    );
    all
}

fn subject(file: &DataFile) -> String {
    format!("`{}`", file.path)
}

fn whole(file: &DataFile, change: Change) -> Difference {
    let found = Found { key: String::new(), change, old: None, new: None };
    Difference::new(Head::DataFiles, subject(file), found)
}

/// The lines between those that both versions begin and end with.
fn changed(before: &DataFile, after: &DataFile) -> Option<Difference> {
    let lines = |file: &DataFile| file.text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(before), lines(after));
    let begin = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - begin;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    // A line end alone is no entry.
    if begin + end == old.len().max(new.len()) {
        return None;
    }
    let part = |lines: &[String]| lines[begin..lines.len() - end].join("\n");
    let (old, new) = (part(&old), part(&new));
    let change = match (old.is_empty(), new.is_empty()) {
        (true, _) => Change::Added,
        (_, true) => Change::Removed,
        _ => Change::Changed,
    };
    let value = |text: String| (!text.is_empty()).then_some(Value::String(text));
    let key = format!("from line {}", begin + 1);
    let found = Found { key, change, old: value(old), new: value(new) };
    Some(Difference::new(Head::DataFiles, subject(after), found))
}
