//! The ids of episodes that clients chose: no two sockets play episodes of the same id.
//!
//! Graders name an episode by its id, so that it means one episode: the last that chose it. The id is taken while a socket is
//! attached to its session and plays that episode, finished or not. Its own session may begin it again. A session without a
//! socket gives its id away, since nobody may come back to it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use uuid::Uuid;

use super::{
    one::{Session, Status},
    table::Sessions,
};
use crate::{error::Problem, lock::lock, wire::arguments::ResetArguments};

/// Ids that are kept without looking whether they are still in use.
const FEW: usize = 64;

/// The session that plays, or begins, the episode of each id that a client chose.
#[derive(Debug, Default)]
pub(super) struct Chosen(Mutex<HashMap<Arc<str>, Uuid>>);

impl Sessions {
    /// Takes the id that a reset chooses for the episode of a session; refuses one that another session plays.
    pub(crate) fn choose_id(&self, session: &Session, arguments: &ResetArguments) -> Result<(), Problem> {
        let Some(id) = arguments.episode_id.as_deref() else { return Ok(()) };
        let mut chosen = lock(&self.chosen.0);
        if let Some(owner) = chosen.get(id)
            && *owner != session.id()
            && self.plays(*owner, id)
        {
            let msg = format!("another session plays an episode `{id}`; choose another `episode_id`, or none");
            return Err(Problem::Invalid(vec![arguments.refuse_id(msg)]));
        }
        if chosen.len() >= FEW.max(2 * self.capacity().active()) {
            chosen.retain(|id, owner| self.plays(*owner, id));
        }
        chosen.insert(id.into(), session.id());
        Ok(())
    }

    /// Whether a session lives and plays an episode, or may be about to begin it.
    fn plays(&self, session: Uuid, id: &str) -> bool {
        let session = lock(&self.open).all.get(&session).cloned();
        session.is_some_and(|session| {
            session.status() == Status::Attached && (session.turns.try_lock().is_err() || session.plays(id))
        })
    }

    /// Finds a session by its id or by that of its episode, and leaves no trace.
    pub(crate) fn find_episode(&self, id: &str) -> Result<Arc<Session>, Problem> {
        if let Some(session) = self.find(id) {
            return Ok(session);
        }
        let chosen = lock(&self.chosen.0).get(id).copied();
        let open: Vec<Arc<Session>> = {
            let open = lock(&self.open);
            match chosen.and_then(|session| open.all.get(&session)) {
                Some(session) => vec![Arc::clone(session)],
                None => open.all.values().cloned().collect(),
            }
        };
        open.into_iter().find(|session| session.plays(id)).ok_or_else(|| self.unknown(id))
    }
}

impl Session {
    /// Whether its episode has an id.
    fn plays(&self, id: &str) -> bool {
        self.look(|play| play.live().is_some_and(|live| live.id() == id))
    }
}
