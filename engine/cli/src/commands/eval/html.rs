//! The result of an evaluation as one page, which needs nothing else to open.

use std::{collections::BTreeSet, fmt::Write as _};

use casebook_analysis::evaluation::{Decided, Evaluation, PolicyResult, Run, Sample};

use super::text::estimate;
use crate::{commands::trajectory, output, plot::escape};

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem;color:#1c2024;background:#fff}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}h3{font-size:1rem;margin-bottom:.3rem}summary{cursor:pointer;padding:.3rem 0}\
table{border-collapse:collapse;margin:.5rem 0 1rem}th,td{padding:.15rem .7rem;border-bottom:1px solid #d9dce0;text-align:right;white-space:nowrap}\
th:first-child,td:first-child{text-align:left}td.right{background:#e3f3e6;color:#1c2024}td.wrong{background:#fbe3e1;color:#1c2024}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85em;background:#f2f3f5;padding:.6rem;color:#1c2024}\
svg{background:#fff;max-width:100%;height:auto}\
@media(prefers-color-scheme:dark){body{color:#edeef0;background:#111113}th,td{border-color:#363a3f}}";
/// Episodes that are shown whole: of each policy its share of so many, and at least some.
const WORST: usize = 10;
const FEWEST: usize = 3;
/// Bytes of an observation that are shown.
const SHORT: usize = 2_000;

/// The page.
pub(super) fn page(evaluation: &Evaluation, samples: &[Sample]) -> String {
    let names: Vec<&str> = evaluation.policies.iter().map(|one| one.policy.as_str()).collect();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Evaluation of {}</title>\n<style>{STYLE}</style>\n<h1>Evaluation</h1>\n{}<p>{} episodes. Intervals hold 95 % of \
         the means of bootstrapped prompts; an episode passes with a score of {} or more.</p>\n",
        escape(&names.join(", ")),
        provenance(&evaluation.run),
        evaluation.episodes.len(),
        evaluation.pass
    );
    scores(evaluation, &mut out);
    comparisons(evaluation, &mut out);
    by_policy(&evaluation.policies, "Tasks", "task", &mut out, |one| {
        one.tasks.iter().map(|task| (task.task.clone(), estimate(&task.score, false))).collect()
    });
    by_policy(&evaluation.policies, "Components", "component, mean over the episodes that have it", &mut out, |one| {
        one.components.iter().map(|(name, mean)| (name.clone(), format!("{mean:.4}"))).collect()
    });
    by_policy(&evaluation.policies, "Rules", "rule, decisions that were right", &mut out, |one| {
        one.rules.iter().map(|rule| (rule.rule.clone(), format!("{} of {}", rule.right, rule.decided))).collect()
    });
    confusion(&evaluation.policies, &mut out);
    failures(evaluation, &mut out);
    worst(evaluation, samples, &mut out);
    out.push_str("</html>\n");
    out
}

/// What was evaluated, when and how.
fn provenance(run: &Run) -> String {
    let packs = run.packs.iter().map(|pack| format!("{} {} ({})", pack.name, pack.version, first(&pack.digest)));
    let samples =
        format!("{} of models and programs", output::count(usize::try_from(run.samples).unwrap_or(0), "sample"));
    let mut parts = vec![
        format!("Began {} with Casebook {}", run.began, run.engine),
        packs.collect::<Vec<_>>().join(", "),
        format!("seeds {} to {}, {samples}", run.seeds.0, run.seeds.1),
    ];
    if let Some(models) = &run.models {
        let own = |value: Option<String>| value.unwrap_or_else(|| "the model's own".into());
        parts.push(format!(
            "models at {} by {}, temperature {}, tokens {}{}",
            models.endpoint,
            models.act,
            own(models.temperature.map(|value| value.to_string())),
            own(models.max_tokens.map(|value| value.to_string())),
            models.prompt.as_ref().map(|prompt| format!(", prompt {}", first(prompt))).unwrap_or_default()
        ));
    }
    format!("<p>{}.</p>\n", escape(&parts.join("; ")))
}

/// As much of a digest as distinguishes it at a glance.
fn first(digest: &str) -> &str {
    &digest[..digest.floor_char_boundary(12)]
}

fn scores(evaluation: &Evaluation, out: &mut String) {
    out.push_str("<h2>Scores</h2>\n");
    out.push_str(&intervals(&evaluation.policies));
    out.push_str(
        "<table><tr><th>policy<th>episodes<th>mean score<th>standard error<th>passed<th>given up<th>pass@k<th>pass^k<th>steps<th>tokens\
         <th>cost</tr>\n",
    );
    for one in &evaluation.policies {
        let last = |values: &[f64]| {
            // 1, 2, 4 and so on, and the last: the others lie between them, and are in the JSON.
            let shown = |k: usize| k.is_power_of_two() || k == values.len();
            let told = values.iter().enumerate().map(|(at, value)| (at + 1, value)).filter(|(k, _)| shown(*k));
            told.map(|(k, value)| format!("{k}: {value:.3}")).collect::<Vec<_>>().join("<br>")
        };
        let error = one.score.standard_error.map_or("-".into(), |error| format!("{error:.4}"));
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td>{}<td>{error}<td>{:.1} %<td>{}<td>{}<td>{}<td>{:.1}<td>{}<td>{}</tr>",
            escape(&one.policy),
            one.episodes,
            estimate(&one.score, false),
            one.passed * 100.0,
            one.given_up,
            last(&one.pass_at),
            last(&one.pass_all),
            one.steps,
            one.input_tokens + one.output_tokens,
            one.cost.map_or("-".into(), |cost| format!("{cost:.4}"))
        );
    }
    out.push_str("</table>\n<h3>Distribution of the scores, in tenths from each number on, and those of 1</h3>\n");
    for one in &evaluation.policies {
        let _ = writeln!(out, "<p>{}</p>\n{}", escape(&one.policy), bars(&one.distribution));
    }
}

/// The mean of each policy with its interval.
fn intervals(policies: &[PolicyResult]) -> String {
    let (left, width, row) = (170.0, 500.0, 26.0);
    #[expect(clippy::cast_precision_loss, reason = "some policies")]
    let height = row * policies.len() as f64 + 24.0;
    let x = |value: f64| left + width * value.clamp(0.0, 1.0);
    let mut svg = format!(
        "<svg viewBox=\"0 0 700 {height}\" width=\"700\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    for tenth in [0, 2, 4, 6, 8, 10] {
        let value = f64::from(tenth) / 10.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{0}\" x2=\"{0}\" y2=\"{1}\" stroke=\"#ddd\"/><text x=\"{0}\" y=\"{2}\" text-anchor=\"middle\">{value}</text>",
            x(value),
            height - 20.0,
            height - 6.0
        );
    }
    for (at, one) in policies.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "some policies")]
        let y = row * (at as f64 + 0.5);
        let (low, high) = one.score.interval;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y}\" y2=\"{y}\" \
             stroke=\"#0072b2\" stroke-width=\"3\"/><circle cx=\"{:.1}\" cy=\"{y}\" r=\"4.5\" fill=\"#d55e00\"/>",
            left - 12.0,
            y + 4.0,
            escape(&one.policy),
            x(low),
            x(high),
            x(one.score.mean)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A bar for each tenth.
