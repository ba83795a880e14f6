//! Log events: what happened, for people and their tools. Nothing is decided by them, so they are
//! written past the policy: no audit row, no number of a change.

use std::collections::HashMap;

use keyward_core::time::Timestamp;
use sqlx::query;

use crate::cells::Cells;
use crate::dialect::{Connection, Row};
use crate::entity::signed;
use crate::error::StoreError;
use crate::read::{Builder, like_pattern};
use crate::store::{Inner, Store};

const TABLE: &str = "log_events";
const SELECT: &str =
    "SELECT seq, id_at, at, kind, client_id, client_name, ip, description, body FROM log_events";
const INSERT: &str = "INSERT INTO log_events \
     (seq, id_at, at, kind, client_id, client_name, ip, description, body) ";
/// Rows of one statement: a statement each would cost more than the rows.
const ROWS_AT_ONCE: usize = 50;
/// How much more is deleted than was written, so that a bound that was lowered is reached.
const DELETED_PER_WRITTEN: u64 = 2;

/// A log event. A text that it does not have is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// When it happened.
    pub at: Timestamp,
    /// Its type.
    pub kind: String,
    /// Whose request it was, as far as that is known.
    pub client_id: String,
    /// The client's name.
    pub client_name: String,
    /// From where the request came.
    pub ip: String,
    /// What happened, in a sentence.
    pub description: String,
    /// Everything else, as a JSON object.
    pub body: String,
}

/// A log event that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Its number: larger than that of every event stored before.
    pub seq: u64,
    /// The moment in its public id, which never goes back from one number to the next.
    pub id_at: Timestamp,
    /// What happened.
    pub event: LogEvent,
}

/// A column that log events are searched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogField {
    /// The type.
    Kind,
    /// The client's id.
    ClientId,
    /// The client's name; upper and lower case are equal.
    ClientName,
    /// The address.
    Ip,
    /// The sentence; upper and lower case are equal.
    Description,
}

/// What must hold of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTest {
    /// It is this text.
    Is(String),
    /// It begins with this text.
    BeginsWith(String),
    /// It holds this text.
    Holds(String),
}

/// Which log events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogCondition {
    /// A column passes a test.
    Field(LogField, LogTest),
    /// The event with this number.
    Seq(u64),
    /// What happened in this time, the ends included.
    Date {
        /// At or after this moment.
        from: Option<Timestamp>,
        /// At or before this moment.
        to: Option<Timestamp>,
    },
    /// All of them hold.
    All(Vec<Self>),
    /// One of them holds.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOrder {
    /// The newest first.
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// A search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSearch {
    /// Which events; `None`: all.
    pub condition: Option<LogCondition>,
    /// In which order.
    pub order: LogOrder,
    /// How many to skip.
    pub offset: u64,
    /// How many at most.
    pub limit: u32,
    /// Whether they are counted.
    pub count: bool,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The events.
    pub rows: Vec<LogRow>,
    /// How many there are in all, if that was asked for.
    pub total: Option<u64>,
}

/// What comes after a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsAfter {
    /// The events, the oldest first.
    pub rows: Vec<LogRow>,
    /// Up to which number everything was looked at.
    pub seen_to: u64,
}

