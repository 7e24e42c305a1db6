//! What the benchmark sends: accounts with money, a token and a cold chain of their own, and signed
//! transactions by weight.

use std::str::FromStr;

use pollen_ledger::{AccountId, Action, Address, Hash, KeyPair};
use pollen_rpc::api::{AccountGetParams, ChainHeadParams, NodeInfo, TxOutcome};
use pollen_rpc::client::{Intent, PollenClient, Sender, Signed};
use pollen_vm::interface::{FunctionKind, Interface};
use pollen_vm::value::{self, Formats};
use serde_json::{Value, json};

use super::BenchArgs;
use crate::cli::{Failure, Session, output, submit, submit_in_parts};
use crate::{clock, dev, keys};

/// What each account gets.
const ACCOUNT_GRAINS: u64 = 100 * output::GRAINS;
/// Fuel that a measured transaction may use.
const FUEL_MAX: u64 = 5_000_000;
/// Fuel that a preparing transaction may use.
const PREPARE_FUEL_MAX: u64 = 300_000_000;
/// How long a node may lag behind another when the load begins, in milliseconds.
const LEVEL_MAX_MS: u64 = 30_000;

/// Weights of the kinds of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Native transfers.
    pub transfer: u32,
    /// Token transfers.
    pub token: u32,
    /// Readings of the cold chain.
    pub coldchain: u32,
}

impl FromStr for Mix {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix = Self { transfer: 0, token: 0, coldchain: 0 };
        for part in text.split(',') {
            let (kind, weight) = part.split_once('=').unwrap_or((part, "1"));
            let weight =
                weight.parse().map_err(|_| format!("'{weight}' is no weight: a whole number"))?;
            match kind {
                "transfer" => mix.transfer = weight,
                "token" => mix.token = weight,
                "coldchain" => mix.coldchain = weight,
                _ => return Err(format!("'{kind}' is not transfer, token or coldchain")),
            }
        }
        let total =
            mix.transfer.checked_add(mix.token).and_then(|sum| sum.checked_add(mix.coldchain));
        match total {
            Some(1..=1000) => Ok(mix),
            _ => Err("the weights sum up to 1 to 1000".into()),
        }
    }
}

impl std::fmt::Display for Mix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { transfer, token, coldchain } = self;
        write!(f, "transfer={transfer},token={token},coldchain={coldchain}")
    }
}

/// Everything that a measured transaction is made of.
pub struct Work {
    network: NodeInfo,
    mix: Mix,
    senders: Vec<Sender>,
    token: Option<Target>,
    coldchain: Option<Target>,
}

struct Target {
    module: AccountId,
    /// Encoded arguments, one per sender.
    arguments: Vec<Vec<u8>>,
    function: &'static str,
}

impl Work {
    /// The `number`-th transaction, signed; and which sender it is of.
    pub fn transaction(&self, number: u64) -> (usize, Signed) {
        let from = (number % self.senders.len() as u64) as usize;
        let sender = &self.senders[from];
        let Mix { transfer, token, coldchain } = self.mix;
        // Senders take turns; each goes through the mix with a step that no number of senders hides.
        let turn = number / self.senders.len() as u64 + from as u64;
        let pick = (turn % u64::from(transfer + token + coldchain)) as u32;
        let action = if pick < transfer {
            let to = self.senders[(from + 1) % self.senders.len()].account;
            Action::Transfer { to, amount: 1 }
        } else if pick < transfer + token {
            invoke(self.token.as_ref().expect("prepared by its weight"), from)
        } else {
            invoke(self.coldchain.as_ref().expect("prepared by its weight"), from)
        };
        let intent = Intent::new(vec![action], FUEL_MAX);
        (from, sender.sign(intent, &self.network, clock::now_ms()))
    }
}

fn invoke(target: &Target, from: usize) -> Action {
    Action::Invoke {
        module: target.module,
        function: target.function.to_owned(),
        arguments: target.arguments[from].clone(),
        deposit: 0,
        interface: None,
    }
}

/// Makes accounts, gives them money, deploys a token and a cold chain of this run's own.
pub async fn prepare(session: &Session, args: &BenchArgs) -> Result<Work, Failure> {
    let client = session.client()?;
    let network = client.network().await?;
    let mut senders: Vec<Sender> =
        (0..args.accounts).map(|_| Sender::new(keys::generate(), 0)).collect();
    let faucet = dev::faucet_key();
    let fund = |sender: &Sender| Action::Transfer { to: sender.account, amount: ACCOUNT_GRAINS };
    submit_in_parts(&client, &faucet, senders.iter().map(fund).collect(), PREPARE_FUEL_MAX).await?;

    let prefix = network.address_prefix.clone();
    let (mut token, mut coldchain) = (None, None);
    if args.mix.token > 0 {
        token = Some(prepare_token(&client, args, &senders, &prefix).await?);
    }
    if args.mix.coldchain > 0 {
        coldchain = Some(prepare_coldchain(&client, args, &senders, &prefix).await?);
    }
    level(session, &client).await?;
    for sender in &mut senders {
        let next_nonce = next_nonce(&client, sender, &prefix).await?;
        *sender = Sender::new(sender.key.clone(), next_nonce);
    }
    Ok(Work { network: network.clone(), mix: args.mix, senders, token, coldchain })
}

async fn next_nonce(client: &PollenClient, sender: &Sender, prefix: &str) -> Result<u64, Failure> {
    let account = Address::account(sender.account).display(prefix);
    let public_key = Some(sender.key.public_key());
    let params = AccountGetParams { public_key, ..AccountGetParams::of(account) };
    let account = client.account_get(&params).await?.value;
    Ok(account.nonces.map_or(0, |nonces| nonces.next))
}

