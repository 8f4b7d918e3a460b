//! A difference as Markdown, for a comment on a pull request.

use casebook_analysis::comparison::EditCompared;

use super::{
    diff::PackDiff,
    diff_text::{
        NOTHING, condition_lines, difference_lines, edit_name, escape, heads, item_lines, kinds, moved, record_lines,
        standing, step, text_lines, title,
    },
};

/// Differences that are listed under one head; JSON has all of them.
const MANY: usize = 50;

/// The difference as Markdown; a brief one leaves out what that for people does.
pub(super) fn markdown(diffs: &[PackDiff], brief: bool, note: Option<&str>) -> String {
    let mut lines = vec!["## Rules".to_owned()];
    if !diffs.iter().any(PackDiff::is_changed) {
        let mut nothing = NOTHING.to_owned();
        nothing[..1].make_ascii_uppercase();
        lines.extend([String::new(), format!("{nothing}; this is proved.")]);
    }
    for diff in diffs {
        lines.extend([String::new(), format!("### {}", escape(&title(diff))), String::new()]);
        for rules in &diff.rules {
            lines.push(format!("**`{}`**: {}", rules.name, escape(&standing(rules))));
            for edit in &rules.edits {
                lines.push(String::new());
                lines.extend(edit_lines(edit, diff, brief));
            }
            lines.push(String::new());
        }
        for (head, differences) in heads(diff) {
            lines.extend([format!("**{}**", escape(&head)), String::new()]);
            for difference in differences.iter().take(MANY) {
                let mut told = difference_lines(difference).into_iter();
                lines.extend(told.next().map(|line| format!("- {}", escape(&line))));
                let rest: Vec<String> = told.map(|line| line.trim_start().to_owned()).collect();
                if !rest.is_empty() {
                    lines.extend(fenced("diff", &rest).into_iter().map(|line| format!("  {line}")));
                }
            }
            if differences.len() > MANY {
                lines.push(format!("- and {} more", differences.len() - MANY));
            }
            lines.push(String::new());
        }
        for line in item_lines(diff).into_iter().chain(record_lines(diff)) {
            match line.strip_prefix("  ") {
                Some(entry) => lines.push(format!("  - {}", escape(entry))),
                None => lines.push(format!("- {}", escape(&line))),
            }
        }
    }
    if let Some(note) = note {
        lines.extend([String::new(), format!("_{}_", escape(note))]);
    }
    lines.join("\n")
}

fn edit_lines(edit: &EditCompared, diff: &PackDiff, brief: bool) -> Vec<String> {
    let mut lines = vec![format!("#### {}: {}", escape(&edit_name(edit)), escape(&kinds(edit))), String::new()];
    let texts = text_lines(edit);
    if !texts.is_empty() {
        lines.extend(fenced("diff", &texts));
    }
    lines.push(format!("{}{}", escape(&edit.does), escape(&moved(edit, diff))));
    let changes = if brief { &[][..] } else { &edit.changes[..] };
    if !changes.is_empty() {
        lines.extend([String::new(), "| change | items |".to_owned(), "|---|---|".to_owned()]);
    }
    for change in changes {
        let when: Vec<String> = condition_lines(edit, change).iter().map(|line| escape(line)).collect();
        lines.push(format!("| {} | {} |", escape(&step(change)), when.join("<br>")));
    }
    let witnesses = changes.iter().flat_map(|change| &change.witnesses);
    let cases: Vec<String> = witnesses.flat_map(|witness| witness.case.lines()).map(str::to_owned).collect();
    if !cases.is_empty() {
        let summary = "<details><summary>Items that show it</summary>".to_owned();
        lines.extend([String::new(), summary, String::new()]);
        lines.extend(fenced("yaml", &cases));
        lines.extend([String::new(), "</details>".to_owned()]);
    }
    lines.extend(edit.unknown.iter().map(|unknown| format!("- unknown: {}", escape(unknown))));
    lines
}

/// Lines in a block of code; the fence is longer than any in them.
fn fenced(language: &str, lines: &[String]) -> Vec<String> {
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    [vec![format!("{fence}{language}")], lines.to_vec(), vec![fence]].concat()
}
