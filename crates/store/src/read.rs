//! Look-ups and lists.

use futures_util::TryStreamExt;
use keyward_core::action::{Action, ActionVersion, Bindings};
use keyward_core::api::{Account, Api};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::gateway::Gateway;
use keyward_core::id::{AccountId, ActionId, ActionVersionId, ApiId, ClientId, GatewayId, GrantId};
use keyward_core::policy::Change;
use keyward_core::tenant::{Tenant, TenantId};
use keyward_core::time::Timestamp;
use keyward_core::token::TokenId;
use sqlx::{QueryBuilder, query, query_scalar};

use crate::cells::Cells;
use crate::dialect::{Connection, Db};
use crate::entity::{Entity, signed};
use crate::error::StoreError;
use crate::model::Snapshot;
use crate::page::{ActionFilter, ApiFilter, ClientFilter, GrantFilter, Page, PageOf};
use crate::store::{Inner, Store};

/// Longer search texts are in no name; the database refuses patterns over 50,000 bytes.
const SEARCH_BYTES_MAX: usize = 10_000;

pub(crate) type Builder = QueryBuilder<Db>;

impl Store {
    /// The whole policy at one moment, read in one go.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when any row cannot be what was written: there is no policy without
    /// it, since a client without its list would be let in from everywhere.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut reading = self.inner.begin_read().await?;
        let connection = &mut *reading.connection;
        let revision = self.inner.revision(connection).await?;
        let mut changes = Vec::new();
        self.inner.all::<Tenant>(connection, &mut changes).await?;
        self.inner.all::<Api>(connection, &mut changes).await?;
        self.inner.all::<Account>(connection, &mut changes).await?;
        self.inner.all::<Client>(connection, &mut changes).await?;
        self.inner.all::<ClientGrant>(connection, &mut changes).await?;
        self.inner.all::<Gateway>(connection, &mut changes).await?;
        self.inner.all::<Action>(connection, &mut changes).await?;
        self.inner.all::<Bindings>(connection, &mut changes).await?;
        self.inner.revocations(connection, &mut changes).await?;
        reading.end().await?;
        Ok(Snapshot { revision, changes })
    }

    /// Checks everything that can be checked: each page and index of the file, each value of the
    /// policy. For people who ask; it reads the whole file.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first damage found, [`StoreError::Unavailable`].
    pub async fn check(&self) -> Result<(), StoreError> {
        let mut reader = self.inner.reader().await?;
        self.inner.target.check_all(&mut reader).await?;
        drop(reader);
        self.snapshot().await.map(|_| ())
    }

    /// The number of the last committed change.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::Corrupt`], as all reads.
    pub async fn revision(&self) -> Result<u64, StoreError> {
        let mut reader = self.inner.reader().await?;
        self.inner.revision(&mut reader).await
    }

    /// A client.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::Corrupt`], as all reads.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.one(&id.to_string()).await
    }

    /// Clients.
    ///
    /// # Errors
    /// As [`Store::client`], and [`StoreError::Cursor`].
    pub async fn clients(
        &self,
        filter: &ClientFilter,
        page: &Page,
    ) -> Result<PageOf<Client>, StoreError> {
        let text = filter.text.as_deref().map(pattern);
        self.list(page, |sql| {
            if let Some(account) = &filter.account {
                sql.push(" AND account_id = ").push_bind(account.to_string());
            }
            match &text {
                None => {}
                Some(Some(pattern)) => {
                    let pattern = pattern.clone();
                    sql.push(" AND search_text LIKE ").push_bind(pattern).push(" ESCAPE '\\'");
                }
                Some(None) => push_none(sql),
            }
            if let Some(ids) = &filter.ids {
                push_any(sql, "id", ids.iter().map(ToString::to_string));
            }
        })
        .await
    }

    /// An account.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.one(id.as_str()).await
    }

    /// All accounts.
    ///
    /// # Errors
    /// As [`Store::clients`].
    pub async fn accounts(&self, page: &Page) -> Result<PageOf<Account>, StoreError> {
        self.list(page, |_| {}).await
    }

    /// An API.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn api(&self, id: &ApiId) -> Result<Option<Api>, StoreError> {
        self.one(id.as_str()).await
    }

    /// The API with that identifier (audience).
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn api_by_identifier(&self, identifier: &str) -> Result<Option<Api>, StoreError> {
        let mut reader = self.inner.reader().await?;
        let mut sql = Builder::new(Api::SELECT);
        sql.push(" WHERE identifier = ").push_bind(identifier.to_owned());
        let row = sql.build().fetch_optional(&mut *reader).await;
        row.map_err(|error| self.inner.fault(&error))?.map(|row| Api::of_row(&row)).transpose()
    }

    /// APIs.
    ///
    /// # Errors
    /// As [`Store::clients`].
    pub async fn apis(&self, filter: &ApiFilter, page: &Page) -> Result<PageOf<Api>, StoreError> {
        self.list(page, |sql| {
            if let Some(identifiers) = &filter.identifiers {
                push_any(sql, "identifier", identifiers.iter().cloned());
            }
        })
        .await
    }

    /// A client grant.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn grant(&self, id: &GrantId) -> Result<Option<ClientGrant>, StoreError> {
        self.one(id.as_str()).await
    }

    /// Client grants.
    ///
    /// # Errors
    /// As [`Store::clients`].
    pub async fn grants(
        &self,
        filter: &GrantFilter,
        page: &Page,
    ) -> Result<PageOf<ClientGrant>, StoreError> {
        self.list(page, |sql| {
            if let Some(client) = &filter.client {
                sql.push(" AND client_id = ").push_bind(client.to_string());
            }
            if let Some(api) = &filter.api {
                sql.push(" AND api_id = ").push_bind(api.to_string());
            }
            if let Some(any) = filter.any_organization {
                sql.push(" AND any_organization = ").push_bind(i64::from(any));
            }
        })
        .await
    }

    /// A gateway.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn gateway(&self, id: &GatewayId) -> Result<Option<Gateway>, StoreError> {
        self.one(id.as_str()).await
    }

    /// All gateways.
    ///
    /// # Errors
    /// As [`Store::clients`].
    pub async fn gateways(&self, page: &Page) -> Result<PageOf<Gateway>, StoreError> {
        self.list(page, |_| {}).await
    }

    /// An Action.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn action(&self, id: &ActionId) -> Result<Option<Action>, StoreError> {
        self.one(id.as_str()).await
    }

    /// Actions.
    ///
    /// # Errors
    /// As [`Store::clients`].
    pub async fn actions(
        &self,
        filter: &ActionFilter,
        page: &Page,
    ) -> Result<PageOf<Action>, StoreError> {
        self.list(page, |sql| {
            if let Some(name) = &filter.name {
                sql.push(" AND name = ").push_bind(name.clone());
            }
            match filter.deployed {
                Some(true) => sql.push(" AND deployed IS NOT NULL"),
                Some(false) => sql.push(" AND deployed IS NULL"),
                None => sql,
            };
        })
        .await
    }

    /// A version of an Action.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn action_version(
        &self,
        id: &ActionVersionId,
    ) -> Result<Option<ActionVersion>, StoreError> {
        self.one(id.as_str()).await
    }

    /// All versions of an Action, the newest first. There are at most as many as are kept.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn action_versions(&self, id: &ActionId) -> Result<Vec<ActionVersion>, StoreError> {
        let mut sql = Builder::new(ActionVersion::SELECT);
        sql.push(" WHERE action_id = ").push_bind(id.to_string()).push(" ORDER BY number DESC");
        let mut reader = self.inner.reader().await?;
        self.inner.fetch(&mut reader, &mut sql).await
    }

    /// What is bound to a trigger; `None` until it was written once.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn bindings(&self, trigger: &str) -> Result<Option<Bindings>, StoreError> {
        self.one(trigger).await
    }

    /// The settings of the whole installation; `None` as long as nobody wrote any.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn tenant(&self) -> Result<Option<Tenant>, StoreError> {
        self.one(TenantId::TEXT).await
    }

    /// A setting.
    ///
    /// # Errors
    /// As [`Store::client`].
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut reader = self.inner.reader().await?;
        self.inner.setting(&mut reader, name).await
    }

    async fn one<E: Entity>(&self, id: &str) -> Result<Option<E>, StoreError> {
        let mut reader = self.inner.reader().await?;
        self.inner.one(&mut reader, id).await
    }

    async fn list<E: Entity>(
        &self,
        page: &Page,
        conditions: impl Fn(&mut Builder) + Send,
    ) -> Result<PageOf<E>, StoreError> {
        let start = |head: &str| {
            let mut sql = Builder::new(head);
            sql.push(" WHERE 1 = 1");
            conditions(&mut sql);
            sql
        };
        let mut sql = start(E::SELECT);
        match page {
            Page::Offset { offset, limit } => {
                sql.push(" ORDER BY created_at, id LIMIT ").push_bind(i64::from(*limit));
                sql.push(" OFFSET ").push_bind(signed(*offset));
                let mut reading = self.inner.begin_read().await?;
                let total = start(E::COUNT)
                    .build_query_scalar::<i64>()
                    .fetch_one(&mut *reading.connection)
                    .await
                    .map_err(|error| self.inner.fault(&error))?;
                let items = self.inner.fetch(&mut reading.connection, &mut sql).await?;
                reading.end().await?;
                Ok(PageOf {
                    items,
                    total: Some(u64::try_from(total).unwrap_or_default()),
                    next: None,
                })
            }
            Page::After { cursor, limit } => {
                if let Some(cursor) = cursor {
                    let (created_at, id) = read_cursor(cursor)?;
                    sql.push(" AND (created_at, id) > (").push_bind(created_at);
                    sql.push(", ").push_bind(id).push(")");
                }
                // One more than asked for tells whether there is a next page.
                sql.push(" ORDER BY created_at, id LIMIT ").push_bind(i64::from(*limit) + 1);
                let mut reader = self.inner.reader().await?;
                let mut items: Vec<E> = self.inner.fetch(&mut reader, &mut sql).await?;
                let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
                let more = items.len() > limit;
                items.truncate(limit);
                let next = items
                    .last()
                    .filter(|_| more)
                    .map(|last| format!("{}.{}", last.created_at().millis(), last.id_text()));
                Ok(PageOf { items, total: None, next })
            }
        }
    }
}

