//! Lock files: which dependencies there are, and whether each is pinned.

/// The names of lock files, in the order in which they are looked for.
pub(super) const NAMES: [&str; 6] =
    ["Cargo.lock", "uv.lock", "poetry.lock", "package-lock.json", "pnpm-lock.yaml", "requirements.txt"];

/// A package of a lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Locked {
    pub(super) name: String,
    pub(super) version: String,
    /// Where it comes from; nothing for one that is part of the repository.
    pub(super) source: Option<String>,
    /// SHA-256 of its archive, in hex.
    pub(super) checksum: Option<String>,
    /// The names of what it depends on, with a version where the name alone is not enough.
    pub(super) dependencies: Vec<String>,
    /// The line that it begins with, from 1.
    pub(super) line: usize,
}

/// The packages of a `Cargo.lock`, `uv.lock` or `poetry.lock`, which Cargo and the others write line by line.
pub(super) fn packages(text: &str) -> Vec<Locked> {
    let mut all: Vec<Locked> = Vec::new();
    let (mut within, mut listing) = (false, false);
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            within = line == "[[package]]";
            listing = false;
            if within {
                all.push(Locked { line: at + 1, ..Locked::default() });
            }
            continue;
        }
        let Some(last) = all.last_mut().filter(|_| within) else { continue };
        if listing {
            listing = line != "]";
            last.dependencies.extend(Some(unquoted(line.trim_end_matches(','))).filter(|_| listing));
            continue;
        }
        let Some((key, value)) = line.split_once(" = ") else { continue };
        let text = || unquoted(value);
        match key {
            "name" => last.name = text(),
            "version" => last.version = text(),
            "source" => last.source = Some(text()),
            "checksum" => last.checksum = Some(text()),
            "dependencies" => listing = value == "[",
            _ => {}
        }
    }
    all
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_with_what_they_depend_on() {
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\nchecksum = \"ab\"\n\
                    dependencies = [\n \"b\",\n \"c 2.0.0\",\n]\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";
        let all = packages(text);
        assert_eq!((all.len(), all[0].line, all[0].dependencies.join("|")), (2, 3, "b|c 2.0.0".into()));
        assert_eq!((all[0].checksum.as_deref(), all[1].source.as_deref()), (Some("ab"), None));
    }
}
