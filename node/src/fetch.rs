//! History that the core lacks, asked of peers: one round trip, and a second peer when the first is slow.

use std::sync::Arc;
use std::time::Duration;

use pollen_ledger::block::Block;
use pollen_ledger::committee::AuthorIndex;
use pollen_ledger::ordering::Input;
use pollen_ledger::wire::{HistoryRequest, Request, Response};
use pollen_ledger::{Committee, Hash, Parameters, VerifiedBlock};
use tokio::runtime::Handle;

use crate::core_thread::CoreHandle;
use crate::network::{NetworkHandle, Target};

/// After so long without an answer another peer is asked as well.
const HEDGE_AFTER: Duration = Duration::from_millis(300);

/// What a block is checked against.
#[derive(Clone)]
pub struct Rules {
    /// The chain.
    pub chain_id: Hash,
    /// The epoch's committee.
    pub committee: Arc<Committee>,
    /// The chain's numbers.
    pub parameters: Arc<Parameters>,
}

impl Rules {
    /// Decodes and verifies a block from a peer.
    pub fn verify(&self, bytes: &[u8]) -> Result<VerifiedBlock, pollen_ledger::block::BlockError> {
        Block::decode(bytes, &self.parameters)?.verify(
            &self.chain_id,
            &self.committee,
            &self.parameters,
        )
    }

    /// Verifies blocks, about 60 us each: not on a thread that others wait for. None when one is bad.
    pub fn verify_all(
        &self,
        encoded: &[Vec<u8>],
    ) -> Result<Vec<VerifiedBlock>, pollen_ledger::block::BlockError> {
        encoded.iter().map(|bytes| self.verify(bytes)).collect()
    }
}

/// See the module's documentation.
pub struct Fetcher {
    /// The runtime that requests run on.
    pub runtime: Handle,
    /// The network.
    pub network: NetworkHandle,
    /// The core's queue.
    pub core: CoreHandle,
    /// What answers are checked against.
    pub rules: Rules,
}

impl Fetcher {
    /// Asks, and gives the answer or the failure to the core.
    pub fn fetch(&self, id: u64, from: AuthorIndex, request: HistoryRequest) {
        let (network, core, rules) = (self.network.clone(), self.core.clone(), self.rules.clone());
        self.runtime.spawn(async move {
            let blocks = ask(&network, from, request).await;
            let verified = match blocks {
                Some(blocks) => {
                    let rules = rules.clone();
                    tokio::task::spawn_blocking(move || rules.verify_all(&blocks)).await.ok()
                }
                None => None,
            };
            let input = match verified {
                Some(Ok(blocks)) if !blocks.is_empty() => {
                    Input::Blocks { blocks, from: Some(from) }
                }
                Some(Ok(_)) | None => Input::FetchFailed { id },
                Some(Err(error)) => {
                    tracing::warn!(from, %error, "a peer answered with a bad block");
                    Input::FetchFailed { id }
                }
            };
            core.mail(input);
        });
    }
}

/// The first answer of the named validator or, when it is slow, of any connected peer.
async fn ask(
    network: &NetworkHandle,
    from: AuthorIndex,
    request: HistoryRequest,
) -> Option<Vec<Vec<u8>>> {
    let blocks = |response: Response| match response {
        Response::History(blocks) => Some(blocks),
        _ => None,
    };
    let first = network.request(Target::Author(from), Request::History(request.clone()));
    tokio::pin!(first);
    match tokio::time::timeout(HEDGE_AFTER, &mut first).await {
        Ok(Ok(response)) => return blocks(response),
        Ok(Err(_)) => {
            let second = network.request(Target::AnyConnected, Request::History(request));
            return blocks(second.await.ok()?);
        }
        Err(_) => {}
    }
    let second = network.request(Target::AnyConnected, Request::History(request));
    tokio::pin!(second);
    tokio::select! {
        Ok(response) = &mut first => blocks(response),
        Ok(response) = &mut second => blocks(response),
        else => None,
    }
}
