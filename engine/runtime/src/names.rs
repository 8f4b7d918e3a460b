//! Names that people wrote, and those that exist.

/// Finds the name nearest to what was written, for "did you mean".
///
/// Names differ by case, separators or a few letters (Damerau-Levenshtein at most a third of the length), or one begins
/// with the other. Very long names, and those behind the first thousand, are left out.
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100;
    const COMPARED: usize = 1000;
    let fold = |name: &str| name.to_lowercase().replace(['_', ' '], "-");
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
            (distance <= limit || prefix).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Writes names as "`a`, `b`, `c`"; long lists end in how many more there are.
pub fn list(names: &[&str]) -> Option<String> {
    const SHOWN: usize = 24;
    if names.is_empty() {
        return None;
    }
    let mut text = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    Some(text)
}
