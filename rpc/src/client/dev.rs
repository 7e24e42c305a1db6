//! What only a development network does.

use std::time::Duration;

use tokio::time::Instant;

use super::{ClientError, PollenClient};
use crate::api::{
    Answer, DevAdvanceTimeParams, DevRevertParams, DevReverting, DevSnapshot, DevTime, NoParams,
    NodeInfoAnswer,
};

/// How long a network may take to go back.
const REVERT_PATIENCE: Duration = Duration::from_secs(90);
/// Between two questions whether it has.
const REVERT_PAUSE: Duration = Duration::from_millis(100);

impl PollenClient {
    /// Moves the clock of a development network ahead; the ledger's time has followed when this returns.
    pub async fn dev_advance_time(&self, ms: u64) -> Result<Answer<DevTime>, ClientError> {
        self.call("dev_advanceTime", &DevAdvanceTimeParams { ms }).await
    }

    /// Keeps a development network as it is now.
    pub async fn dev_snapshot(&self) -> Result<Answer<DevSnapshot>, ClientError> {
        self.call("dev_snapshot", &NoParams {}).await
    }

    /// Takes a development network back to a snapshot; every node of this client has gone back when this returns, or
    /// the last error of one that has not is the answer.
    pub async fn dev_revert(&self, snapshot: u32) -> Result<(), ClientError> {
        let reverts =
            |info: Answer<NodeInfoAnswer>| info.value.node.dev.map_or(0, |dev| dev.reverts);
        let before = reverts(self.node_info().await?);
        // Once: a second call would go back twice. It may be cut off, since the node that answers it goes away.
        match self.call_once("dev_revert", &DevRevertParams { snapshot }).await {
            Ok(Answer::<DevReverting> { .. }) | Err(ClientError::Unreachable { .. }) => {}
            Err(error) => return Err(error),
        }
        let deadline = Instant::now() + REVERT_PATIENCE;
        for endpoint in &self.endpoints {
            let node = Self::new([&endpoint.url])?;
            loop {
                let back = match node.node_info().await {
                    Ok(info) => {
                        let is_back = reverts(info) > before;
                        is_back && node.node_health().await.is_ok_and(|health| health.value.ready)
                    }
                    Err(error) if Instant::now() > deadline => return Err(error),
                    Err(_) => false,
                };
                if back {
                    break;
                }
                tokio::time::sleep(REVERT_PAUSE).await;
            }
        }
        self.forget_height();
        Ok(())
    }
}
