//! Token quotas: counting, telling, and keeping what was counted.

use std::sync::Arc;

use keyward_core::decision::{Permit, Reason};
use keyward_core::id::ClientId;
use keyward_core::quota::{
    QuotaExceeded, QuotaHolder, QuotaToken, QuotaWarning, TokenQuotas, day_number,
};
use keyward_core::time::Timestamp;
use keyward_store::StoreError;

use super::Services;
use crate::logs::{LogEvent, LogKind};

/// How often counts are kept, in seconds: what a crash loses at most.
pub const COUNTS_KEPT_EVERY_S: u64 = 5;

impl Services {
    /// Counts a token for its client and account. Give it back by dropping it, or settle it once it
    /// is issued. `None` when nothing is to be counted.
    ///
    /// # Errors
    /// When a quota is used up: [`Reason::Quota`].
    pub fn take_quota(
        &self,
        permit: &Permit,
        now: Timestamp,
    ) -> Result<Option<QuotaToken>, Box<QuotaExceeded>> {
        let none = TokenQuotas::default();
        let quotas = permit.token.as_ref().map_or(&none, |terms| &terms.quotas);
        if quotas.is_empty() {
            return Ok(None);
        }
        self.quotas.take(&permit.client, quotas, now).map(Some).inspect_err(|exceeded| {
            tracing::info!(
                client.id = %permit.client,
                holder = %holder_text(&exceeded.holder),
                bucket = exceeded.limit.bucket.name(),
                quota = exceeded.limit.quota,
                reason = Reason::Quota.code(),
                "no token: the quota is used up"
            );
        })
    }

    /// Says that a counted token was issued to a client, and tells of thresholds.
    pub fn settle_quota(&self, client: &ClientId, token: QuotaToken) {
        for warning in token.settle() {
            self.warn_quota(client, &warning);
        }
    }

    /// Tells that a part of a quota is used, once in each hour or day.
    fn warn_quota(&self, client: &ClientId, warning: &QuotaWarning) {
        let (holder, bucket) = (holder_text(&warning.holder), warning.bucket.name());
        let QuotaWarning { quota, used, percent, .. } = *warning;
        let told = format!("{percent} % of the token quota {bucket} of {holder} is used");
        tracing::warn!(client.id = %client, holder, bucket, quota, used, percent, "{told}");
        let event = LogEvent::new(LogKind::TokenQuotaWarning, self.now())
            .of_client(client)
            .described(&told)
            .with("holder", holder)
            .with("bucket", bucket)
            .with("quota", quota)
            .with("used", used)
            .with("percent", percent);
        self.logs.emit(event);
    }

    /// Keeps what was counted since the last time.
    ///
    /// # Errors
    /// When the store does not take it; it is tried again the next time.
    pub async fn keep_counts(self: &Arc<Self>) -> Result<(), StoreError> {
        let now = self.now();
        let counts = self.quotas.unsaved(now);
        if counts.is_empty() {
            return Ok(());
        }
        let saved = self.store.save_token_counts(&counts, day_number(now)).await;
        saved.inspect_err(|_| self.quotas.not_saved(&counts))
    }
}

/// Whose quota, in words.
fn holder_text(holder: &QuotaHolder) -> String {
    match holder {
        QuotaHolder::Client(id) => format!("client {id}"),
        QuotaHolder::Account(id) => format!("account {id}"),
    }
}
