//! `/v1/accounts`: the company's customers, each with clients of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use keyward_core::api::Account;
use keyward_core::api::patch::AccountPatch;
use keyward_core::client::State as Activity;
use keyward_core::id::AccountId;
use keyward_core::quota::TokenQuota;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::failure::Failure;
use crate::management::{Admitted, Place, RawBody};
use crate::services::Services;
use crate::v1::allowlists::Summary;
use crate::v1::answer::{Answer, List};
use crate::v1::idempotency::{Key, Replay};
use crate::v1::input::{IfMatch, Params, page, present, read_json};
use crate::v1::wire::Time;
use crate::v1::{CreateAccounts, DeleteAccounts, Problem, ReadAccounts, UpdateAccounts, not_found};

type Shared = State<Arc<Services>>;

/// An end customer of the company.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountView {
    /// Its identifier.
    id: String,
    /// What people call it.
    name: String,
    /// `active` or `suspended`.
    state: &'static str,
    /// How many tokens its clients get together; absent when there is no limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_quota: Option<QuotaWire>,
    /// The integrator's own labels.
    metadata: BTreeMap<String, String>,
    /// From where its clients may be used, in short.
    allowlist: Summary,
    /// Counts writes; also the entity tag.
    version: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it was last written.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name.clone(),
            state: account.state.name(),
            token_quota: account.token_quota.map(QuotaWire::from),
            metadata: account.metadata.clone(),
            allowlist: Summary::from(&account.allowlist),
            version: account.version,
            created_at: account.created_at.into(),
            updated_at: account.updated_at.into(),
        }
    }
}

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    /// What people call it.
    name: String,
    /// How many tokens its clients get together.
    token_quota: Option<QuotaWire>,
    /// The integrator's own labels: at most 10.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// Changes to an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountChanges {
    /// What people call it.
    name: Option<String>,
    /// How many tokens its clients get together; `null` removes the limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<QuotaWire>)]
    token_quota: Option<Option<QuotaWire>>,
    /// Labels to add or change; `null` removes one.
    #[serde(default)]
    metadata: BTreeMap<String, Option<String>>,
}

/// A token quota in Auth0's form.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = TokenQuota)]
#[serde(deny_unknown_fields)]
pub(super) struct QuotaWire {
    /// How many tokens by client credentials.
    client_credentials: QuotaLimits,
}

/// How many tokens, in hours and days of UTC.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = TokenQuotaLimits)]
#[serde(deny_unknown_fields)]
pub(super) struct QuotaLimits {
    /// How many in an hour: 1 to 2147483647.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_hour: Option<u32>,
    /// How many in a day: 1 to 2147483647.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_day: Option<u32>,
    /// Whether more are refused, which is so unless it says `false`; else they are only counted.
    #[serde(default = "enforced")]
    enforce: bool,
}

fn enforced() -> bool {
    true
}

impl From<TokenQuota> for QuotaWire {
    fn from(TokenQuota { per_hour, per_day, enforce }: TokenQuota) -> Self {
        Self { client_credentials: QuotaLimits { per_hour, per_day, enforce } }
    }
}

impl From<QuotaWire> for TokenQuota {
    fn from(QuotaWire { client_credentials }: QuotaWire) -> Self {
        let QuotaLimits { per_hour, per_day, enforce } = client_credentials;
        Self { per_hour, per_day, enforce }
    }
}

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountList {
    /// `next_cursor` of the part before.
    cursor: Option<String>,
    /// How many at most: 1 to 100, 50 unless said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Lists accounts, the oldest first.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts", params(AccountList),
    responses((status = 200, description = "A part of the accounts", body = List<AccountView>)),
    security(("management_token" = ["read:accounts"]))
)]
pub(super) async fn list_accounts(
    State(services): Shared,
    _admitted: Admitted<ReadAccounts>,
    Params(wanted): Params<AccountList>,
) -> Result<Answer, Problem> {
    let part = services.store.accounts(&page(wanted.cursor, wanted.limit)?).await?;
    Ok(Answer::ok(&List::from_page(part, |account| AccountView::from(&account)))?)
}

/// Makes an account.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", request_body = NewAccount,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "A repeated request with the same key is answered as the first time.")),
    responses(
        (status = 201, description = "The account", body = AccountView),
        (status = 422, description = "Not acceptable; `errors` names every fault"),
    ),
    security(("management_token" = ["create:accounts"]))
)]
pub(super) async fn create_account(
    State(services): Shared,
    admitted: Admitted<CreateAccounts>,
    key: Key,
    body: RawBody,
) -> Result<Response, Problem> {
    let new: NewAccount = read_json(&body)?;
    let metadata = new.metadata.into_iter().map(|(key, value)| (key, Some(value))).collect();
    let quota = new.token_quota.map(TokenQuota::from);
    let patch =
        AccountPatch { name: Some(new.name), state: None, token_quota: Some(quota), metadata };
    let mut account = Account::new(services.new_account_id()?, "", admitted.now);
    account.apply(patch, admitted.now)?;
    let caller = admitted.actor().id().to_owned();
    let shared = Arc::clone(&services);
    key.once(&shared, &caller, &body.bytes, Replay::Whole, async move {
        let mut tx = admitted.begin(&services).await?;
        tx.insert_account(&account).await?;
        services.commit(tx).await?;
        Ok(Answer::created(&AccountView::from(&account))?.at(account.version))
    })
    .await
}

