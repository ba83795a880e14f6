//! Clients, accounts, APIs, client grants, gateways and Actions.

use keyward_core::action::{Action, ActionVersion, Bindings};
use keyward_core::api::{Account, Api};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::gateway::Gateway;
use keyward_core::id::{AccountId, ActionId, ActionVersionId, ApiId, ClientId, GatewayId, GrantId};
use keyward_core::policy::Change;
use keyward_core::tenant::{Tenant, TenantId};
use serde_json::Value;
use sqlx::{query, query_scalar};

use super::{Done, Pending, Tx};
use crate::dialect::Query;
use crate::encode::Body;
use crate::entity::{Entity, signed};
use crate::error::{Conflict, StoreError};
use crate::read::Builder;

macro_rules! methods {
    ($entity:ident, $id:ident, $what:literal, $get:ident, $insert:ident, $update:ident) => {
        #[doc = concat!("Reads ", $what, " as it stands in this transaction.")]
        ///
        /// # Errors
        /// [`StoreError::Unavailable`], [`StoreError::Corrupt`], [`StoreError::Abandoned`].
        pub async fn $get(&mut self, id: &$id) -> Result<Option<$entity>, StoreError> {
            self.begin_step()?;
            let result = self.load(&id.to_string()).await;
            self.end_step(result)
        }

        #[doc = concat!("Stores ", $what, " that is new. It gets version 1.")]
        ///
        /// # Errors
        /// [`StoreError::Conflict`] when the id (or what else must be unique) is taken or what it
        /// names does not exist, [`StoreError::Unstorable`], [`StoreError::Full`],
        /// [`StoreError::Unavailable`], [`StoreError::Corrupt`], [`StoreError::Abandoned`].
        pub async fn $insert(&mut self, entity: &$entity) -> Result<(), StoreError> {
            self.begin_step()?;
            let result = Box::pin(self.insert(entity)).await;
            self.end_step(result)
        }

        #[doc = concat!("Replaces ", $what, " and returns its new version.")]
        ///
        /// Its `version` must be the one that was read. Version and `updated_at` are set here,
        /// `created_at` stays. Nothing is written, and the version stays, when nothing differs
        /// from what is stored.
        ///
        /// # Errors
        /// [`StoreError::Conflict`] when somebody else changed or deleted it meanwhile, or what it
        /// names does not exist, [`StoreError::Unstorable`] when a field changed that stays for
        /// life, and as for new ones.
        pub async fn $update(&mut self, entity: &$entity) -> Result<u64, StoreError> {
            self.begin_step()?;
            let result = Box::pin(self.update(entity)).await;
            self.end_step(result)
        }
    };
}

impl Tx {
    methods!(Client, ClientId, "a client", client, insert_client, update_client);
    methods!(Account, AccountId, "an account", account, insert_account, update_account);
    methods!(Api, ApiId, "an API", api, insert_api, update_api);
    methods!(ClientGrant, GrantId, "a client grant", grant, insert_grant, update_grant);
    methods!(Tenant, TenantId, "the tenant", tenant, insert_tenant, update_tenant);
    methods!(Gateway, GatewayId, "a gateway", gateway, insert_gateway, update_gateway);
    methods!(Action, ActionId, "an Action", action, insert_action, update_action);
    methods!(
        ActionVersion,
        ActionVersionId,
        "a version of an Action",
        action_version,
        insert_action_version,
        update_action_version
    );
    methods!(
        Bindings,
        str,
        "what is bound to a trigger",
        bindings,
        insert_bindings,
        update_bindings
    );

    /// Deletes a client and its grants. `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Unavailable`], [`StoreError::Corrupt`],
    /// [`StoreError::Abandoned`].
    pub async fn delete_client(&mut self, id: &ClientId) -> Result<bool, StoreError> {
        self.begin_step()?;
        let ended = Change::ClientDeleted(id.clone());
        let result = Box::pin(self.delete_with_grants::<Client>(&id.to_string(), ended)).await;
        self.end_step(result)
    }

    /// Deletes an account. `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] while clients belong to it, and as [`Tx::delete_client`].
    pub async fn delete_account(&mut self, id: &AccountId) -> Result<bool, StoreError> {
        self.begin_step()?;
        let result = Box::pin(self.delete_unowning(id)).await;
        self.end_step(result)
    }

    /// Deletes an API and the grants for it. `false` when there is none.
    ///
    /// # Errors
    /// As [`Tx::delete_client`].
    pub async fn delete_api(&mut self, id: &ApiId) -> Result<bool, StoreError> {
        self.begin_step()?;
        let ended = Change::ApiDeleted(id.clone());
        let result = Box::pin(self.delete_with_grants::<Api>(id.as_str(), ended)).await;
        self.end_step(result)
    }