impl Store {
    /// Appends log events in this order and returns the number of the last event there is. Keeps
    /// no more than the newest `rows_max`.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Unavailable`], [`StoreError::Corrupt`]. Nothing was
    /// stored then.
    pub async fn append_logs(&self, events: &[LogEvent], rows_max: u64) -> Result<u64, StoreError> {
        let mut writing = self.inner.begin_plain_write().await?;
        let head = self.inner.append_logs(&mut writing.connection, events).await?;
        let written = u64::try_from(events.len()).unwrap_or(u64::MAX);
        let at_most = written.saturating_mul(DELETED_PER_WRITTEN);
        let sql = "DELETE FROM log_events WHERE seq IN \
                   (SELECT seq FROM log_events WHERE seq <= $1 ORDER BY seq LIMIT $2)";
        query(sql)
            .bind(signed(head.saturating_sub(rows_max)))
            .bind(signed(at_most))
            .execute(&mut writing.connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        writing.commit().await?;
        Ok(head)
    }

    /// Deletes at most `at_most` events from before a moment, the oldest first, and returns how
    /// many. In small steps, so that no write waits long.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Unavailable`].
    pub async fn forget_logs(&self, before: Timestamp, at_most: u32) -> Result<u64, StoreError> {
        let mut writing = self.inner.begin_plain_write().await?;
        let sql = "DELETE FROM log_events WHERE seq IN \
                   (SELECT seq FROM log_events WHERE at < $1 ORDER BY at, seq LIMIT $2)";
        let done = query(sql)
            .bind(before.millis())
            .bind(i64::from(at_most))
            .execute(&mut writing.connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        writing.commit().await?;
        Ok(done.rows_affected())
    }

    /// Log events that match.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::Corrupt`], as all reads.
    pub async fn logs(&self, search: &LogSearch) -> Result<LogPart, StoreError> {
        let start = |head: &str| {
            let mut sql = Builder::new(head);
            if let Some(condition) = &search.condition {
                sql.push(" WHERE ");
                push_condition(&mut sql, condition);
            }
            sql
        };
        let mut sql = start(SELECT);
        sql.push(match search.order {
            LogOrder::NewestFirst => " ORDER BY at DESC, seq DESC LIMIT ",
            LogOrder::OldestFirst => " ORDER BY at, seq LIMIT ",
        });
        sql.push_bind(i64::from(search.limit)).push(" OFFSET ").push_bind(signed(search.offset));
        let mut reading = self.inner.begin_read().await?;
        let total = if search.count {
            let count = start("SELECT COUNT(*) FROM log_events")
                .build_query_scalar::<i64>()
                .fetch_one(&mut *reading.connection)
                .await
                .map_err(|error| self.inner.fault(&error))?;
            Some(u64::try_from(count).unwrap_or_default())
        } else {
            None
        };
        let rows = self.inner.log_rows(&mut reading.connection, &mut sql).await?;
        reading.end().await?;
        Ok(LogPart { rows, total })
    }

    /// The oldest events after a number; of these types alone when some are named.
    ///
    /// # Errors
    /// As [`Store::logs`].
    pub async fn logs_after(
        &self,
        seq: u64,
        kinds: Option<&[&str]>,
        limit: u32,
    ) -> Result<LogsAfter, StoreError> {
        let mut reading = self.inner.begin_read().await?;
        let (head, _) = self.inner.log_head(&mut reading.connection).await?;
        let mut sql = Builder::new(SELECT);
        sql.push(" WHERE seq > ").push_bind(signed(seq));
        if let Some(kinds) = kinds {
            sql.push(" AND kind IN (");
            let mut list = sql.separated(", ");
            for kind in kinds {
                list.push_bind((*kind).to_owned());
            }
            sql.push(")");
        }
        sql.push(" ORDER BY seq LIMIT ").push_bind(i64::from(limit));
        let rows = self.inner.log_rows(&mut reading.connection, &mut sql).await?;
        reading.end().await?;
        let full = u32::try_from(rows.len()).is_ok_and(|found| found >= limit);
        let last = rows.last().map(|row| row.seq).filter(|_| full);
        Ok(LogsAfter { rows, seen_to: last.unwrap_or_else(|| head.max(seq)) })
    }

    /// The number of the last log event there ever was.
    ///
    /// # Errors
    /// As [`Store::logs`].
    pub async fn last_log(&self) -> Result<u64, StoreError> {
        let mut reader = self.inner.reader().await?;
        Ok(self.inner.log_head(&mut reader).await?.0)
    }

    /// The number before that of the first event at or after a moment.
    ///
    /// # Errors
    /// As [`Store::logs`].
    pub async fn log_before(&self, moment: Timestamp) -> Result<u64, StoreError> {
        let mut reading = self.inner.begin_read().await?;
        let (head, _) = self.inner.log_head(&mut reading.connection).await?;
        let sql = "SELECT MIN(seq) FROM log_events WHERE at >= $1";
        let first = sqlx::query_scalar::<_, Option<i64>>(sql)
            .bind(moment.millis())
            .fetch_one(&mut *reading.connection)
            .await
            .map_err(|error| self.inner.fault(&error))?;
        reading.end().await?;
        let first = first.and_then(|first| u64::try_from(first).ok());
        Ok(first.map_or(head, |first| first.saturating_sub(1)))
    }

    /// The names of clients, by their ids.
    ///
    /// # Errors
    /// As [`Store::logs`].
    pub async fn client_names(
        &self,
        ids: &[String],
    ) -> Result<HashMap<String, String>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut sql = Builder::new("SELECT id, name FROM clients WHERE id IN (");
        let mut list = sql.separated(", ");
        for id in ids {
            list.push_bind(id.clone());
        }
        sql.push(")");
        let mut reader = self.inner.reader().await?;
        let rows = sql.build().persistent(false).fetch_all(&mut *reader).await;
        let rows = rows.map_err(|error| self.inner.fault(&error))?;
        let name = |row: &Row| {
            let mut cells = Cells::new("clients", row);
            Ok((cells.text("id")?, cells.text("name")?))
        };
        rows.iter().map(name).collect()
    }
}

impl Inner {
    async fn append_logs(
        &self,
        connection: &mut Connection,
        events: &[LogEvent],
    ) -> Result<u64, StoreError> {
        let (mut seq, mut id_at) = self.log_head(connection).await?;
        for part in events.chunks(ROWS_AT_ONCE) {
            let mut sql = Builder::new(INSERT);
            sql.push_values(part, |mut row, event| {
                seq = seq.saturating_add(1);
                id_at = id_at.max(event.at);
                row.push_bind(signed(seq))
                    .push_bind(id_at.millis())
                    .push_bind(event.at.millis())
                    .push_bind(event.kind.clone())
                    .push_bind(event.client_id.clone())
                    .push_bind(event.client_name.clone())
                    .push_bind(event.ip.clone())
                    .push_bind(event.description.clone())
                    .push_bind(event.body.clone());
            });
            // Only the full statement comes again and again.
            let statement = sql.build().persistent(part.len() == ROWS_AT_ONCE);
            let done = statement.execute(&mut *connection).await;
            done.map_err(|error| self.fault(&error))?;
        }
        let sql = "UPDATE log_head SET seq = $1, id_at = $2 WHERE shard = 0";
        let done = query(sql).bind(signed(seq)).bind(id_at.millis()).execute(connection).await;
        done.map(|_| seq).map_err(|error| self.fault(&error))
    }

