//! Turns: no client can take more than its part of the workers, however often it asks.
//!
//! The requests of one client wait for each other first, and only a few of them for a worker. So a
//! client whose requests are costly, or many, delays another's by those few at most.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_actions::{Failure, FailureKind};
use keyward_core::id::ClientId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many requests of one client wait at most; further ones fail at once.
const WAITING_MAX: usize = 128;
/// How long one waits for its turn at most.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Whose turn it is.
#[derive(Debug)]
pub(super) struct Turns {
    clients: Mutex<HashMap<ClientId, Arc<Client>>>,
    at_once: usize,
}

#[derive(Debug)]
struct Client {
    permits: Arc<Semaphore>,
    /// Requests that wait or have their turn.
    here: AtomicUsize,
}

/// A turn, until it is dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    id: ClientId,
    client: Arc<Client>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// So many requests of one client have their turn at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self { clients: Mutex::default(), at_once: at_once.max(1) }
    }

    /// Waits for a turn.
    pub(super) async fn take(&self, id: &ClientId) -> Result<Turn<'_>, Failure> {
        let mut turn = self.enter(id)?;
        let permits = Arc::clone(&turn.client.permits);
        let waited = tokio::time::timeout(WAIT_MAX, permits.acquire_owned()).await;
        let late = || Failure::new(FailureKind::NoWorker, "no turn came in time");
        turn.permit = Some(waited.map_err(|_| late())?.map_err(|_| late())?);
        Ok(turn)
    }

    fn enter(&self, id: &ClientId) -> Result<Turn<'_>, Failure> {
        let mut clients = self.lock();
        let made = || {
            let permits = Arc::new(Semaphore::new(self.at_once));
            Arc::new(Client { permits, here: AtomicUsize::new(0) })
        };
        let client = Arc::clone(clients.entry(id.clone()).or_insert_with(made));
        if client.here.load(Ordering::SeqCst) >= WAITING_MAX {
            let message = "too many requests of this client wait for their Actions";
            return Err(Failure::new(FailureKind::NoWorker, message));
        }
        client.here.fetch_add(1, Ordering::SeqCst);
        Ok(Turn { turns: self, id: id.clone(), client, permit: None })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientId, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.permit = None;
        // Whoever enters holds the lock, so nobody comes in between.
        let mut clients = self.turns.lock();
        if self.client.here.fetch_sub(1, Ordering::SeqCst) == 1 {
            clients.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(letter: char) -> ClientId {
        ClientId::parse(&letter.to_string().repeat(20)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_waits_for_itself_alone() {
        let turns = Turns::new(2);
        let first = (turns.take(&id('a')).await.unwrap(), turns.take(&id('a')).await.unwrap());
        assert!(turns.take(&id('a')).await.is_err(), "the third waits in vain");
        let other = turns.take(&id('b')).await;
        assert!(other.is_ok());
        drop(first.0);
        assert!(turns.take(&id('a')).await.is_ok());
        drop((first.1, other));
        assert!(turns.lock().is_empty(), "nothing is left of those who are gone");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_bounded() {
        let turns = Turns::new(1);
        let _first = turns.take(&id('a')).await.unwrap();
        let waiting: Vec<_> = (1..WAITING_MAX).map(|_| turns.enter(&id('a')).unwrap()).collect();
        assert!(turns.enter(&id('a')).is_err());
        drop(waiting);
        assert!(turns.enter(&id('a')).is_ok());
    }
}
