//! Questions and answers.

use super::*;

fn hello() -> Request {
    Request::Hello { chain_id: chain() }
}

impl Node {
    async fn asked(&mut self) -> (Sender, Request, Responder) {
        self.wait(|event| match event {
            NetworkEvent::Request { from, request, respond } => Some((from, request, respond)),
            _ => None,
        })
        .await
    }
}

async fn pair() -> (Node, Node) {
    let mut first = Node::start(validator(0, 2, &[])).await;
    let mut second = Node::start(validator(1, 2, &[first.addresses()])).await;
    first.connected().await;
    second.connected().await;
    (first, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_of_each_target_is_answered() {
    let (mut first, second) = pair().await;
    let request = Request::History(HistoryRequest { targets: Vec::new(), frontier: vec![1, 2] });
    let targets = [
        Target::Author(0),
        Target::AnyConnected,
        Target::Peer(peer_id_of(&validator_key(0).public_key())),
    ];
    for target in targets {
        let answering = async {
            let (from, request, respond) = first.asked().await;
            // As large as answers get.
            respond.send(Response::History(vec![vec![7; 4 << 20]]));
            (from, request)
        };
        let (answer, (from, asked)) =
            tokio::join!(second.handle.request(target, request.clone()), answering);
        assert_eq!(asked, request);
        assert_eq!(from.author, Some(1));
        assert_eq!(answer, Ok(Response::History(vec![vec![7; 4 << 20]])));
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_without_answer_times_out() {
    let mut first = Node::start(validator(0, 2, &[])).await;
    let mut hasty = validator(1, 2, &[first.addresses()]);
    hasty.limits.request_timeout = Duration::from_millis(200);
    let mut second = Node::start(hasty).await;
    second.connected().await;
    let asking = second.handle.request(Target::Author(0), hello());
    let (answer, held) = tokio::join!(asking, first.asked());
    assert_eq!(answer, Err(RequestError::Timeout));
    drop(held);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_question_is_refused_and_a_lost_peer_told() {
    let (mut first, mut second) = pair().await;
    let asking = second.handle.request(Target::Author(0), hello());
    let (answer, ()) = tokio::join!(asking, async { drop(first.asked().await) });
    assert!(matches!(answer, Ok(Response::Refused(_))), "{answer:?}");
    first.stop().await;
    second.disconnected().await;
    let target = Target::Author(0);
    let answer = second.handle.request(target, hello()).await;
    assert_eq!(answer, Err(RequestError::NotConnected { target }));
    second.stop().await;
}

/// One peer must not keep the node busy alone: what it asks beyond its share is refused at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_asks_too_much_is_refused() {
    let mut strict = validator(0, 1, &[]);
    strict.limits.requests_concurrent_max = 2;
    let mut first = Node::start(strict).await;
    let mut asker = Node::start(follower("greedy", 1, &[first.addresses()])).await;
    asker.connected().await;
    let ask = || asker.handle.request(Target::AnyConnected, hello());
    let asking = async { tokio::join!(ask(), ask(), ask()) };
    let answering = async {
        let held = (first.asked().await, first.asked().await);
        let refused = || first.handle.counters().requests_refused.load(Relaxed);
        while refused() == 0 {
            tokio::task::yield_now().await;
        }
        for (_, _, respond) in [held.0, held.1] {
            respond.send(Response::Hello { chain_id: chain(), author: Some(0) });
        }
    };
    let ((one, two, three), ()) = tokio::join!(asking, answering);
    let refused = [one, two, three]
        .into_iter()
        .filter(|answer| matches!(answer, Ok(Response::Refused(_))))
        .count();
    assert_eq!(refused, 1);
    first.stop().await;
    asker.stop().await;
}
