use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::queue::cause::queue_error;
use crate::queue::{QueueError, WakeUps};

/// Listens on a connection of its own, so that it takes none of the pool's for good.
pub(super) struct Listener(PgListener);

impl Listener {
    pub(super) async fn start(options: PgConnectOptions, channel: &str) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(options)
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(channel).await?;
        Ok(Self(listener))
    }
}

#[async_trait]
impl WakeUps for Listener {
    async fn next(&mut self) -> Result<(), QueueError> {
        // `None`: the connection was lost and is there again. What was told meanwhile was not heard, so there may be
        // new rows as well.
        self.0.try_recv().await.map_err(queue_error)?;
        // One wake-up is enough for all that was told until now.
        while let Some(Ok(Some(_))) = self.0.try_recv().now_or_never() {}
        Ok(())
    }
}
