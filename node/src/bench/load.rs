//! Sends on schedule and measures.

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use pollen_rpc::api::{Bytes, Stage, StageTimes, TxOutcome, TxSubmitParams, WaitFor};
use pollen_rpc::client::{ClientError, Signed, TransactionSocket};
use pollen_rpc::error::ErrorCode;
use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::BenchArgs;
use super::work::Work;
use crate::cli::{Failure, Session};
use crate::clock;

/// Calls that one connection carries at a time: what a server answers side by side.
const CALLS_PER_SOCKET: usize = 64;
/// Latencies above this count as this, in milliseconds.
const LATENCY_MAX_MS: u64 = 120_000;
/// How long the stragglers may take after the last one was sent.
const STRAGGLERS: Duration = Duration::from_secs(40);
/// Most different errors that are told.
const ERRORS_TOLD: usize = 5;
/// Of so many transactions one is followed until it is certified: each costs its node another answer.
const CERTIFIED_SAMPLE: u64 = 8;

/// What was measured.
pub struct Measured {
    /// From the scheduled moment to ordered, in milliseconds.
    pub ordered_ms: Histogram<u64>,
    /// From the scheduled moment to the answer that it is executed, in milliseconds.
    pub executed_ms: Histogram<u64>,
    /// From the scheduled moment to the answer that it is certified, in milliseconds; of one in
    /// [`CERTIFIED_SAMPLE`].
    pub certified_ms: Histogram<u64>,
    /// From the first sent to the last executed.
    pub elapsed: Duration,
    /// Sent.
    pub sent: u64,
    /// Executed with success.
    pub succeeded: u64,
    /// Everything else.
    pub failed: u64,
    /// Times that a full pool was waited out.
    pub retried: u64,
    /// Reasons, some.
    pub errors: Vec<String>,
}

struct Sample {
    ordered_ms: Option<u64>,
    executed_ms: u64,
    certified_ms: Option<u64>,
    at: Instant,
    retried: u64,
    error: Option<String>,
}

/// Runs the load.
pub async fn run(
    session: &Session,
    args: &BenchArgs,
    work: Work,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    let nodes = session.endpoints();
    let per_node = args.in_flight.div_ceil(nodes.len() * CALLS_PER_SOCKET).max(1);
    let mut sockets = Vec::new();
    for endpoint in nodes {
        let mut of_node = Vec::new();
        for _ in 0..per_node {
            of_node.push(Arc::new(TransactionSocket::connect(endpoint, CALLS_PER_SOCKET).await?));
        }
        sockets.push(of_node);
    }
    let places = Arc::new(Semaphore::new(args.in_flight));
    let (samples, mut collected) = mpsc::channel::<Sample>(4096);
    let began = Instant::now();
    let began_ms = clock::now_ms();
    let bar_of_sender = bar.clone();
    let (duration, rate) = (args.duration, args.rate);
    let sending = tokio::spawn(async move {
        let mut number = 0u64;
        while began.elapsed() < duration {
            let due = match rate {
                0 => Duration::ZERO,
                rate => Duration::from_secs_f64(number as f64 / f64::from(rate)),
            };
            if due >= duration {
                break;
            }
            tokio::time::sleep_until(began + due).await;
            let place = places.clone().acquire_owned().await.expect("never closed");
            let scheduled_ms = match rate {
                0 => clock::now_ms(),
                _ => began_ms + due.as_millis() as u64,
            };
            let (from, signed) = work.transaction(number);
            let of_node = &sockets[from % sockets.len()];
            // All of one sender's go one way: its node sees its nonces in order.
            let socket = of_node[from / sockets.len() % of_node.len()].clone();
            let samples = samples.clone();
            tokio::spawn(async move {
                let mut sample = send(&socket, &signed, scheduled_ms).await;
                drop(place);
                if number.is_multiple_of(CERTIFIED_SAMPLE) && sample.error.is_none() {
                    sample.certified_ms = certified(&socket, &signed, scheduled_ms).await;
                }
                let _ = samples.send(sample).await;
            });
            number += 1;
            if number.is_multiple_of(64) {
                bar_of_sender.set_position(began.elapsed().as_millis() as u64);
            }
        }
        number
    });
    let mut measured = Measured {
        ordered_ms: histogram(),
        executed_ms: histogram(),
        certified_ms: histogram(),
        elapsed: Duration::ZERO,
        sent: 0,
        succeeded: 0,
        failed: 0,
        retried: 0,
        errors: Vec::new(),
    };
    let deadline = began + args.duration + STRAGGLERS;
    while let Ok(Some(sample)) = tokio::time::timeout_at(deadline, collected.recv()).await {
        measured.take(sample, began);
        if measured.succeeded.is_multiple_of(256) {
            bar.set_message(format!(
                "{} executed, p50 {} ms",
                measured.succeeded,
                measured.executed_ms.value_at_quantile(0.5)
            ));
        }
    }
    measured.sent = sending.await.map_err(|error| Failure::new(error.to_string()))?;
    measured.failed += measured.sent.saturating_sub(measured.succeeded + measured.failed);
    Ok(measured)
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_MS, 3).expect("fixed bounds")
}