impl Inner {
    pub(crate) async fn one<E: Entity>(
        &self,
        connection: &mut Connection,
        id: &str,
    ) -> Result<Option<E>, StoreError> {
        let row = query(E::SELECT_ONE).bind(id).fetch_optional(connection).await;
        row.map_err(|error| self.fault(&error))?.map(|row| E::of_row(&row)).transpose()
    }

    pub(crate) async fn fetch<E: Entity>(
        &self,
        connection: &mut Connection,
        sql: &mut Builder,
    ) -> Result<Vec<E>, StoreError> {
        let rows = sql.build().fetch_all(connection).await;
        rows.map_err(|error| self.fault(&error))?.iter().map(E::of_row).collect()
    }

    pub(crate) async fn setting(
        &self,
        connection: &mut Connection,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT name, value FROM settings WHERE name = $1";
        let row = query(sql).bind(name).fetch_optional(connection).await;
        let Some(row) = row.map_err(|error| self.fault(&error))? else { return Ok(None) };
        let mut cells = Cells::new("settings", &row);
        cells.text("name")?;
        cells.text("value").map(Some)
    }

    pub(crate) async fn revision(&self, connection: &mut Connection) -> Result<u64, StoreError> {
        let sql = "SELECT seq FROM change_head WHERE shard = 0";
        let row =
            query(sql).fetch_optional(connection).await.map_err(|error| self.fault(&error))?;
        let Some(row) = row else {
            return Err(StoreError::corrupt("change_head", "shard", "0", "is missing"));
        };
        Cells::new("change_head", &row).number("seq")
    }

