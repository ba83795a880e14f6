//! Revoked tokens, sealed keys and settings.

use keyward_core::id::ClientId;
use keyward_core::policy::{Change, REVOCATION_KEPT_S};
use keyward_core::time::Timestamp;
use keyward_core::token::TokenId;
use serde_json::json;
use sqlx::query;

use super::{Done, Pending, Tx};
use crate::cells::Cells;
use crate::changes::{REVOKED_TOKEN, RevocationBody, SIGNING_KEYS};
use crate::error::StoreError;
use crate::keys::{sealed_key, select_keys};
use crate::model::SealedKey;

impl Tx {
    /// Revokes one token of a client. Revoking it again changes nothing.
    ///
    /// `expires_at` is the moment from which nobody accepts the token anyway. Revocations that
    /// ended more than a day ago are forgotten here.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Unavailable`], [`StoreError::Corrupt`],
    /// [`StoreError::Abandoned`].
    pub async fn revoke_token(
        &mut self,
        token: TokenId,
        expires_at: Timestamp,
        client: &ClientId,
    ) -> Result<(), StoreError> {
        self.begin_step()?;
        let result = Box::pin(self.revoke(token, expires_at, client)).await;
        self.end_step(result)
    }

    /// Stores an encrypted key, or replaces the one with that kind and id.
    ///
    /// # Errors
    /// As [`Tx::revoke_token`].
    pub async fn put_sealed_key(&mut self, key: &SealedKey) -> Result<(), StoreError> {
        self.begin_step()?;
        let result = Box::pin(self.put_key(key)).await;
        self.end_step(result)
    }

    /// The encrypted keys as they stand in this transaction, as [`crate::Store::sealed_keys`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`], [`StoreError::Abandoned`].
    pub async fn sealed_keys(&mut self) -> Result<Vec<SealedKey>, StoreError> {
        self.begin_step()?;
        let result = match self.parts() {
            Ok((inner, connection)) => inner.sealed_keys(connection).await,
            Err(error) => Err(error),
        };
        self.end_step(result)
    }

    /// Numbers a change of the signing keys, so that every node hears of it. The keys themselves
    /// are put by [`Tx::put_sealed_key`], in the same transaction.
    pub fn signing_keys_changed(&mut self) {
        self.changes.push(Pending {
            change: Change::SigningKeys,
            kind: SIGNING_KEYS,
            entity: SIGNING_KEYS.to_owned(),
            refers_to: None,
            body: Some("{}".to_owned()),
            set_row_seq: None,
        });
    }

    /// Sets a setting. Its value is readable in the audit log: nothing secret belongs there.
    ///
    /// # Errors
    /// As [`Tx::revoke_token`].
    pub async fn set_setting(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        self.begin_step()?;
        let result = Box::pin(self.set(name, value)).await;
        self.end_step(result)
    }

    async fn revoke(
        &mut self,
        token: TokenId,
        expires_at: Timestamp,
        client: &ClientId,
    ) -> Result<(), StoreError> {
        let (now, id) = (self.now, token.to_string());
        let (inner, connection) = self.parts()?;
        let forget = "DELETE FROM token_revocations WHERE expires_at < $1";
        let before = now.plus_seconds(-REVOCATION_KEPT_S).millis();
        let done = query(forget).bind(before).execute(&mut *connection).await;
        done.map_err(|error| inner.fault(&error))?;
        let insert = "INSERT INTO token_revocations \
                      (token, client_id, expires_at, revoked_at, shard, row_seq) \
                      VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT DO NOTHING";
        let done = query(insert)
            .bind(&id)
            .bind(client.to_string())
            .bind(expires_at.millis())
            .bind(now.millis())
            .execute(&mut *connection)
            .await
            .map_err(|error| inner.fault(&error))?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
        let body =
            RevocationBody { client_id: client.to_string(), expires_at: expires_at.millis() };
        let body = crate::encode::json(&body)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.audited(Done {
            action: "token.revoke".to_owned(),
            target_kind: "token",
            target_id: id.clone(),
            before: None,
            after: Some(body.clone()),
        });
        self.changes.push(Pending {
            change: Change::TokenRevoked { token, expires_at },
            kind: REVOKED_TOKEN,
            entity: id,
            refers_to: None,
            body: Some(body),
            set_row_seq: Some("UPDATE token_revocations SET row_seq = $1 WHERE token = $2"),
        });
        Ok(())
    }

    async fn put_key(&mut self, key: &SealedKey) -> Result<(), StoreError> {
        let (inner, connection) = self.parts()?;
        let select = concat!(select_keys!(), " WHERE kind = $1 AND id = $2");
        let row = query(select)
            .bind(key.kind.name())
            .bind(&key.id)
            .fetch_optional(&mut *connection)
            .await
            .map_err(|error| inner.fault(&error))?;
        let before = row.map(|row| sealed_key(Cells::new("sealed_keys", &row))).transpose()?;
        let upsert = "INSERT INTO sealed_keys \
                      (kind, id, algorithm, status, sealed, created_at, status_since, \
                      certificate, current_since, current_until, revoked_at, shard) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0) \
                      ON CONFLICT (kind, id) DO UPDATE SET algorithm = excluded.algorithm, \
                      status = excluded.status, sealed = excluded.sealed, \
                      created_at = excluded.created_at, status_since = excluded.status_since, \
                      certificate = excluded.certificate, \
                      current_since = excluded.current_since, \
                      current_until = excluded.current_until, revoked_at = excluded.revoked_at";
        query(upsert)
            .bind(key.kind.name())
            .bind(&key.id)
            .bind(&key.algorithm)
            .bind(key.status.name())
            .bind(&key.sealed)
            .bind(key.created_at.millis())
            .bind(key.status_since.millis())
            .bind(&key.certificate)
            .bind(key.current_since.map(Timestamp::millis))
            .bind(key.current_until.map(Timestamp::millis))
            .bind(key.revoked_at.map(Timestamp::millis))
            .execute(connection)
            .await
            .map_err(|error| inner.fault(&error))?;
        self.audited(Done {
            action: "key.put".to_owned(),
            target_kind: "key",
            target_id: format!("{} {}", key.kind.name(), key.id),
            before: before.as_ref().map(public_key),
            after: Some(public_key(key)),
        });
        Ok(())
    }

    async fn set(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        let (inner, connection) = self.parts()?;
        let before = inner.setting(connection, name).await?;
        let upsert = "INSERT INTO settings (name, value, shard) VALUES ($1, $2, 0) \
                      ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        let done = query(upsert).bind(name).bind(value).execute(connection).await;
        done.map_err(|error| inner.fault(&error))?;
        self.audited(Done {
            action: "setting.set".to_owned(),
            target_kind: "setting",
            target_id: name.to_owned(),
            before: before.map(|value| json!({ "value": value }).to_string()),
            after: Some(json!({ "value": value }).to_string()),
        });
        Ok(())
    }
}

/// What the audit log tells of a key: everything but the key.
fn public_key(key: &SealedKey) -> String {
    json!({
        "algorithm": key.algorithm,
        "status": key.status.name(),
        "created_at": key.created_at.millis(),
        "status_since": key.status_since.millis(),
    })
    .to_string()
}