impl Measured {
    fn take(&mut self, sample: Sample, began: Instant) {
        self.retried += sample.retried;
        if let Some(error) = sample.error {
            self.failed += 1;
            if self.errors.len() < ERRORS_TOLD && !self.errors.contains(&error) {
                self.errors.push(error);
            }
            return;
        }
        self.succeeded += 1;
        self.elapsed = self.elapsed.max(sample.at.duration_since(began));
        self.executed_ms.saturating_record(sample.executed_ms.max(1));
        if let Some(certified_ms) = sample.certified_ms {
            self.certified_ms.saturating_record(certified_ms.max(1));
        }
        if let Some(ordered_ms) = sample.ordered_ms {
            self.ordered_ms.saturating_record(ordered_ms.max(1));
        }
    }
}

/// What the measurement reads of a [`pollen_rpc::api::TxStatus`]; the rest is passed over.
#[derive(Deserialize)]
struct Ended {
    stage: Stage,
    outcome: Option<TxOutcome>,
    times: StageTimes,
}

/// Submits one and waits until it is executed; a full pool is waited out.
async fn send(socket: &TransactionSocket, signed: &Signed, scheduled_ms: u64) -> Sample {
    let params = TxSubmitParams {
        transaction: Bytes(signed.bytes.clone()),
        wait: WaitFor::from(Stage::Executed),
        timeout_ms: Some(30_000),
        chain_id: None,
    };
    let mut retried = 0;
    let answer = loop {
        match socket.submit_for::<Ended>(&params).await {
            Err(error) if error.is(ErrorCode::PoolFull) && retried < 100 => {
                retried += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => break other,
        }
    };
    let executed_ms = clock::now_ms().saturating_sub(scheduled_ms);
    let (ordered_ms, error) = match answer {
        Err(error) => (None, Some(short(&error))),
        Ok(status) => {
            let ordered = status.times.ordered_ms;
            let error = match status.outcome {
                Some(TxOutcome::Success { .. }) => None,
                Some(other) => Some(serde_json::to_string(&other).unwrap_or_default()),
                None => Some(format!("stayed {}", status.stage.name())),
            };
            (ordered.map(|at| at.saturating_sub(scheduled_ms)), error)
        }
    };
    Sample { ordered_ms, executed_ms, certified_ms: None, at: Instant::now(), retried, error }
}

/// Submits an executed one again, which is safe, and waits until it is certified.
async fn certified(socket: &TransactionSocket, signed: &Signed, scheduled_ms: u64) -> Option<u64> {
    let params = TxSubmitParams {
        transaction: Bytes(signed.bytes.clone()),
        wait: WaitFor::from(Stage::Certified),
        timeout_ms: Some(30_000),
        chain_id: None,
    };
    let answer = socket.submit_for::<Ended>(&params).await.ok()?;
    let certified = answer.stage >= Stage::Certified;
    certified.then(|| clock::now_ms().saturating_sub(scheduled_ms))
}

fn short(error: &ClientError) -> String {
    error.to_string().chars().take(200).collect()
}
