//! The node behind the server under test: a chain in memory, moved by the test. Small on purpose;
//! the real one is tested with real processes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use pollen_ledger::{AccountId, Address, Hash, KeyPair, PublicKey, SignedTransaction, codec};
use pollen_rpc::api::*;
use pollen_rpc::backend::*;
use pollen_rpc::error::{ErrorCode, RpcError};
use serde_json::{Value, json};
use tokio::sync::watch;

pub const PREFIX: &str = "pollend";
pub const TIME_MS: u64 = 1_800_000_000_000;

pub struct Chain {
    network: Network,
    height: watch::Sender<u64>,
    certified: watch::Sender<u64>,
    statuses: watch::Sender<BTreeMap<Hash, TxStatus>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    events: Vec<EventView>,
    ready: bool,
    /// How many times a transaction was taken in anew.
    accepted: usize,
}

impl Chain {
    pub fn new() -> Self {
        let chain_id = Hash::of_content(b"test chain");
        let network =
            Network { chain_id, address_prefix: PREFIX.into(), transaction_bytes_max: 64 * 1024 };
        let kept = Kept { ready: true, ..Kept::default() };
        let (height, certified) = (watch::Sender::new(7), watch::Sender::new(5));
        Self {
            network,
            height,
            certified,
            statuses: watch::Sender::default(),
            kept: Mutex::new(kept),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    pub fn accepted(&self) -> usize {
        self.kept().accepted
    }

    pub fn set_ready(&self, ready: bool) {
        self.kept().ready = ready;
    }

    /// As if nothing had been executed yet, of a genesis long ago.
    pub fn begin_again(&self) {
        self.height.send_replace(0);
    }

    /// Certifies all that is executed.
    pub fn certify(&self) {
        self.certified.send_replace(*self.height.borrow());
    }

    fn height_at(&self, at: ReadAt) -> u64 {
        match at {
            ReadAt::Latest => *self.height.borrow(),
            ReadAt::Certified => *self.certified.borrow(),
            ReadAt::Height(height) => height,
        }
    }

    /// Executes `heights` checkpoints, each with one event of each name.
    pub fn advance(&self, heights: u64, names: &[&str]) {
        self.height.send_modify(|height| {
            for _ in 0..heights {
                *height += 1;
                let events = names.iter().enumerate().map(|(index, name)| EventView {
                    cursor: Cursor { height: *height, transaction: 0, event: index as u32 },
                    transaction: Hash::of_content(&height.to_le_bytes()),
                    time_ms: TIME_MS,
                    module: module_address(),
                    module_name: Some("coldchain".into()),
                    name: (*name).into(),
                    topics: vec![Bytes(b"box-1".to_vec())],
                    data: Bytes(vec![1, 2, 3]),
                    json: Some(json!({ "box": "box-1" })),
                });
                self.kept().events.extend(events);
            }
        });
    }

    /// Brings a transaction to its end.
    pub fn execute(&self, hash: &Hash) {
        self.statuses.send_modify(|statuses| {
            let status = statuses.get_mut(hash).unwrap();
            status.stage = Stage::Executed;
            status.ended = true;
            status.outcome = Some(TxOutcome::Success { results: Vec::new() });
        });
    }

    /// Waits until a transaction was taken in.
    pub async fn taken_in(&self, hash: &Hash) {
        let mut statuses = self.statuses.subscribe();
        statuses.wait_for(|statuses| statuses.contains_key(hash)).await.unwrap();
    }

    fn answer<T>(&self, value: T) -> Result<Answer<T>, RpcError> {
        Ok(Answer::new(self.head(), value))
    }
}

fn said() -> Preview {
    Preview { actions: vec!["Send 1 pollen".into()], terms: vec!["For nobody".into()] }
}

fn parameters() -> ChainParameters {
    ChainParameters {
        fuel_price_floor: 11,
        transaction_fuel_max: u64::MAX,
        call_fuel_max: 1,
        transaction_fuel_base: 1,
        signature_fuel: 1,
        signed_byte_fuel: 1,
        attachment_byte_fuel: 1,
        account_deposit: 1,
        storage_byte_deposit: 1,
        code_activation_ms: 0,
        fee_reserve: 1,
        transaction_lifetime_max_ms: 120_000,
        transaction_bytes_max: 64 * 1024,
    }
}

pub fn account_address() -> String {
    Address::account(AccountId::of_key(&KeyPair::development("alice").public_key())).display(PREFIX)
}

pub fn module_address() -> String {
    Address::module(AccountId([9; 32])).display(PREFIX)
}

fn ready<'a, T: Send + 'a>(answer: Result<Answer<T>, RpcError>) -> Answering<'a, T> {
    futures::future::ready(answer).boxed()
}

impl Backend for Chain {
    fn network(&self) -> &Network {
        &self.network
    }

