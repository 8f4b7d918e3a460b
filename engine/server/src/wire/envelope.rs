//! Observations, their metadata, and the state.
//!
//! Written as text piece by piece: the core writes its own part straight into the answer.

use casebook_runtime::{
    episode::{Episode, Step},
    json::{push_integer, push_number, push_text},
};
use serde_json::{Value, json};

use super::text_frame::{TextFrame, USUAL};
use crate::entries::{Entry, summary};

/// An episode as its agent sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// The episode.
    pub(crate) episode: &'a Episode,
    /// The members of its metadata that never change, from [`fixed_metadata`].
    pub(crate) fixed: &'a str,
    /// What the last action did; absent after a reset.
    pub(crate) step: Option<&'a Step>,
}

/// Renders the members of an episode's metadata that never change, without braces.
pub(crate) fn fixed_metadata(episode: &Episode, episode_id: &str, group: Option<&str>) -> String {
    let mut out = String::with_capacity(192);
    out.push_str("\"episode_id\":");
    push_text(&mut out, episode_id);
    out.push_str(",\"task_id\":");
    push_text(&mut out, episode.task().name());
    let pack = episode.pack();
    out.push_str(",\"seed\":");
    push_integer(&mut out, episode.seed());
    out.push_str(",\"generation\":");
    push_integer(&mut out, pack.generation());
    out.push_str(",\"digest\":");
    push_text(&mut out, pack.digest());
    if !episode.arguments().is_empty() {
        out.push_str(",\"arguments\":");
        out.push_str(&Value::Object(episode.arguments().clone()).to_string());
    }
    if let Some(group) = group {
        out.push_str(",\"group\":");
        push_text(&mut out, group);
    }
    out.shrink_to_fit();
    out
}

/// Writes the frame that answers a reset or a step over the socket.
pub(crate) fn observation_frame(view: View<'_>) -> TextFrame {
    TextFrame::write(|out| {
        out.push_str("{\"type\":\"observation\",\"data\":{");
        push_members(out, view, None);
        out.push_str("}}");
    })
}

/// Writes the frame that answers an action that does not fit: the episode as it stands, what is wrong, and how many more
/// such actions are answered.
pub(crate) fn excused_frame(view: View<'_>, entries: &[Entry], left: u32) -> TextFrame {
    TextFrame::write(|out| {
        out.push_str("{\"type\":\"observation\",\"data\":{\"observation\":{\"metadata\":");
        push_metadata(out, view, None);
        out.push(',');
        let before = out.len();
        view.episode.write_observation(out);
        if out.len() > before {
            out.push(',');
        }
        let error = json!({
            "error_type": "invalid_args", "message": summary(entries), "errors": entries, "actions_left": left,
        });
        // The last of two members of one name counts, should the pack have one.
        out.push_str("\"error\":");
        out.push_str(&error.to_string());
        out.push_str("},\"reward\":0.0,\"done\":false,\"metadata\":");
        push_metadata(out, view, None);
        out.push_str("}}");
    })
}

/// Writes the body that answers a reset or a step over HTTP.
pub(crate) fn observation_body(view: View<'_>, session_id: Option<&str>) -> String {
    let mut out = String::with_capacity(USUAL);
    out.push('{');
    push_members(&mut out, view, session_id);
    if let Some(step) = view.step {
        push_info(&mut out, step);
    }
    out.push('}');
    out
}

/// Writes the frame that lists tools to who has no episode yet.
pub(crate) fn tools_frame(tools: &Value) -> String {
    let data = json!({ "observation": { "metadata": {}, "tools": tools }, "reward": null, "done": false });
    json!({ "type": "observation", "data": data }).to_string()
}

/// Writes the body that lists tools to who has no episode yet.
pub(crate) fn tools_body(tools: &Value) -> String {
    json!({ "observation": { "metadata": {}, "tools": tools }, "reward": null, "done": false, "metadata": null })
        .to_string()
}

/// Writes the state, with nulls where there is no episode yet.
pub(crate) fn state(environment: &str, episode: Option<(&Episode, &str)>) -> String {
    let mut out = String::with_capacity(256);
    out.push_str("{\"episode_id\":");
    match episode {
        Some((episode, id)) => {
            push_text(&mut out, id);
            out.push_str(",\"step_count\":");
            push_integer(&mut out, episode.steps().into());
            out.push_str(",\"task_id\":");
            push_text(&mut out, episode.task().name());
            out.push_str(",\"seed\":");
            push_integer(&mut out, episode.seed());
            out.push_str(",\"max_steps\":");
            push_integer(&mut out, episode.task().max_steps().into());
            out.push_str(",\"done\":");
            push_boolean(&mut out, episode.done());
            out.push_str(",\"generation\":");
            push_integer(&mut out, episode.pack().generation());
            out.push_str(",\"digest\":");
            push_text(&mut out, episode.pack().digest());
            episode.write_state(&mut out);
        }
        None => out.push_str(
            "null,\"step_count\":0,\"task_id\":null,\"seed\":null,\"max_steps\":null,\"done\":false,\
             \"generation\":null,\"digest\":null",
        ),
    }
    out.push_str(",\"environment\":");
    push_text(&mut out, environment);
    out.push('}');
    out
}

fn push_members(out: &mut String, view: View<'_>, session_id: Option<&str>) {
    out.push_str("\"observation\":{\"metadata\":");
    let metadata = out.len();
    push_metadata(out, view, session_id);
    let metadata = metadata..out.len();
    out.push(',');
    let before = out.len();
    view.episode.write_observation(out);
    // After a reset there may be nothing to observe.
    if out.len() == before {
        out.pop();
    }
    out.push_str("},\"reward\":");
    match view.step {
        Some(step) => push_number(out, step.reward),
        None => out.push_str("null"),
    }
    out.push_str(",\"done\":");
    push_boolean(out, view.step.is_some_and(|step| step.done));
    out.push_str(",\"metadata\":");
    out.extend_from_within(metadata);
}

fn push_metadata(out: &mut String, view: View<'_>, session_id: Option<&str>) {
    out.push('{');
    out.push_str(view.fixed);
    if let Some(step) = view.step {
        if let Some(breakdown) = &step.breakdown {
            out.push_str(",\"breakdown\":");
            breakdown.write(out);
        }
        if let Some(score) = step.score {
            out.push_str(",\"score\":");
            push_number(out, score);
        }
    }
    if let Some(id) = session_id {
        out.push_str(",\"session_id\":");
        push_text(out, id);
    }
    out.push('}');
}

fn push_info(out: &mut String, step: &Step) {
    out.push_str(",\"info\":");
    match &step.breakdown {
        Some(breakdown) => breakdown.write(out),
        None => out.push_str("{\"reason\":null,\"components\":{},\"decisions\":[]}"),
    }
    if let Some(score) = step.score {
        out.truncate(out.len() - 1);
        out.push_str(",\"score\":");
        push_number(out, score);
        out.push('}');
    }
}

fn push_boolean(out: &mut String, flag: bool) {
    out.push_str(if flag { "true" } else { "false" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_before_the_first_reset_is_legal() {
        let state: serde_json::Value = serde_json::from_str(&state("desk", None)).expect("it is fine");
        assert_eq!(state["episode_id"], serde_json::Value::Null);
        assert_eq!(state["step_count"], 0);
        assert_eq!(state["environment"], "desk");
    }
}
