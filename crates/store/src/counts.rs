//! Counts of issued tokens. They are no policy: no number, no audit row, written now and then.

use keyward_core::id::{AccountId, ClientId};
use keyward_core::quota::{QuotaCount, QuotaHolder, Window};
use sqlx::query;

use crate::cells::Cells;
use crate::dialect::{self, Connection, Row};
use crate::error::StoreError;
use crate::store::Store;

const TABLE: &str = "token_counts";
const CLIENT: &str = "client";
const ACCOUNT: &str = "account";

impl Store {
    /// The counts that were kept of `day` (counted from 1970, in UTC) and later.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::Corrupt`], as all reads.
    pub async fn token_counts(&self, day: i64) -> Result<Vec<QuotaCount>, StoreError> {
        let sql = "SELECT holder, holder_kind, hour, in_hour, told_hour, day, in_day, told_day \
                   FROM token_counts WHERE day >= $1";
        let mut reader = self.inner.reader().await?;
        let rows = query(sql).bind(day).fetch_all(&mut *reader).await;
        rows.map_err(|error| self.inner.fault(&error))?.iter().map(count).collect()
    }

    /// Keeps counts, and forgets those of days before `day`.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Unavailable`]. Nothing was kept then.
    pub async fn save_token_counts(
        &self,
        counts: &[QuotaCount],
        day: i64,
    ) -> Result<(), StoreError> {
        let mut writer = self.inner.begin_write().await?;
        // Taken out: on an error, or when this future is dropped, the connection goes with it.
        let mut connection = writer.take().ok_or(StoreError::Abandoned)?;
        for count in counts {
            self.save_count(&mut connection, count).await?;
        }
        for statement in
            [query("DELETE FROM token_counts WHERE day < $1").bind(day), query(dialect::COMMIT)]
        {
            let done = statement.execute(&mut connection).await;
            done.map_err(|error| self.inner.fault(&error))?;
        }
        *writer = Some(connection);
        Ok(())
    }

    async fn save_count(
        &self,
        connection: &mut Connection,
        count: &QuotaCount,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO token_counts (holder_kind, holder, hour, in_hour, told_hour, day, \
                   in_day, told_day) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                   ON CONFLICT (holder_kind, holder) DO UPDATE SET hour = excluded.hour, \
                   in_hour = excluded.in_hour, told_hour = excluded.told_hour, \
                   day = excluded.day, in_day = excluded.in_day, told_day = excluded.told_day";
        let (kind, holder) = match &count.holder {
            QuotaHolder::Client(id) => (CLIENT, id.to_string()),
            QuotaHolder::Account(id) => (ACCOUNT, id.to_string()),
        };
        let mut statement = query(sql).bind(kind).bind(holder);
        for window in [&count.hour, &count.day] {
            statement = statement
                .bind(window.number)
                .bind(i64::from(window.used))
                .bind(i64::from(window.told));
        }
        let done = statement.execute(connection).await;
        done.map(|_| ()).map_err(|error| self.inner.fault(&error))
    }
}

fn count(row: &Row) -> Result<QuotaCount, StoreError> {
    let mut cells = Cells::new(TABLE, row);
    let (holder, kind) = (cells.text("holder")?, cells.text("holder_kind")?);
    let holder = match kind.as_str() {
        CLIENT => ClientId::parse(&holder).map(QuotaHolder::Client),
        ACCOUNT => AccountId::parse(&holder).map(QuotaHolder::Account),
        _ => return Err(cells.corrupt("holder_kind", "holds a word that is not known")),
    };
    let holder = holder.map_err(|_| cells.corrupt("holder", "holds no identifier"))?;
    let mut window = |number, used, told| {
        Ok::<_, StoreError>(Window {
            number: cells.integer(number)?,
            used: cells.number(used)?,
            told: cells.number(told)?,
        })
    };
    Ok(QuotaCount {
        holder,
        hour: window("hour", "in_hour", "told_hour")?,
        day: window("day", "in_day", "told_day")?,
    })
}
