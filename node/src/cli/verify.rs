//! `pollen verify`: what a node says, checked with nothing trusted but the genesis file.

use std::path::{Path, PathBuf};

use borsh::BorshDeserialize;
use clap::{Args, Subcommand};
use pollen_ledger::execution::{AccountRecord, Namespace, StateKey};
use pollen_ledger::genesis::GenesisError;
use pollen_ledger::light::{CertifiedCheckpoint, CheckpointProof, LightClient, LightError};
use pollen_ledger::receipt::Outcome;
use pollen_ledger::transaction::is_module_name;
use pollen_ledger::{
    AccountId, Address, AddressKind, Committee, Genesis, Hash, Receipt, SignedTransaction,
};
use pollen_rpc::api::{
    CertificateView, ChainCertificateParams, ReadAt, TxGetParams, TxProof, TxRecord,
};
use pollen_rpc::client::{ClientError, PollenClient, ProvedError, ProvedState};
use pollen_rpc::error::ErrorCode;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::output::{self, moment, pollen};
use super::{Failure, Session, accounts, draft};

/// How long a certificate that is on its way is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before asking for it again: a round or two of the chain.
const CERTIFICATE_PAUSE: Duration = Duration::from_millis(50);

/// What to do about a node that is not believed.
const DISBELIEVED: &str = "ask another node with --rpc; what one node alone says is no proof";

/// `pollen verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// What to verify.
    #[command(subcommand)]
    pub what: Verified,
    /// The genesis document, the one thing that is trusted [default: that of `pollen dev` in the home folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
}

/// What can be verified.
#[derive(Debug, Subcommand)]
pub enum Verified {
    /// That a transaction was executed, and where
    Tx {
        /// Its hash
        hash: Hash,
    },
    /// What became of a transaction: outcome, fee, events
    Receipt {
        /// The transaction's hash
        hash: Hash,
        /// Show this event alone, from 0
        #[arg(long, value_name = "N")]
        event: Option<u32>,
    },
    /// That a transaction told an event
    Event {
        /// The transaction's hash
        hash: Hash,
        /// Which of its events, from 0
        number: u32,
    },
    /// What a module keeps under a key, or that it keeps nothing there
    State {
        /// A registered name or an address
        module: String,
        /// The key: text, or hexadecimal digits with --hex
        key: String,
        /// Read the key as hexadecimal digits
        #[arg(long)]
        hex: bool,
        /// After the checkpoint of this height [default: the last certified one]
        #[arg(long, value_name = "HEIGHT")]
        at: Option<u64>,
    },
    /// What an account has, or that it does not exist
    Account {
        /// A key's name or an address
        who: String,
        /// After the checkpoint of this height [default: the last certified one]
        #[arg(long, value_name = "HEIGHT")]
        at: Option<u64>,
    },
    /// That a transaction was not executed and never will be, once its time is over
    Absence {
        /// The document of `pollen tx build` or `sign`
        file: PathBuf,
    },
    /// That a quorum vouches for a checkpoint
    Checkpoint {
        /// Its height
        height: u64,
    },
}

/// Who is asked, and what is believed.
struct Verifier {
    client: PollenClient,
    light: LightClient,
    prefix: String,
}

/// A checkpoint that was checked, and by what.
struct Vouched {
    checkpoint: CertifiedCheckpoint,
    proof: CheckpointProof,
}

impl Vouched {
    /// In JSON.
    fn document(&self) -> Value {
        let checkpoint = self.checkpoint.checkpoint();
        json!({
            "verified": true,
            "chainId": checkpoint.chain_id,
            "height": checkpoint.height.to_string(),
            "digest": self.checkpoint.digest(),
            "timeMs": checkpoint.timestamp_ms.to_string(),
            "stateRoot": checkpoint.state_root,
            "transactionsRoot": checkpoint.transactions_root,
            "receiptsRoot": checkpoint.receipts_root,
            "orderingRoot": checkpoint.ordering_root,
            "certifiedHeight": self.proof.certificate.checkpoint.height.to_string(),
            "signers": self.proof.certificate.signatures.authors().collect::<Vec<_>>(),
        })
    }

    fn time(&self) -> String {
        moment(self.checkpoint.checkpoint().timestamp_ms)
    }

    /// Who signed, with what stake.
    fn signers(&self, committee: &Committee) -> String {
        let authors = || self.proof.certificate.signatures.authors();
        let members = authors().filter_map(|author| committee.member(author));
        let names: Vec<_> = members.map(|member| member.name.clone()).collect();
        let stake: u64 = authors().map(|author| committee.stake(author)).sum();
        let (total, quorum) = (committee.total_stake(), committee.quorum());
        let at = match self.proof.path.len() {
            0 => String::new(),
            _ => format!(", at checkpoint {}", self.proof.certificate.checkpoint.height),
        };
        format!("{}: stake {stake} of {total}, a quorum is {quorum}{at}", names.join(", "))
    }
}

