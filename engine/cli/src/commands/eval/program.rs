//! A program that plays: the frames of `/ws`, one a line, over its standard input and output.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use casebook_runtime::record::Usage;
use serde_json::{Value, json};

use super::play::{Move, Player, Turn, observation};

/// A running program, which plays one episode.
pub(super) struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    sample: usize,
}

impl Program {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(super) fn start(command: &str, sample: usize) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("`{command}` cannot be started: {error}");
        let mut child = shell(command).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("`{command}` has no standard input or output"));
        };
        Ok(Self { child, input, output: BufReader::new(output), sample })
    }

    fn send(&mut self, frame: &Value) -> Result<(), String> {
        let sent = writeln!(self.input, "{frame}").and_then(|()| self.input.flush());
        sent.map_err(|error| format!("the program does not read what it is sent: {error}"))
    }
}

fn shell(command: &str) -> Command {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut shell = Command::new(program);
    shell.args([flag, command]);
    shell
}

/// The frame of an observation, the first one with what there is to know about the episode.
fn frame(Turn { episode, reward, .. }: Turn<'_>, sample: usize) -> Value {
    let mut data = json!({ "observation": observation(episode), "reward": reward, "done": episode.done() });
    if episode.steps() == 0 {
        data["metadata"] = json!({
            "environment": episode.pack().name(), "task_id": episode.task().name(), "seed": episode.seed(),
            "sample": sample, "instructions": episode.instructions_text(),
            "action_schema": episode.pack().action_schema(),
        });
    }
    json!({ "type": "observation", "data": data })
}

impl Player for Program {
    fn act(&mut self, turn: Turn<'_>) -> Result<(Move, Usage), String> {
        let frame = match turn.refused {
            Some(message) => json!({ "type": "error", "data": { "message": message, "code": "VALIDATION_ERROR" } }),
            None => frame(turn, self.sample),
        };
        self.send(&frame)?;
        let mut line = String::new();
        let read = self.output.read_line(&mut line).map_err(|error| format!("the program cannot be read: {error}"))?;
        if read == 0 {
            let status = self.child.wait().map(|status| status.to_string()).unwrap_or_default();
            return Err(format!("the program ended before the episode did ({status})"));
        }
        let expected = "expected a line such as `{\"type\":\"step\",\"data\":{...}}`";
        let answer: Value = match serde_json::from_str(&line) {
            Ok(answer) => answer,
            Err(error) => return Ok((Move::Unreadable(format!("{error}; {expected}")), Usage::default())),
        };
        Ok(match (answer["type"].as_str(), &answer["data"]) {
            (Some("close"), _) => (Move::Stop, Usage::default()),
            (Some("step"), Value::Object(action)) => {
                let mut action = action.clone();
                let metadata = action.shift_remove("metadata").unwrap_or_default();
                (Move::Act(action.into()), Usage::read(&metadata["usage"]))
            }
            _ => (Move::Unreadable(expected.to_owned()), Usage::default()),
        })
    }

    fn end(&mut self, turn: Turn<'_>) {
        // A program that does not want to know how it ended may be gone.
        let _ = self.send(&frame(turn, self.sample));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
