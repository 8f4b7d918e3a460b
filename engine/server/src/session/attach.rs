//! Sockets and the sessions that they hold: attaching, leaving, and coming back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    one::{Origin, Session, Stage, Status},
    table::Sessions,
};
use crate::{client::Client, ending::Ending, error::Problem, lock::lock};

/// Why a socket cannot be attached.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unattached {
    /// There is no session of that id.
    Unknown,
    /// Another socket is attached.
    Taken,
    /// It belongs to another environment, of this name.
    Elsewhere(Arc<str>),
    /// It lost its socket and the slot with it, and none is free.
    Full(Problem),
}

/// How a socket leaves its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parting {
    /// It broke off.
    Broken,
    /// It sent a close message.
    Goodbye,
    /// The session is to end with it.
    End(Ending),
}

/// A socket's hold on its session, let go when it is dropped; then it counts as broken off unless it was closed.
#[derive(Debug)]
pub(crate) struct Attachment<'a> {
    sessions: &'a Sessions,
    session: Arc<Session>,
    parting: Parting,
}

impl Sessions {
    /// Opens a session that lives as long as its socket.
    pub(crate) async fn open_on_socket(
        &self,
        environment: &Arc<str>,
        client: Client,
        wait: Duration,
    ) -> Result<Attachment<'_>, Problem> {
        let session = self.open(environment, Origin::Socket, client, wait).await?;
        Ok(Attachment { sessions: self, session, parting: Parting::Broken })
    }

    /// Attaches a socket to an open session, or to one that lost its own.
    pub(crate) async fn attach(
        &self,
        id: &str,
        environment: &str,
        client: Client,
        wait: Duration,
    ) -> Result<Attachment<'_>, Unattached> {
        let session = self.find(id).ok_or(Unattached::Unknown)?;
        if &**session.environment() != environment {
            return Err(Unattached::Elsewhere(Arc::clone(session.environment())));
        }
        let lost = session.holding().status == Status::Lost;
        let slot = if lost { Some(self.slot(client, wait).await.map_err(Unattached::Full)?) } else { None };
        let mut hold = session.holding();
        match (hold.status, slot) {
            (Status::Free, _) => {}
            (Status::Lost, Some(slot)) => hold.slot = Some(slot),
            (Status::Attached | Status::Closing, _) => return Err(Unattached::Taken),
            (Status::Lost | Status::Ended, _) => return Err(Unattached::Unknown),
        }
        hold.status = Status::Attached;
        hold.seen = Instant::now();
        drop(hold);
        tracing::debug!(session = session.tag(), resumed = lost, "attached a socket");
        if session.origin() == Origin::Socket {
            lock(&self.open).resting.remove(&session.id());
        }
        Ok(Attachment { sessions: self, session, parting: Parting::Broken })
    }

    fn detach(&self, session: &Arc<Session>, parting: Parting) {
        let own = session.origin() == Origin::Socket;
        let may_return =
            own && parting == Parting::Broken && !self.grace.is_zero() && session.stage() == Stage::Running;
        let mut hold = session.holding();
        let stays = hold.status == Status::Attached && !matches!(parting, Parting::End(_)) && (!own || may_return);
        if !stays {
            drop(hold);
            let ending = if let Parting::End(ending) = parting { ending } else { Ending::Left };
            self.end(session, ending, |_| true);
            return;
        }
        hold.seen = Instant::now();
        if !own {
            hold.status = Status::Free;
            return;
        }
        tracing::debug!(session = session.tag(), grace = ?self.grace, "lost a session's socket");
        hold.status = Status::Lost;
        let slot = hold.slot.take();
        drop(hold);
        lock(&self.open).resting.insert(session.id(), Arc::clone(session));
        drop(slot);
    }
}

impl Attachment<'_> {
    /// The session.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Lets go on purpose: a session of the socket's own ends, another one goes on.
    pub(crate) fn goodbye(mut self) {
        self.parting = Parting::Goodbye;
    }

    /// Ends the session with the socket.
    pub(crate) fn end(mut self, ending: Ending) {
        self.parting = Parting::End(ending);
    }
}

impl Drop for Attachment<'_> {
    fn drop(&mut self) {
        self.sessions.detach(&self.session, self.parting);
    }
}
