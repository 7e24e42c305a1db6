//! Measurements, run by hand: `cargo nextest run -p pollen-node --run-ignored only --no-capture measure`.

use super::*;

/// CPU time of this process so far (Linux: ticks of 10 ms).
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
}

async fn measure(kind: TransportKind) {
    const ROUND_TRIPS: usize = 5000;
    let mut nodes = committee(2, kind).await;
    let mut second = nodes.pop().unwrap();
    let mut first = nodes.pop().unwrap();
    first.connected().await;
    second.connected().await;
    let message = block_message(&[7; 1024]);
    let echo = {
        let message = Arc::clone(&message);
        tokio::spawn(async move {
            for _ in 0..ROUND_TRIPS + 100 {
                second.block().await;
                second.handle.send(0, Arc::clone(&message));
            }
            second
        })
    };
    let mut times = Vec::new();
    let mut cpu = 0;
    for number in 0..ROUND_TRIPS + 100 {
        if number == 100 {
            cpu = cpu_ms();
        }
        let start = Instant::now();
        first.handle.send(1, Arc::clone(&message));
        first.block().await;
        if number >= 100 {
            times.push(start.elapsed());
        }
    }
    let cpu = cpu_ms() - cpu;
    times.sort();
    println!(
        "{kind:?}: round trip of 1 KiB p50 {:?} p99 {:?}; CPU {:.1} us per message",
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        cpu as f64 * 1000.0 / (2 * ROUND_TRIPS) as f64,
    );
    let second = echo.await.unwrap();
    flood(&mut first, &second, &message, kind).await;
    first.stop().await;
    second.stop().await;
}

/// One way, as fast as the queue allows.
async fn flood(first: &mut Node, second: &Node, message: &Arc<[u8]>, kind: TransportKind) {
    const MESSAGES: usize = 50_000;
    let (start, cpu) = (Instant::now(), cpu_ms());
    let sending = async {
        for number in 0..MESSAGES {
            if number % 512 == 0 {
                while second.handle.waiting(0) > 1024 {
                    tokio::task::yield_now().await;
                }
            }
            second.handle.send(0, Arc::clone(message));
        }
    };
    let receiving = async {
        for _ in 0..MESSAGES {
            first.block().await;
        }
    };
    tokio::join!(sending, receiving);
    println!(
        "{kind:?}: {:.0} messages of 1 KiB a second one way; CPU {:.1} us per message",
        MESSAGES as f64 / start.elapsed().as_secs_f64(),
        (cpu_ms() - cpu) as f64 * 1000.0 / MESSAGES as f64,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure_tcp() {
    measure(TransportKind::Tcp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure_quic() {
    measure(TransportKind::Quic).await;
}
