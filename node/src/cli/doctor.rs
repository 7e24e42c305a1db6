//! `pollen doctor diverge`: what is wrong between two nodes, from their read methods alone. ([`checks`] is `pollen doctor`.)

pub mod checks;

use clap::{Args, Subcommand};
use pollen_ledger::Hash;
use pollen_rpc::api::{
    ChainCheckpointParams, ChainHeadParams, ChainWritesParams, CheckpointView, ReadAt, StateWrite,
    TxGetParams,
};
use pollen_rpc::client::PollenClient;
use serde_json::{Value, json};

use super::output;
use super::{Failure, Session};

/// `pollen doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Something else than the usual checks
    #[command(subcommand)]
    pub command: Option<DoctorCommand>,
}

/// `pollen doctor ..`.
#[derive(Debug, Subcommand)]
pub enum DoctorCommand {
    /// Find the first checkpoint, transaction and key in which two nodes differ
    #[command(
        after_help = "Example:\n  pollen doctor diverge --url http://localhost:9650 --peer http://localhost:9651\n\n\
                      Exit codes: 0 they agree as far as both have come, 1 they differ"
    )]
    Diverge(DivergeArgs),
}

/// `pollen doctor diverge`.
#[derive(Debug, Args)]
pub struct DivergeArgs {
    /// JSON-RPC of the other node
    #[arg(long, value_name = "URL")]
    pub peer: String,
    /// JSON-RPC of this node [default: the first of the network]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Two nodes, the one that is asked about first.
struct Pair {
    nodes: [PollenClient; 2],
}

/// Something that both have, and differently.
type Both<T> = [T; 2];

/// `pollen doctor diverge`.
pub async fn diverge(session: &Session, args: &DivergeArgs) -> Result<(), Failure> {
    let url = args.url.clone().unwrap_or_else(|| session.endpoints()[0].clone());
    let nodes = [PollenClient::new([&url])?, PollenClient::new([&args.peer])?];
    let pair = Pair { nodes };
    let chains = [pair.nodes[0].network().await?.chain_id, pair.nodes[1].network().await?.chain_id];
    if chains[0] != chains[1] {
        return Err(Failure::new(format!(
            "the nodes are of two chains: {} and {}",
            chains[0], chains[1]
        ))
        .hint("name two nodes of one chain with --url and --peer"));
    }
    let Some(height) = pair.first_difference().await? else {
        let common = pair.common_height().await?;
        let document = json!({ "diverged": false, "height": common.to_string() });
        session.print(&document, || format!("the same up to checkpoint {common}\n"));
        return Ok(());
    };
    let checkpoints = pair.checkpoints(height).await?;
    let fields = differing_fields(&checkpoints);
    let transaction = pair.transaction(&checkpoints).await?;
    let write = pair.write(height).await?;
    let document = json!({
        "diverged": true, "height": height.to_string(), "fields": fields,
        "digests": [checkpoints[0].digest, checkpoints[1].digest],
        "transaction": transaction, "key": write,
    });
    session.print(&document, || text(&url, &args.peer, &document));
    Err(Failure::new(format!("the nodes differ from checkpoint {height} on")).hint(
        "the one that more than a third of the stake attests is right: the other's data is to be kept for \
         whoever looks into it, and replaced",
    ))
}

impl Pair {
    async fn common_height(&self) -> Result<u64, Failure> {
        let params = ChainHeadParams::default();
        let mut common = u64::MAX;
        for node in &self.nodes {
            common = common.min(node.chain_head(&params).await?.at.height);
        }
        Ok(common)
    }

    async fn checkpoints(&self, height: u64) -> Result<Both<CheckpointView>, Failure> {
        let params = ChainCheckpointParams { at: ReadAt::Height(height), ..Default::default() };
        let ask = async |index: usize| -> Result<CheckpointView, Failure> {
            Ok(self.nodes[index].chain_checkpoint(&params).await?.value)
        };
        Ok([ask(0).await?, ask(1).await?])
    }

    async fn differ_at(&self, height: u64) -> Result<bool, Failure> {
        let [one, other] = self.checkpoints(height).await?;
        Ok(one.digest != other.digest)
    }

    /// The lowest height at which they differ. Digests chain, so that they differ from there on.
    async fn first_difference(&self) -> Result<Option<u64>, Failure> {
        let mut differ = self.common_height().await?;
        if !self.differ_at(differ).await? {
            return Ok(None);
        }
        let mut low = 0;
        while low < differ {
            let middle = low + (differ - low) / 2;
            match self.differ_at(middle).await? {
                true => differ = middle,
                false => low = middle + 1,
            }
        }
        Ok(Some(differ))
    }

