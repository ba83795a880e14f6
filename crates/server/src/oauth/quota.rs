//! Token quotas on the wire: the headers that Auth0's clients read.

use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue};
use keyward_core::decision::Reason;
use keyward_core::quota::{BucketStanding, QuotaExceeded, QuotaHolder, QuotaStanding};
use keyward_core::time::Timestamp;

use super::reply::OAuthError;

const CLIENT: HeaderName = HeaderName::from_static("auth0-client-quota-limit");
const ORGANIZATION: HeaderName = HeaderName::from_static("auth0-organization-quota-limit");

/// Writes how the quotas stand.
pub(super) fn write_standing(headers: &mut HeaderMap, standing: &QuotaStanding) {
    for (name, limits) in [(CLIENT, &standing.client), (ORGANIZATION, &standing.account)] {
        if !limits.is_empty() {
            put(headers, name, &text(limits));
        }
    }
}

/// Compat(auth0): exactly this form is parsed by its client libraries.
fn text(limits: &[BucketStanding]) -> String {
    let one = |limit: &BucketStanding| {
        let BucketStanding { bucket, quota, remaining, resets_in_s } = limit;
        format!("b={};q={quota};r={remaining};t={resets_in_s}", bucket.name())
    };
    limits.iter().map(one).collect::<Vec<_>>().join(",")
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

impl OAuthError {
    /// 429: the quota of the client or its account is used up.
    pub(super) fn quota_exceeded(exceeded: &QuotaExceeded, now: Timestamp) -> Self {
        let limit = &exceeded.limit;
        let resets_at_s = now.seconds().saturating_add(i64::from(limit.resets_in_s));
        let mut headers = HeaderMap::new();
        write_standing(&mut headers, &exceeded.standing);
        for (name, value) in [
            (HeaderName::from_static("x-ratelimit-limit"), i64::from(limit.quota)),
            (HeaderName::from_static("x-ratelimit-remaining"), 0),
            (HeaderName::from_static("x-ratelimit-reset"), resets_at_s),
            (RETRY_AFTER, i64::from(limit.resets_in_s)),
        ] {
            put(&mut headers, name, &value.to_string());
        }
        Self::too_many_tokens(
            match exceeded.holder {
                QuotaHolder::Client(_) => "Client quota exceeded",
                QuotaHolder::Account(_) => "Organization quota exceeded",
            },
            headers,
        )
        .because(Reason::Quota.code())
    }
}
