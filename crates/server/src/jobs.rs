//! What runs beside the requests.

use std::sync::Arc;

use tokio::sync::watch;

use crate::services::Services;

/// How often revoked tokens that have ended are forgotten, in refreshes.
const FORGET_EVERY: u32 = 60;

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
        round = round.wrapping_add(1);
        if round.is_multiple_of(FORGET_EVERY) {
            services.policy.forget_ended_tokens(services.now());
        }
    }
}