    /// Deletes a client grant. `false` when there is none.
    ///
    /// # Errors
    /// As [`Tx::delete_client`].
    pub async fn delete_grant(&mut self, id: &GrantId) -> Result<bool, StoreError> {
        self.begin_step()?;
        let result = Box::pin(async {
            let Some(grant) = self.load::<ClientGrant>(id.as_str()).await? else {
                return Ok(false);
            };
            self.delete_grants(vec![grant]).await?;
            Ok(true)
        })
        .await;
        self.end_step(result)
    }

    /// Deletes a gateway. `false` when there is none.
    ///
    /// # Errors
    /// As [`Tx::delete_client`].
    pub async fn delete_gateway(&mut self, id: &GatewayId) -> Result<bool, StoreError> {
        self.begin_step()?;
        let result = Box::pin(async {
            let Some(gateway) = self.load::<Gateway>(id.as_str()).await? else { return Ok(false) };
            self.delete(&gateway, Change::GatewayDeleted(id.clone())).await?;
            Ok(true)
        })
        .await;
        self.end_step(result)
    }

    /// Deletes an Action with its versions. `false` when there is none. Whoever deletes one that is
    /// bound writes the bindings as well: one without its Action lets no token pass.
    ///
    /// # Errors
    /// As [`Tx::delete_client`].
    pub async fn delete_action(&mut self, id: &ActionId) -> Result<bool, StoreError> {
        self.begin_step()?;
        let result = Box::pin(async {
            let Some(action) = self.load::<Action>(id.as_str()).await? else { return Ok(false) };
            for version in self.versions_of(id).await? {
                self.delete(&version, Change::ActionVersionDeleted(version.id.clone())).await?;
            }
            self.delete(&action, Change::ActionDeleted(id.clone())).await?;
            Ok(true)
        })
        .await;
        self.end_step(result)
    }

    /// Forgets the oldest versions of an Action until `kept` are left; never `running`.
    ///
    /// # Errors
    /// As [`Tx::delete_client`].
    pub async fn forget_action_versions(
        &mut self,
        id: &ActionId,
        kept: usize,
        running: Option<&ActionVersionId>,
    ) -> Result<(), StoreError> {
        self.begin_step()?;
        let result = Box::pin(async {
            let versions = self.versions_of(id).await?;
            let surplus = versions.len().saturating_sub(kept);
            let old = versions.into_iter().filter(|version| Some(&version.id) != running);
            for version in old.take(surplus) {
                self.delete(&version, Change::ActionVersionDeleted(version.id.clone())).await?;
            }
            Ok(())
        })
        .await;
        self.end_step(result)
    }

    /// The versions of an Action, oldest first.
    async fn versions_of(&mut self, id: &ActionId) -> Result<Vec<ActionVersion>, StoreError> {
        let mut sql = Builder::new(ActionVersion::SELECT);
        sql.push(" WHERE action_id = ").push_bind(id.to_string()).push(" ORDER BY number");
        let (inner, connection) = self.parts()?;
        inner.fetch(connection, &mut sql).await
    }

    async fn load<E: Entity>(&mut self, id: &str) -> Result<Option<E>, StoreError> {
        let (inner, connection) = self.parts()?;
        inner.one(connection, id).await
    }

    async fn execute(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        let (inner, connection) = self.parts()?;
        let done = query.execute(connection).await.map_err(|error| inner.fault(&error))?;
        Ok(done.rows_affected())
    }

    async fn count(&mut self, sql: &'static str, id: &str) -> Result<u64, StoreError> {
        let (inner, connection) = self.parts()?;
        let count = query_scalar::<_, i64>(sql).bind(id).fetch_one(connection).await;
        count
            .map(|count| u64::try_from(count).unwrap_or_default())
            .map_err(|error| inner.fault(&error))
    }

    async fn insert<E: Entity>(&mut self, entity: &E) -> Result<(), StoreError> {
        let mut entity = entity.clone();
        let (created_at, updated_at) = (entity.created_at(), entity.updated_at());
        entity.stamp(1, created_at, updated_at);
        let (body, text) = entity.checked_body()?;
        self.check_references(&entity).await?;
        let statement = E::bind(&body, query(E::INSERT)).map_err(|error| unwritable(&error))?;
        if self.execute(statement).await? == 0 {
            let id = entity.id_text();
            let taken = self.load::<E>(&id).await?.is_some();
            let (field, value) =
                entity.unique().filter(|_| !taken).unwrap_or_else(|| ("id", id.clone()));
            return Err(Conflict::Taken { kind: E::KIND, field, value }.into());
        }
        self.changed("create", entity, text, None, &body);
        Ok(())
    }

