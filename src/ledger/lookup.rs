//! What is read of the ledger, without a change.

use std::sync::Arc;
use std::time::Duration;

use super::LedgerError;
use super::entry::{EntryId, EntryState, LedgerEntry};
use super::fact::{attempt_name, digest, message_name};
use super::store::{Store, ledger_error, page, read, unreadable};
use super::transaction::{Row, Value};
use crate::ids::{AttemptId, MessageRef};
use crate::outbound::Category;

impl Store {
    pub(super) async fn entry(&self, id: EntryId) -> Result<Option<LedgerEntry>, LedgerError> {
        Ok(self.entries(&self.statements.entry, &[id.to_string().into()]).await?.pop())
    }

    pub(super) async fn by_attempt(&self, attempt: AttemptId) -> Result<Option<LedgerEntry>, LedgerError> {
        Ok(self.entries(&self.statements.by_fact, &[attempt_name(attempt).into()]).await?.pop())
    }

    pub(super) async fn by_message(&self, message: &MessageRef) -> Result<Option<LedgerEntry>, LedgerError> {
        Ok(self.entries(&self.statements.by_fact, &[message_name(message).into()]).await?.pop())
    }

    pub(super) async fn by_reference(
        &self,
        reference: &str,
        after: Option<EntryId>,
        most: usize,
    ) -> Result<Vec<LedgerEntry>, LedgerError> {
        // After all digits.
        let before = after.map_or_else(|| "g".to_owned(), |id| id.to_string());
        let values = [digest(&[reference]).into(), before.into(), page(most)];
        self.entries(&self.statements.by_reference, &values).await
    }

    pub(super) async fn undelivered(
        &self,
        older_than: Duration,
        category: Option<Category>,
        after: Option<EntryId>,
        most: usize,
    ) -> Result<Vec<LedgerEntry>, LedgerError> {
        let before = EntryId::first_of(self.clock.now().saturating_sub(older_than));
        let values = [
            before.to_string().into(),
            after.map(|id| id.to_string()).unwrap_or_default().into(),
            category.map_or_else(String::new, |category| category.as_str().to_owned()).into(),
            page(most),
        ];
        self.entries(&self.statements.undelivered, &values).await
    }

    pub(super) async fn counts(&self) -> Result<Vec<(EntryState, u64)>, LedgerError> {
        let rows = self.read(&self.statements.counts, &[]).await?;
        let count = |row: &Row| match row.as_slice() {
            [Some(state), Some(count)] => {
                Ok((EntryState::from_name(state), count.parse().map_err(unreadable)?))
            }
            _ => Err(unreadable(())),
        };
        rows.iter().map(count).collect()
    }

    async fn entries(&self, sql: &Arc<str>, values: &[Value]) -> Result<Vec<LedgerEntry>, LedgerError> {
        self.read(sql, values).await?.iter().map(read).collect()
    }

    async fn read(&self, sql: &Arc<str>, values: &[Value]) -> Result<Vec<Row>, LedgerError> {
        let read = async {
            let mut tx = self.pool.read().await?;
            let rows = tx.rows(sql, values).await?;
            tx.commit().await?;
            Ok(rows)
        };
        read.await.map_err(ledger_error)
    }
}
