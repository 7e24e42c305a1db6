//! Our own client: submissions, stages, nodes that are lost, subscriptions that go on.

use std::time::Duration;

use pollen_ledger::transaction::{Action, TRANSACTION_VERSION};
use pollen_ledger::{AccountId, Hash, KeyPair, SignedTransaction, Transaction, codec};
use pollen_rpc::api::*;
use pollen_rpc::client::{ClientError, Intent, PollenClient, Signed};
use pollen_rpc::error::ErrorCode;
use pollen_rpc::server::Limits;

use super::chain::TIME_MS;
use super::{served, served_with};

fn transfer() -> Action {
    Action::Transfer { to: AccountId([5; 32]), amount: 1 }
}

async fn signed(client: &PollenClient) -> Signed {
    let key = KeyPair::development("alice");
    client.sign(&key, Intent::new(vec![transfer()], 1_000), 3).await.unwrap()
}

/// A URL where nobody listens.
async fn dead_url() -> String {
    let served = served().await;
    let url = served.url();
    served.server.stop().await;
    url
}

/// The nonce is near the next one but differs between shells; time and price come from the chain.
#[tokio::test]
async fn a_signed_transaction_fits_the_chain() {
    let served = served().await;
    let client = PollenClient::new([served.url()]).unwrap();
    let key = KeyPair::development("alice");
    let network = client.network().await.unwrap().clone();
    let sign = async |random| {
        let signed = client.sign(&key, Intent::new(vec![transfer()], 9), random).await.unwrap();
        codec::decode::<SignedTransaction>(&signed.bytes, 1 << 20).unwrap()
    };
    let (first, second) = (sign(0).await, sign(300).await);
    first.check_signatures(&network.chain_id).unwrap();
    assert_eq!(first.transaction.nonce, 42);
    assert_eq!(second.transaction.nonce, 42 + 300 % 256);
    assert_eq!(first.transaction.valid_until_ms, TIME_MS + 60_000);
    assert_eq!(first.transaction.fuel_price, 11);
}

/// Story: on a chain that had executed nothing yet, the first transaction was valid until a minute after genesis:
/// it was refused as expired.
#[tokio::test]
async fn the_first_transaction_of_a_chain_is_valid_from_now_on() {
    let served = served().await;
    served.chain.begin_again();
    let client = PollenClient::new([served.url()]).unwrap();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let bytes = signed(&client).await.bytes;
    let transaction = codec::decode::<SignedTransaction>(&bytes, 1 << 20).unwrap().transaction;
    assert!(u128::from(transaction.valid_until_ms) >= since.as_millis() + 60_000);
}

/// The same bytes twice are one transaction; a wait that is over is an answer with the stage
/// reached.
#[tokio::test]
async fn submission_is_idempotent_and_a_timeout_is_an_answer() {
    let served = served().await;
    let client = PollenClient::new([served.url()]).unwrap();
    let signed = signed(&client).await;
    let none = Duration::ZERO;
    for _ in 0..2 {
        let status = client.submit_and_wait(&signed, Stage::Executed, none).await.unwrap().value;
        assert_eq!(
            (status.hash, status.stage, status.ended),
            (signed.hash, Stage::Accepted, false)
        );
    }
    assert_eq!(served.chain.accepted(), 1);

    let wait = client.submit_and_wait(&signed, Stage::Executed, Duration::from_secs(20));
    let (status, ()) = tokio::join!(wait, async { served.chain.execute(&signed.hash) });
    let status = status.unwrap().value;
    assert_eq!((status.stage, status.ended), (Stage::Executed, true));
    assert_eq!(status.outcome, Some(TxOutcome::Success { results: Vec::new() }));

    let by_bytes =
        TxStatusParams { transaction: Some(Bytes(signed.bytes)), ..TxStatusParams::default() };
    assert_eq!(client.tx_status(&by_bytes).await.unwrap().value, status);
}

