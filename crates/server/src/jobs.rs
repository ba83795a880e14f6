//! What runs beside the requests.

use std::sync::Arc;

use keyward_gate::GatewayAlarm;
use tokio::sync::{mpsc, watch};

use crate::services::Services;

/// How often revoked tokens that have ended are forgotten, in refreshes.
const FORGET_EVERY: u32 = 60;

/// Counts what is wrong at the gates until nobody can raise an alarm any more.
pub async fn note_alarms(services: Arc<Services>, mut alarms: mpsc::Receiver<GatewayAlarm>) {
    while let Some(alarm) = alarms.recv().await {
        services.alarms.note(alarm);
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
