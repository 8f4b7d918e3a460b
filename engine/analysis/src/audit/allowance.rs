//! Findings that are known, each with a reason and an expiry date.

use std::fmt;

use serde::Deserialize;

use super::{bar, report::Place};
use casebook_runtime::{model::parse_moment, names::nearest};

/// A finding that is allowed until a day.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// The check's id.
    pub id: String,
    /// The pack; any when unset.
    #[serde(default)]
    pub pack: Option<String>,
    /// The task; any when unset.
    #[serde(default)]
    pub task: Option<String>,
    /// Why it is allowed.
    pub reason: String,
    /// The last day, as `2026-12-31`.
    pub expires: String,
}

impl Allowance {
    /// Whether it is about a place.
    pub(super) fn covers(&self, place: &Place) -> bool {
        let same = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        same(&self.pack, &place.pack) && same(&self.task, &place.task)
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the entry for `{}`", self.id)?;
        let of: Vec<&str> = [self.pack.as_deref(), self.task.as_deref()].into_iter().flatten().collect();
        if of.is_empty() { Ok(()) } else { write!(f, " of `{}`", of.join("/")) }
    }
}

/// Reads a file of allowances: a list of entries.
///
/// # Errors
///
/// When it is not YAML of that form, or an entry names no check, gives no reason or no date; every such entry is named.
pub fn read(text: &str) -> Result<Vec<Allowance>, Vec<String>> {
    // A file of comments alone allows nothing.
    let read: Result<Option<Vec<Allowance>>, _> = serde_yaml::from_str(text);
    let all = read.map_err(|error| vec![error.to_string()])?.unwrap_or_default();
    let mut problems = Vec::new();
    for one in &all {
        if bar::find(&one.id).is_none() {
            let near = nearest(&one.id, bar::BAR.iter().map(|check| check.id));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            problems.push(format!("there is no check `{}`{near}", one.id));
        }
        if one.reason.trim().is_empty() {
            problems.push(format!("{one} has no `reason`"));
        }
        if one.expires.len() != 10 || parse_moment(&format!("{}T00:00:00Z", one.expires)).is_none() {
            problems.push(format!("{one}: `expires` is `{}`, expected a day such as `2026-12-31`", one.expires));
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_needs_a_check_a_reason_and_a_day() {
        let good = "- id: semantic.floor_gap\n  pack: desk\n  reason: known\n  expires: 2026-12-31\n";
        assert_eq!(read(good).map(|all| all.len()), Ok(1));
        assert_eq!(read("# nothing\n"), Ok(Vec::new()));
        let bad = "- { id: semantic.flor_gap, reason: x, expires: 2026-12-31 }\n- { id: static.sbom, reason: '', expires: soon }\n";
        assert_eq!(
            read(bad),
            Err(vec![
                "there is no check `semantic.flor_gap`; did you mean `semantic.floor_gap`?".to_owned(),
                "the entry for `static.sbom` has no `reason`".to_owned(),
                "the entry for `static.sbom`: `expires` is `soon`, expected a day such as `2026-12-31`".to_owned(),
            ])
        );
        let unknown = read("- { id: static.sbom, why: x, reason: y, expires: 2026-12-31 }\n").expect_err("a typo");
        assert!(unknown[0].contains("unknown field `why`"), "{unknown:?}");
    }
}