/// Each wrong transaction has its own number, with its name and hint kept for the user.
#[tokio::test]
async fn wrong_transactions_are_told_apart() {
    let served = served().await;
    let client = PollenClient::new([served.url()]).unwrap();
    let signed = signed(&client).await;
    let submit = async |bytes: Vec<u8>, chain_id: Option<Hash>| {
        let (wait, timeout_ms) = (WaitFor::None, None);
        let params = TxSubmitParams { transaction: Bytes(bytes), wait, timeout_ms, chain_id };
        client.tx_submit(&params).await.unwrap_err()
    };
    let good = signed.bytes.clone();
    let wrong_chain = submit(good.clone(), Some(Hash::ZERO)).await;
    assert!(wrong_chain.is(ErrorCode::WrongChain), "{wrong_chain}");
    assert!(wrong_chain.hint().unwrap().contains("chain"));
    let mut other: SignedTransaction = codec::decode(&good, 1 << 20).unwrap();
    other.transaction.nonce += 1;
    let changed = submit(codec::encode(&other), None).await;
    assert!(changed.is(ErrorCode::BadSignature), "{changed}");
    assert!(submit(good[1..].to_vec(), None).await.is(ErrorCode::Malformed));
    assert!(submit(vec![0; 64 * 1024 + 1], None).await.is(ErrorCode::TooLarge));
    let unknown = TxStatusParams { hash: Some(Hash::ZERO), ..TxStatusParams::default() };
    let unknown = client.tx_status(&unknown).await.unwrap_err();
    assert!(unknown.is(ErrorCode::NotFound), "{unknown}");
    assert_eq!(served.chain.accepted(), 0);
}

/// A node that is not there, or goes away, is passed over; errors of a node are not.
#[tokio::test]
async fn the_client_goes_on_at_the_next_node() {
    let (first, second) = (served().await, served().await);
    let dead = dead_url().await;
    let client = PollenClient::new([dead.clone(), first.url(), second.url()]).unwrap();
    let head = async || client.chain_head(&ChainHeadParams::default()).await;
    head().await.unwrap();
    assert_eq!(client.url(), first.url(), "the one that answered is asked first from now on");
    first.chain.advance(1, &[]);
    assert_eq!(head().await.unwrap().at.height, 8);
    first.server.stop().await;
    second.chain.advance(1, &[]);
    assert_eq!(head().await.unwrap().at.height, 8);
    assert_eq!(client.url(), second.url());

    let none = PollenClient::new([&dead]).unwrap();
    let error = none.chain_head(&ChainHeadParams::default()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Unreachable { failures } if failures.len() == 2));
    assert!(error.to_string().contains(&dead), "{error}");
    assert!(matches!(PollenClient::new(["no url"]).unwrap_err(), ClientError::Url { .. }));
}

/// A submission whose node dies is finished at another: the same bytes, so no harm.
#[tokio::test]
async fn a_submission_outlives_its_node() {
    let (first, second) = (served().await, served().await);
    let client = PollenClient::new([first.url(), second.url()]).unwrap();
    let signed = signed(&client).await;
    let wait = client.submit_and_wait(&signed, Stage::Executed, Duration::from_secs(20));
    let (status, ()) = tokio::join!(wait, async {
        first.chain.taken_in(&signed.hash).await;
        first.server.stop().await;
        second.chain.taken_in(&signed.hash).await;
        second.chain.execute(&signed.hash);
    });
    assert_eq!(status.unwrap().value.stage, Stage::Executed);
    assert_eq!(client.url(), second.url());
}

fn cursor_of(notice: &EventNotice) -> String {
    match notice {
        EventNotice::Event { event } => event.cursor.to_string(),
        other => panic!("expected an event, not {other:?}"),
    }
}

/// First what was missed, then what happens, nothing twice.
#[tokio::test]
async fn a_subscription_tells_the_past_and_goes_on() {
    let served = served().await;
    served.chain.advance(250, &["recorded"]);
    let client = PollenClient::new([served.url()]).unwrap();
    let after = Some("8.0.0".parse().unwrap());
    let params = EventsSubscribeParams { after, ..EventsSubscribeParams::default() };
    let mut events = client.subscribe(params).await.unwrap();
    for height in 9..=257 {
        assert_eq!(cursor_of(&events.next().await.unwrap()), format!("{height}.0.0"));
    }
    served.chain.advance(1, &["recorded"]);
    assert_eq!(cursor_of(&events.next().await.unwrap()), "258.0.0");

    let params = EventsSubscribeParams { name: Some("alarm".into()), ..Default::default() };
    let mut alarms = client.subscribe(params).await.unwrap();
    served.chain.advance(1, &["recorded", "alarm"]);
    assert_eq!(cursor_of(&alarms.next().await.unwrap()), "259.0.1", "from now on, by name");
}

