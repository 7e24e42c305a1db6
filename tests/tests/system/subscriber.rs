//! A subscriber of a real node that stops reading: it costs nobody else anything, and has everything in the end.
//!
//! `POLLEN_STALL_S=60` lets it stop for so many seconds. Otherwise it stops for as long as it takes to make more
//! than its connection holds, which is what a minute of a quieter chain comes to.

use std::time::{Duration, Instant};

use pollen_ledger::{AccountId, Action};
use pollen_node::{clock, dev};
use pollen_rpc::api::{
    Bytes, Cursor, EventNotice, EventsQueryParams, EventsSubscribeParams, Stage, TxOutcome,
    TxSubmitParams,
};
use pollen_rpc::client::{EventStream, Intent, PollenClient, Sender};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::harness::{Network, deploy_probe, number_from};
use super::wire::{Frame, Socket};

/// Transactions before the stall by which the pace is told, and the least during it.
const TRANSACTIONS: usize = 100;
/// Events of a transaction, and their bytes.
const NOISE: (u32, u32) = (50, 400);
/// How much slower the node may be with the stalled one than before.
const TIMES_MAX: u32 = 2;
/// What a transaction counts at least: below it the machine is measured.
const FLOOR: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(60);

/// Protects the node from its slowest reader, and that reader from loss.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_stops_reading_slows_nobody_and_loses_nothing() {
    let stall = Duration::from_secs(number_from("POLLEN_STALL_S").unwrap_or(0));
    let mut network = Network::start(1).await;
    let client = network.client(0);
    let noisy = Noisy::deploy(client).await;
    let mut stalled = Stalled::subscribe(network.endpoint(0), None).await;
    noisy.make(client).await;
    stalled.read_one().await;
    let mut reader = client.subscribe(EventsSubscribeParams::default()).await.unwrap();

    let before = pace(&noisy, client, &mut reader, TRANSACTIONS, Duration::ZERO).await;
    let during = pace(&noisy, client, &mut reader, 3 * TRANSACTIONS, stall).await;
    println!("a transaction and its events: {before:?} before, {during:?} beside the stalled one");
    assert!(during <= TIMES_MAX * before.max(FLOOR), "{during:?} against {before:?}");

    let every = every_event(client).await;
    let told = stalled.read_to(*every.last().unwrap(), client).await;
    println!(
        "{} events, {} gaps, cut off {} times",
        told.len(),
        stalled.gaps,
        stalled.connections - 1
    );
    let other = told.iter().zip(&every).find(|(told, event)| told != event);
    assert_eq!((other, told.len()), (None, every.len()), "every event once, in order");
    network.stop_all().await;
}

/// A module that tells much.
struct Noisy {
    module: AccountId,
    sender: Sender,
}

impl Noisy {
    async fn deploy(client: &PollenClient) -> Self {
        let module = deploy_probe(client).await;
        Self { module, sender: Sender::new(dev::faucet_key(), 1_000) }
    }

    /// One transaction's events.
    async fn make(&self, client: &PollenClient) {
        let noise = Action::Invoke {
            module: self.module,
            function: "emit-many".to_owned(),
            arguments: borsh::to_vec(&NOISE).unwrap(),
            deposit: 0,
            interface: None,
        };
        let network = client.network().await.unwrap();
        let signed =
            self.sender.sign(Intent::new(vec![noise], 300_000_000), network, clock::now_ms());
        let params = TxSubmitParams {
            transaction: Bytes(signed.bytes),
            wait: Stage::Executed.into(),
            timeout_ms: Some(30_000),
            chain_id: None,
        };
        let status = client.tx_submit(&params).await.unwrap().value;
        assert!(matches!(status.outcome, Some(TxOutcome::Success { .. })), "{status:?}");
    }
}