/// Shows an account.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts",
    params(("id" = String, Path, description = "The account's identifier")),
    responses(
        (status = 200, description = "The account", body = AccountView),
        (status = 404, description = "There is no such account"),
    ),
    security(("management_token" = ["read:accounts"]))
)]
pub(super) async fn get_account(
    State(services): Shared,
    _admitted: Admitted<ReadAccounts>,
    Place(id): Place<String>,
) -> Result<Answer, Problem> {
    let account = services.store.account(&account_id(&id)?).await?;
    let account = account.ok_or_else(|| not_found("account"))?;
    Ok(Answer::ok(&AccountView::from(&account))?.at(account.version))
}

/// Renames an account or changes its labels.
#[utoipa::path(
    patch, path = "/v1/accounts/{id}", tag = "accounts", request_body = AccountChanges,
    params(
        ("id" = String, Path, description = "The account's identifier"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
    ),
    responses(
        (status = 200, description = "The account", body = AccountView),
        (status = 404, description = "There is no such account"),
        (status = 412, description = "Somebody else has changed it"),
        (status = 422, description = "Not acceptable; `errors` names every fault"),
    ),
    security(("management_token" = ["update:accounts"]))
)]
pub(super) async fn update_account(
    State(services): Shared,
    admitted: Admitted<UpdateAccounts>,
    Place(id): Place<String>,
    if_match: IfMatch,
    body: RawBody,
) -> Result<Answer, Problem> {
    let changes: AccountChanges = read_json(&body)?;
    let token_quota = changes.token_quota.map(|quota| quota.map(TokenQuota::from));
    let AccountChanges { name, metadata, .. } = changes;
    let patch = AccountPatch { name, state: None, token_quota, metadata };
    edit(&services, &admitted, &id, &if_match, patch).await
}

/// Suspends an account: all its clients are refused at once, at both doors.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/suspend", tag = "accounts",
    params(("id" = String, Path, description = "The account's identifier")),
    responses(
        (status = 200, description = "The account", body = AccountView),
        (status = 404, description = "There is no such account"),
    ),
    security(("management_token" = ["update:accounts"]))
)]
pub(super) async fn suspend_account(
    State(services): Shared,
    admitted: Admitted<UpdateAccounts>,
    Place(id): Place<String>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let patch = AccountPatch { state: Some(Activity::Suspended), ..AccountPatch::default() };
    edit(&services, &admitted, &id, &if_match, patch).await
}

/// Resumes a suspended account.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/resume", tag = "accounts",
    params(("id" = String, Path, description = "The account's identifier")),
    responses(
        (status = 200, description = "The account", body = AccountView),
        (status = 404, description = "There is no such account"),
    ),
    security(("management_token" = ["update:accounts"]))
)]
pub(super) async fn resume_account(
    State(services): Shared,
    admitted: Admitted<UpdateAccounts>,
    Place(id): Place<String>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let patch = AccountPatch { state: Some(Activity::Active), ..AccountPatch::default() };
    edit(&services, &admitted, &id, &if_match, patch).await
}

async fn edit(
    services: &Arc<Services>,
    admitted: &Admitted<UpdateAccounts>,
    id: &str,
    if_match: &IfMatch,
    patch: AccountPatch,
) -> Result<Answer, Problem> {
    let id = account_id(id)?;
    let mut tx = admitted.begin(services).await?;
    let mut account = tx.account(&id).await?.ok_or_else(|| not_found("account"))?;
    if_match.check(account.version)?;
    account.apply(patch, admitted.now)?;
    account.version = tx.update_account(&account).await?;
    services.commit(tx).await?;
    Ok(Answer::ok(&AccountView::from(&account))?.at(account.version))
}

/// Deletes an account that has no clients any more.
#[utoipa::path(
    delete, path = "/v1/accounts/{id}", tag = "accounts",
    params(
        ("id" = String, Path, description = "The account's identifier"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such account"),
        (status = 409, description = "It still has clients"),
        (status = 412, description = "Somebody else has changed it"),
    ),
    security(("management_token" = ["delete:accounts"]))
)]
pub(super) async fn delete_account(
    State(services): Shared,
    admitted: Admitted<DeleteAccounts>,
    Place(id): Place<String>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let id = account_id(&id)?;
    let mut tx = admitted.begin(&services).await?;
    let account = tx.account(&id).await?.ok_or_else(|| not_found("account"))?;
    if_match.check(account.version)?;
    tx.delete_account(&id).await?;
    services.commit(tx).await?;
    Ok(Answer::gone())
}

fn account_id(text: &str) -> Result<AccountId, Failure> {
    AccountId::parse(text).map_err(|_| not_found("account"))
}
