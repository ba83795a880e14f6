//! Reading rows strictly: a value that cannot be what was written is damage, with its place.

use serde::de::DeserializeOwned;
use sqlx::{Decode, Row as _, Type};

use crate::dialect::{Db, Row};
use crate::encode::Fault;
use crate::error::StoreError;

/// The values of a row, taken in the order in which they were selected.
///
/// By place rather than by name, because a look-up by name per value is what a snapshot of a
/// million rows would mostly do. The first column is the key that errors tell.
pub(crate) struct Cells<'r> {
    table: &'static str,
    row: &'r Row,
    next: usize,
}

impl<'r> Cells<'r> {
    pub(crate) fn new(table: &'static str, row: &'r Row) -> Self {
        Self { table, row, next: 0 }
    }

    fn take<T>(&mut self, column: &str, what: &str) -> Result<T, StoreError>
    where
        T: Decode<'r, Db> + Type<Db>,
    {
        let value = self.row.try_get(self.next);
        self.next = self.next.saturating_add(1);
        value.map_err(|_| self.corrupt(column, what))
    }

    pub(crate) fn text(&mut self, column: &str) -> Result<String, StoreError> {
        self.take(column, "holds no text")
    }

    pub(crate) fn optional_text(&mut self, column: &str) -> Result<Option<String>, StoreError> {
        self.take(column, "holds no text")
    }

    pub(crate) fn bytes(&mut self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.take(column, "holds no bytes")
    }

    pub(crate) fn integer(&mut self, column: &str) -> Result<i64, StoreError> {
        self.take(column, "holds no number")
    }

    pub(crate) fn optional_integer(&mut self, column: &str) -> Result<Option<i64>, StoreError> {
        self.take(column, "holds no number")
    }

    /// A number that is never negative.
    pub(crate) fn number<N: TryFrom<i64>>(&mut self, column: &str) -> Result<N, StoreError> {
        let number = self.integer(column)?;
        N::try_from(number).map_err(|_| self.corrupt(column, "holds a number out of range"))
    }

    pub(crate) fn truth(&mut self, column: &str) -> Result<bool, StoreError> {
        match self.integer(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column, "holds neither 0 nor 1")),
        }
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self, column: &str) -> Result<T, StoreError> {
        let text: &str = self.take(column, "holds no text")?;
        serde_json::from_str(text).map_err(|error| self.not_json(column, &error))
    }

    /// JSON, or nothing.
    pub(crate) fn optional_json<T: DeserializeOwned>(
        &mut self,
        column: &str,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<&str> = self.take(column, "holds no text")?;
        let read = |text| serde_json::from_str(text).map_err(|error| self.not_json(column, &error));
        text.map(read).transpose()
    }

    /// A truth value, or nothing.
    pub(crate) fn optional_truth(&mut self, column: &str) -> Result<Option<bool>, StoreError> {
        match self.optional_integer(column)? {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(_) => Err(self.corrupt(column, "holds neither 0 nor 1")),
        }
    }

    pub(crate) fn optional_bytes(&mut self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.take(column, "holds no bytes")
    }

    /// The error for JSON that is not of the form expected. The library's message is left out: it
    /// repeats what it found.
    pub(crate) fn not_json(&self, column: &str, error: &serde_json::Error) -> StoreError {
        let place = error.column();
        self.corrupt(column, &format!("is not the JSON that is written there, at byte {place}"))
    }

    pub(crate) fn fault(&self, fault: &Fault) -> StoreError {
        self.corrupt(fault.field, &fault.what)
    }

    pub(crate) fn corrupt(&self, column: &str, what: &str) -> StoreError {
        let key = self.row.try_get::<String, _>(0).ok();
        let key = key.or_else(|| self.row.try_get::<i64, _>(0).ok().map(|key| key.to_string()));
        let key = key.unwrap_or_else(|| "with an unreadable key".to_owned());
        StoreError::corrupt(self.table, column, key, what)
    }
}