/// What a transaction takes on average until a subscriber that reads has its events; of at least so many, for
/// at least so long.
async fn pace(
    noisy: &Noisy,
    client: &PollenClient,
    reader: &mut EventStream,
    count: usize,
    time: Duration,
) -> Duration {
    let began = Instant::now();
    let mut made = 0;
    while made < count || began.elapsed() < time {
        noisy.make(client).await;
        for _ in 0..NOISE.0 {
            let notice = tokio::time::timeout(PATIENCE, reader.next()).await.expect("told in time");
            assert!(matches!(notice.unwrap(), EventNotice::Event { .. }));
        }
        made += 1;
    }
    began.elapsed() / made as u32
}

/// Every event there is, as `events_query` gives them.
async fn every_event(client: &PollenClient) -> Vec<Cursor> {
    let mut every = Vec::new();
    fill(client, &mut every, Cursor::default(), Cursor::end_of(u64::MAX)).await;
    every
}

/// Reads the events between two cursors.
async fn fill(client: &PollenClient, told: &mut Vec<Cursor>, mut after: Cursor, until: Cursor) {
    loop {
        let params =
            EventsQueryParams { after: Some(after), limit: Some(500), ..Default::default() };
        let page = client.events_query(&params).await.unwrap().value;
        let events = page.events.iter().map(|event| event.cursor);
        told.extend(events.take_while(|cursor| *cursor <= until));
        after = page.next;
        if !page.more || after >= until {
            return;
        }
    }
}

/// A subscriber with a connection that holds little.
struct Stalled {
    endpoint: String,
    socket: Socket,
    told: Vec<Cursor>,
    gaps: usize,
    connections: usize,
}

impl Stalled {
    async fn subscribe(endpoint: &str, after: Option<Cursor>) -> Self {
        let host = endpoint.strip_prefix("http://").unwrap();
        let stream = TcpSocket::new_v4().unwrap();
        stream.set_recv_buffer_size(256 << 10).unwrap();
        let stream = stream.connect(host.parse().unwrap()).await.unwrap();
        let mut socket = Socket::open(stream, host).await.unwrap();
        let after = after.unwrap_or_default();
        let subscribe = json!({ "jsonrpc": "2.0", "id": 1, "method": "events_subscribe",
                                "params": { "after": after } });
        socket.send(Frame::Text, subscribe.to_string().as_bytes()).await.unwrap();
        socket.receive().await.expect("it is subscribed");
        Self { endpoint: endpoint.to_owned(), socket, told: Vec::new(), gaps: 0, connections: 1 }
    }

    async fn read_one(&mut self) {
        let notice = notice(&self.socket.receive().await.unwrap());
        let EventNotice::Event { event } = notice else { panic!("{notice:?}") };
        self.told.push(event.cursor);
    }

    /// Reads again, up to `last`: fills gaps, and subscribes again from its cursor where it was cut off.
    async fn read_to(&mut self, last: Cursor, client: &PollenClient) -> Vec<Cursor> {
        while self.told.last() < Some(&last) {
            let message = tokio::time::timeout(PATIENCE, self.socket.receive());
            let Some(message) = message.await.expect("it goes on") else {
                let again = Self::subscribe(&self.endpoint, self.told.last().copied()).await;
                self.socket = again.socket;
                self.connections += 1;
                continue;
            };
            match notice(&message) {
                EventNotice::Event { event } => self.told.push(event.cursor),
                EventNotice::Gap { after, resume } => {
                    assert!(Some(&after) >= self.told.last(), "a gap that goes back");
                    self.gaps += 1;
                    let from = *self.told.last().expect("it was told of an event before");
                    fill(client, &mut self.told, from, resume).await;
                }
                EventNotice::End { message, .. } => panic!("{message}"),
            }
        }
        self.told.clone()
    }
}

fn notice(message: &[u8]) -> EventNotice {
    let message: Value = serde_json::from_slice(message).unwrap();
    assert_eq!(message["method"], "events_notice", "{message}");
    serde_json::from_value(message["params"]["result"].clone()).unwrap()
}
