//! The processes of one plugin: which are free, which are started, and when again.

use std::{
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use casebook_runtime::plugin::Program;

use super::{
    child::{Child, DESCRIPTION},
    folder::Folder,
    message::Reply,
};

/// How long a process is not started again after the third failure in a row; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(100);
/// The maximum time until it is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// As many processes as the pack allows, started when they are needed.
#[derive(Debug)]
pub(super) struct Pool {
    // Before the folder, so that they end before it does.
    room: Mutex<Room>,
    freed: Condvar,
    program: Program,
    folder: Folder,
    /// The description of the first process; the others must return the same.
    description: OnceLock<String>,
}

#[derive(Debug, Default)]
struct Room {
    idle: Vec<Child>,
    /// Processes that live or are being started.
    alive: usize,
    /// Failures since the last answer.
    failures: u32,
    /// Until when none is started.
    pause: Option<Instant>,
}

impl Pool {
    pub(super) fn new(program: &Program) -> Result<Self, String> {
        let folder = Folder::of(program)?;
        Ok(Self {
            room: Mutex::default(),
            freed: Condvar::new(),
            program: program.clone(),
            folder,
            description: OnceLock::new(),
        })
    }

    /// Asks a free process, or a new one; the error continues a sentence that begins with the plugin.
    pub(super) fn ask(&self, operation: &str, input: &str) -> Result<String, String> {
        let mut child = self.take()?;
        let late = || format!("did not answer within {} s, and was ended", self.program.time.as_secs_f64());
        let deadline = Instant::now() + self.program.time;
        let most = if operation == "describe" { DESCRIPTION } else { self.program.output };
        match child.ask(operation, input, most, deadline, late) {
            Ok(reply) => {
                self.give(child);
                match reply {
                    Reply::Answer(text) => Ok(text),
                    Reply::Refusal(text) => Err(format!("refused: {text}")),
                }
            }
            Err(error) => {
                drop(child);
                self.failed();
                Err(error)
            }
        }
    }

    /// A process to ask.
    fn take(&self) -> Result<Child, String> {
        let deadline = Instant::now() + self.program.time;
        let mut room = self.lock();
        loop {
            if let Some(mut child) = room.idle.pop() {
                match child.is_ready() {
                    Ok(()) => return Ok(child),
                    Err(problem) => {
                        tracing::warn!(plugin = self.program.name, problem, "a process is started again");
                        room.alive -= 1;
                        drop(child);
                        continue;
                    }
                }
            }
            let mut until = deadline;
            if room.alive < self.program.processes {
                let now = Instant::now();
                match room.pause.filter(|pause| *pause > now) {
                    None => {
                        room.alive += 1;
                        drop(room);
                        return self.start().inspect_err(|_| self.failed());
                    }
                    // Who asks next need not suffer for who asked before.
                    Some(pause) if pause < deadline => until = pause,
                    Some(pause) => {
                        return Err(format!(
                            "has failed {} times in a row and is not started again for {:.1} s",
                            room.failures,
                            (pause - now).as_secs_f64()
                        ));
                    }
                }
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Err(format!(
                    "had no process free within {} s; it may have {}",
                    self.program.time.as_secs_f64(),
                    self.program.processes
                ));
            };
            let left = until.saturating_duration_since(Instant::now()).min(left);
            room = self.freed.wait_timeout(room, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn start(&self) -> Result<Child, String> {
        let child = Child::start(&self.program, self.folder.path())?;
        if *self.description.get_or_init(|| child.description.clone()) == child.description {
            Ok(child)
        } else {
            Err("describes itself otherwise than when it was started first".into())
        }
    }

    fn give(&self, child: Child) {
        let mut room = self.lock();
        (room.failures, room.pause) = (0, None);
        room.idle.push(child);
        drop(room);
        self.freed.notify_one();
    }

    /// Notes that a process is gone.
    fn failed(&self) {
        let mut room = self.lock();
        room.alive -= 1;
        room.failures += 1;
        room.pause = room.failures.checked_sub(3).map(|more| {
            let pause = PAUSE.saturating_mul(1 << more.min(16)).min(LONGEST_PAUSE);
            Instant::now() + pause
        });
        drop(room);
        self.freed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