    /// The first place of the checkpoint with another transaction, or another receipt.
    async fn transaction(
        &self,
        checkpoints: &Both<CheckpointView>,
    ) -> Result<Option<Value>, Failure> {
        let [Some(one), Some(other)] = checkpoints.each_ref().map(|one| one.transactions.as_ref())
        else {
            return Ok(None); // one of the two keeps them no more
        };
        let ids = |list: &[Hash], index: usize| list.get(index).copied();
        for index in 0..one.len().max(other.len()) {
            let both = [ids(one, index), ids(other, index)];
            if both[0] != both[1] {
                return Ok(Some(json!({ "index": index, "hashes": both })));
            }
            let Some(hash) = both[0] else { continue };
            let receipts = [self.receipt(0, hash).await?, self.receipt(1, hash).await?];
            if receipts[0] != receipts[1] {
                return Ok(Some(json!({
                    "index": index, "hashes": both,
                    "receipts": [hex::encode(&receipts[0]), hex::encode(&receipts[1])],
                })));
            }
        }
        Ok(None)
    }

    async fn receipt(&self, index: usize, hash: Hash) -> Result<Vec<u8>, Failure> {
        let params = TxGetParams::of(hash);
        Ok(self.nodes[index].tx_get(&params).await?.value.receipt.0)
    }

    /// The first key that they left with another value.
    async fn write(&self, height: u64) -> Result<Option<Value>, Failure> {
        let [mut one, mut other] =
            [Writes::new(&self.nodes[0], height), Writes::new(&self.nodes[1], height)];
        loop {
            let both = [one.next().await?, other.next().await?];
            if both[0].is_none() && both[1].is_none() {
                return Ok(None);
            }
            let same = matches!(&both, [Some(one), Some(other)]
                if one.key_hash == other.key_hash && one.after == other.after);
            if same {
                continue;
            }
            // Both come in the order of key hashes: a key that only one wrote is the lower of the two.
            let key_hash = both.iter().flatten().map(|write| write.key_hash).min();
            let at = |write: &Option<StateWrite>| {
                write.as_ref().filter(|write| Some(write.key_hash) == key_hash).cloned()
            };
            return Ok(Some(
                json!({ "keyHash": key_hash, "writes": [at(&both[0]), at(&both[1])] }),
            ));
        }
    }
}

/// The writes of a checkpoint at one node, page by page.
struct Writes<'a> {
    node: &'a PollenClient,
    params: ChainWritesParams,
    page: std::collections::VecDeque<StateWrite>,
    ended: bool,
}

impl<'a> Writes<'a> {
    fn new(node: &'a PollenClient, height: u64) -> Self {
        let params = ChainWritesParams::of(height);
        Self { node, params, page: Default::default(), ended: false }
    }

    async fn next(&mut self) -> Result<Option<StateWrite>, Failure> {
        while self.page.is_empty() && !self.ended {
            let page = self.node.chain_writes(&self.params).await?.value;
            self.page = page.writes.into();
            self.ended = page.next.is_none();
            self.params.after = page.next;
        }
        Ok(self.page.pop_front())
    }
}

fn differing_fields([one, other]: &Both<CheckpointView>) -> Vec<&'static str> {
    let fields = [
        ("commitIndex", one.commit_index == other.commit_index),
        ("commitDigest", one.commit_digest == other.commit_digest),
        ("previous", one.previous == other.previous),
        ("timeMs", one.time_ms == other.time_ms),
        ("transactionsRoot", one.transactions_root == other.transactions_root),
        ("receiptsRoot", one.receipts_root == other.receipts_root),
        ("orderingRoot", one.ordering_root == other.ordering_root),
    ];
    let differing = fields.into_iter().filter(|(_, same)| !same);
    let mut names: Vec<_> = differing.map(|(name, _)| name).collect();
    if names.is_empty() {
        names.push("stateRoot"); // what else the digest is made of
    }
    names
}

fn text(url: &str, peer: &str, document: &Value) -> String {
    let words = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut rows = vec![[
        format!("checkpoint {}", words(&document["height"])),
        words(&document["digests"][0]),
        words(&document["digests"][1]),
    ]];
    let transaction = &document["transaction"];
    if !transaction.is_null() {
        let index = words(&transaction["index"]);
        let hashes = &transaction["hashes"];
        let name = format!("transaction {index}");
        rows.push([name, words(&hashes[0]), words(&hashes[1])]);
        let receipts = &transaction["receipts"];
        if !receipts.is_null() {
            rows.push([format!("receipt {index}"), words(&receipts[0]), words(&receipts[1])]);
        }
    }
    let key = &document["key"];
    if !key.is_null() {
        let name = format!("key {}", words(&key["keyHash"]));
        let value = |node: usize| match &key["writes"][node] {
            Value::Null => "not written".to_owned(),
            write => words(&write["after"]),
        };
        rows.push([name, value(0), value(1)]);
    }
    let fields: Vec<String> =
        document["fields"].as_array().into_iter().flatten().map(words).collect();
    format!("differing: {}\n", fields.join(", "))
        + &output::table(["first difference", url, peer], rows)
        + "\n"
}
