//! `/v1/audit`: who did what, in a chain that cannot be changed unseen.

use std::sync::Arc;

use axum::extract::State;
use keyward_store::{AuditFilter, AuditRow, AuditVerdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::management::Admitted;
use crate::services::Services;
use crate::v1::answer::{Answer, List};
use crate::v1::input::{Params, page};
use crate::v1::wire::Time;
use crate::v1::{Problem, ReadAudit};

type Shared = State<Arc<Services>>;

/// One thing that was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRow)]
pub(super) struct AuditRowView {
    /// Its number, without a gap.
    seq: u64,
    /// When it was done.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// Who did it.
    actor: AuditActor,
    /// In which request.
    request_id: String,
    /// What was done: `client.update`, …
    action: String,
    /// The kind of thing it was done to.
    target_kind: String,
    /// Which thing.
    target_id: String,
    /// Its state before, without secrets.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// Its state after, without secrets.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
    /// The number of the policy change.
    revision: u64,
    /// SHA-256 over the row before and this one.
    hash: String,
    /// The hash of the row before.
    previous_hash: String,
}

/// Who did it, and from where.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditActor {
    /// `client`, `command_line` or `system`.
    kind: String,
    /// The client id, user or task.
    id: String,
    /// The address of the request.
    address: Option<String>,
}

impl From<AuditRow> for AuditRowView {
    fn from(row: AuditRow) -> Self {
        // A state that cannot be read is shown as the text it is.
        let state = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        Self {
            seq: row.seq,
            at: row.at.into(),
            actor: AuditActor {
                kind: row.actor_kind,
                id: row.actor_id,
                address: row.actor_address,
            },
            request_id: row.request_id,
            action: row.action,
            target_kind: row.target_kind,
            target_id: row.target_id,
            before: state(row.before),
            after: state(row.after),
            revision: row.revision,
            hash: row.hash,
            previous_hash: row.previous_hash,
        }
    }
}

/// Whether the log is what was written.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditVerdict)]
pub(super) struct VerdictView {
    /// Whether it is.
    ok: bool,
    /// How many rows were read.
    rows: u64,
    /// The hash of the last row. Noted elsewhere, it proves that the log was not rewritten whole.
    head: String,
    /// The first row that is not what was written.
    first_bad: Option<BadRow>,
}

/// A row that is not what was written.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BadRow {
    /// Its number.
    seq: u64,
    /// What is wrong with it.
    what: String,
}

impl From<AuditVerdict> for VerdictView {
    fn from(verdict: AuditVerdict) -> Self {
        Self {
            ok: verdict.first_bad.is_none(),
            rows: verdict.rows,
            head: verdict.head,
            first_bad: verdict.first_bad.map(|bad| BadRow { seq: bad.seq, what: bad.what }),
        }
    }
}

/// Which rows, and which part of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditList {
    /// `next_cursor` of the part before.
    cursor: Option<String>,
    /// How many at most: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Those about this kind of thing: `client`, `account`, `api`, `grant`, `token`, `key`.
    target_kind: Option<String>,
    /// Those about the thing with this id.
    target_id: Option<String>,
    /// Those by this actor.
    actor: Option<String>,
    /// Those at or after this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
}

/// Lists what was done, the newest first.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(AuditList),
    responses((status = 200, description = "A part of the log", body = List<AuditRowView>)),
    security(("management_token" = ["read:audit"]))
)]
pub(super) async fn list_audit(
    State(services): Shared,
    _admitted: Admitted<ReadAudit>,
    Params(wanted): Params<AuditList>,
) -> Result<Answer, Problem> {
    let filter = AuditFilter {
        target_kind: wanted.target_kind,
        target_id: wanted.target_id,
        actor: wanted.actor,
        since: wanted.since.map(|Time(time)| time),
    };
    let part = services.store.audit(&filter, &page(wanted.cursor, wanted.limit)?).await?;
    Ok(Answer::ok(&List::from_page(part, AuditRowView::from))?)
}

/// Checks the whole log against its chain of hashes.
#[utoipa::path(
    get, path = "/v1/audit/verify", tag = "audit",
    responses((status = 200, description = "Whether it is what was written", body = VerdictView)),
    security(("management_token" = ["read:audit"]))
)]
pub(super) async fn verify_audit(
    State(services): Shared,
    _admitted: Admitted<ReadAudit>,
) -> Result<Answer, Problem> {
    let verdict = services.store.verify_audit().await?;
    Ok(Answer::ok(&VerdictView::from(verdict))?)
}
