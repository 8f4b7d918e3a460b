//! The recipe of an image, as far as checks read it.

use std::path::Path;

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Its word, in capitals.
    pub(super) word: String,
    /// What follows, on one line.
    pub(super) rest: String,
    /// The line that it begins with, from 1.
    pub(super) line: usize,
}

/// A recipe: its stages, each from its `FROM`.
#[derive(Debug, Clone, Default)]
pub(super) struct Dockerfile {
    /// The stages; the last one is the image.
    pub(super) stages: Vec<Vec<Instruction>>,
}

impl Dockerfile {
    pub(super) fn read(text: &str) -> Self {
        let mut stages: Vec<Vec<Instruction>> = Vec::new();
        let mut open: Option<(usize, String)> = None;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let (begin, mut whole) = open.take().unwrap_or((at + 1, String::new()));
            let (part, goes_on) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
            whole.push_str(part.trim());
            whole.push(' ');
            if goes_on {
                open = Some((begin, whole));
                continue;
            }
            let (word, rest) = whole.trim().split_once(char::is_whitespace).unwrap_or((whole.trim(), ""));
            let one = Instruction { word: word.to_uppercase(), rest: rest.trim().to_owned(), line: begin };
            if one.word == "FROM" {
                stages.push(vec![one]);
            } else if let Some(stage) = stages.last_mut() {
                stage.push(one);
            }
        }
        Self { stages }
    }

    /// All instructions.
    pub(super) fn all(&self) -> impl Iterator<Item = &Instruction> {
        self.stages.iter().flatten()
    }

    /// Those of the image itself.
    pub(super) fn image(&self) -> &[Instruction] {
        self.stages.last().map(Vec::as_slice).unwrap_or_default()
    }

    /// The base images that are not stages of their own, with their lines.
    pub(super) fn bases(&self) -> Vec<(&str, usize)> {
        let froms = || self.stages.iter().filter_map(|stage| stage.first());
        let names: Vec<&str> = froms()
            .filter_map(|from| {
                let mut words = from.rest.split_whitespace();
                words.by_ref().find(|word| word.eq_ignore_ascii_case("as")).and_then(|_| words.next())
            })
            .collect();
        froms()
            .filter_map(|from| Some((from.rest.split_whitespace().find(|word| !word.starts_with("--"))?, from.line)))
            .filter(|(base, _)| *base != "scratch" && !names.contains(base))
            .collect()
    }

    /// Whether it takes a file or folder from where it is built, by the path from there.
    pub(super) fn copies(&self, below: &Path) -> bool {
        let copied =
            self.all().filter(|one| matches!(one.word.as_str(), "COPY" | "ADD") && !one.rest.contains("--from="));
        copied.into_iter().any(|one| {
            let signs: &[char] = &['[', ']', ',', '"', ' '];
            let words: Vec<&str> =
                one.rest.split(signs).filter(|word| !word.is_empty() && !word.starts_with("--")).collect();
            // The last one is where it goes.
            let sources = words.split_last().map(|(_, sources)| sources).unwrap_or_default();
            sources.iter().any(|source| {
                // What stands before a placeholder has to do.
                let fixed = source.split('*').next().unwrap_or_default().trim_start_matches("./").trim_end_matches('/');
                fixed.is_empty() || fixed == "." || below.starts_with(fixed)
            })
        })
    }

    /// The labels of the image: names and values.
    pub(super) fn labels(&self) -> Vec<(String, String)> {
        let mut labels = Vec::new();
        for label in self.image().iter().filter(|one| one.word == "LABEL") {
            for word in words(&label.rest) {
                if let Some((name, value)) = word.split_once('=') {
                    labels.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        labels
    }

    /// The environment that a server of the image serves at its root, where a command names it.
    pub(super) fn environment(&self) -> Option<String> {
        let start = self.image().iter().rfind(|one| matches!(one.word.as_str(), "CMD" | "ENTRYPOINT"))?;
        let signs: &[char] = &['[', ']', ',', '"', ' '];
        let mut words = start.rest.split(signs).filter(|word| !word.is_empty());
        words.by_ref().find(|word| *word == "--environment")?;
        words.next().map(str::to_owned)
    }
}

/// Words apart, quotes taken off.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for sign in text.chars() {
        match (sign, quote) {
            ('"' | '\'', None) => quote = Some(sign),
            (sign, Some(open)) if sign == open => quote = None,
            (sign, None) if sign.is_whitespace() => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            }
            (sign, _) => word.push(sign),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_bases_labels_and_the_environment_are_read() {
        let text = "# a comment\nFROM rust:1 AS build\nRUN cargo build \\\n  --locked\n\nFROM build AS more\nFROM debian@sha256:ab\n\
                    LABEL a.title=\"Two words\" \\\n      a.version=1\nCMD [\"casebook\", \"serve\", \"--environment\", \"desk\"]\n";
        let read = Dockerfile::read(text);
        assert_eq!(read.bases(), [("rust:1", 2), ("debian@sha256:ab", 7)]);
        assert_eq!(read.stages[0][1], Instruction { word: "RUN".into(), rest: "cargo build --locked".into(), line: 3 });
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read.labels(), [label("a.title", "Two words"), label("a.version", "1")]);
        assert_eq!(read.environment().as_deref(), Some("desk"));
    }
}