    async fn update<E: Entity>(&mut self, entity: &E) -> Result<u64, StoreError> {
        let (kind, id) = (E::KIND, entity.id_text());
        let Some(before) = self.load::<E>(&id).await? else {
            return Err(Conflict::Gone { kind, id }.into());
        };
        let read = entity.version();
        if before.version() != read {
            return Err(Conflict::Changed { kind, id, version: before.version() }.into());
        }
        if let Some(field) = entity.changed_for_life(&before) {
            let (field, what) = (field.to_owned(), "cannot be changed".to_owned());
            return Err(StoreError::Unstorable { kind, id, field, what });
        }
        let mut entity = entity.clone();
        entity.stamp(read, before.created_at(), before.updated_at());
        if entity.checked_body()?.1 == before.checked_body()?.1 {
            return Ok(read);
        }
        let version = read.saturating_add(1);
        entity.stamp(version, before.created_at(), self.now);
        let (body, text) = entity.checked_body()?;
        self.check_references(&entity).await?;
        let statement = E::bind(&body, query(E::UPDATE)).map_err(|error| unwritable(&error))?;
        if self.execute(statement.bind(signed(read))).await? == 0 {
            return Err(Conflict::Gone { kind, id }.into());
        }
        self.changed("update", entity, text, Some(&before), &body);
        Ok(version)
    }

    async fn check_references<E: Entity>(&mut self, entity: &E) -> Result<(), StoreError> {
        for reference in entity.references() {
            if self.count(reference.sql, &reference.id).await? == 0 {
                let (kind, id) = (reference.kind, reference.id);
                return Err(Conflict::Missing { kind, id }.into());
            }
        }
        Ok(())
    }

    async fn delete_unowning(&mut self, id: &AccountId) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM clients WHERE account_id = $1";
        let count = self.count(sql, id.as_str()).await?;
        if count > 0 {
            let (kind, id) = (Account::KIND, id.to_string());
            return Err(Conflict::InUse { kind, id, count, by: "clients" }.into());
        }
        let Some(account) = self.load::<Account>(id.as_str()).await? else { return Ok(false) };
        self.delete(&account, Change::AccountDeleted(id.clone())).await?;
        Ok(true)
    }

    async fn delete_with_grants<E: Entity>(
        &mut self,
        id: &str,
        ended: Change,
    ) -> Result<bool, StoreError> {
        let Some(entity) = self.load::<E>(id).await? else { return Ok(false) };
        let mut sql = Builder::new(ClientGrant::SELECT);
        let column = if E::KIND == Client::KIND { "client_id" } else { "api_id" };
        sql.push(" WHERE ").push(column).push(" = ").push_bind(id.to_owned());
        sql.push(" ORDER BY created_at, id");
        let (inner, connection) = self.parts()?;
        let grants = inner.fetch(connection, &mut sql).await?;
        self.delete_grants(grants).await?;
        self.delete(&entity, ended).await?;
        Ok(true)
    }

    async fn delete_grants(&mut self, grants: Vec<ClientGrant>) -> Result<(), StoreError> {
        for grant in grants {
            let (id, client, api) = (grant.id.clone(), grant.client.clone(), grant.api.clone());
            self.delete(&grant, Change::GrantDeleted { id, client, api }).await?;
        }
        Ok(())
    }

    async fn delete<E: Entity>(&mut self, entity: &E, ended: Change) -> Result<(), StoreError> {
        let id = entity.id_text();
        self.execute(query(E::DELETE).bind(id.clone())).await?;
        self.changes.push(Pending {
            change: ended,
            kind: E::KIND,
            entity: id.clone(),
            refers_to: entity.refers_to(),
            body: None,
            set_row_seq: None,
        });
        self.audited(Done {
            action: format!("{}.delete", E::KIND),
            target_kind: E::KIND,
            target_id: id,
            before: Some(public(&E::Body::of(entity))),
            after: None,
        });
        Ok(())
    }

    fn changed<E: Entity>(
        &mut self,
        verb: &str,
        entity: E,
        text: String,
        before: Option<&E>,
        after: &E::Body,
    ) {
        let id = entity.id_text();
        self.audited(Done {
            action: format!("{}.{verb}", E::KIND),
            target_kind: E::KIND,
            target_id: id.clone(),
            before: before.map(|before| public(&E::Body::of(before))),
            after: Some(public(after)),
        });
        self.changes.push(Pending {
            refers_to: entity.refers_to(),
            change: entity.change(),
            kind: E::KIND,
            entity: id,
            body: Some(text),
            set_row_seq: Some(E::SET_ROW_SEQ),
        });
    }
}

/// The state of a thing for the audit log: with everything that people may see, without the codes
/// that secrets are checked against and without sealed secrets.
fn public(body: &impl Body) -> String {
    let mut value = serde_json::to_value(body).unwrap_or_default();
    for field in ["secrets", "tokens"] {
        if let Some(Value::Array(secrets)) = value.get_mut(field) {
            for secret in secrets.iter_mut().filter_map(Value::as_object_mut) {
                secret.remove("mac");
                secret.remove("sealed");
            }
        }
    }
    if let Some(kept) = value.get_mut("kept_fields") {
        let object = kept.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        *kept = object.unwrap_or_default();
    }
    value.to_string()
}

fn unwritable(error: &serde_json::Error) -> StoreError {
    StoreError::Unavailable(format!("a value could not be written as JSON: {error}"))
}