/// Any node may be asked next: waits until all have executed what the first has.
async fn level(session: &Session, client: &PollenClient) -> Result<(), Failure> {
    let executed = client.chain_head(&ChainHeadParams::default()).await?.at.height;
    for endpoint in session.endpoints() {
        let at_least = Some(executed);
        let params = ChainHeadParams { at_least, wait_ms: LEVEL_MAX_MS, ..Default::default() };
        PollenClient::new([endpoint])?.chain_head(&params).await?;
    }
    Ok(())
}

struct Deployed {
    module: AccountId,
    interface: Interface,
}

impl Deployed {
    fn encode(&self, function: &str, arguments: &Value, prefix: &str) -> Result<Vec<u8>, Failure> {
        let function = self
            .interface
            .function(FunctionKind::Command, function)
            .map_err(|unknown| Failure::new(unknown.to_string()))?;
        value::encode_params_json(function, arguments, &Formats::new(prefix))
            .map_err(|error| Failure::new(error.to_string()))
    }
}

async fn deploy(
    client: &PollenClient,
    args: &BenchArgs,
    name: &str,
    owner: &KeyPair,
    init: Option<Value>,
    prefix: &str,
) -> Result<Deployed, Failure> {
    let built =
        pollen_build::build_module(&args.contracts.join(name), &pollen_build::Options::default())?;
    let interface = Interface::from_component(&built.component)
        .map_err(|error| Failure::new(error.to_string()))?;
    let mut deployed = Deployed { module: AccountId::default(), interface };
    let arguments = match init {
        Some(init) => {
            let init_function =
                deployed.interface.commands.iter().find(|function| function.name == "init");
            let init_function =
                init_function.ok_or_else(|| Failure::new(format!("{name} has no init")))?;
            value::encode_params_json(init_function, &init, &Formats::new(prefix))
                .map_err(|error| Failure::new(error.to_string()))?
        }
        None => Vec::new(),
    };
    let action = Action::Deploy {
        code: Hash::of_content(&built.component),
        name: None,
        arguments,
        upgrade: pollen_ledger::transaction::UpgradePolicy::Never,
    };
    let max_fuel = client.network().await?.parameters.transaction_fuel_max;
    let mut intent = Intent::new(vec![action], max_fuel);
    intent.attachments = vec![built.component];
    let status = submit(client, owner, intent).await?;
    let Some(TxOutcome::Success { results }) = &status.value.outcome else {
        return Err(Failure::new(format!("{name} was not deployed")));
    };
    let id = results.first().map(|result| result.bytes.0.as_slice()).unwrap_or_default();
    let wrong = |_| Failure::new("the node told no address of the module");
    deployed.module = AccountId(id.try_into().map_err(wrong)?);
    Ok(deployed)
}

async fn prepare_token(
    client: &PollenClient,
    args: &BenchArgs,
    senders: &[Sender],
    prefix: &str,
) -> Result<Target, Failure> {
    let owner = &senders[0].key;
    let init = json!(["Bench", "BNC", 0, "1000000000000"]);
    let token = deploy(client, args, "token", owner, Some(init), prefix).await?;
    let address = |sender: &Sender| Address::account(sender.account).display(prefix);
    let mut actions = Vec::new();
    for sender in &senders[1..] {
        let arguments = token.encode("transfer", &json!([address(sender), "1000000"]), prefix)?;
        let function = "transfer".to_owned();
        actions.push(Action::Invoke {
            module: token.module,
            function,
            arguments,
            deposit: 0,
            interface: None,
        });
    }
    submit_in_parts(client, owner, actions, PREPARE_FUEL_MAX).await?;
    let arguments = (0..senders.len()).map(|from| {
        let to = &senders[(from + 1) % senders.len()];
        token.encode("transfer", &json!([address(to), "1"]), prefix)
    });
    let arguments = arguments.collect::<Result<_, _>>()?;
    Ok(Target { module: token.module, arguments, function: "transfer" })
}

async fn prepare_coldchain(
    client: &PollenClient,
    args: &BenchArgs,
    senders: &[Sender],
    prefix: &str,
) -> Result<Target, Failure> {
    let owner = &senders[0].key;
    let chain = deploy(client, args, "coldchain", owner, None, prefix).await?;
    let name = |index: usize| format!("bench-{index}");
    let mut actions = Vec::new();
    for index in 0..senders.len() {
        let arguments = json!({ "box": name(index), "max-celsius": 8.0 });
        let arguments = chain.encode("open-box", &arguments, prefix)?;
        let function = "open-box".to_owned();
        actions.push(Action::Invoke {
            module: chain.module,
            function,
            arguments,
            deposit: 0,
            interface: None,
        });
    }
    submit_in_parts(client, owner, actions, PREPARE_FUEL_MAX).await?;
    let arguments =
        (0..senders.len()).map(|from| chain.encode("record", &json!([name(from), 4.5]), prefix));
    let arguments = arguments.collect::<Result<_, _>>()?;
    Ok(Target { module: chain.module, arguments, function: "record" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_by_weight() {
        let mix: Mix = "transfer=1,token=2".parse().unwrap();
        assert_eq!(mix, Mix { transfer: 1, token: 2, coldchain: 0 });
        assert_eq!("token".parse::<Mix>().unwrap().token, 1);
        for wrong in ["", "nft=1", "token=x", "token=0", "token=999,transfer=999"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }
}
