//! Subscriptions to events: a query after the cursor that goes on when there is more.
//!
//! A subscription reads what is stored and keeps no queue, so a slow subscriber costs nothing but
//! its own delay and can lose nothing unnoticed. One that had caught up and then fell too far
//! behind is brought to the present with a gap notice; one that still reads the past is left to it.

use std::sync::Arc;

use jsonrpsee::server::{PendingSubscriptionSink, SubscriptionSink};
use jsonrpsee::types::{ErrorObjectOwned, Params};

use super::methods::{Served, parse};
use crate::api::{Cursor, EventNotice, EventsSubscribeParams};
use crate::backend::EventFilter;
use crate::error::RpcError;

/// Events read at once.
const PAGE: u32 = 100;

/// Runs one subscription to its end: the subscriber's, the connection's, or an error of the node.
pub(super) async fn run(
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    served: Arc<Served>,
) {
    let asked = parse::<EventsSubscribeParams>(&params).and_then(|params| {
        let filter = served.filter(params.module.as_deref(), params.name)?;
        Ok((filter, params.after))
    });
    let (filter, after) = match asked {
        Ok(asked) => asked,
        Err(error) => {
            pending.reject(ErrorObjectOwned::from(error)).await;
            return;
        }
    };
    let after = after.unwrap_or_else(|| Cursor::end_of(served.backend.head().height));
    // The connection may be gone before the answer: then nobody is left to be told.
    let Ok(sink) = pending.accept().await else { return };
    tokio::select! {
        () = sink.closed() => {}
        error = follow(&served, &filter, after, &sink) => {
            if let Some(RpcError { code, message, .. }) = error {
                let (code, name) = (code.number(), code.name().to_owned());
                // Gone or not, this is the last word.
                let _ = send(&sink, &EventNotice::End { code, name, message }).await;
            }
        }
    }
}

/// Tells events until the subscriber is gone (none) or the node fails.
async fn follow(
    served: &Served,
    filter: &EventFilter,
    mut after: Cursor,
    sink: &SubscriptionSink,
) -> Option<RpcError> {
    let mut caught_up = false;
    loop {
        let head = served.backend.head().height;
        let lag = head.saturating_sub(after.height);
        if caught_up && lag > served.limits.subscription_lag_heights {
            let resume = Cursor::end_of(head);
            if send(sink, &EventNotice::Gap { after, resume }).await.is_err() {
                return None;
            }
            after = resume;
        }
        let page = match served.backend.events(filter.clone(), after, PAGE).await {
            Ok(page) => page,
            Err(error) => return Some(error),
        };
        for event in page.value.events {
            if send(sink, &EventNotice::Event { event: Box::new(event) }).await.is_err() {
                return None;
            }
        }
        after = page.value.next;
        if !page.value.more {
            caught_up = true;
            served.backend.reached(page.at.height.saturating_add(1)).await;
        }
    }
}

async fn send(sink: &SubscriptionSink, notice: &EventNotice) -> Result<(), ()> {
    let message = serde_json::value::to_raw_value(notice).map_err(|error| {
        tracing::error!(%error, "an event could not be written as JSON");
    })?;
    sink.send(message).await.map_err(|_| ())
}