/// One that had caught up and fell too far behind is told what it misses, and goes on at the
/// present.
#[tokio::test]
async fn a_subscription_that_falls_behind_gets_a_gap() {
    let limits = Limits { subscription_lag_heights: 3, ..Limits::default() };
    let served = served_with(limits).await;
    let client = PollenClient::new([served.url()]).unwrap();
    let mut events = client.subscribe(EventsSubscribeParams::default()).await.unwrap();
    served.chain.advance(1, &["recorded"]);
    assert_eq!(cursor_of(&events.next().await.unwrap()), "8.0.0");
    served.chain.advance(4, &["recorded"]);
    let gap = events.next().await.unwrap();
    let expected = EventNotice::Gap { after: Cursor::end_of(8), resume: Cursor::end_of(12) };
    assert_eq!(gap, expected);
    let missed = EventsQueryParams { after: Some(Cursor::end_of(8)), ..Default::default() };
    assert_eq!(client.events_query(&missed).await.unwrap().value.events.len(), 4);
    served.chain.advance(1, &["recorded"]);
    assert_eq!(cursor_of(&events.next().await.unwrap()), "13.0.0");
}

/// A subscription whose node dies goes on at the next one, after the last event that it told.
#[tokio::test]
async fn a_subscription_outlives_its_node() {
    let (first, second) = (served().await, served().await);
    let client = PollenClient::new([first.url(), second.url()]).unwrap();
    let mut events = client.subscribe(EventsSubscribeParams::default()).await.unwrap();
    first.chain.advance(1, &["recorded"]);
    assert_eq!(cursor_of(&events.next().await.unwrap()), "8.0.0");
    second.chain.advance(3, &["recorded"]);
    first.server.stop().await;
    assert_eq!(cursor_of(&events.next().await.unwrap()), "9.0.0");
    assert_eq!(cursor_of(&events.next().await.unwrap()), "10.0.0");
    assert_eq!(events.cursor(), Some("10.0.0".parse().unwrap()));
}

/// A transaction from before our own constructors: the bytes alone decide.
#[test]
fn a_transaction_signed_elsewhere_keeps_its_hash() {
    let chain_id = Hash::of_content(b"chain");
    let bob = KeyPair::development("bob");
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        sender: AccountId([1; 32]),
        key: bob.public_key(),
        nonce: 1,
        valid_until_ms: 2,
        max_fuel: 3,
        fuel_price: 4,
        payer: None,
        actions: vec![transfer()],
    };
    let id = transaction.id(&chain_id);
    let signed = transaction.sign(&chain_id, &bob, Vec::new());
    assert_eq!(Signed::new(&signed, chain_id).hash, id);
}

/// What a client has seen it sees from then on: after a node is lost, another that is behind is waited for, and when it
/// does not come that far, that is told. Once: a node that lied about its height does not spoil the client.
#[tokio::test]
async fn a_read_never_goes_back_at_another_node() {
    let (ahead, behind) = (served().await, served().await);
    let params = ChainHeadParams::default();
    let start = PollenClient::new([behind.url()]).unwrap().chain_head(&params).await.unwrap();
    let start = start.at.height;
    ahead.chain.advance(2, &[]);
    let client = || PollenClient::new([ahead.url(), behind.url()]).unwrap();
    let (hasty, patient) = (client(), client());
    for client in [&hasty, &patient] {
        assert_eq!(client.chain_head(&params).await.unwrap().at.height, start + 2);
    }
    ahead.server.stop().await;

    let brief = ChainHeadParams { wait_ms: 1, ..params.clone() };
    let error = hasty.chain_head(&brief).await.unwrap_err();
    assert!(error.is(ErrorCode::BehindRequested), "{error}");
    assert_eq!(hasty.height(), 0);
    assert_eq!(hasty.chain_head(&params).await.unwrap().at.height, start);

    let catching_up = async { behind.chain.advance(2, &[]) };
    let (answer, ()) = tokio::join!(patient.chain_head(&params), catching_up);
    assert_eq!(answer.unwrap().at.height, start + 2);
}
