//! Subscriptions: a query after a cursor that goes on when there is more.
//!
//! A subscription reads what is stored and keeps no queue, so a slow subscriber costs nothing but
//! its own delay and can lose nothing unnoticed. One that had caught up and then fell too far
//! behind is brought to the present with a gap notice; one that still reads the past is left to it.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use hyper::http::Extensions;
use jsonrpsee::RpcModule;
use jsonrpsee::core::server::{PendingSubscriptionSink, SubscriptionSink};
use jsonrpsee::types::{ErrorObjectOwned, Params};
use pollen_ledger::Hash;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::connections::ConnectionPermit;
use super::methods::{Served, connection, parse, pay};
use crate::api::*;
use crate::backend::{CheckpointRange, EventFilter, RoundRange};
use crate::error::RpcError;
use crate::openrpc::Method;

/// Events, checkpoints or rounds read at once.
const PAGE: u32 = 100;
/// What a subscription costs, beside what it reads of the past.
const COST: u32 = 4;
/// Events, checkpoints or rounds of the past that cost as much as a cheap call.
const ITEMS_OF_A_CALL: usize = 10;

/// Why following ended: the subscriber or what it followed is gone (none), or the node failed.
type Ended = Option<RpcError>;

/// What can be subscribed to.
trait Feed: Sized + Send {
    type Params: DeserializeOwned + JsonSchema;
    type Notice: Serialize + JsonSchema;

    /// Checks what was asked for; begins now where no place is given.
    fn begin(params: Self::Params, served: &Served) -> Result<Self, RpcError>;
    /// Tells until the subscriber is gone or there is nothing more to tell.
    fn follow(self, served: &Served, subscriber: &Subscriber)
    -> impl Future<Output = Ended> + Send;
    /// The last word.
    fn end(code: i32, name: String, message: String) -> Self::Notice;
}

/// One who is told.
struct Subscriber {
    sink: SubscriptionSink,
    connection: Arc<ConnectionPermit>,
}

impl Subscriber {
    async fn send(&self, notice: &impl Serialize) -> Result<(), ()> {
        let message = serde_json::value::to_raw_value(notice).map_err(|error| {
            tracing::error!(%error, "a notice could not be written as JSON");
        })?;
        self.sink.send(message).await.map_err(|_| ())
    }