/// `pollen verify`.
pub async fn run(session: &Session, args: &VerifyArgs) -> Result<(), Failure> {
    let genesis = read_genesis(session, args)?;
    let verifier = Verifier {
        client: session.client()?,
        light: LightClient::new(&genesis).map_err(|error| Failure::new(error.to_string()))?,
        prefix: genesis.address_prefix,
    };
    match &args.what {
        Verified::Checkpoint { height } => verifier.checkpoint(session, *height).await,
        Verified::Absence { file } => verifier.absence(session, file).await,
        Verified::Tx { hash } => verifier.transaction(session, hash).await,
        Verified::Receipt { hash, event } => verifier.receipt(session, hash, *event).await,
        Verified::Event { hash, number } => verifier.receipt(session, hash, Some(*number)).await,
        Verified::Account { who, at } => verifier.account(session, who, *at).await,
        Verified::State { module, key, hex, at } => {
            let key = match hex {
                false => key.as_bytes().to_vec(),
                true => hex::decode(key).map_err(|error| {
                    Failure::usage(format!("'{key}' is no hexadecimal key: {error}"))
                })?,
            };
            verifier.state(session, module, &key, *at).await
        }
    }
}

fn read_genesis(session: &Session, args: &VerifyArgs) -> Result<Genesis, Failure> {
    let path = match &args.genesis {
        Some(path) => path.clone(),
        None => session.home.join("dev").join("genesis.json"),
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display()))
            .hint("name the chain's genesis document with --genesis")
    })?;
    Genesis::from_json(&text).map_err(|error: GenesisError| Failure::new(error.to_string()))
}

/// Bytes for people: as text where all of it can be printed, else in hexadecimal digits.
pub(super) fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => format!("'{text}'"),
        _ => format!("0x{}", hex::encode(bytes)),
    }
}

impl Verifier {
    async fn proved(&self, key: &StateKey, at: Option<u64>) -> Result<ProvedState, Failure> {
        let at = at.map_or(ReadAt::Certified, ReadAt::Height);
        self.client.state_proved(&self.light, key, at).await.map_err(|error| match error {
            ProvedError::Client(error) => error.into(),
            other => Failure::new(other.to_string()).hint(DISBELIEVED),
        })
    }

    /// What a record of the ledger's own says; proved, so what cannot be read is not ours to doubt.
    fn read<T: BorshDeserialize>(&self, what: &str, value: &[u8]) -> Result<T, Failure> {
        T::try_from_slice(value).map_err(|error| {
            Failure::new(format!("{what} is proved, and cannot be read: {error}"))
                .hint("the chain runs a later protocol: install a newer version of this program")
        })
    }

    async fn absence(&self, session: &Session, file: &Path) -> Result<(), Failure> {
        let draft = draft::read(Some(file))?;
        let transaction = draft.transaction().map_err(|error| Failure::new(error.to_string()))?;
        let hash = transaction.id(self.light.chain_id());
        let proved = self.client.absence_proved(&self.light, &transaction).await;
        let ProvedState { checkpoint, proof, .. } = proved.map_err(|error| match error {
            ProvedError::Client(error) => error.into(),
            other => Failure::new(other.to_string()).hint(DISBELIEVED),
        })?;
        let vouched = Vouched { checkpoint, proof };
        let mut document = vouched.document();
        document["absent"] = json!(hash);
        session.print(&document, || {
            let head = format!("transaction {hash} was not executed, and never will be\n");
            head + &output::pairs(self.place(&vouched))
        });
        Ok(())
    }

    async fn account(&self, session: &Session, who: &str, at: Option<u64>) -> Result<(), Failure> {
        let id = accounts::resolve(session, &self.prefix, who)?;
        let ProvedState { checkpoint, proof, value } =
            self.proved(&StateKey::account(&id), at).await?;
        let record = value.as_deref().map(|value| self.read("the account", value));
        let record: Option<AccountRecord> = record.transpose()?;
        let vouched = Vouched { checkpoint, proof };
        let address = Address::account(id).display(&self.prefix);
        let mut document = vouched.document();
        let AccountRecord { balance, deposit, .. } = record.clone().unwrap_or_default();
        document["account"] = json!({
            "account": address, "exists": record.is_some(),
            "balance": balance.to_string(), "deposit": deposit.to_string(),
        });
        session.print(&document, || {
            let (head, mut lines) = match record {
                None => (format!("the account {address} does not exist\n"), Vec::new()),
                Some(record) => (
                    format!("the account {address} is proved\n"),
                    vec![("balance", pollen(record.balance)), ("deposit", pollen(record.deposit))],
                ),
            };
            lines.extend(self.place(&vouched));
            head + &output::pairs(lines)
        });
        Ok(())
    }

