//! What two sets of rules are about, and why they cannot be compared.

use casebook_runtime::model::Column;

use super::Side;

/// Why two sets of rules cannot be compared, if they cannot.
pub(super) fn check(old: &Side<'_>, new: &Side<'_>) -> Result<(), String> {
    comparable("field", old.fields, new.fields)?;
    comparable("decision", old.decisions, new.decisions)
}

/// Why two lists of columns cannot be compared.
fn comparable(noun: &str, old: &[Column], new: &[Column]) -> Result<(), String> {
    let all = old.iter().chain(new);
    for name in all.map(|column| &column.name) {
        let (Some(a), Some(b)) =
            (old.iter().position(|column| column.name == *name), new.iter().position(|column| column.name == *name))
        else {
            return Err(format!("only one of the two has the {noun} `{name}`"));
        };
        let (x, y) = (&old[a], &new[b]);
        if a != b || x.kind != y.kind || x.values != y.values || x.optional != y.optional || x.bounds != y.bounds {
            return Err(format!("the {noun} `{name}` is declared differently"));
        }
    }
    Ok(())
}
