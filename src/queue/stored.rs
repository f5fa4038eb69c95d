use std::time::Duration;

use sqlx::{ColumnIndex, Decode, Row, Type};

use super::{Claim, Counts, ParkedRow, RowStatus};
use crate::clock::Timestamp;

/// A row as a database gives it back. Numbers are 64 bits wide, times milliseconds since 1970.
pub(super) struct Stored<'r, R>(pub(super) &'r R);

impl<'r, R> Stored<'r, R>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    /// The claims of these rows, in the order of their turns: no database keeps one in RETURNING.
    pub(super) fn claims(rows: &'r [R]) -> Result<Vec<Claim>, sqlx::Error> {
        let mut claims = Vec::with_capacity(rows.len());
        for row in rows {
            claims.push((row.try_get::<i64, _>("priority")?, Self(row).claim()?));
        }
        claims.sort_unstable_by_key(|(priority, claim)| (*priority, claim.row));
        Ok(claims.into_iter().map(|(_, claim)| claim).collect())
    }

    fn claim(&self) -> Result<Claim, sqlx::Error> {
        let Self(row) = self;
        let lease: String = row.try_get("lease")?;
        let payload: String = row.try_get("payload")?;
        let waited = Duration::from_millis(positive(row.try_get("waited")?));
        Ok(Claim::new(row.try_get("id")?, lease, self.attempts()?, payload).with_waited(waited))
    }

    pub(super) fn parked(&self) -> Result<ParkedRow, sqlx::Error> {
        let Self(row) = self;
        let inserted_at = Duration::from_millis(positive(row.try_get("inserted_at")?));
        Ok(ParkedRow {
            row: row.try_get("id")?,
            status: self.status()?,
            reason: row.try_get("reason")?,
            attempts: self.attempts()?,
            inserted_at: Timestamp::UNIX_EPOCH.saturating_add(inserted_at),
            payload: row.try_get("payload")?,
        })
    }

    /// The row says how many rows have its status.
    pub(super) fn add_to(&self, counts: &mut Counts) -> Result<(), sqlx::Error> {
        let number = positive(self.0.try_get("rows")?);
        let count = match self.status()? {
            RowStatus::Pending => &mut counts.pending,
            RowStatus::Processing => &mut counts.processing,
            RowStatus::Done => &mut counts.done,
            RowStatus::Review => &mut counts.review,
            RowStatus::Dead => &mut counts.dead,
        };
        *count = number;
        Ok(())
    }

    fn attempts(&self) -> Result<u32, sqlx::Error> {
        Ok(u32::try_from(self.0.try_get::<i64, _>("attempts")?).unwrap_or_default())
    }

    fn status(&self) -> Result<RowStatus, sqlx::Error> {
        let name: String = self.0.try_get("status")?;
        RowStatus::from_name(&name)
            .ok_or_else(|| sqlx::Error::Decode("a status that this version does not know".into()))
    }
}

/// No number here is below zero unless somebody else wrote it.
fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
