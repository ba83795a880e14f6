//! What runs beside the requests.

pub mod log_streams;

use std::sync::Arc;

use keyward_gate::GatewayAlarm;
use tokio::sync::{mpsc, watch};

use crate::logs::WRITE_EVERY;
use crate::services::Services;
use crate::services::quotas::COUNTS_KEPT_EVERY_S;

/// How often revoked tokens that have ended, and old log events, are forgotten, in rounds.
const FORGET_EVERY: u32 = 60;

/// Counts what is wrong at the gates until nobody can raise an alarm any more.
pub async fn note_alarms(services: Arc<Services>, mut alarms: mpsc::Receiver<GatewayAlarm>) {
    while let Some(alarm) = alarms.recv().await {
        services.alarms.note(alarm);
    }
}

/// Keeps the counts of issued tokens until `shutdown` says so, and once more then.
pub async fn keep_counts(services: Arc<Services>, mut shutdown: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_secs(COUNTS_KEPT_EVERY_S));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopping = false;
    while !stopping {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = shutdown.wait_for(|stop| *stop) => stopping = true,
        }
        if let Err(error) = services.keep_counts().await {
            tracing::error!(%error, "counts of issued tokens cannot be kept");
        }
    }
}

/// Keeps the policy fresh until `shutdown` says so.
pub async fn keep_fresh(services: Arc<Services>, mut shutdown: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(services.refresh_interval());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round: u32 = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = shutdown.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = services.refresh().await {
            tracing::error!(%error, "the store does not answer; the policy will run out");
        }
        services.probes.sweep(services.now());
        round = round.wrapping_add(1);
        if round.is_multiple_of(FORGET_EVERY) {
            services.policy.forget_ended_tokens(services.now());
        }
    }
}

/// Writes the log events and deletes the old ones until `shutdown` says so. What comes after that
/// is for whoever closes the store: [`crate::logs::Logs::write_all`].
pub async fn keep_logs(services: Arc<Services>, mut shutdown: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(WRITE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round: u32 = 0;
    let mut behind = true;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = services.logs.much_waits() => {}
            _ = shutdown.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = services.logs.write(&services.store, services.now()).await {
            tracing::error!(%error, "log events cannot be written now");
        }
        if let Err(error) = services.actions.executions.write(&services.store, services.now()).await
        {
            tracing::error!(%error, "executions of Actions cannot be written now");
        }
        // Old events go in small steps, one between two batches, so that no write waits long.
        round = round.wrapping_add(1);
        if behind || round.is_multiple_of(FORGET_EVERY) {
            behind = services.logs.forget(&services.store, services.now()).await.unwrap_or(false);
        }
    }
}