    /// Waits until its address can pay for a page of what is past already: reading it is like asking for it. What
    /// happens now is free.
    async fn pay(&self, items: usize) {
        let cost = 1 + u32::try_from(items / ITEMS_OF_A_CALL).unwrap_or(u32::MAX);
        while let Err(wait) = self.connection.pay(cost, Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }
}

/// Registers a subscription to each feed, and describes it.
pub(super) fn register(module: &mut RpcModule<Served>, described: &mut Vec<Method>) {
    macro_rules! feeds {
        ($($feed:ty: $subscribe:literal, $notice:literal, $unsubscribe:literal, $docs:literal;)*) => { $(
            described.push(Method::subscription::<<$feed as Feed>::Params, <$feed as Feed>::Notice>(
                [$subscribe, $notice, $unsubscribe],
                $docs,
            ));
            module
                .register_subscription($subscribe, $notice, $unsubscribe, |params, pending, served, told| {
                    run::<$feed>(params, pending, served, told)
                })
                .expect("every method is registered once");
        )* };
    }
    feeds! {
        EventsFeed: "events_subscribe", "events_notice", "events_unsubscribe",
            "Tells events after a cursor, and then as they happen.";
        ChainFeed: "chain_subscribe", "chain_notice", "chain_unsubscribe",
            "Tells checkpoints above a height, and then as they are executed.";
        DagFeed: "dag_subscribe", "dag_notice", "dag_unsubscribe",
            "Tells rounds of the DAG as soon as the order has passed them.";
        TxFeed: "tx_subscribe", "tx_notice", "tx_unsubscribe",
            "Tells each stage of a transaction that this node knows, and ends with the last.";
    }
}

/// Runs one subscription to its end: the subscriber's, the connection's, or an error of the node.
async fn run<F: Feed>(
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    served: Arc<Served>,
    told: Extensions,
) {
    let begun = || -> Result<_, RpcError> {
        let connection = connection(&told)?;
        pay(connection, COST)?;
        Ok((F::begin(parse::<F::Params>(&params)?, &served)?, Arc::clone(connection)))
    };
    let (feed, connection) = match begun() {
        Ok(begun) => begun,
        Err(error) => {
            pending.reject(ErrorObjectOwned::from(error)).await;
            return;
        }
    };
    // The connection may be gone before the answer: then nobody is left to be told.
    let Ok(sink) = pending.accept().await else { return };
    let _open = served.meter.subscription();
    let subscriber = Subscriber { sink, connection };
    tokio::select! {
        () = subscriber.sink.closed() => {}
        error = feed.follow(&served, &subscriber) => {
            if let Some(RpcError { code, message, .. }) = error {
                let (code, name) = (code.number(), code.name().to_owned());
                // Gone or not, this is the last word.
                let _ = subscriber.send(&F::end(code, name, message)).await;
            }
        }
    }
}

/// True of a subscriber that had caught up with a head and fell too far behind it.
fn is_left_behind(served: &Served, caught_up: bool, after: u64, head: u64) -> bool {
    caught_up && head.saturating_sub(after) > served.limits.subscription_lag_heights
}

/// Events after a cursor.
struct EventsFeed {
    filter: EventFilter,
    after: Cursor,
}

impl Feed for EventsFeed {
    type Params = EventsSubscribeParams;
    type Notice = EventNotice;

    fn begin(params: Self::Params, served: &Served) -> Result<Self, RpcError> {
        let filter = served.filter(params.module.as_deref(), params.name)?;
        let now = || Cursor::end_of(served.backend.head().height);
        Ok(Self { filter, after: params.after.unwrap_or_else(now) })
    }

    async fn follow(self, served: &Served, subscriber: &Subscriber) -> Ended {
        let Self { filter, mut after } = self;
        let mut caught_up = false;
        loop {
            let head = served.backend.head().height;
            if is_left_behind(served, caught_up, after.height, head) {
                let resume = Cursor::end_of(head);
                subscriber.send(&EventNotice::Gap { after, resume }).await.ok()?;
                after = resume;
            }
            let page = match served.events(filter.clone(), after, PAGE, ReadAt::Latest).await {
                Ok(page) => page,
                Err(error) => return Some(error),
            };
            let items = page.value.events.len();
            for event in page.value.events {
                subscriber.send(&EventNotice::Event { event: Box::new(event) }).await.ok()?;
            }
            after = page.value.next;
            if page.value.more {
                subscriber.pay(items).await;
            } else {
                caught_up = true;
                served.backend.reached(page.at.height.saturating_add(1)).await;
            }
        }
    }

    fn end(code: i32, name: String, message: String) -> EventNotice {
        EventNotice::End { code, name, message }
    }
}

/// Checkpoints above a height.
struct ChainFeed {
    after: u64,
}

impl Feed for ChainFeed {
    type Params = ChainSubscribeParams;
    type Notice = ChainNotice;

    fn begin(params: Self::Params, served: &Served) -> Result<Self, RpcError> {
        Ok(Self { after: params.after.unwrap_or_else(|| served.backend.head().height) })
    }

