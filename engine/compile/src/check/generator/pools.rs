//! Entities from files, from lists, or made.

use std::{collections::BTreeMap, sync::Arc};

use casebook_runtime::{
    names::nearest,
    scenario::generator::{Cell, Choice, Pool, PoolSource, Subset},
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report, did_you_mean},
    sheet,
    source::{SourceFile, plain},
    spec,
};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Builder, slots::columns_of};
use crate::check::unread::why_unread;

impl Builder<'_, '_> {
    pub(super) fn pools(&mut self, report: &mut Report) -> Vec<Pool> {
        let spec = self.spec;
        let mut pools: Vec<Pool> = Vec::with_capacity(spec.pools.len());
        for (name, pool) in &spec.pools {
            let pointer = format!("/pools/{name}");
            self.check_name(&pointer, name, report);
            let source = self.pool(&pointer, pool, &pools, report);
            // One that is wrong is there all the same, so that what reads it is not reported as well.
            let source = source.unwrap_or_else(|| PoolSource::Entries(Vec::new(), 0));
            pools.push(Pool { name: name.clone(), source });
        }
        pools
    }

    fn pool(&mut self, pointer: &str, pool: &spec::Pool, above: &[Pool], report: &mut Report) -> Option<PoolSource> {
        let document = self.document;
        let ways = [("file", pool.file.is_some()), ("entries", pool.entries.is_some()), ("make", pool.make.is_some())];
        let there: Vec<&str> = ways.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect();
        match there.as_slice() {
            [_] => {}
            [] => {
                report.push(
                    document
                        .at_key(Code::MissingKey, pointer, "the pool does not say where its entries come from")
                        .hint("add `file:`, `entries:`, or `make:` with `slots:`"),
                );
                return None;
            }
            [first, second, ..] => {
                report.push(
                    document
                        .at_key(
                            Code::BadDeclaration,
                            format!("{pointer}/{second}"),
                            format!("`{first}` and `{second}` are mutually exclusive"),
                        )
                        .hint("remove one of the two"),
                );
                return None;
            }
        }
        for (key, there) in [
            ("slots", !pool.slots.is_empty() && pool.make.is_none()),
            ("draw", pool.draw.is_some() && pool.make.is_some()),
        ] {
            if there {
                let with = if key == "slots" { "make" } else { "file` or `entries" };
                report.push(
                    document
                        .at_key(
                            Code::BadDeclaration,
                            format!("{pointer}/{key}"),
                            format!("`{key}` is only valid with `{with}`"),
                        )
                        .hint("remove it"),
                );
            }
        }
        if let Some(count) = pool.make {
            if pool.slots.is_empty() {
                report.push(
                    document
                        .at_key(Code::MissingKey, format!("{pointer}/make"), "the pool does not say what it makes")
                        .hint("add `slots:`"),
                );
                return None;
            }
            let specs: IndexMap<&str, &spec::Slot> =
                pool.slots.iter().map(|(name, slot)| (name.as_str(), slot)).collect();
            let slots = self.slots(&format!("{pointer}/slots"), &specs, above, report);
            let name = pointer.rsplit('/').next().unwrap_or_default();
            self.made.insert(name.to_owned(), self.sampled.clone());
            return Some(PoolSource::Made(count as usize, slots));
        }
        self.check_keys(pointer, pool.entries.as_deref().unwrap_or_default(), report);
        let values = match (&pool.entries, &pool.file) {
            (Some(entries), _) => entries.clone(),
            (None, Some(file)) => self.entries_of(&format!("{pointer}/file"), file, report)?,
            (None, None) => return None,
        };
        if let Some(draw) = pool.draw.filter(|draw| *draw as usize > values.len()) {
            let message = format!("an episode cannot use {draw} of {} entries", values.len());
            report.push(document.at(Code::BadValue, format!("{pointer}/draw"), message).hint("lower `draw`"));
        }
        let columns = columns_of("_", &values.iter().collect::<Vec<_>>(), false);
        let count = pool.draw.map_or(values.len(), |draw| draw as usize);
        let entries = values.into_iter().map(|value| Choice {
            cell: Arc::new(Cell::new(value, &columns)),
            weight: 1,
            subset: Subset::All,
        });
        Some(PoolSource::Entries(entries.collect(), count))
    }