fn bars(counts: &[usize]) -> String {
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let mut svg =
        "<svg viewBox=\"0 0 484 84\" width=\"484\" height=\"84\" font-family=\"sans-serif\" font-size=\"10\">\n"
            .to_owned();
    for (at, count) in counts.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "counts of episodes")]
        let (x, height) = (at as f64 * 44.0, 56.0 * *count as f64 / most as f64);
        let (top, middle) = (68.0 - height, x + 20.0);
        let shown = if *count > 0 { count.to_string() } else { String::new() };
        #[expect(clippy::cast_precision_loss, reason = "one of eleven")]
        let begin = at as f64 / 10.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{top:.1}\" width=\"40\" height=\"{height:.1}\" fill=\"#0072b2\"/><text x=\"{middle}\" \
             y=\"{:.1}\" text-anchor=\"middle\">{shown}</text><text x=\"{middle}\" y=\"80\" text-anchor=\"middle\">{begin}</text>",
            top - 3.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn comparisons(evaluation: &Evaluation, out: &mut String) {
    if evaluation.comparisons.is_empty() {
        return;
    }
    out.push_str("<h2>Comparisons, pair by pair</h2>\n<table><tr><th>policy<th>compared with<th>difference<th>pairs<th>better<th>worse<th>scored by</tr>\n");
    for one in &evaluation.comparisons {
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escape(&one.policy),
            escape(&one.with),
            estimate(&one.difference, true),
            one.pairs,
            one.better,
            one.worse,
            if one.packs_differ { "different versions of the pack" } else { "the same" }
        );
    }
    out.push_str("</table>\n");
}

