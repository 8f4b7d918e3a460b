//! Names that look alike and say the opposite, or something else on purpose.

/// Words that turn what a name says, or say which of two sides is meant; those of one row mean the same.
const TURNS: [&[&str]; 32] = [
    &["not", "no", "non", "never", "none", "without", "neither", "isnt", "except"],
    &["lt", "less", "below", "under", "lower", "fewer", "smaller"],
    &["gt", "more", "greater", "above", "over", "higher", "upper", "larger", "exceeds"],
    &["lte", "le"],
    &["gte", "ge"],
    &["ne", "neq"],
    &["eq"],
    &["min", "minimum", "least"],
    &["max", "maximum", "most"],
    &["old", "older", "oldest"],
    &["new", "newer", "newest", "young", "younger", "youngest"],
    &["before", "earlier", "earliest", "previous", "past", "prior", "ago"],
    &["after", "later", "latest", "next", "future", "upcoming", "ahead", "following"],
    &["first", "start", "starts", "begin", "begins"],
    &["last", "end", "ends"],
    &["from", "since"],
    &["to", "until", "till"],
    &["asc", "ascending"],
    &["desc", "descending"],
    &["any", "some", "either"],
    &["all", "every", "each"],
    &["left"],
    &["right"],
    &["allow", "allowed", "accept", "accepted"],
    &["deny", "denied", "forbid", "forbidden", "reject", "rejected"],
    &["second", "seconds", "sec"],
    &["minute", "minutes"],
    &["hour", "hours"],
    &["day", "days"],
    &["week", "weeks"],
    &["month", "months"],
    &["year", "years"],
];

/// Syllables before a word that make another one of it.
const PREFIXES: [&str; 19] = [
    "", "un", "in", "im", "il", "ir", "ex", "dis", "de", "non", "not", "mis", "out", "over", "under", "pre", "post",
    "up", "down",
];

/// Whether one of two names may say the opposite of the other.
pub(super) fn are_opposed(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(str::to_lowercase);
    if words(&one).collect::<String>() == words(&other).collect::<String>() {
        return is_denied(&one) != is_denied(&other);
    }
    is_denied(&one) != is_denied(&other)
        || is_turned(&one, &other)
        || is_turned(&other, &one)
        || differ_by_prefix(&one, &other)
}

fn is_denied(name: &str) -> bool {
    name.trim_start().starts_with(['!', '-', '~', '^'])
}

/// Whether a name has a word that turns it, and the other one neither has nor misspells.
fn is_turned(name: &str, other: &str) -> bool {
    let row = |word: &str| TURNS.iter().position(|row| row.contains(&word));
    let misspells = |written: &str, word: &str| {
        row(written).is_none()
            && written.chars().next() == word.chars().next()
            && strsim::damerau_levenshtein(written, word) == 1
    };
    words(name)
        .filter_map(|word| Some((word, row(word)?)))
        .any(|(word, turn)| !words(other).any(|written| row(written) == Some(turn) || misspells(written, word)))
}

/// Whether some word of one name is a word of the other behind another first syllable, such as `unpaid` and `paid`.
fn differ_by_prefix(one: &str, other: &str) -> bool {
    const STEM: usize = 3;
    let stems = |word: &str| -> Vec<(&'static str, String)> {
        let stem = |prefix: &'static str| Some((prefix, word.strip_prefix(prefix)?.to_owned()));
        PREFIXES.into_iter().filter_map(stem).filter(|(_, stem)| stem.chars().count() >= STEM).collect()
    };
    let turned = |(one, other): (&str, &str)| {
        let others = stems(other);
        one != other
            && stems(one).iter().any(|(prefix, stem)| others.iter().any(|(also, same)| prefix != also && stem == same))
    };
    words(one).zip(words(other)).any(turned)
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty())
}