    /// Appends a whole table.
    async fn all<E: Entity>(
        &self,
        connection: &mut Connection,
        changes: &mut Vec<Change>,
    ) -> Result<(), StoreError> {
        let count = query_scalar::<_, i64>(E::COUNT).fetch_one(&mut *connection).await;
        let count = count.map_err(|error| self.fault(&error))?;
        changes.reserve(usize::try_from(count).unwrap_or_default());
        let before = changes.len();
        {
            let mut rows = query(E::SELECT).fetch(connection);
            while let Some(row) = rows.try_next().await.map_err(|error| self.fault(&error))? {
                changes.push(E::of_row(&row)?.change());
            }
        }
        // The count comes from an index and the rows from the table: two witnesses.
        let read = changes.len().saturating_sub(before);
        if i64::try_from(read) == Ok(count) {
            return Ok(());
        }
        let what = format!("has {read} rows in table {} where its index has {count}", E::TABLE);
        Err(self.target.damaged(&what))
    }

    async fn revocations(
        &self,
        connection: &mut Connection,
        changes: &mut Vec<Change>,
    ) -> Result<(), StoreError> {
        let mut rows = query("SELECT token, expires_at FROM token_revocations").fetch(connection);
        while let Some(row) = rows.try_next().await.map_err(|error| self.fault(&error))? {
            let mut cells = Cells::new("token_revocations", &row);
            let token = crate::hex::decode(&cells.text("token")?).map(TokenId);
            let token = token.ok_or_else(|| cells.corrupt("token", "is no token id"))?;
            let expires_at = Timestamp::from_millis(cells.integer("expires_at")?);
            changes.push(Change::TokenRevoked { token, expires_at });
        }
        Ok(())
    }
}

/// The `LIKE` pattern for a text that is to be found anywhere; `None` when it cannot be found.
fn pattern(text: &str) -> Option<String> {
    (text.len() <= SEARCH_BYTES_MAX).then(|| like_pattern("%", &text.to_lowercase()))
}

/// A `LIKE` pattern: a text after `before`, whatever follows. Written for `ESCAPE '\'`.
pub(crate) fn like_pattern(before: &str, text: &str) -> String {
    let mut pattern = before.to_owned();
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

fn push_none(sql: &mut Builder) {
    sql.push(" AND 1 = 0");
}

/// `column` must be one of `values`.
fn push_any(sql: &mut Builder, column: &'static str, values: impl Iterator<Item = String>) {
    let mut values = values.peekable();
    if values.peek().is_none() {
        return push_none(sql);
    }
    sql.push(" AND ").push(column).push(" IN (");
    let mut list = sql.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    sql.push(")");
}

/// A cursor is the last thing shown: its time of creation and its id.
fn read_cursor(cursor: &str) -> Result<(i64, String), StoreError> {
    cursor
        .split_once('.')
        .and_then(|(created_at, id)| Some((created_at.parse().ok()?, id.to_owned())))
        .ok_or_else(|| StoreError::Cursor { cursor: cursor.to_owned() })
}
