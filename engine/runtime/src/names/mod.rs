//! Names that people wrote, and those that exist.
//!
//! | file | what |
//! |---|---|
//! | `opposites.rs` | names that look alike and say the opposite |

mod opposites;

use opposites::are_opposed;

/// Finds the name nearest to what was written, for "did you mean".
///
/// Names differ by case, separators or a few letters (Damerau-Levenshtein at most a third of the length), or one begins
/// with the other. Left out are very long names, those behind the first thousand, and those that may say the opposite of
/// what was written, such as `older_than` for `newer_than`.
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100;
    const COMPARED: usize = 1000;
    if written.len() > LONGEST {
        return None;
    }
    let wanted = fold(written);
    let limit = (wanted.chars().count() / 3).max(1);
    names
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .take(COMPARED)
        .filter_map(|name| {
            let candidate = fold(name);
            let distance = strsim::damerau_levenshtein(&wanted, &candidate);
            let prefix = wanted.len() >= 3
                && (candidate.starts_with(&wanted) || wanted.starts_with(&candidate) && candidate.len() >= 3);
            ((distance <= limit || prefix) && !are_opposed(written, name)).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Whether one name is certainly the other, misspelt: a program may replace it without asking.
///
/// They differ by case or separators, or by one edit of a word of four letters or more that leaves its first letter and
/// its figures alone: `hire` for `fire`, `level-1` for `level-2` and `48m` for `48h` are other names.
pub fn is_misspelling(written: &str, name: &str) -> bool {
    const SHORTEST: usize = 4;
    let (written, name) = (fold(written), fold(name));
    if written == name {
        return true;
    }
    let signs = [&written, &name].map(|text| text.chars().count());
    let first = [&written, &name].map(|text| text.chars().next());
    let swapped = signs[0] == signs[1] && written.chars().eq(swap_first(&name));
    signs.iter().all(|count| *count >= SHORTEST)
        && (first[0] == first[1] || swapped)
        && figures(&written) == figures(&name)
        && strsim::damerau_levenshtein(&written, &name) == 1
        && !are_opposed(&written, &name)
}

/// A name in lower case and with one separator.
fn fold(name: &str) -> String {
    name.to_lowercase().replace(['_', ' '], "-")
}

/// A text with its first two characters in the other order.
fn swap_first(text: &str) -> impl Iterator<Item = char> {
    let mut signs = text.chars();
    let (first, second) = (signs.next(), signs.next());
    second.into_iter().chain(first).chain(signs)
}

/// The runs of figures in a name, each with the letters behind it, which may be a unit.
fn figures(name: &str) -> Vec<&str> {
    name.split(|sign: char| !sign.is_alphanumeric())
        .filter_map(|word| Some(&word[word.find(|sign: char| sign.is_numeric())?..]))
        .collect()
}

/// Writes names as "`a`, `b`, `c`"; long lists end in how many more there are.
pub fn list(names: &[&str]) -> Option<String> {
    const SHOWN: usize = 24;
    if names.is_empty() {
        return None;
    }
    let mut text = list_all(&names[..names.len().min(SHOWN)]);
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    Some(text)
}

/// Writes names as "`a`, `b`, `c`", however many there are: for names of the language, not of a pack.
pub fn list_all(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_is_one_edit_of_a_word_that_means_the_same() {
        for (written, name) in
            [("onloan", "on_loan"), ("Film", "film"), ("precaution", "precautions"), ("recieved", "received")]
        {
            assert!(is_misspelling(written, name), "{written} {name}");
        }
        for (written, name) in [
            ("ge", "ne"),
            ("neq", "eq"),
            ("hire", "fire"),
            ("level-1", "level-2"),
            ("within_48m", "within_48h"),
            ("min_total", "max_total"),
            ("withdrawal", "withdrawn"),
            ("embargoed", "embargo"),
            ("!film", "film"),
        ] {
            assert!(!is_misspelling(written, name), "{written} {name}");
        }
    }

    #[test]
    fn the_opposite_is_never_near() {
        for (written, name) in [
            ("newer_than", "older_than"),
            ("younger_than", "older_than"),
            ("within_next", "within"),
            ("domain_not_in", "domain_in"),
            ("!de", "de"),
            ("unpaid", "paid"),
            ("include", "exclude"),
            ("max_words", "min_words"),
            ("value desc", "value"),
        ] {
            assert_eq!(nearest(written, [name]), None, "{written}");
        }
        for (written, name) in [
            ("older_then", "older_than"),
            ("oldr_than", "older_than"),
            ("olderthan", "older_than"),
            ("contains_al", "contains_all"),
            ("minimum", "min"),
            ("domain", "domain_in"),
            ("includ", "include"),
        ] {
            assert_eq!(nearest(written, [name]), Some(name));
        }
    }
}
