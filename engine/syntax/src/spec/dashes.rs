//! Dashes that YAML takes and the parser does not: in brackets a text may end in ` -`, as in `[a, ask first -]`.
//!
//! Where the parser stops at one, it reads the file again with another sign in the place of each dash that goes on with a
//! text, and the sign is a dash again in what was read.

/// Whether the parser stopped at a dash before a bracket, brace or comma.
pub(super) fn is_refused(info: &str) -> bool {
    info.contains("cannot start with '-'")
}

/// A text of as many characters, and the sign in it that stands for dashes; none where no dash goes on with a text.
pub(super) fn stand_in(text: &str) -> Option<(String, char)> {
    let mut places = text.match_indices('-').map(|(at, _)| at).filter(|at| goes_on(text, *at)).peekable();
    places.peek()?;
    let sign = ('\u{e000}'..='\u{f8ff}').find(|sign| !text.contains(*sign))?;
    let (mut changed, mut from) = (String::with_capacity(text.len()), 0);
    for at in places {
        changed.push_str(&text[from..at]);
        changed.push(sign);
        from = at + 1;
    }
    changed.push_str(&text[from..]);
    Some((changed, sign))
}

/// Whether a dash is before a bracket, brace or comma, and after a text and blanks.
fn goes_on(text: &str, at: usize) -> bool {
    let (before, behind) = (&text[..at], &text[at + 1..]);
    let bare = before.trim_end();
    behind.starts_with([',', '[', ']', '{', '}'])
        && bare.len() < before.len()
        && !bare.is_empty()
        && !bare.ends_with([',', '[', ']', '{', '}', ':', '?', '-', '"', '\''])
}
