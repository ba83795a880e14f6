//! Carries log events away: one task for each active log stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keyward_core::actor::Actor;
use keyward_store::StoreError;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::log_streams::delivery::{Step, deliver};
use crate::log_streams::egress::Egress;
use crate::log_streams::{ACTIVE, SUSPENDED};
use crate::logs::{LogEvent, LogKind};
use crate::services::Services;

/// How often the list of streams is looked at, when nothing tells that it changed.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long at least from one look to the next.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait when the store or TLS cannot be used.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);

/// Runs all active log streams until `shutdown` says so. A delivery that is under way then is cut
/// off and repeated at the next start.
pub async fn deliver_logs(services: Arc<Services>, mut shutdown: watch::Receiver<bool>) {
    tokio::select! {
        () = supervise(&services) => {}
        _ = shutdown.wait_for(|stop| *stop) => {}
    }
}

async fn supervise(services: &Arc<Services>) {
    let egress = egress(services).await;
    let mut tasks: JoinSet<String> = JoinSet::new();
    let mut running: HashMap<String, AbortHandle> = HashMap::new();
    let mut written = services.logs.written();
    loop {
        match services.store.log_streams().await {
            Ok(streams) => {
                for stream in streams.into_iter().filter(|stream| stream.status == ACTIVE) {
                    running.entry(stream.id.clone()).or_insert_with(|| {
                        tasks.spawn(run(Arc::clone(services), egress.clone(), stream.id))
                    });
                }
            }
            Err(error) => tracing::error!(%error, "the log streams cannot be read"),
        }
        tokio::time::sleep(LOOK_PAUSE).await;
        // A write of streams is itself an event, so its coming is what to wait for.
        tokio::select! {
            Some(ended) = tasks.join_next() => {
                match ended {
                    Ok(id) => { running.remove(&id); }
                    Err(_) => running.retain(|_, task| !task.is_finished()),
                }
            }
            _ = written.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn egress(services: &Services) -> Egress {
    loop {
        match Egress::new(services.log_stream_networks.clone()) {
            Ok(egress) => return egress,
            Err(error) => {
                tracing::error!(%error, "log streams have no TLS");
                tokio::time::sleep(TROUBLE_PAUSE).await;
            }
        }
    }
}

/// One stream, until it stops. Gives its id back.
async fn run(services: Arc<Services>, egress: Egress, id: String) -> String {
    let mut written = services.logs.written();
    loop {
        written.mark_unchanged();
        match step(&services, &egress, &id).await {
            Ok(Step::Delivered(_)) => {}
            Ok(Step::Idle) => {
                let _ = tokio::time::timeout(LOOK_EVERY, written.changed()).await;
            }
            Ok(Step::Failed { wait }) => pause(&services, &id, wait).await,
            Ok(Step::Stopped | Step::GiveUp { .. }) => return id,
            Err(error) => {
                tracing::error!(%error, stream = id, "a log stream cannot use the store");
                tokio::time::sleep(TROUBLE_PAUSE).await;
            }
        }
    }
}

/// Waits, but no longer than until somebody edits the stream.
async fn pause(services: &Services, id: &str, wait: Duration) {
    let version = async || {
        let stream = services.store.log_stream(id).await.ok().flatten();
        stream.map(|stream| stream.version)
    };
    let before = version().await;
    let edited = async {
        let mut written = services.logs.written();
        while written.changed().await.is_ok() {
            if version().await != before {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(wait, edited).await;
}

/// Delivers once, and gives the stream up where that is due.
///
/// # Errors
/// When the store does not answer; nothing is lost, the delivery is repeated.
pub async fn step(services: &Arc<Services>, egress: &Egress, id: &str) -> Result<Step, StoreError> {
    let step = deliver(services, egress, id).await?;
    if let Step::GiveUp { why } = &step {
        suspend(services, id, why).await?;
    }
    Ok(step)
}

async fn suspend(services: &Arc<Services>, id: &str, why: &str) -> Result<(), StoreError> {
    let now = services.now();
    let mut tx = services.store.begin(&Actor::system("log streams"), "log-streams", now).await?;
    let stream = tx.log_stream(id).await?.filter(|stream| stream.status == ACTIVE);
    let Some(mut stream) = stream else {
        tx.rollback().await;
        return Ok(());
    };
    SUSPENDED.clone_into(&mut stream.status);
    tx.update_log_stream(&stream).await?;
    services.commit(tx).await?;
    tracing::error!(stream = id, why, "a log stream was suspended");
    let event = LogEvent::new(LogKind::StreamSuspended, now)
        .described(&format!("The log stream {} was suspended: {why}", stream.name))
        .with("log_stream", id);
    services.logs.emit(event);
    Ok(())
}
