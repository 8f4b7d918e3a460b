//! `casebook baseline`

use casebook_runtime::{names, policy, record::play};
use serde_json::{Map, json};

use crate::{
    args::{BaselineArgs, Format},
    exit::Exit,
    output, packs,
};

pub(crate) fn run(args: &BaselineArgs, format: Format) -> Exit {
    try_run(args, format).unwrap_or_else(|exit| exit)
}

fn try_run(args: &BaselineArgs, format: Format) -> Result<Exit, Exit> {
    let loaded = packs::load_sound(&args.packs.packs, format)?;
    let mut results = Vec::new();
    for pack in loaded.catalog.packs() {
        let Some(policy) = pack.baseline().and_then(|name| policy::find(pack, name)) else {
            output::note(format!("`{}` names no baseline policy", pack.name()));
            continue;
        };
        let mut scores = Map::new();
        let mut total = 0.0;
        let tasks = pack.default_tasks();
        for task in &tasks {
            let trajectory = play(&policy, task, args.seed).map_err(|error| {
                output::error(format!("the baseline cannot play `{}`: {error}", task.name()));
                Exit::Findings
            })?;
            total += trajectory.score;
            scores.insert(task.name().to_owned(), trajectory.score.into());
        }
        #[expect(clippy::cast_precision_loss, reason = "a pack has few tasks")]
        let overall = total / tasks.len() as f64;
        let left_out: Vec<&str> =
            pack.tasks().iter().map(|task| task.name()).filter(|name| !scores.contains_key(*name)).collect();
        if format == Format::Human {
            for (task, score) in &scores {
                output::line(format!("{task}: {:.4}", score.as_f64().unwrap_or_default()));
            }
            output::line(format!("overall: {overall:.4}"));
            if let Some(names) = names::list(&left_out) {
                output::note(format!("without the families {names}; `casebook run` plays them"));
            }
        }
        results.push(json!({ "environment": pack.name(), "policy": pack.baseline(), "seed": args.seed, "scores": scores, "overall": overall, "left_out": left_out }));
    }
    if results.is_empty() {
        output::error("no pack names a baseline policy; add `baseline: <policy>` to its environment");
        return Err(Exit::Findings);
    }
    if format == Format::Json {
        output::json(&json!({ "baselines": results }));
    }
    Ok(loaded.exit(Exit::Success))
}