    async fn state(
        &self,
        session: &Session,
        module: &str,
        key: &[u8],
        at: Option<u64>,
    ) -> Result<(), Failure> {
        let (id, at) = self.module(module, at).await?;
        let ProvedState { checkpoint, proof, value } =
            self.proved(&StateKey::module(id, key), at).await?;
        let vouched = Vouched { checkpoint, proof };
        let address = Address::module(id).display(&self.prefix);
        let mut document = vouched.document();
        document["state"] = json!({
            "module": address, "key": hex::encode(key), "exists": value.is_some(),
            "value": value.as_deref().map(hex::encode),
        });
        session.print(&document, || {
            let key = shown(key);
            let (head, mut lines) = match &value {
                None => (format!("{address} keeps nothing under {key}\n"), Vec::new()),
                Some(value) => (
                    format!("what {address} keeps under {key} is proved\n"),
                    vec![("value", shown(value))],
                ),
            };
            lines.extend(self.place(&vouched));
            head + &output::pairs(lines)
        });
        Ok(())
    }

    /// The module of an address, or of a name, which is proved too, at the height that what follows is read
    /// at: a name may go over to another module.
    async fn module(
        &self,
        module: &str,
        at: Option<u64>,
    ) -> Result<(AccountId, Option<u64>), Failure> {
        let name = module.strip_prefix('@').unwrap_or(module);
        if !is_module_name(name) {
            return Ok((Address::parse(module, &self.prefix)?.id, at));
        }
        let key = StateKey::ledger(Namespace::Names, name.as_bytes());
        let proved = self.proved(&key, at).await?;
        let height = proved.checkpoint.checkpoint().height;
        let Some(value) = proved.value else {
            let what = format!("no module is named '{name}' at height {height}: that is proved");
            return Err(Failure::new(what).hint("check the name, or give the module's address"));
        };
        Ok((self.read("the name", &value)?, Some(height)))
    }

    fn place(&self, vouched: &Vouched) -> [(&'static str, String); 3] {
        [
            ("height", vouched.checkpoint.checkpoint().height.to_string()),
            ("ledger time", vouched.time()),
            ("signed by", vouched.signers(self.light.committee())),
        ]
    }

    fn refused(&self, reason: &LightError) -> Failure {
        Failure::new(format!("{} is not to be believed: {reason}", self.client.url()))
            .hint(DISBELIEVED)
    }

    /// Asks until there is a certificate, or patience ends.
    async fn ask<T>(
        &self,
        mut question: impl AsyncFnMut() -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match question().await {
                Err(error) if error.is(ErrorCode::NotReady) && Instant::now() < deadline => {
                    tokio::time::sleep(CERTIFICATE_PAUSE).await;
                }
                answered => return Ok(answered?),
            }
        }
    }

    fn vouched(&self, height: u64, view: &CertificateView) -> Result<Vouched, Failure> {
        let check = || {
            let proof = view.proof()?;
            Ok(Vouched { checkpoint: self.light.checkpoint(height, &proof)?, proof })
        };
        check().map_err(|reason| self.refused(&reason))
    }

    async fn checkpoint(&self, session: &Session, height: u64) -> Result<(), Failure> {
        let params = ChainCertificateParams { at: ReadAt::Height(height), ..Default::default() };
        let view = self.ask(async || self.client.chain_certificate(&params).await).await?.value;
        let vouched = self.vouched(height, &view)?;
        session.print(&vouched.document(), || {
            let checkpoint = vouched.checkpoint.checkpoint();
            format!("checkpoint {height} is certified\n")
                + &output::pairs([
                    ("digest", vouched.checkpoint.digest().to_string()),
                    ("ledger time", vouched.time()),
                    ("state root", checkpoint.state_root.to_string()),
                    ("signed by", vouched.signers(self.light.committee())),
                ])
        });
        Ok(())
    }

    async fn record(&self, hash: &Hash) -> Result<(TxRecord, TxProof), Failure> {
        let params = TxGetParams { proof: true, ..TxGetParams::of(*hash) };
        let mut record = self.ask(async || self.client.tx_get(&params).await).await?.value;
        match record.proof.take() {
            Some(proof) => Ok((record, proof)),
            None => Err(Failure::new(format!("{} gave no proof", self.client.url()))
                .hint("ask another node with --rpc")),
        }
    }

