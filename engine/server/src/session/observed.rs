//! What those who look on see of a session: what happens in it, and never what its agent sees, does or should do.

use std::time::Duration;

use casebook_runtime::episode::Step;
use serde_json::{Value, json};

use super::{one::Session, play::Play};

impl Session {
    /// Counts a step that was taken, and sends its event.
    pub(super) fn stepped(&self, play: &Play, step: &Step, took: Duration) {
        self.meter.stepped(step, took);
        self.tell("step", || {
            json!({
                "step": play.live().map(|run| run.episode().steps()), "reward": step.reward, "done": step.done,
                "score": step.score, "seconds": took.as_secs_f64(),
            })
        });
    }

    /// Sends the event of an episode that begins.
    pub(super) fn began(&self, play: &Play) {
        self.tell("reset", || {
            let Some(run) = play.live() else { return json!({}) };
            let episode = run.episode();
            json!({
                "episode_id": run.id(), "task_id": episode.task().name(), "seed": episode.seed(),
                "generation": episode.pack().generation(), "group": run.group(),
            })
        });
    }

    /// Sends an event of the session, which is named by the beginning of its id: the whole would open it.
    pub(super) fn tell(&self, kind: &'static str, more: impl FnOnce() -> Value) {
        self.meter.watchers().tell(kind, || {
            let mut told = json!({ "session": self.tag(), "environment": self.environment() });
            if let (Value::Object(told), Value::Object(more)) = (&mut told, more()) {
                told.extend(more);
            }
            told
        });
    }
}