    async fn log_head(&self, connection: &mut Connection) -> Result<(u64, Timestamp), StoreError> {
        let sql = "SELECT seq, id_at FROM log_head WHERE shard = 0";
        let row =
            query(sql).fetch_optional(connection).await.map_err(|error| self.fault(&error))?;
        let Some(row) = row else {
            return Err(StoreError::corrupt("log_head", "shard", "0", "is missing"));
        };
        let mut cells = Cells::new("log_head", &row);
        Ok((cells.number("seq")?, Timestamp::from_millis(cells.integer("id_at")?)))
    }

    async fn log_rows(
        &self,
        connection: &mut Connection,
        sql: &mut Builder,
    ) -> Result<Vec<LogRow>, StoreError> {
        let rows = sql.build().persistent(false).fetch_all(connection).await;
        rows.map_err(|error| self.fault(&error))?.iter().map(log_row).collect()
    }
}

fn log_row(row: &Row) -> Result<LogRow, StoreError> {
    let mut cells = Cells::new(TABLE, row);
    Ok(LogRow {
        seq: cells.number("seq")?,
        id_at: Timestamp::from_millis(cells.integer("id_at")?),
        event: LogEvent {
            at: Timestamp::from_millis(cells.integer("at")?),
            kind: cells.text("kind")?,
            client_id: cells.text("client_id")?,
            client_name: cells.text("client_name")?,
            ip: cells.text("ip")?,
            description: cells.text("description")?,
            body: cells.text("body")?,
        },
    })
}

fn push_condition(sql: &mut Builder, condition: &LogCondition) {
    match condition {
        LogCondition::Field(field, test) => push_test(sql, *field, test),
        LogCondition::Seq(seq) => {
            sql.push("seq = ").push_bind(signed(*seq));
        }
        LogCondition::Date { from, to } => {
            let from = from.map_or(i64::MIN, Timestamp::millis);
            let to = to.map_or(i64::MAX, Timestamp::millis);
            sql.push("at >= ").push_bind(from).push(" AND at <= ").push_bind(to);
        }
        LogCondition::All(all) => push_joined(sql, all, " AND ", "1 = 1"),
        LogCondition::Any(any) => push_joined(sql, any, " OR ", "1 = 0"),
        LogCondition::Not(not) => {
            sql.push("NOT (");
            push_condition(sql, not);
            sql.push(")");
        }
    }
}

fn push_joined(sql: &mut Builder, parts: &[LogCondition], word: &str, none: &str) {
    if parts.is_empty() {
        sql.push(none);
    }
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            sql.push(word);
        }
        sql.push("(");
        push_condition(sql, part);
        sql.push(")");
    }
}

fn push_test(sql: &mut Builder, field: LogField, test: &LogTest) {
    // ASCII alone, on both sides: databases disagree about what the rest is in lower case.
    let (column, folds) = match field {
        LogField::Kind => ("kind", false),
        LogField::ClientId => ("client_id", false),
        LogField::ClientName => ("LOWER(client_name)", true),
        LogField::Ip => ("ip", false),
        LogField::Description => ("LOWER(description)", true),
    };
    let fold = |text: &str| if folds { text.to_ascii_lowercase() } else { text.to_owned() };
    match test {
        LogTest::Is(text) => {
            sql.push(column).push(" = ").push_bind(fold(text));
        }
        LogTest::BeginsWith(text) => {
            sql.push(column).push(" LIKE ").push_bind(like_pattern("", &fold(text)));
            sql.push(" ESCAPE '\\'");
        }
        LogTest::Holds(text) => {
            sql.push(column).push(" LIKE ").push_bind(like_pattern("%", &fold(text)));
            sql.push(" ESCAPE '\\'");
        }
    }
}
