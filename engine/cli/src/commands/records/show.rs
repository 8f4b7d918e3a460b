//! `casebook records show`

use casebook_records::{Entry, Filter};
use serde_json::{Value, json};

use super::{open, refused};
use crate::{
    args::{Format, ShowArgs},
    commands::trajectory,
    exit::Exit,
    output,
};

/// Bytes of a value that are shown, unless all of it is asked for.
const SHORT: usize = 300;

pub(super) fn run(args: &ShowArgs, format: Format) -> Result<Exit, Exit> {
    let entry = find(args)?;
    if format == Format::Json {
        output::json(&json!({ "id": entry.id, "day": entry.day, "recording": entry.recording }));
        return Ok(Exit::Success);
    }
    show(&entry, args.full);
    Ok(Exit::Success)
}

/// The one episode that is named.
fn find(args: &ShowArgs) -> Result<Entry, Exit> {
    let records = open(&args.records)?;
    let (mut ids, mut same) = (Vec::new(), Vec::new());
    let mut note = |id: String, known: Option<&str>| {
        if id == args.episode || known == Some(args.episode.as_str()) {
            same.push(id);
        } else if id.starts_with(&args.episode) {
            ids.push(id);
        }
    };
    records
        .summaries(&Filter::default(), &mut |summary| note(summary.id, summary.episode_id.as_deref()))
        .map_err(refused)?;
    let found = if same.is_empty() { ids } else { same };
    let [id] = found.as_slice() else {
        output::error(match found.len() {
            0 => format!(
                "`{}` has no episode `{}`; `casebook records list {}` lists them",
                args.records.display(),
                args.episode,
                args.records.display()
            ),
            _ => format!("`{}` stands for {} episodes: {}", args.episode, found.len(), few(&found)),
        });
        return Err(Exit::Usage);
    };
    let mut entry = None;
    let filter = Filter { ids: vec![id.clone()], ..Filter::default() };
    records.entries(&filter, &mut |one| entry = Some(one)).map_err(refused)?;
    entry.ok_or_else(|| {
        output::error(format!("the episode `{id}` was removed meanwhile"));
        Exit::Findings
    })
}

fn few(ids: &[String]) -> String {
    let more = if ids.len() > 5 { " and more" } else { "" };
    ids.iter().take(5).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ") + more
}

fn show(entry: &Entry, full: bool) {
    let recording = &entry.recording;
    let then = &recording.trajectory;
    let summary = entry.summary();
    output::line(format!("{}/{} seed {}: score {:.4}", recording.environment, then.task, then.seed, then.score));
    let about = [
        Some(format!("id {}", entry.id)),
        recording.episode_id.as_ref().map(|id| format!("episode {id}")),
        Some(format!("policy {}", output::label(&recording.policy))),
        summary.split.map(|split| format!("split {split}")),
        summary.group.map(|group| format!("group {}", output::label(&group))),
        summary.started.map(|started| format!("began {started}")),
        summary.input_tokens.map(|tokens| format!("{tokens} tokens read")),
        summary.output_tokens.map(|tokens| format!("{tokens} tokens written")),
        summary.cost.map(|cost| format!("cost {cost}")),
    ];
    output::line(format!("  {}", about.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    let observations = recording.details.as_ref().map(|details| details.observations.as_slice()).unwrap_or_default();
    if observations.is_empty() {
        output::line("  recorded without observations");
    }
    let mut before = &Value::Null;
    for (at, (step, action)) in then.steps.iter().zip(&then.actions).enumerate() {
        if let Some(observation) = observations.get(at) {
            show_observation(before, observation, full);
            before = observation;
        }
        output::line(format!("  did {}", shortened(action, full)));
        let told = step.breakdown.as_deref();
        trajectory::show_step(at, step.reward, told.map(|told| &*told.reason).unwrap_or_default());
        let parts = told.into_iter().flat_map(|told| told.components.iter());
        let parts: Vec<String> = parts.map(|(name, value)| format!("{name} {value:.4}")).collect();
        if !parts.is_empty() {
            output::line(format!("    {}", parts.join(", ")));
        }
    }
    if let Some(last) = observations.get(then.steps.len()) {
        show_observation(before, last, full);
    }
    trajectory::show_score(recording);
}

/// The members of an observation that were not the same before.
fn show_observation(before: &Value, observation: &Value, full: bool) {
    let members = observation.as_object().into_iter().flatten();
    for (name, value) in members.filter(|(name, value)| full || before.get(name.as_str()) != Some(value)) {
        output::line(format!("  saw {name}: {}", shortened(value, full)));
    }
}

fn shortened(value: &Value, full: bool) -> String {
    let text = value.to_string();
    if full || text.len() <= SHORT {
        return text;
    }
    let end = text.floor_char_boundary(SHORT);
    format!("{}... ({} bytes; `--full` shows all)", &text[..end], text.len())
}
