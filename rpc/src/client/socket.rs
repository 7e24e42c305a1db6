//! One WebSocket to one node, for clients that keep many transactions in flight: calls share the
//! connection instead of holding one each.

use jsonrpsee::core::client::{ClientT as _, Error as TransportError};
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use serde::de::DeserializeOwned;
use serde_json::value::to_raw_value;
use tokio::sync::Semaphore;

use super::events::websocket_url;
use super::{CONNECT_TIMEOUT, ClientError, REQUEST_TIMEOUT, RESPONSE_BYTES_MAX, Raw, words};
use crate::api::{Answer, TxStatus, TxSubmitParams};

/// See the module's documentation. Does not reconnect: submit again through another, which is safe.
#[derive(Debug)]
pub struct TransactionSocket {
    url: String,
    client: WsClient,
    places: Semaphore,
}

impl TransactionSocket {
    /// Connects to the node at `url` (`http://host:port`). At most `in_flight` calls at a time; others
    /// wait here, since a server refuses more than it answers side by side.
    pub async fn connect(url: &str, in_flight: usize) -> Result<Self, ClientError> {
        let url = websocket_url(url.trim_end_matches('/'));
        let client = WsClientBuilder::default()
            .connection_timeout(CONNECT_TIMEOUT)
            .request_timeout(REQUEST_TIMEOUT)
            .max_concurrent_requests(in_flight)
            .max_response_size(RESPONSE_BYTES_MAX)
            .build(&url)
            .await;
        match client {
            Ok(client) => Ok(Self { url, client, places: Semaphore::new(in_flight) }),
            Err(error) => Err(ClientError::Unreachable {
                failures: vec![format!("{url}: {}", words(&error))],
            }),
        }
    }

    /// `tx_submit`.
    pub async fn submit(&self, params: &TxSubmitParams) -> Result<Answer<TxStatus>, ClientError> {
        self.submit_for(params).await
    }

    /// `tx_submit`, for who wants to read a part of the [`TxStatus`] only.
    pub async fn submit_for<T: DeserializeOwned>(
        &self,
        params: &TxSubmitParams,
    ) -> Result<T, ClientError> {
        let protocol = |reason: String| ClientError::Protocol { reason };
        let _place = self.places.acquire().await.map_err(|error| protocol(error.to_string()))?;
        let raw = to_raw_value(params).map_err(|error| protocol(error.to_string()))?;
        match self.client.request("tx_submit", Raw(raw)).await {
            Ok(answer) => Ok(answer),
            Err(TransportError::Call(error)) => Err(error.into()),
            Err(TransportError::ParseError(error)) => Err(protocol(error.to_string())),
            Err(error) => {
                let failures = vec![format!("{}: {}", self.url, words(&error))];
                Err(ClientError::Unreachable { failures })
            }
        }
    }
}