    async fn follow(self, served: &Served, subscriber: &Subscriber) -> Ended {
        let mut after = self.after;
        let mut caught_up = false;
        loop {
            let head = served.backend.head().height;
            if is_left_behind(served, caught_up, after, head) {
                subscriber.send(&ChainNotice::Gap { after, resume: head }).await.ok()?;
                after = head;
            }
            let next = after.saturating_add(1);
            if next > head {
                caught_up = true;
                served.backend.reached(next).await;
                continue;
            }
            let range = CheckpointRange {
                from: Some(next),
                limit: PAGE,
                descending: false,
                at: ReadAt::Latest,
            };
            let page = match served.checkpoints(range).await {
                Ok(page) => page,
                Err(error) => return Some(error),
            };
            let certified_height = page.value.certified_height;
            if page.value.checkpoints.len() > 1 {
                subscriber.pay(page.value.checkpoints.len()).await;
            }
            if page.value.checkpoints.is_empty() {
                // Whatever the reason, asking again at once would find none either.
                served.backend.reached(head.saturating_add(1)).await;
            }
            for checkpoint in page.value.checkpoints {
                after = checkpoint.height;
                subscriber
                    .send(&ChainNotice::Checkpoint { checkpoint, certified_height })
                    .await
                    .ok()?;
            }
        }
    }

    fn end(code: i32, name: String, message: String) -> ChainNotice {
        ChainNotice::End { code, name, message }
    }
}

/// Rounds above one, as soon as the order has passed them.
struct DagFeed {
    after: Option<u32>,
}

impl Feed for DagFeed {
    type Params = DagSubscribeParams;
    type Notice = DagNotice;

    fn begin(params: Self::Params, _: &Served) -> Result<Self, RpcError> {
        Ok(Self { after: params.after })
    }

    async fn follow(self, served: &Served, subscriber: &Subscriber) -> Ended {
        let mut told = self.after;
        loop {
            let height = served.backend.head().height;
            let range = match told {
                // Where the order is: a page of nothing else.
                None => RoundRange::Last(1),
                Some(after) => {
                    let next = after.saturating_add(1);
                    RoundRange::Between(next, next.saturating_add(PAGE - 1))
                }
            };
            let page = match served.rounds(range).await {
                Ok(page) => page.value,
                Err(error) => return Some(error),
            };
            let passed = page.committed_round;
            let after = *told.get_or_insert(passed);
            let first = page.rounds.first().map_or(page.oldest_round, |round| round.round);
            if first > after.saturating_add(1) && after < passed {
                // What lies between is not held any more.
                let resume = (first - 1).min(passed);
                subscriber.send(&DagNotice::Gap { after, resume }).await.ok()?;
                told = Some(resume);
            }
            if page.rounds.len() > 1 {
                subscriber.pay(page.rounds.len()).await;
            }
            let mut sent = false;
            for round in page.rounds {
                if round.round > passed {
                    break;
                }
                if Some(round.round) > told {
                    told = Some(round.round);
                    sent = true;
                    subscriber.send(&DagNotice::Round { round }).await.ok()?;
                }
            }
            if !sent {
                served.backend.reached(height.saturating_add(1)).await;
            }
        }
    }

    fn end(code: i32, name: String, message: String) -> DagNotice {
        DagNotice::End { code, name, message }
    }
}

/// Every stage of a transaction, from where it is to its end.
struct TxFeed {
    hash: Hash,
}

impl Feed for TxFeed {
    type Params = TxSubscribeParams;
    type Notice = TxNotice;

    fn begin(params: Self::Params, _: &Served) -> Result<Self, RpcError> {
        Ok(Self { hash: params.hash })
    }

    async fn follow(self, served: &Served, subscriber: &Subscriber) -> Ended {
        let mut answer = served.backend.tx_status(self.hash).await;
        loop {
            let status = match answer {
                Ok(answer) => answer.value,
                Err(error) => return Some(error),
            };
            let next = status.stage.next().filter(|next| !status.satisfies(*next));
            subscriber.send(&TxNotice::Status { status: Box::new(status) }).await.ok()?;
            answer = served.backend.tx_reached(self.hash, next?).await;
        }
    }

    fn end(code: i32, name: String, message: String) -> TxNotice {
        TxNotice::End { code, name, message }
    }
}