    fn head(&self) -> At {
        At { height: *self.height.borrow(), state_root: Hash::ZERO, certified: false }
    }

    fn reached(&self, wanted: u64) -> BoxFuture<'_, ()> {
        let mut height = self.height.subscribe();
        async move {
            height.wait_for(|height| *height >= wanted).await.unwrap();
        }
        .boxed()
    }

    fn certified(&self) -> u64 {
        *self.certified.borrow()
    }

    fn certified_reached(&self, wanted: u64) -> BoxFuture<'_, ()> {
        let mut certified = self.certified.subscribe();
        async move {
            certified.wait_for(|certified| *certified >= wanted).await.unwrap();
        }
        .boxed()
    }

    fn genesis(&self) -> &str {
        "{}"
    }

    fn node_info(&self) -> Answering<'_, NodeInfo> {
        ready(self.answer(NodeInfo {
            version: "0.1.0".into(),
            chain_name: "test".into(),
            chain_id: self.network.chain_id,
            address_prefix: PREFIX.into(),
            coin_type: 1,
            protocol_version: 1,
            role: "validator".into(),
            indexes: vec!["keys".into()],
            author: Some(0),
            name: None,
            peer_id: None,
            listen_addresses: Vec::new(),
            committee: Vec::new(),
            parameters: parameters(),
            dev: None,
        }))
    }

    fn node_health(&self) -> Answering<'_, NodeHealth> {
        let is_ready = self.kept().ready;
        let reasons = if is_ready { Vec::new() } else { vec!["catching up".to_owned()] };
        ready(self.answer(NodeHealth {
            ready: is_ready,
            reasons,
            ledger_time_ms: TIME_MS,
            lag_ms: 0,
            round: 1,
            peers: 3,
            pool: 0,
        }))
    }

    fn node_peers(&self) -> Answering<'_, NodePeers> {
        ready(self.answer(NodePeers { peers: Vec::new() }))
    }

    fn chain_head(&self, _: ReadAt) -> Answering<'_, ChainHead> {
        ready(self.answer(ChainHead {
            digest: Hash::ZERO,
            time_ms: if *self.height.borrow() == 0 { 1 } else { TIME_MS },
            certified_height: 1,
            commit_index: 2,
            committed_round: 3,
            round: 5,
            transactions: Some(u64::MAX),
        }))
    }

    fn chain_checkpoint(&self, _: ReadAt) -> Answering<'_, CheckpointView> {
        ready(Err(RpcError::not_found("this node does not keep that checkpoint", Some(5))))
    }

    fn chain_certificate(&self, _: ReadAt) -> Answering<'_, CertificateView> {
        let words = "no certificate proves that checkpoint yet";
        ready(Err(RpcError::new(ErrorCode::NotReady, words).with("retryAfterMs", 100)))
    }

    fn chain_writes(&self, height: u64, _: Option<Hash>) -> Answering<'_, ChainWrites> {
        let words = format!("the writes of checkpoint {height} are not kept");
        ready(Err(RpcError::new(ErrorCode::NotKept, words)))
    }

    fn chain_params(&self, _: ReadAt) -> Answering<'_, ChainParams> {
        ready(self.answer(ChainParams { protocol_version: 1, parameters: parameters() }))
    }

    fn chain_committee(&self, _: ReadAt) -> Answering<'_, ChainCommittee> {
        let (total_stake, quorum_stake, members) = (4, 3, Vec::new());
        ready(self.answer(ChainCommittee { epoch: 0, total_stake, quorum_stake, members }))
    }

    fn chain_checkpoints(&self, range: CheckpointRange) -> Answering<'_, ChainCheckpoints> {
        let CheckpointRange { from, limit, descending, at } = range;
        let head = self.height_at(at);
        let first = from.unwrap_or(if descending { head } else { 0 });
        let heights: Vec<u64> = match descending {
            true => (0..=first.min(head)).rev().take(limit as usize).collect(),
            false => (first..=head).take(limit as usize).collect(),
        };
        let listed = |height: &u64| CheckpointListed {
            height: *height,
            digest: Hash::of_content(&height.to_le_bytes()),
            state_root: Hash::ZERO,
            time_ms: TIME_MS,
            commit_index: *height,
            certified: false,
        };
        let checkpoints = heights.iter().map(listed).collect();
        let (next, oldest_height, certified_height) = (None, 0, 0);
        ready(self.answer(ChainCheckpoints { checkpoints, next, oldest_height, certified_height }))
    }

    fn dag_block(&self, round: u32, author: u16) -> Answering<'_, DagBlocks> {
        let name = BlockName { author, round, digest: Hash::of_content(&round.to_le_bytes()) };
        let block = DagBlockContent {
            name,
            time_ms: TIME_MS,
            parents: Vec::new(),
            transactions: Vec::new(),
            body_bytes: 0,
            attested: Vec::new(),
        };
        ready(self.answer(DagBlocks { blocks: vec![block] }))
    }

    fn states(&self, entries: Vec<EntryName>, _: bool, _: ReadAt) -> Answering<'_, StateRecords> {
        let record =
            |_| StateRecord { owner: Hash::ZERO, key: Bytes(Vec::new()), value: None, proof: None };
        ready(self.answer(StateRecords { entries: entries.into_iter().map(record).collect() }))
    }

    fn module_list(&self, _: Option<Hash>, _: u32, _: ReadAt) -> Answering<'_, ModuleList> {
        ready(self.answer(ModuleList { modules: Vec::new(), next: None }))
    }

    fn dag_rounds(&self, range: RoundRange) -> Answering<'_, DagRounds> {
        let (from, to) = match range {
            RoundRange::Last(rounds) => (101 - rounds.min(100), 100),
            RoundRange::Between(from, to) => (from, to.min(100)),
        };
        let round = |round| DagRound { round, blocks: Vec::new(), slots: Vec::new() };
        let rounds = (from..=to).map(round).collect();
        ready(self.answer(DagRounds {
            rounds,
            committed_round: 98,
            round: 100,
            oldest_round: 1,
            evidence: Vec::new(),
        }))
    }

    fn submit(&self, transaction: Vec<u8>) -> Answering<'_, TxStatus> {
        async move {
            let decoded: SignedTransaction =
                codec::decode(&transaction, self.network.transaction_bytes_max)?;
            decoded.check_signatures(&self.network.chain_id)?;
            let hash = decoded.transaction.id(&self.network.chain_id);
            self.statuses.send_modify(|statuses| {
                statuses.entry(hash).or_insert_with(|| {
                    self.kept().accepted += 1;
                    TxStatus::at_stage(hash, Stage::Accepted)
                });
            });
            self.tx_status(hash).await
        }
        .boxed()
    }

    fn tx_status(&self, hash: Hash) -> Answering<'_, TxStatus> {
        let status = self.statuses.borrow().get(&hash).cloned();
        ready(match status {
            Some(status) => self.answer(status),
            None => Err(RpcError::not_found("this node does not know that transaction", None)),
        })
    }

    fn tx_reached(&self, hash: Hash, stage: Stage) -> Answering<'_, TxStatus> {
        let mut statuses = self.statuses.subscribe();
        async move {
            statuses.wait_for(|statuses| statuses[&hash].satisfies(stage)).await.unwrap();
            self.tx_status(hash).await
        }
        .boxed()
    }

    fn tx_get(&self, hash: Hash, proof: bool, _: ReadAt) -> Answering<'_, TxRecord> {
        let known = self.statuses.borrow().contains_key(&hash) && !proof;
        ready(match known {
            true => self.answer(TxRecord {
                hash,
                height: u64::MAX,
                index: 3,
                transaction: Bytes(vec![1]),
                receipt: Bytes(vec![2]),
                proof: None,
            }),
            false => Err(RpcError::not_found("this node has not executed that transaction", None)),
        })
    }

    fn tx_preview(&self, trial: Trial) -> Answering<'_, TxPreview> {
        let hash = trial.signed.transaction.id(&self.network.chain_id);
        let transaction = TransactionView::of(&trial.signed.transaction, &hash, PREFIX);
        let (signatures, attachments) = (Vec::new(), Vec::new());
        let preview = said();
        ready(self.answer(TxPreview { hash, preview, transaction, signatures, attachments }))
    }

    fn tx_absence(&self, trial: Trial) -> Answering<'_, TxAbsence> {
        let hash = trial.signed.transaction.id(&self.network.chain_id);
        let (owner, key) = (Hash::ZERO, Bytes(Vec::new()));
        let window = StateRecord { owner, key, value: None, proof: None };
        ready(self.answer(TxAbsence { hash, window }))
    }

    fn tx_trace(&self, hash: Hash, _: bool) -> Answering<'_, TxTrace> {
        ready(Err(RpcError::not_found(format!("{hash} was not executed"), None)))
    }

    fn tx_simulate(&self, trial: Trial) -> Answering<'_, TxSimulation> {
        ready(self.answer(TxSimulation {
            hash: trial.signed.transaction.id(&self.network.chain_id),
            refusal: None,
            outcome: Some(TxOutcome::Success { results: Vec::new() }),
            fuel_used: 1_000,
            fee: 1,
            events: Vec::new(),
            note: None,
            calls: Vec::new(),
            reads: Vec::new(),
            changes: Vec::new(),
            preview: said(),
        }))
    }

    fn tx_fee_estimate(&self, trial: Option<Trial>, _: ReadAt) -> Answering<'_, FeeEstimate> {
        let used = trial.map(|_| 1_000);
        ready(self.answer(FeeEstimate {
            fuel_price_floor: 1,
            fuel_price: 1,
            fuel_used: used,
            max_fuel: used,
            fee: used.map(|_| 1),
            max_fee: used.map(|_| 1),
        }))
    }

    fn tx_list(&self, range: TxRange) -> Answering<'_, TxList> {
        if range.account == Named::Name("unindexed".into()) {
            let words = "this node keeps no index 'accounts'";
            return ready(Err(RpcError::new(ErrorCode::NotKept, words).with("index", "accounts")));
        }
        // Places 1 to 300, one a height.
        let TxRange { after, limit, descending, .. } = range;
        let heights: Vec<u64> =
            if descending { (1..=300).rev().collect() } else { (1..=300).collect() };
        let begin = after.map_or(0, |after| {
            1 + heights.iter().position(|height| *height == after.height).unwrap()
        });
        let of_page = heights.iter().skip(begin).take(limit as usize);
        let listed = |height: &u64| TxListed {
            hash: Hash::of_content(&height.to_le_bytes()),
            height: *height,
            index: 0,
            time_ms: TIME_MS,
            sender: account_address(),
            outcome: OutcomeKind::Failure,
            code: Some(2006),
            code_name: Some("ModuleError".into()),
            fuel_used: 5,
            fee: u64::MAX,
            actions: vec![ActionListed::Transfer { to: account_address(), amount: u64::MAX }],
        };
        let transactions: Vec<_> = of_page.map(listed).collect();
        let next = transactions.last().filter(|_| begin + transactions.len() < heights.len());
        let next = next.map(|last| TxCursor { height: last.height, index: 0 });
        ready(self.answer(TxList { transactions, next, oldest_height: 1 }))
    }

    fn state_scan(&self, range: StateRange) -> Answering<'_, StateScan> {
        let owner = match range.owner {
            StateOwner::Module(_) => Hash([9; 32]),
            StateOwner::Owner(owner) => Hash(owner.0),
        };
        let key = [&range.prefix[..], range.after.as_deref().unwrap_or_default(), &[1]].concat();
        let entries = vec![StateListed { key: Bytes(key.clone()), value: Bytes(vec![2]) }];
        let next = (range.limit == 1).then_some(Bytes(key));
        ready(self.answer(StateScan { owner, entries, next }))
    }

    fn account(
        &self,
        account: Named,
        public_key: Option<PublicKey>,
        _: bool,
        _: ReadAt,
    ) -> Answering<'_, Account> {
        let account = match account {
            Named::Id(id) => Address::account(id).display(PREFIX),
            Named::Name(_) => module_address(),
        };
        let window = NonceWindow { highest: Some(41), next: 42, last: 4137 };
        ready(self.answer(Account {
            account,
            exists: true,
            balance: u64::MAX,
            reserve: 100,
            deposit: 10,
            nonces: public_key.map(|_| window),
            proof: None,
        }))
    }

    fn account_keys(&self, account: Named, _: ReadAt) -> Answering<'_, AccountKeys> {
        let account = match account {
            Named::Id(id) => Address::account(id).display(PREFIX),
            Named::Name(_) => module_address(),
        };
        let scoped = ScopedKeyView {
            key: KeyPair::development("device").public_key(),
            label: "the device".into(),
            calls: vec![CallScopeView { module: module_address(), functions: Vec::new() }],
            transfers: false,
            sponsors: false,
            expires_ms: None,
            spend_max: Some(u64::MAX),
            window: Some(ScopeWindowView {
                length_ms: 60_000,
                spend_max: None,
                transactions_max: Some(5),
            }),
        };
        let used = KeyUseView { spent: 7, window_spent: 0, window_transactions: 0 };
        let key = KeyPair::development("alice").public_key();
        ready(self.answer(AccountKeys {
            account,
            stored: true,
            threshold: 1,
            owners: vec![OwnerView { key, weight: 1 }],
            scoped: vec![ScopedKeyUsed { scoped, used }],
        }))
    }

    fn state(&self, entry: EntryName, proof: bool, at: ReadAt) -> Answering<'_, StateRecord> {
        if let ReadAt::Height(height) = at
            && height < 5
        {
            let words = format!("the state at height {height} is not kept");
            return ready(Err(RpcError::not_found(words, Some(5))));
        }
        if proof {
            let words = "no certificate proves that checkpoint yet";
            return ready(Err(RpcError::new(ErrorCode::NotReady, words)));
        }
        let (owner, key) = match entry {
            EntryName::Account(_) => (AccountId([1; 32]), Vec::new()),
            EntryName::Module(_, key) => (AccountId([9; 32]), key),
            EntryName::Owner(owner, key) => (owner, key),
        };
        let value = (!key.is_empty()).then(|| Bytes(key.clone()));
        let (owner, key) = (Hash(owner.0), Bytes(key));
        ready(self.answer(StateRecord { owner, key, value, proof: None }))
    }

    fn module(&self, module: Named, _: ReadAt) -> Answering<'_, Module> {
        let words = format!("there is no module {module:?}");
        ready(Err(RpcError::new(ErrorCode::ModuleNotFound, words)))
    }

    fn module_code(&self, _: CodeName, facts_only: bool, _: ReadAt) -> Answering<'_, ModuleCode> {
        let code = b"a component".to_vec();
        ready(self.answer(ModuleCode {
            code_hash: Hash::of_content(&code),
            code_bytes: code.len() as u32,
            active_ms: TIME_MS,
            interface_hash: Hash::ZERO,
            code: (!facts_only).then_some(Bytes(code)),
        }))
    }

    fn module_interface(&self, module: Named, _: ReadAt) -> Answering<'_, ModuleInterface> {
        let words = format!("there is no module {module:?}");
        ready(Err(RpcError::new(ErrorCode::ModuleNotFound, words)))
    }

    fn module_call(&self, call: QueryCall) -> Answering<'_, ModuleCall> {
        let (result, bytes) = match call.arguments {
            CallArguments::Json(value) => (value, Vec::new()),
            CallArguments::Encoded(bytes) => (Value::Null, bytes),
        };
        if call.function != "echo" {
            let words = format!("the module has no query '{}'", call.function);
            let functions = json!(["echo"]);
            return ready(Err(
                RpcError::new(ErrorCode::FunctionNotFound, words).with("functions", functions)
            ));
        }
        ready(self.answer(ModuleCall {
            result,
            result_bytes: Bytes(bytes),
            fuel_used: 12,
            witness: None,
        }))
    }

    fn events(
        &self,
        filter: EventFilter,
        after: Cursor,
        limit: u32,
        at: ReadAt,
    ) -> Answering<'_, EventsPage> {
        let height = self.height_at(at);
        let kept = self.kept();
        let wanted = |event: &&EventView| {
            let is_there = event.cursor > after && event.cursor.height <= height;
            is_there && filter.name.as_ref().is_none_or(|name| *name == event.name)
        };
        let mut events: Vec<EventView> =
            kept.events.iter().filter(wanted).take(limit as usize + 1).cloned().collect();
        let more = events.len() > limit as usize;
        events.truncate(limit as usize);
        let end = Cursor::end_of(height);
        let next = events.last().filter(|_| more).map_or(end, |event| event.cursor);
        let at = At { height, ..self.head() };
        ready(Ok(Answer::new(at, EventsPage { events, next, more, oldest_height: 0 })))
    }
}
