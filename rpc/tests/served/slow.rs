//! Subscribers that do not read: what they cost, and that they lose nothing.

use pollen_rpc::api::{Cursor, EventNotice, EventsQueryParams, EventsSubscribeParams};
use pollen_rpc::client::PollenClient;
use pollen_rpc::server::Limits;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::served_with;
use super::wire::{Frame, Socket};

/// More than the connection's own buffers hold: each event is some 400 bytes.
const HEIGHTS: u64 = 30_000;
const LAG: u64 = 100;

fn notice(message: &[u8]) -> EventNotice {
    let message: Value = serde_json::from_slice(message).unwrap();
    assert_eq!(message["method"], "events_notice", "{message}");
    serde_json::from_value(message["params"]["result"].clone()).unwrap()
}

/// One that had caught up, then read nothing while the chain went on by thousands of heights, is told by gaps
/// exactly what it missed: with what `events_query` gives between their cursors it has every event once.
#[tokio::test]
async fn one_that_stops_reading_has_every_event_with_the_gaps_filled() {
    let limits =
        Limits { subscription_lag_heights: LAG, messages_buffered: 4, ..Limits::default() };
    let served = served_with(limits).await;
    let address = served.server.address();
    let stream = TcpSocket::new_v4().unwrap();
    stream.set_recv_buffer_size(16 << 10).unwrap();
    let stream = stream.connect(address).await.unwrap();
    let mut stalled = Socket::open(stream, &address.to_string()).await.unwrap();
    let subscribe = json!({ "jsonrpc": "2.0", "id": 1, "method": "events_subscribe" }).to_string();
    stalled.send(Frame::Text, subscribe.as_bytes()).await.unwrap();
    stalled.receive().await.unwrap();
    served.chain.advance(1, &["recorded"]);
    let mut told = vec![cursor(&notice(&stalled.receive().await.unwrap()))];

    // Another one, which reads, has everything meanwhile: it waits for nobody.
    let client = PollenClient::new([served.url()]).unwrap();
    let mut reader = client.subscribe(EventsSubscribeParams::default()).await.unwrap();
    for _ in 0..HEIGHTS / 50 {
        served.chain.advance(50, &["recorded"]);
        for _ in 0..50 {
            assert!(matches!(reader.next().await.unwrap(), EventNotice::Event { .. }));
        }
    }

    let end = 8 + HEIGHTS;
    let mut gaps = 0;
    while told.last().unwrap().height < end {
        match notice(&stalled.receive().await.expect("it is not cut off")) {
            EventNotice::Event { event } => told.push(event.cursor),
            EventNotice::Gap { after, resume } => {
                gaps += 1;
                assert!(after >= *told.last().unwrap(), "a gap that goes back");
                fill(&client, &mut told, after, resume).await;
            }
            EventNotice::End { message, .. } => panic!("{message}"),
        }
    }
    let every: Vec<Cursor> =
        (8..=end).map(|height| Cursor { height, transaction: 0, event: 0 }).collect();
    let other = told.iter().zip(&every).find(|(told, event)| told != event);
    assert_eq!((other, told.len()), (None, every.len()), "every event once, in order");
    assert!(gaps > 0, "it fell behind");
}

fn cursor(notice: &EventNotice) -> Cursor {
    match notice {
        EventNotice::Event { event } => event.cursor,
        other => panic!("expected an event, not {other:?}"),
    }
}

/// Reads what a gap left out.
async fn fill(client: &PollenClient, told: &mut Vec<Cursor>, mut after: Cursor, resume: Cursor) {
    while after < resume {
        let params =
            EventsQueryParams { after: Some(after), limit: Some(1_000), ..Default::default() };
        let page = client.events_query(&params).await.unwrap().value;
        let missed = page.events.iter().map(|event| event.cursor);
        told.extend(missed.take_while(|cursor| *cursor <= resume));
        after = page.next;
    }
}
