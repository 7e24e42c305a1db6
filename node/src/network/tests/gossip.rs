//! Blocks to everyone who is no validator.

use super::*;

impl Node {
    async fn gossiped(&mut self) -> (Sender, Vec<u8>, Validation) {
        self.wait(|event| match event {
            NetworkEvent::Gossip { from, block, validation } => Some((from, block, validation)),
            _ => None,
        })
        .await
    }
}

/// Publishes numbered blocks until `heard` ends: a subscription takes a moment to be known, and a
/// gossip that comes too early reaches nobody.
async fn publish_until<T>(handle: &NetworkHandle, heard: impl Future<Output = T>) -> T {
    let publishing = async {
        let mut every = tokio::time::interval(Duration::from_millis(20));
        for number in 0u32.. {
            every.tick().await;
            handle.gossip(number.to_be_bytes().to_vec().into());
        }
        unreachable!("the wait has a bound")
    };
    tokio::select! {
        heard = heard => heard,
        () = publishing => unreachable!("publishing never ends"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_hears_blocks_from_a_validator_and_may_ask_it() {
    let mut first = Node::start(validator(0, 1, &[])).await;
    let mut peer = Node::start(follower("peer", 1, &[first.addresses()])).await;
    let joined = first.connected().await;
    assert_eq!(joined.author, None);
    let (from, block, validation) = publish_until(&first.handle, peer.gossiped()).await;
    assert_eq!(from.author, Some(0));
    assert_eq!(block.len(), 4);
    validation.report(Verdict::Accept);

    let asking = peer.handle.request(Target::AnyConnected, Request::Transaction(vec![1; 1 << 20]));
    let answering = first.wait(|event| match event {
        NetworkEvent::Request { respond, .. } => {
            respond.send(Response::Transaction(Ok(())));
            Some(())
        }
        _ => None,
    });
    let (answer, ()) = tokio::join!(asking, answering);
    assert_eq!(answer, Ok(Response::Transaction(Ok(()))));
    first.stop().await;
    peer.stop().await;
}

/// A peer forwards what its core accepts and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_accepted_blocks_are_forwarded() {
    let mut first = Node::start(validator(0, 1, &[])).await;
    let mut near = Node::start(follower("near", 1, &[first.addresses()])).await;
    let mut beyond = follower("far", 1, &[]);
    beyond.bootstrap = near.addresses();
    let mut far = Node::start(beyond).await;
    first.connected().await;
    far.connected().await;
    // The near peer accepts even numbers and ignores odd ones.
    let (handle, mut forwarded) = (first.handle.clone(), Vec::new());
    let judging = async {
        loop {
            let (_, block, validation) = near.gossiped().await;
            let even = block[3] % 2 == 0;
            validation.report(if even { Verdict::Accept } else { Verdict::Ignore });
        }
    };
    let hearing = async {
        while forwarded.len() < 5 {
            let (from, block, _validation) = far.gossiped().await;
            assert_eq!(from.author, None, "heard from the near peer");
            forwarded.push(block[3]);
        }
    };
    tokio::select! {
        () = publish_until(&handle, hearing) => {}
        () = judging => {}
    }
    assert!(forwarded.iter().all(|number| number % 2 == 0), "{forwarded:?}");
    assert_eq!(near.handle.counters().gossip_rejected.load(Relaxed), 0);
    for node in [first, near, far] {
        node.stop().await;
    }
}
