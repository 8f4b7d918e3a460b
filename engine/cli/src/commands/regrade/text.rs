//! A report about episodes that were graded again, for people and for pull requests.

use casebook_records::{Changed, ComponentShift, Distribution, EnvironmentReport, GroupShift, RankFlip, RegradeReport};

use crate::{
    commands::trajectory,
    output::{count, label},
};

/// Components whose mean moves by less are left out.
const SMALL: f64 = 5e-5;

/// The report for people.
pub(super) fn human(report: &RegradeReport) -> String {
    let mut lines = vec![head(report)];
    for one in &report.unplayed {
        lines.push(format!("not played: {} of {}: {}", count(one.episodes, "episode"), one.environment, one.reason));
        lines.push(format!("  such as {}", one.examples.join(", ")));
    }
    for environment in &report.environments {
        lines.push(String::new());
        lines.push(environment.environment.clone());
        for group in &environment.groups {
            lines.push(format!("  {}  {}: {}", label(&group.task), label(&group.policy), moved(group)));
            if group.is_changed() {
                lines.push(format!("    was {}", spread(&group.old)));
                lines.push(format!("    is  {}", spread(&group.new)));
            }
        }
        let components: Vec<&ComponentShift> = environment.components.iter().filter(|one| is_shown(one)).collect();
        if !components.is_empty() {
            lines.push("  components".into());
            lines.extend(components.iter().map(|one| format!("    {}", component(one))));
        }
        lines.extend(rank_lines(environment).into_iter().map(|line| format!("  {line}")));
        lines.extend(gradient_lines(environment).into_iter().map(|line| format!("  {line}")));
    }
    for one in &report.most_changed {
        lines.push(String::new());
        lines.extend(changed(one));
    }
    lines.join("\n")
}

/// The report as Markdown, for a comment on a pull request.
pub(super) fn markdown(report: &RegradeReport, failures: &[String]) -> String {
    let mut lines = vec!["## Recorded episodes, graded again".to_owned(), String::new(), head(report)];
    if !failures.is_empty() {
        lines.push(String::new());
        lines.extend(failures.iter().map(|failure| format!("- **{failure}**")));
    }
    if !report.unplayed.is_empty() {
        lines.extend([String::new(), "| episodes that cannot be played | why |".into(), "|---|---|".into()]);
        for one in &report.unplayed {
            lines.push(format!("| {} of {} | {} |", one.episodes, one.environment, cell(&one.reason)));
        }
    }
    for environment in &report.environments {
        lines.extend([String::new(), format!("### {}", environment.environment), String::new()]);
        lines.extend([
            "| task | policy | episodes | mean was | is | shift |".into(),
            "|---|---|---|---|---|---|".to_owned(),
        ]);
        for group in &environment.groups {
            lines.push(format!(
                "| {} | {} | {} | {:.4} | {:.4} | {:+.4} |",
                cell(&group.task),
                cell(&group.policy),
                group.episodes,
                group.old.mean,
                group.new.mean,
                group.shift
            ));
        }
        let components = environment.components.iter().filter(|one| is_shown(one)).map(component);
        let more = components.chain(rank_lines(environment)).chain(gradient_lines(environment));
        lines.push(String::new());
        lines.extend(more.map(|line| format!("- {}", cell(&line))));
    }
    for one in &report.most_changed {
        let mut told = changed(one).into_iter();
        lines.extend([String::new(), "<details>".into()]);
        lines.extend(told.next().map(|line| format!("<summary>{}</summary>", cell(&line))));
        lines.extend([String::new(), "```text".into()]);
        lines.extend(told);
        lines.extend(["```".into(), String::new(), "</details>".to_owned()]);
    }
    lines.join("\n")
}

fn head(report: &RegradeReport) -> String {
    format!(
        "{}: {} the same, {} changed, {} not played",
        count(report.episodes, "episode"),
        report.identical,
        report.changed,
        report.unplayed()
    )
}

fn moved(group: &GroupShift) -> String {
    let episodes = count(group.episodes, "episode");
    if !group.is_changed() {
        return format!("{episodes}, mean {:.4}, none changed", group.new.mean);
    }
    let rewards = format!("summed rewards {:+.4}", group.reward_shift);
    format!(
        "{episodes}, {} changed, mean {:.4} -> {:.4} ({:+.4}), {rewards}",
        group.changed, group.old.mean, group.new.mean, group.shift
    )
}

fn spread(of: &Distribution) -> String {
    format!(
        "{:.4} | {:.4} {:.4} {:.4} | {:.4} (least, quarters, greatest), deviation {:.4}",
        of.min, of.lower, of.median, of.upper, of.max, of.deviation
    )
}

fn is_shown(one: &ComponentShift) -> bool {
    one.became_constant || one.shift.is_none_or(|shift| shift.abs() >= SMALL)
}

fn component(one: &ComponentShift) -> String {
    let means = match (one.old, one.new) {
        (Some(old), Some(new)) => format!("{old:.4} -> {new:.4} ({:+.4})", new - old),
        (Some(old), None) => format!("{old:.4}, gone now"),
        (None, Some(new)) => format!("new, {new:.4}"),
        (None, None) => "without a value".into(),
    };
    let constant = if one.became_constant { "; the same in every episode now" } else { "" };
    format!("{}: {means}{constant}", one.component)
}

fn rank_lines(environment: &EnvironmentReport) -> Vec<String> {
    let ranks = &environment.ranks;
    if ranks.policies.len() < 2 {
        return Vec::new();
    }
    let order: Vec<_> = ranks.policies.iter().map(|(policy, ..)| label(policy)).collect();
    let tau = ranks.kendall.map_or_else(|| "none".to_owned(), |tau| format!("{tau:.4}"));
    let scope = ranks.scope().map(|scope| format!(", {scope}")).unwrap_or_default();
    let mut lines =
        vec![format!("policies now, the best first{scope}: {}; rank correlation (Kendall) {tau}", order.join(", "))];
    lines.extend(ranks.flips.iter().map(flip));
    lines
}

fn flip(flip: &RankFlip) -> String {
    let place = flip.task.as_ref().map(|task| format!(" in {task}")).unwrap_or_default();
    format!("rank flip{place}: {} was better than {}, now it is worse", label(&flip.was_better), label(&flip.is_better))
}

fn gradient_lines(environment: &EnvironmentReport) -> Vec<String> {
    let gradients = &environment.gradients;
    if gradients.groups == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "advantages: {} of {} in {} have the other sign; {} lost their gradient, {} gained one",
        gradients.sign_flips,
        count(gradients.episodes, "episode"),
        count(gradients.groups, "group"),
        gradients.lost,
        gradients.gained
    )];
    if !gradients.lost_examples.is_empty() {
        lines.push(format!("lost: {}", gradients.lost_examples.join(", ")));
    }
    lines
}

/// An episode whose score changed, with both trees.
fn changed(one: &Changed) -> Vec<String> {
    let mut lines = vec![format!(
        "{}/{} seed {} by {}: {:.4} -> {:.4}  (id {})",
        one.environment,
        one.task,
        one.seed,
        label(&one.policy),
        one.old,
        one.new,
        one.id
    )];
    for (name, tree) in [("was", &one.old_tree), ("is", &one.new_tree)] {
        lines.push(format!("  {name}"));
        match tree {
            Some(tree) => lines.extend(trajectory::part_lines(tree, 2)),
            None => lines.push("    recorded without a tree".into()),
        }
    }
    lines
}

fn cell(text: &str) -> String {
    label(text).replace('|', "\\|").replace('<', "&lt;")
}