    async fn transaction(&self, session: &Session, hash: &Hash) -> Result<(), Failure> {
        let (record, proof) = self.record(hash).await?;
        let vouched = self.vouched(record.height, &proof.checkpoint)?;
        vouched
            .checkpoint
            .transaction(hash, &proof.transaction)
            .map_err(|reason| self.refused(&reason))?;
        let signed: SignedTransaction =
            pollen_ledger::codec::decode(&record.transaction.0, record.transaction.0.len())
                .map_err(|reason| {
                    self.refused(&LightError::Malformed { what: "transaction", reason })
                })?;
        let found = signed.transaction.id(self.light.chain_id());
        if found != *hash {
            let expected = *hash;
            return Err(self.refused(&LightError::OtherTransaction { found, expected }));
        }
        let (index, count) = (proof.transaction.index, proof.transaction.count);
        let sender = Address::account(signed.transaction.sender).display(&self.prefix);
        let mut document = vouched.document();
        document["transaction"] = json!({
            "hash": hash, "index": index, "count": count.to_string(), "sender": sender,
            "nonce": signed.transaction.nonce.to_string(),
        });
        session.print(&document, || {
            format!("transaction {hash} was executed\n")
                + &output::pairs([
                    ("place", format!("{index} of {count} in checkpoint {}", record.height)),
                    ("ledger time", vouched.time()),
                    ("sender", sender),
                    ("signed by", vouched.signers(self.light.committee())),
                ])
        });
        Ok(())
    }

    async fn receipt(
        &self,
        session: &Session,
        hash: &Hash,
        event: Option<u32>,
    ) -> Result<(), Failure> {
        let (record, proof) = self.record(hash).await?;
        let vouched = self.vouched(record.height, &proof.checkpoint)?;
        let bytes = &record.receipt.0;
        let receipt = vouched
            .checkpoint
            .receipt_of(hash, bytes, &proof.receipt)
            .map_err(|reason| self.refused(&reason))?;
        if let Some(number) = event {
            vouched
                .checkpoint
                .event(hash, bytes, &proof.receipt, number)
                .map_err(|reason| Failure::new(reason.to_string()))?;
        }
        let (outcome, outcome_text) = outcome(&receipt);
        let events: Vec<Value> = (0u32..)
            .zip(&receipt.events)
            .filter(|(number, _)| event.is_none_or(|asked| asked == *number))
            .map(|(number, event)| {
                let module = Address { kind: AddressKind::Module, id: event.module };
                json!({
                    "number": number, "module": module.display(&self.prefix), "name": event.name,
                    "data": hex::encode(&event.data),
                })
            })
            .collect();
        let mut document = vouched.document();
        document["receipt"] = json!({
            "hash": hash, "index": proof.receipt.index, "outcome": outcome,
            "fuelUsed": receipt.fuel_used.to_string(), "fee": receipt.fee.to_string(),
            "events": events,
        });
        session.print(&document, || {
            let mut text = format!("the receipt of {hash} is proved\n");
            text += &output::pairs([
                ("outcome", outcome_text),
                ("fuel", receipt.fuel_used.to_string()),
                ("fee", pollen(receipt.fee)),
                ("place", format!("{} in checkpoint {}", proof.receipt.index, record.height)),
                ("signed by", vouched.signers(self.light.committee())),
            ]);
            for event in &events {
                let word = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                text += &format!(
                    "  event {} {} of {}: {}\n",
                    event["number"],
                    word("name"),
                    word("module"),
                    word("data")
                );
            }
            text
        });
        Ok(())
    }
}

/// An outcome for programs and for people, from the receipt alone.
fn outcome(receipt: &Receipt) -> (Value, String) {
    match &receipt.outcome {
        Outcome::Success { results } => {
            let results: Vec<_> = results.iter().map(hex::encode).collect();
            (json!({ "kind": "success", "results": results }), "success".to_owned())
        }
        Outcome::Failure { action, code, .. } => {
            let (number, name) = (code.number(), code.name());
            let text = format!("failure of action {}: {number} {name}", action + 1);
            (json!({ "kind": "failure", "action": action, "code": number, "name": name }), text)
        }
        Outcome::Rejected { code } => {
            let (number, name) = (code.number(), code.name());
            let text = format!("rejected: {number} {name}");
            (json!({ "kind": "rejected", "code": number, "name": name }), text)
        }
    }
}
