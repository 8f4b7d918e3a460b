//! Reads Markdown pages as the tests of the documentation need them: prose, code, links, anchors.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::shell::root;

/// A page.
pub(crate) struct Markdown {
    pub(crate) path: PathBuf,
    text: String,
}

/// A link of a page.
pub(crate) struct Link {
    pub(crate) line: usize,
    pub(crate) target: String,
}

/// A line of a page: its number, the language of the fence that it is in, and its text.
struct Line<'a> {
    number: usize,
    fence: Option<&'a str>,
    text: &'a str,
}

impl Markdown {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path: path.to_path_buf(), text }
    }

    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { path: PathBuf::from(name), text: text.to_owned() }
    }

    /// Its path in the repository.
    pub(crate) fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap_or(&self.path).display().to_string()
    }

    /// Its lines, without those that open or close a fence, and without the front matter.
    fn lines(&self) -> Vec<Line<'_>> {
        let mut fence: Option<&str> = None;
        let mut front = self.text.starts_with("---\n");
        let mut lines = Vec::new();
        for (at, text) in self.text.lines().enumerate() {
            if front {
                front = at == 0 || text != "---";
                continue;
            }
            match (text.trim_start().strip_prefix("```"), fence) {
                (Some(_), Some(_)) => fence = None,
                (Some(language), None) => fence = Some(language.trim()),
                (None, fence) => lines.push(Line { number: at + 1, fence, text }),
            }
        }
        lines
    }

    /// Its links and images, outside of code.
    pub(crate) fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for line in self.lines().iter().filter(|line| line.fence.is_none()) {
            let prose = split(line.text).0;
            for rest in prose.split("](").skip(1) {
                let target = rest.split([')', ' ']).next().unwrap_or_default().to_owned();
                links.push(Link { line: line.number, target });
            }
        }
        links
    }

    /// The anchors of its headings, as GitHub and mdBook make them.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for line in self.lines().iter().filter(|line| line.fence.is_none() && line.text.starts_with('#')) {
            let heading = line.text.trim_start_matches('#').trim();
            let slug: String = heading
                .to_lowercase()
                .chars()
                .filter_map(|one| match one {
                    ' ' => Some('-'),
                    one if one.is_alphanumeric() || one == '-' || one == '_' => Some(one),
                    _ => None,
                })
                .collect();
            let mut names = std::iter::once(slug.clone()).chain((1..).map(|number| format!("{slug}-{number}")));
            let name = names.find(|name| !anchors.contains(name)).expect("there are infinitely many");
            anchors.insert(name);
        }
        anchors
    }

    /// Pieces of code that begin with a text: spans in prose, and lines of shell blocks, with their line.
    pub(crate) fn commands(&self, start: &str) -> Vec<(usize, String)> {
        let mut commands = Vec::new();
        let begins =
            |text: &str| text.starts_with(start) && (start.ends_with('-') || text[start.len()..].starts_with(' '));
        for line in self.lines() {
            match line.fence {
                None => {
                    let spans = split(line.text).1;
                    commands.extend(spans.into_iter().filter(|span| begins(span)).map(|span| (line.number, span)));
                }
                Some("console" | "sh" | "text" | "") => {
                    let text = line.text.trim_start().trim_start_matches("$ ");
                    commands.extend(begins(text).then(|| (line.number, text.to_owned())));
                }
                Some(_) => {}
            }
        }
        commands
    }

    /// Its prose with as many lines as the page: code is `x`, blocks of code are empty except for comments of YAML, and
    /// addresses of links are left out.
    pub(crate) fn prose(&self) -> String {
        let mut prose = vec![String::new(); self.text.lines().count()];
        for line in self.lines() {
            prose[line.number - 1] = match line.fence {
                None => without_targets(&split(line.text).0),
                Some("yaml") => line.text.split_once("# ").map(|(_, comment)| comment.to_owned()).unwrap_or_default(),
                Some(_) => String::new(),
            };
        }
        prose.join("\n")
    }
}

/// A line's prose, in which `x` stands for each span of code, and the spans.
fn split(line: &str) -> (String, Vec<String>) {
    let mut prose = String::new();
    let mut spans = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('`') {
        let ticks = 1 + after.len() - after.trim_start_matches('`').len();
        let close = "`".repeat(ticks);
        let Some((span, more)) = after[ticks - 1..].split_once(close.as_str()) else { break };
        prose.push_str(before);
        prose.push('x');
        spans.push(span.trim().to_owned());
        rest = more;
    }
    prose.push_str(rest);
    (prose, spans)
}

fn without_targets(prose: &str) -> String {
    let mut parts = prose.split("](");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    text
}

/// The pages below a folder, in order.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            pages.extend(below(&path));
        } else if path.extension().is_some_and(|ending| ending == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    pages
}

/// Every page for people: the README and its neighbours, the book, the packs and the plugins.
pub(crate) fn all() -> Vec<Markdown> {
    let root = root();
    let single = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "engine/ARCHITECTURE.md",
        "plugins/README.md",
        "schemas/README.md",
    ];
    let folders = ["docs", "scenarios"];
    let paths =
        single.iter().map(|name| root.join(name)).chain(folders.iter().flat_map(|name| below(&root.join(name))));
    paths.map(|path| Markdown::read(&path)).collect()
}

#[test]
fn prose_and_code_are_separated() {
    let page =
        Markdown::new("page.md", "See [a `b`](c.md#d) and ``e ` f``.\n\n```yaml\ng: h # i\n```\n\n## J k, `l`!\n");
    assert_eq!(page.prose(), "See [a x and x.\n\n\ni\n\n\n## J k, x!");
    assert_eq!(page.links().iter().map(|link| link.target.as_str()).collect::<Vec<_>>(), ["c.md#d"]);
    assert_eq!(page.anchors().into_iter().collect::<Vec<_>>(), ["j-k-l"]);
}
