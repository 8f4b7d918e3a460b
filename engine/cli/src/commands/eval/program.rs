//! A program that plays: the frames of `/ws`, one a line, over its standard input and output.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use casebook_runtime::record::Usage;
use serde_json::{Value, json};

use super::play::{Move, Player, Turn, observation};

/// A running program, which plays one episode.
pub(super) struct Program {
    child: Child,
    /// Lines for it to read, written by a thread of their own, since it may not read them.
    input: Sender<String>,
    /// Lines that it wrote.
    output: Receiver<std::io::Result<String>>,
    sample: usize,
    /// How long it may take for an action.
    patience: Duration,
}

impl Program {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(super) fn start(command: &str, sample: usize, seconds: f64) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("`{command}` cannot be started: {error}");
        let mut child = groups::begin(shell(command).stdin(Stdio::piped()).stdout(Stdio::piped())).map_err(failed)?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("`{command}` has no standard input or output"));
        };
        let ((input, lines), (heard, output)) = (channel::<String>(), channel());
        // Both end with the program, or when nobody listens to them any more.
        thread::spawn(move || lines.iter().try_for_each(|line| writeln!(stdin, "{line}").and_then(|()| stdin.flush())));
        thread::spawn(move || BufReader::new(stdout).lines().try_for_each(|line| heard.send(line)));
        Ok(Self { child, input, output, sample, patience: Duration::from_secs_f64(seconds) })
    }

    fn send(&mut self, frame: &Value) -> Result<(), String> {
        let sent = self.input.send(frame.to_string());
        sent.map_err(|_| "the program does not read what it is sent".to_owned())
    }

    /// The next line that it writes.
    fn hear(&mut self) -> Result<String, String> {
        match self.output.recv_timeout(self.patience) {
            Ok(line) => line.map_err(|error| format!("the program cannot be read: {error}")),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("the program did not act within {} s (`--timeout`)", self.patience.as_secs_f64()))
            }
            Err(RecvTimeoutError::Disconnected) => {
                // One that has closed its output and lives on is ended.
                groups::end(&mut self.child);
                let status = self.child.wait().map(|status| status.to_string()).unwrap_or_default();
                groups::forget(&self.child);
                Err(format!("the program ended before the episode did ({status})"))
            }
        }
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
        // Why it reads no more, its output says.
        let sent = self.send(&frame);
        let line = self.hear()?;
        sent?;
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
        groups::end(&mut self.child);
        let _ = self.child.wait();
        groups::forget(&self.child);
    }
}

/// The programs that run, each the leader of a group, so that they end with all that they have started.
#[cfg(unix)]
pub(super) mod groups {
    use std::{
        collections::BTreeSet,
        io,
        os::unix::process::CommandExt as _,
        process::{Child, Command},
        sync::{Mutex, MutexGuard, PoisonError},
    };

    use rustix::process::{Pid, Signal, kill_process_group};

    static LEADERS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

    fn leaders() -> MutexGuard<'static, BTreeSet<u32>> {
        LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(command: &mut Command) -> io::Result<Child> {
        let mut leaders = leaders();
        let child = command.process_group(0).spawn()?;
        leaders.insert(child.id());
        Ok(child)
    }

    pub(super) fn end(child: &mut Child) {
        if leaders().contains(&child.id()) {
            kill(child.id());
        }
    }

    /// Forgets a program that was waited for: its number may be another's.
    pub(super) fn forget(child: &Child) {
        leaders().remove(&child.id());
    }

    /// Ends them all, for a command that is asked to stop.
    pub(crate) fn end_all() {
        leaders().iter().for_each(|leader| kill(*leader));
    }

    fn kill(leader: u32) {
        if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The programs that run; what they have started is left to them.
#[cfg(not(unix))]
pub(super) mod groups {
    use std::{
        io,
        process::{Child, Command},
    };

    pub(super) fn begin(command: &mut Command) -> io::Result<Child> {
        command.spawn()
    }

    pub(super) fn end(child: &mut Child) {
        // It may have ended by itself.
        let _ = child.kill();
    }

    pub(super) fn forget(_child: &Child) {}

    pub(crate) fn end_all() {}
}