/// A table with a row for each name and a column for each policy.
fn by_policy(
    policies: &[PolicyResult],
    title: &str,
    head: &str,
    out: &mut String,
    of: impl Fn(&PolicyResult) -> Vec<(String, String)>,
) {
    let columns: Vec<Vec<(String, String)>> = policies.iter().map(of).collect();
    let names: BTreeSet<&str> = columns.iter().flatten().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return;
    }
    let _ = write!(out, "<h2>{title}</h2>\n<table><tr><th>{head}");
    policies.iter().for_each(|one| out.push_str(&format!("<th>{}", escape(&one.policy))));
    out.push_str("</tr>\n");
    for name in names {
        let _ = write!(out, "<tr><td>{}", escape(name));
        for column in &columns {
            let cell = column.iter().find(|(known, _)| known == name).map_or("-", |(_, cell)| cell);
            let _ = write!(out, "<td>{}", escape(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
}

fn confusion(policies: &[PolicyResult], out: &mut String) {
    if policies.iter().all(|one| one.decisions.is_empty()) {
        return;
    }
    out.push_str("<h2>What was right, and what was decided</h2>\n");
    for one in policies {
        let fields: BTreeSet<&str> = one.decisions.iter().map(|pair| pair.field.as_str()).collect();
        for field in fields {
            let pairs: Vec<&Decided> = one.decisions.iter().filter(|pair| pair.field == field).collect();
            let rights: BTreeSet<&str> = pairs.iter().map(|pair| pair.right.as_str()).collect();
            let decided: BTreeSet<&str> = pairs.iter().map(|pair| pair.decided.as_str()).collect();
            // Ranks and texts have too many values for a table.
            if rights.len() > 12 || decided.len() > 12 {
                continue;
            }
            let _ = write!(out, "<h3>{}: {}</h3>\n<table><tr><th>right", escape(&one.policy), escape(field));
            decided.iter().for_each(|value| out.push_str(&format!("<th>{}", escape(value))));
            out.push_str("</tr>\n");
            for right in &rights {
                let _ = write!(out, "<tr><td>{}", escape(right));
                for value in &decided {
                    let count = pairs.iter().find(|pair| pair.right == *right && pair.decided == *value);
                    let class = if value == right { "right" } else { "wrong" };
                    let cell = count.map_or("<td>".to_owned(), |pair| format!("<td class=\"{class}\">{}", pair.count));
                    out.push_str(&cell);
                }
                out.push_str("</tr>\n");
            }
            out.push_str("</table>\n");
        }
    }
}

fn failures(evaluation: &Evaluation, out: &mut String) {
    if evaluation.failed.is_empty() {
        return;
    }
    out.push_str("<h2>Episodes that could not be played</h2>\n<p>They count nowhere.</p>\n<ul>\n");
    for one in &evaluation.failed {
        let place = format!("{} in {} seed {} sample {}", one.policy, one.task, one.seed, one.sample);
        let _ = writeln!(out, "<li>{}: {}", escape(&place), escape(&one.reason));
    }
    out.push_str("</ul>\n");
}

/// The episodes with the lowest scores, whole.
fn worst(evaluation: &Evaluation, samples: &[Sample], out: &mut String) {
    let share = (WORST / evaluation.policies.len().max(1)).max(FEWEST);
    let worst: Vec<usize> = evaluation.policies.iter().flat_map(|one| evaluation.worst(&one.policy, share)).collect();
    if worst.is_empty() {
        return;
    }
    out.push_str("<h2>The episodes with the lowest scores of each policy</h2>\n");
    for at in worst {
        let (result, Some(sample)) = (&evaluation.episodes[at], samples.get(at)) else { continue };
        let then = &sample.recording.trajectory;
        let _ = writeln!(
            out,
            "<details><summary>{:.4}: {} in {}/{} seed {}{}</summary>",
            result.score,
            escape(&result.policy),
            escape(&result.environment),
            escape(&result.task),
            result.seed,
            result.note.as_ref().map(|note| format!(" ({})", escape(note))).unwrap_or_default()
        );
        let observations = sample.recording.details.iter().flat_map(|details| &details.observations);
        let observations: Vec<String> = observations.map(ToString::to_string).collect();
        for (number, (action, step)) in then.actions.iter().zip(&then.steps).enumerate() {
            let reason = step.breakdown.as_ref().map(|told| &*told.reason).unwrap_or_default();
            let _ = writeln!(
                out,
                "<pre>saw {}\ndid {}\nreward {:+.4}: {}</pre>",
                escape(short(observations.get(number).map_or("", String::as_str))),
                escape(&action.to_string()),
                step.reward,
                escape(reason)
            );
        }
        if let Some(tree) = then.score_tree() {
            let _ = writeln!(out, "<pre>{}</pre>", escape(&trajectory::part_lines(tree, 0).join("\n")));
        }
        out.push_str("</details>\n");
    }
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHORT.min(text.len()))]
}
