//! One process: started, asked, ended with all that it has started.

use std::{
    fmt,
    io::{self, ErrorKind, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    path::Path,
    process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use casebook_runtime::plugin::Program;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, ioctl_fionbio},
    process::{Pid, WaitId, WaitIdOptions, waitid},
};

use super::{
    folder, groups,
    message::{self, Reply},
    speech::Speech,
};

/// The maximum number of bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// The maximum number of bytes of standard error that are read at once.
const EARFUL: usize = 64 * 1024;
/// Bytes by which an answer may be longer than what it holds: its id and the keys.
const FRAME: usize = 64;
/// The maximum number of bytes of a description.
pub(super) const DESCRIPTION: usize = 1024 * 1024;
/// How long a process that closed its output may take to end, so that its exit status is known.
const LAST_MOMENT: Duration = Duration::from_secs(1);
/// How often a program is tried that is still being written, as the operating system sees it.
const TRIES: u32 = 20;

/// A process that waits for questions; dropping it ends it.
pub(super) struct Child {
    process: std::process::Child,
    /// The leader of its group: the process itself.
    leader: i32,
    /// Until it is seen that nobody reads it.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    speech: Speech,
    /// What it wrote and nobody has read yet.
    heard: Vec<u8>,
    /// Room for what is read in one go.
    room: Box<[u8]>,
    /// Questions that it was asked.
    asked: u64,
    /// Its description of itself when it was started.
    pub(super) description: String,
}

impl fmt::Debug for Child {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Child")
            .field("leader", &self.leader)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Child {
    /// Starts a process and lets it describe itself.
    pub(super) fn start(program: &Program, folder: &Path) -> Result<Self, String> {
        let deadline = Instant::now() + program.start;
        let mut process = spawn(program, folder)?;
        let leader = groups::leader(&process);
        limit(program, leader);
        let (stdin, stdout, stderr) = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            groups::finish(leader);
            let _ = process.wait();
            return Err("cannot be started: it has no pipes".into());
        };
        let mut child = Self {
            process,
            leader,
            stdin: Some(stdin),
            stdout,
            stderr: Some(stderr),
            speech: Speech::new(&program.name),
            heard: Vec::new(),
            room: vec![0; CHUNK].into(),
            asked: 0,
            description: String::new(),
        };
        child.unblock().map_err(|error| format!("cannot be started: {error}"))?;
        let late = || format!("did not describe itself within {} s", program.start.as_secs_f64());
        match child.ask("describe", "{}", DESCRIPTION, deadline, late)? {
            Reply::Answer(text) => child.description = text,
            Reply::Refusal(text) => return Err(format!("does not describe itself: {text}")),
        }
        Ok(child)
    }

    /// Asks and waits for the answer; after an error it is of no use any more.
    pub(super) fn ask(
        &mut self,
        operation: &str,
        input: &str,
        most: usize,
        deadline: Instant,
        late: impl Fn() -> String,
    ) -> Result<Reply, String> {
        self.asked += 1;
        let question = message::question(self.asked, operation, input);
        let mut written = self.write(&question);
        let mut searched = 0;
        loop {
            if let Some(end) = self.heard[searched..].iter().position(|byte| *byte == b'\n') {
                if written < question.len() {
                    return Err("answered before it had read the whole question".into());
                }
                let line: Vec<u8> = self.heard.drain(..=searched + end).collect();
                let reply = message::answer(&line[..line.len() - 1], self.asked)?;
                self.listen();
                return match (&reply, self.heard.is_empty()) {
                    (_, false) => Err("answered once and went on to speak".into()),
                    (Reply::Answer(text), _) if text.len() > most => Err(too_long(most)),
                    _ => Ok(reply),
                };
            }
            searched = self.heard.len();
            if searched > most + FRAME {
                return Err(too_long(most));
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return Err(match &self.stdin {
                    // What it has started may hold its output open after its end.
                    _ if self.is_gone() => self.ended(),
                    None => format!("closed its input, and {}", late()),
                    Some(_) => late(),
                });
            };
            written += self.wait(&question[written..], left)?;
        }
    }

    /// Whether it can be asked: it lives, listens, and has not spoken out of turn.
    pub(super) fn is_ready(&mut self) -> Result<(), String> {
        self.listen();
        match self.read() {
            Ok(0) => Err(self.ended()),
            Err(error) if error.kind() == ErrorKind::WouldBlock && self.has_reader() => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err("closed its input".into()),
            Err(error) => Err(format!("cannot be read: {error}")),
            Ok(_) => Err("wrote a line without a question".into()),
        }
    }

    /// Whether anybody still reads what it is asked.
    fn has_reader(&self) -> bool {
        let Some(stdin) = &self.stdin else { return false };
        let mut fds = [PollFd::new(stdin, PollFlags::empty())];
        let asked = poll(&mut fds, Some(&Timespec::default()));
        asked.is_err() || !fds[0].revents().contains(PollFlags::ERR)
    }