    /// Refuses a key that one entry has in place of one that is nearly the same and that all others have.
    fn check_keys(&self, pointer: &str, entries: &[Value], report: &mut Report) {
        let maps: Vec<&Map<String, Value>> = entries.iter().filter_map(Value::as_object).collect();
        if maps.len() < entries.len() || maps.len() < 3 {
            return;
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        maps.iter().flat_map(|map| map.keys()).for_each(|key| *counts.entry(key).or_default() += 1);
        let usual = |key: &&str| counts.get(*key).is_some_and(|count| count + 1 == maps.len());
        for (at, map) in maps.iter().enumerate() {
            let lacks: Vec<&str> = counts.keys().copied().filter(|key| usual(key) && !map.contains_key(*key)).collect();
            for key in map.keys().filter(|key| counts.get(key.as_str()) == Some(&1)) {
                if let Some(near) = nearest(key, lacks.iter().copied()) {
                    let message = format!("this entry has `{key}` where all others have `{near}`");
                    let finding =
                        self.document.at_key(Code::UnknownName, format!("{pointer}/entries/{at}/{key}"), message);
                    report.push(finding.maybe_hint(did_you_mean(key, [near])));
                }
            }
        }
    }

    /// The entries that a data file holds.
    pub(super) fn entries_of(&self, pointer: &str, name: &str, report: &mut Report) -> Option<Vec<Value>> {
        let folder = self.document.place(pointer).0.path.parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        let path = plain(&folder.join(name));
        let Some(file) = self.data.iter().find(|file| *file.path == *path) else {
            let known: Vec<String> = self
                .data
                .iter()
                .filter_map(|file| Some(file.path.strip_prefix(&folder).ok()?.to_string_lossy().into_owned()))
                .collect();
            let ending = path.extension().and_then(std::ffi::OsStr::to_str);
            let hint = if matches!(ending, Some("csv" | "jsonl")) {
                casebook_syntax::diagnostic::suggest(name, known.iter().map(String::as_str))
                    .or_else(|| Some(format!("add the file `{}`", path.display()).into()))
            } else {
                Some("a data file ends in `.csv` or `.jsonl`".into())
            };
            report.push(
                self.document
                    .at(Code::UnknownName, pointer, format!("the pack has no data file `{name}`"))
                    .maybe_hint(hint),
            );
            return None;
        };
        if let Some(problem) = &file.problem {
            let (code, message, hint) = why_unread(&file.path, problem);
            report.push(Diagnostic::new(code, file, 0..0, message).maybe_hint(hint));
            return None;
        }
        let entries = match read(file) {
            Ok(entries) => entries,
            Err(problems) => {
                for (line, message) in problems {
                    let start =
                        file.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
                    let length = file.text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
                    report.push(Diagnostic::new(Code::BadValue, file, start..start + length, message));
                }
                return None;
            }
        };
        if entries.is_empty() {
            report.push(
                self.document
                    .at(Code::BadValue, pointer, format!("the data file `{name}` has no entry"))
                    .hint("add a row behind the line of the names"),
            );
            return None;
        }
        Some(entries)
    }
}

/// Reads a data file; problems with their lines.
fn read(file: &SourceFile) -> Result<Vec<Value>, Vec<(usize, String)>> {
    let is_lines = file.path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl"));
    if is_lines {
        let lines = file.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = lines.map(|(at, line)| {
            casebook_runtime::json::strict(line).map_err(|error| (at + 1, format!("the line is not JSON: {error}")))
        });
        let (entries, problems): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
        let problems: Vec<(usize, String)> = problems.into_iter().filter_map(Result::err).collect();
        return if problems.is_empty() {
            Ok(entries.into_iter().filter_map(Result::ok).collect())
        } else {
            Err(problems)
        };
    }
    let table = sheet::read(&file.text)
        .map_err(|problems| problems.into_iter().map(|problem| (problem.line, problem.message)).collect::<Vec<_>>())?;
    if !table.problems.is_empty() {
        return Err(table.problems.into_iter().map(|problem| (problem.line, problem.message)).collect());
    }
    // A column is one of numbers when each of its cells is one, written as a number is printed; so with `true` and `false`.
    let plain = |cell: &str| match cell {
        "true" | "false" => Some(Value::Bool(cell == "true")),
        _ => serde_json::from_str::<serde_json::Number>(cell)
            .ok()
            .filter(|one| one.to_string() == cell)
            .map(Value::Number),
    };
    let kind = |at: usize| {
        let is_all =
            |test: fn(&Value) -> bool| table.rows.iter().all(|row| plain(&row.cells[at]).as_ref().is_some_and(test));
        is_all(Value::is_number) || is_all(Value::is_boolean)
    };
    let typed: Vec<bool> = (0..table.names.len()).map(kind).collect();
    let entry = |row: &sheet::SheetRow| {
        let cells = table.names.iter().zip(&row.cells).zip(&typed).map(|((name, cell), typed)| {
            let value = plain(cell).filter(|_| *typed).unwrap_or_else(|| Value::from(cell.as_str()));
            (name.clone(), value)
        });
        Value::Object(cells.collect::<Map<_, _>>())
    };
    Ok(table.rows.iter().map(entry).collect())
}
