//! Events as they happen: a subscription over WebSocket that outlives its connection.

use std::time::Duration;

use jsonrpsee::core::client::{
    ClientT as _, Error as TransportError, Subscription, SubscriptionClientT as _,
};
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use serde_json::value::to_raw_value;
use tokio::time::timeout;

use super::{CONNECT_TIMEOUT, ClientError, PollenClient, RESPONSE_BYTES_MAX, Raw, words};
use crate::api::{
    Answer, ChainHeadParams, Cursor, EventNotice, EventsPage, EventsQueryParams,
    EventsSubscribeParams,
};

/// How long nothing comes before the cursor is moved on.
const SILENCE: Duration = Duration::from_secs(60);

/// A subscription to events. When its node is lost it goes on at the next, after the last event
/// that was told: nothing is told twice or left out but by a [`EventNotice::Gap`].
#[derive(Debug)]
pub struct EventStream {
    urls: Vec<String>,
    /// Where to connect next.
    index: usize,
    params: EventsSubscribeParams,
    open: Option<(WsClient, Subscription<EventNotice>)>,
}

impl PollenClient {
    /// Subscribes to events: after `params.after`, or from now on.
    pub async fn subscribe(
        &self,
        mut params: EventsSubscribeParams,
    ) -> Result<EventStream, ClientError> {
        if params.after.is_none() {
            // Fixed now, so that going on elsewhere goes on from here.
            let head = self.chain_head(&ChainHeadParams::default()).await?;
            params.after = Some(Cursor::end_of(head.at.height));
        }
        let urls = self.endpoints.iter().map(|endpoint| websocket_url(&endpoint.url)).collect();
        let index = self.current.load(std::sync::atomic::Ordering::Relaxed);
        let mut stream = EventStream { urls, index, params, open: None };
        stream.connect().await?;
        Ok(stream)
    }
}

pub(super) fn websocket_url(url: &str) -> String {
    // "http" -> "ws", and so "https" -> "wss".
    url.strip_prefix("http").map_or_else(|| url.to_owned(), |rest| format!("ws{rest}/ws"))
}

impl EventStream {
    /// The next notice. An error ends the subscription: no node could be reached, or the node
    /// refused.
    pub async fn next(&mut self) -> Result<EventNotice, ClientError> {
        loop {
            let Some((_, subscription)) = &mut self.open else {
                self.connect().await?;
                continue;
            };
            let Ok(told) = timeout(SILENCE, subscription.next()).await else {
                self.move_on().await;
                continue;
            };
            match told {
                Some(Ok(EventNotice::End { code, name, message })) => {
                    self.open = None;
                    let (hint, data) = (None, serde_json::Value::Null);
                    return Err(ClientError::Rpc {
                        code,
                        name,
                        message,
                        hint,
                        retryable: false,
                        data,
                    });
                }
                Some(Ok(notice)) => {
                    self.params.after = match &notice {
                        EventNotice::Event { event } => Some(event.cursor),
                        EventNotice::Gap { resume, .. } => Some(*resume),
                        EventNotice::End { .. } => self.params.after,
                    };
                    return Ok(notice);
                }
                Some(Err(error)) => {
                    return Err(ClientError::Protocol { reason: error.to_string() });
                }
                // The connection is gone, or we read too slowly for it.
                None => self.open = None,
            }
        }
    }

    /// After a silence: puts the cursor behind what was searched without finding anything. Else a connection that is
    /// lost after days would go on at a place that no node keeps any more.
    async fn move_on(&mut self) {
        let Some((client, _)) = &self.open else { return };
        let EventsSubscribeParams { module, name, after } = self.params.clone();
        let asked = EventsQueryParams { module, name, after, limit: Some(1), ..Default::default() };
        let Ok(params) = to_raw_value(&asked) else { return };
        let page: Result<Answer<EventsPage>, _> = client.request("events_query", Raw(params)).await;
        // Where there is an event it is on its way; where nobody answers the subscription says so itself.
        if let Ok(page) = page
            && page.value.events.is_empty()
        {
            self.params.after = Some(page.value.next);
        }
    }

    /// Where the stream is: to go on from here another time.
    pub fn cursor(&self) -> Option<Cursor> {
        self.params.after
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        let mut failures = Vec::new();
        for step in 0..=self.urls.len() {
            let index = (self.index + step) % self.urls.len();
            match open(&self.urls[index], &self.params).await {
                Ok(open) => {
                    self.index = index;
                    self.open = Some(open);
                    return Ok(());
                }
                Err(TransportError::Call(error)) => return Err(error.into()),
                Err(error) => failures.push(format!("{}: {}", self.urls[index], words(&error))),
            }
        }
        Err(ClientError::Unreachable { failures })
    }
}

async fn open(
    url: &str,
    params: &EventsSubscribeParams,
) -> Result<(WsClient, Subscription<EventNotice>), TransportError> {
    let client = WsClientBuilder::default()
        .connection_timeout(CONNECT_TIMEOUT)
        .max_response_size(RESPONSE_BYTES_MAX)
        .build(url)
        .await?;
    let params = Raw(to_raw_value(params)?);
    let subscription = client.subscribe("events_subscribe", params, "events_unsubscribe").await?;
    Ok((client, subscription))
}