    /// Waits until something can be read or written, and does it; returns how much of the question was written.
    fn wait(&mut self, question: &[u8], left: Duration) -> Result<usize, String> {
        let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
        let timeout = Timespec { tv_sec: seconds, tv_nsec: i64::from(left.subsec_nanos()) };
        let mut fds = Vec::with_capacity(3);
        fds.push(PollFd::new(&self.stdout, PollFlags::IN));
        fds.extend(self.stderr.as_ref().map(|stderr| PollFd::new(stderr, PollFlags::IN)));
        let of_stderr = fds.len() - 1;
        if let Some(stdin) = self.stdin.as_ref().filter(|_| !question.is_empty()) {
            fds.push(PollFd::new(stdin, PollFlags::OUT));
        }
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(0),
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
        let happened = |at: usize| !fds[at].revents().is_empty();
        let (answers, speaks) = (happened(0), of_stderr > 0 && happened(of_stderr));
        drop(fds);
        if speaks {
            self.listen();
        }
        if answers {
            match self.read() {
                Ok(0) => return Err(self.ended()),
                Ok(_) => {}
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(format!("cannot be read: {error}")),
            }
        }
        Ok(self.write(question))
    }

    /// Writes as much of a question as there is room for.
    fn write(&mut self, question: &[u8]) -> usize {
        let Some(stdin) = self.stdin.as_mut().filter(|_| !question.is_empty()) else { return 0 };
        match stdin.write(question) {
            Ok(count) => count,
            Err(error) if is_passing(&error) => 0,
            Err(_) => {
                // It may have ended, or read no more: its output tells which, whenever it is that this is noticed.
                self.stdin = None;
                0
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let count = self.stdout.read(&mut self.room)?;
        self.heard.extend_from_slice(&self.room[..count]);
        Ok(count)
    }

    /// Reads what it has written to standard error.
    fn listen(&mut self) {
        let mut heard = 0;
        while let Some(stderr) = &mut self.stderr
            && heard < EARFUL
        {
            match stderr.read(&mut self.room) {
                Ok(0) => self.stderr = None,
                Ok(count) => {
                    heard += count;
                    self.speech.hear(&self.room[..count]);
                }
                Err(_) => return,
            }
        }
    }

    /// Describes its end.
    fn ended(&mut self) -> String {
        let until = Instant::now() + LAST_MOMENT;
        while !self.is_gone() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        let is_gone = self.is_gone();
        groups::finish(self.leader);
        self.listen();
        let how = match self.process.wait() {
            Ok(status) if is_gone => format!("ended ({status})"),
            _ => "closed its output".to_owned(),
        };
        let last = self.speech.last_words();
        if last.is_empty() { how } else { format!("{how}; its last output: `{last}`") }
    }

    /// Whether it has ended; not waited for yet, so that its group keeps its number until all of it is ended.
    fn is_gone(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let told = Pid::from_raw(self.leader).map(|pid| waitid(WaitId::Pid(pid), options));
        matches!(told, Some(Ok(Some(_))))
    }

    fn unblock(&self) -> io::Result<()> {
        ioctl_fionbio(self.stdout.as_fd(), true)?;
        if let Some(stdin) = &self.stdin {
            ioctl_fionbio(stdin.as_fd(), true)?;
        }
        if let Some(stderr) = &self.stderr {
            ioctl_fionbio(stderr.as_fd(), true)?;
        }
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        groups::finish(self.leader);
        // It cannot refuse to end.
        let _ = self.process.wait();
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn too_long(most: usize) -> String {
    format!("answered with more than {most} bytes, which is the most that is allowed")
}

fn spawn(program: &Program, folder: &Path) -> Result<std::process::Child, String> {
    let (path, arguments) = folder::command(program, folder)?;
    let mut command = Command::new(&path);
    command.args(arguments).current_dir(folder).env_clear().envs(&program.env).process_group(0);
    for name in &program.pass_env {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tries = 0;
    loop {
        let Some(spawned) = groups::begin(|| command.spawn()) else {
            return Err("is not started any more".into());
        };
        match spawned {
            // Another thread may have started a program of its own while this one's file was being written.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && tries < TRIES => {
                tries += 1;
                thread::sleep(Duration::from_millis(5));
            }
            spawned => return spawned.map_err(|error| format!("cannot be started: `{}`: {error}", path.display())),
        }
    }
}

/// Bounds what a process may take, and all that it will start.
#[cfg(target_os = "linux")]
fn limit(program: &Program, leader: i32) {
    use rustix::process::{Resource, Rlimit, prlimit};
    /// Files that a process may have open.
    const OPEN_FILES: u64 = 256;
    for (resource, most) in [
        (Resource::As, program.memory),
        (Resource::Fsize, program.file),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Core, 0),
    ] {
        let limits = Rlimit { current: Some(most), maximum: Some(most) };
        if let Err(error) = prlimit(Pid::from_raw(leader), resource, limits) {
            // One that has ended already needs none; any other is told of by what it does.
            tracing::debug!(plugin = program.name, %error, "a process could not be limited");
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn limit(_program: &Program, _leader: i32) {}
