//! `pollen keys`, `pollen account`, `pollen transfer`; and how every command signs and submits.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use pollen_ledger::{AccountId, Action, Address, KeyPair, PublicKey, Signature, message};
use pollen_rpc::api::{Account, AccountGetParams, Answer, Stage, TxOutcome, TxStatus};
use pollen_rpc::client::{Author, ClientError, Intent, PollenClient, Signed, Signer};
use serde_json::json;
use zeroize::Zeroizing;

use super::output::{self, pollen};
use super::{Failure, Session, TransferArgs};
use crate::{dev, keys, wallet};

/// How long a command waits for the end of its transaction.
const PATIENCE: Duration = Duration::from_secs(30);
/// Fuel that a transfer may use.
const TRANSFER_FUEL_MAX: u64 = 1_000_000;
/// What the faucet of a development network gives a new account.
const FAUCET_GRAINS: u64 = 1_000 * output::GRAINS;

/// `pollen keys new`.
#[derive(Debug, Args)]
pub struct NewKeyArgs {
    /// What to call it
    pub name: String,
    /// Make it out of so many words, 12 or 24, and print them: whoever has them has the key
    #[arg(long, value_name = "COUNT", value_parser = ["12", "24"])]
    pub words: Option<String>,
    /// Coin type of its path, with --words [default: the network's]
    #[arg(long, value_name = "NUMBER", requires = "words", value_parser = clap::value_parser!(u32).range(..=i64::from(wallet::INDEX_MAX)))]
    pub coin_type: Option<u32>,
    /// Encrypt it with a passphrase
    #[arg(long)]
    pub encrypt: bool,
    /// Do not ask the development network's faucet
    #[arg(long)]
    pub no_fund: bool,
}

/// `pollen keys recover`.
#[derive(Debug, Args)]
pub struct RecoverKeyArgs {
    /// What to call it
    pub name: String,
    /// Which key of the words
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=i64::from(wallet::INDEX_MAX)))]
    pub index: u32,
    /// Coin type of its path [default: the network's]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(..=i64::from(wallet::INDEX_MAX)))]
    pub coin_type: Option<u32>,
    /// Encrypt it with a passphrase
    #[arg(long)]
    pub encrypt: bool,
}

/// `pollen keys new NAME`.
pub async fn new_key(session: &Session, args: &NewKeyArgs) -> Result<(), Failure> {
    let mut entropy = Zeroizing::new([0; 32]);
    getrandom::fill(entropy.as_mut()).expect("the system has randomness");
    let words = args.words.as_ref().map(|count| match count.as_str() {
        "12" => wallet::new_words(&entropy[..16]),
        _ => wallet::new_words(entropy.as_ref()),
    });
    let made = match &words {
        Some(words) => {
            let coin_type = coin_type(session, args.coin_type).await?;
            Made { key: wallet::derive(words, coin_type, 0), path: Some((coin_type, 0)) }
        }
        None => Made { key: keys::generate(), path: None },
    };
    let words = words.map(|words| Zeroizing::new(words.to_string()));
    keep_key(session, &args.name, &made, args.encrypt)?;
    tell_key(session, &args.name, &made, !args.no_fund, words.as_ref().map(|words| words.as_str()))
        .await
}

/// `pollen keys recover NAME`.
pub async fn recover_key(session: &Session, args: &RecoverKeyArgs) -> Result<(), Failure> {
    let coin_type = coin_type(session, args.coin_type).await?;
    let text = match std::io::stdin().is_terminal() {
        true => rpassword::prompt_password("words: "),
        false => std::io::read_to_string(std::io::stdin()),
    };
    let text = text.map(Zeroizing::new).map_err(|error| Failure::new(format!("words: {error}")))?;
    let words = wallet::read_words(&text).map_err(|error| Failure::usage(error.to_string()))?;
    let key = wallet::derive(&words, coin_type, args.index);
    let made = Made { key, path: Some((coin_type, args.index)) };
    keep_key(session, &args.name, &made, args.encrypt)?;
    tell_key(session, &args.name, &made, false, None).await
}

/// A key, and coin type and index of its path where it is out of words.
struct Made {
    key: KeyPair,
    path: Option<(u32, u32)>,
}

/// What is given, or the network's; without a network nobody could say which key it is.
async fn coin_type(session: &Session, given: Option<u32>) -> Result<u32, Failure> {
    match given {
        Some(coin_type) => Ok(coin_type),
        None => Ok(session.client()?.network().await?.coin_type),
    }
}

fn keep_key(session: &Session, name: &str, made: &Made, encrypt: bool) -> Result<(), Failure> {
    let path = keys::path_of(&session.home, name)?;
    match encrypt {
        true => keys::write_encrypted(&path, &made.key, keys::passphrase(&path, true)?)?,
        false => keys::write(&path, &made.key)?,
    }
    Ok(())
}

async fn tell_key(
    session: &Session,
    name: &str,
    made: &Made,
    fund: bool,
    words: Option<&str>,
) -> Result<(), Failure> {
    let path = keys::path_of(&session.home, name)?;
    let id = AccountId::of_key(&made.key.public_key());
    // Without a network the key is as good: the address then waits for one.
    let client = session.client()?;
    let network = client.network().await.ok();
    let address = network.map(|network| Address::account(id).display(&network.address_prefix));
    let funded = match network {
        Some(network) if fund && is_development(network) => {
            Some(from_faucet(&client, id).await.map(|()| FAUCET_GRAINS)?)
        }
        _ => None,
    };
    let derivation = made.path.map(|(coin_type, index)| format!("m/44'/{coin_type}'/{index}'"));
    let document = json!({
        "name": name,
        "account": id.to_string(),
        "address": address,
        "publicKey": made.key.public_key(),
        "path": derivation,
        "words": words,
        "file": path,
        "fundedGrains": funded.map(|grains| grains.to_string()),
    });
    session.print(&document, || {
        let address = address.clone().unwrap_or_else(|| format!("{id} (no network answered)"));
        let mut text = format!("made {name}: {address}\n  key file {}\n", path.display());
        if let Some(derivation) = &derivation {
            text += &format!("  path {derivation}\n");
        }
        if let Some(grains) = funded {
            text += &format!("  got {} from the development network's faucet\n", pollen(grains));
        }
        if let Some(words) = words {
            text += &format!(
                "\n  {words}\n\nWrite these words down and keep them where nobody finds them: they are the key, and are \
                 not shown again.\n"
            );
        }
        text
    });
    Ok(())
}

fn is_development(network: &pollen_rpc::api::NodeInfo) -> bool {
    let development = dev::genesis(1);
    network.chain_name == development.name && network.address_prefix == development.address_prefix
}

async fn from_faucet(client: &PollenClient, to: AccountId) -> Result<(), Failure> {
    let action = Action::Transfer { to, amount: FAUCET_GRAINS };
    let intent = Intent::new(vec![action], TRANSFER_FUEL_MAX);
    submit(client, &dev::faucet_key(), intent).await.map(|_| ())
}

/// A key of this name, made and funded when it is not there or its account is empty.
pub async fn ensure_funded(session: &Session, name: &str) -> Result<KeyPair, Failure> {
    let path = keys::path_of(&session.home, name)?;
    if !path.exists() {
        keys::write(&path, &keys::generate())?;
    }
    let key = keys::read(&path)?;
    let client = session.client()?;
    let id = AccountId::of_key(&key.public_key());
    let network = client.network().await?;
    let address = Address::account(id).display(&network.address_prefix);
    if account(&client, address).await?.value.balance == 0 {
        from_faucet(&client, id).await?;
    }
    Ok(key)
}

/// `pollen keys list`.
pub async fn list_keys(session: &Session) -> Result<(), Failure> {
    let client = session.client()?;
    let prefix = client.network().await.ok().map(|network| network.address_prefix.clone());
    let prefix = prefix.unwrap_or_else(|| dev::genesis(1).address_prefix);
    let keys = keys::list(&session.home);
    let rows: Vec<_> =
        keys.iter().map(|(name, id)| (name, Address::account(*id).display(&prefix))).collect();
    let document: Vec<_> =
        rows.iter().map(|(name, address)| json!({ "name": name, "address": address })).collect();
    session.print(&document, || {
        if rows.is_empty() {
            return "no keys yet: make one with `pollen keys new NAME`\n".to_owned();
        }
        let rows = rows.iter().map(|(name, address)| [(*name).clone(), address.clone()]);
        output::table(["key", "address"], rows) + "\n"
    });
    Ok(())
}

/// The id of a key's name or an address.
pub fn resolve(session: &Session, prefix: &str, who: &str) -> Result<AccountId, Failure> {
    if who.starts_with(prefix) && who.contains('1') && who.len() > 40 {
        return Ok(Address::parse(who, prefix)?.id);
    }
    let path = keys::path_of(&session.home, who)?;
    Ok(AccountId::of_key(&keys::read_public(&path)?))
}

async fn account(client: &PollenClient, address: String) -> Result<Answer<Account>, Failure> {
    let params = AccountGetParams::of(address);
    Ok(client.account_get(&params).await?)
}

/// `pollen account WHO`.
pub async fn show(session: &Session, who: &str) -> Result<(), Failure> {
    let client = session.client()?;
    let prefix = client.network().await?.address_prefix.clone();
    let id = resolve(session, &prefix, who)?;
    let public_key =
        keys::path_of(&session.home, who).ok().and_then(|path| keys::read_public(&path).ok());
    let account = Address::account(id).display(&prefix);
    let params = AccountGetParams { public_key, ..AccountGetParams::of(account) };
    let answer = client.account_get(&params).await?;
    session.print(&answer, || {
        let account = &answer.value;
        if !account.exists {
            return format!(
                "{} does not exist yet: it begins with the first transfer to it\n",
                account.account
            );
        }
        let mut lines = vec![
            ("address", account.account.clone()),
            ("balance", pollen(account.balance)),
            ("for fees only", pollen(account.reserve)),
            ("deposit", pollen(account.deposit)),
        ];
        if let Some(nonces) = account.nonces {
            lines.push(("next nonce", nonces.next.to_string()));
        }
        lines.push(("at height", answer.at.height.to_string()));
        output::pairs(lines)
    });
    Ok(())
}

/// The address of a key's name or an address, as the network writes it.
pub async fn address(
    session: &Session,
    client: &PollenClient,
    who: &str,
) -> Result<String, Failure> {
    let prefix = &client.network().await?.address_prefix;
    Ok(Address::account(resolve(session, prefix, who)?).display(prefix))
}

/// Who signs a transaction, now or, of one that is only built, later.
pub enum By {
    /// Now.
    Keys(Signer),
    /// Somebody else, or somewhere else.
    Later {
        /// Whose transaction it is, and which key leads.
        author: Author,
        /// For how long it is valid.
        valid_for_ms: u64,
    },
}

impl By {
    /// Whose transaction it is.
    pub fn account(&self) -> AccountId {
        match self {
            Self::Keys(signer) => signer.account,
            Self::Later { author, .. } => author.account,
        }
    }
}

/// Who signs, as `KEY[,KEY..][@ACCOUNT]`: names of keys, and an account where it is not the first key's own. With
/// the payer of `--payer`, told in the same way. Of a transaction that is only built no secret is read, and keys
/// may be written out.
pub async fn signer(session: &Session, client: &PollenClient, text: &str) -> Result<By, Failure> {
    let payer = session.payer.as_deref();
    if let Some(valid_for_ms) = session.build_valid_for_ms {
        let (account, key) = account_and_key(session, client, text).await?;
        let payer = match payer {
            Some(payer) => Some(account_and_key(session, client, payer).await?.0),
            None => None,
        };
        return Ok(By::Later { author: Author { account, key, payer }, valid_for_ms });
    }
    let (account, keys) = account_and_keys(session, client, text).await?;
    let payer = match payer {
        Some(payer) => Some(account_and_keys(session, client, payer).await?),
        None => None,
    };
    Ok(By::Keys(Signer { account, keys, payer }))
}

fn names_and_account(text: &str) -> (impl Iterator<Item = &str>, Option<&str>) {
    let (names, account) = match text.split_once('@') {
        Some((names, account)) => (names, Some(account)),
        None => (text, None),
    };
    (names.split(','), account)
}

async fn account_and_keys(
    session: &Session,
    client: &PollenClient,
    text: &str,
) -> Result<(AccountId, Vec<KeyPair>), Failure> {
    let (names, account) = names_and_account(text);
    let read = |name: &str| Ok::<_, Failure>(keys::read(&keys::path_of(&session.home, name)?)?);
    let keys = names.map(read).collect::<Result<Vec<_>, _>>()?;
    let account = match account {
        Some(account) => resolve(session, &client.network().await?.address_prefix, account)?,
        None => AccountId::of_key(&keys[0].public_key()),
    };
    Ok((account, keys))
}

/// The public half of [`account_and_keys`]: the account, and the key that leads.
async fn account_and_key(
    session: &Session,
    client: &PollenClient,
    text: &str,
) -> Result<(AccountId, PublicKey), Failure> {
    let (mut names, account) = names_and_account(text);
    let key = public_key(session, names.next().unwrap_or_default())?;
    let account = match account {
        Some(account) => resolve(session, &client.network().await?.address_prefix, account)?,
        None => AccountId::of_key(&key),
    };
    Ok((account, key))
}

/// A key of a name in the home folder, or one that is written out.
pub fn public_key(session: &Session, text: &str) -> Result<PublicKey, Failure> {
    match text.parse::<PublicKey>() {
        Ok(key) => Ok(key),
        Err(_) => Ok(keys::read_public(&keys::path_of(&session.home, text)?)?),
    }
}

/// `pollen keys sign NAME MESSAGE`.
pub async fn sign_message(session: &Session, name: &str, text: &str) -> Result<(), Failure> {
    let chain_id = session.client()?.network().await?.chain_id;
    let key = keys::read(&keys::path_of(&session.home, name)?)?;
    let signature = hex::encode(message::sign(&chain_id, &key, text.as_bytes()).0);
    let document = json!({
        "chainId": chain_id,
        "publicKey": key.public_key(),
        "signature": signature,
        "message": text,
    });
    session.print(&document, || format!("{signature}\n"));
    Ok(())
}

/// `pollen keys check KEY SIGNATURE MESSAGE`.
pub async fn check_message(
    session: &Session,
    key: &str,
    signature: &str,
    text: &str,
) -> Result<(), Failure> {
    let chain_id = session.client()?.network().await?.chain_id;
    let key = public_key(session, key)?;
    let mut bytes = [0; 64];
    hex::decode_to_slice(signature, &mut bytes)
        .map_err(|_| Failure::usage("a signature has 128 hexadecimal digits"))?;
    if !message::verify(&chain_id, &key, text.as_bytes(), &Signature(bytes)) {
        return Err(Failure::new("the signature does not fit")
            .hint("another key, another text, or another network"));
    }
    let account = AccountId::of_key(&key);
    let prefix = &session.client()?.network().await?.address_prefix.clone();
    let address = Address::account(account).display(prefix);
    let document = json!({ "good": true, "publicKey": key, "account": address });
    session.print(&document, || format!("good: signed by {key}, the first key of {address}\n"));
    Ok(())
}

/// `pollen transfer FROM TO AMOUNT`.
pub async fn transfer(session: &Session, args: &TransferArgs) -> Result<(), Failure> {
    let amount = output::parse_amount(&args.amount).map_err(Failure::usage)?;
    let client = session.client()?;
    let by = signer(session, &client, &args.from).await?;
    let prefix = client.network().await?.address_prefix.clone();
    let to = resolve(session, &prefix, &args.to)?;
    let intent = Intent::new(vec![Action::Transfer { to, amount }], TRANSFER_FUEL_MAX);
    let Some(status) = send(&client, &by, intent).await? else { return Ok(()) };
    session.print(&status, || {
        format!("sent {} from {} to {}\n{}", pollen(amount), args.from, args.to, ended(&status))
    });
    Ok(())
}

/// Signs, submits and waits for the end; or prints the transaction, where it is only to be built: then there is
/// nothing more to tell.
pub async fn send(
    client: &PollenClient,
    by: &By,
    mut intent: Intent,
) -> Result<Option<Answer<TxStatus>>, Failure> {
    match by {
        By::Keys(signer) => Ok(Some(submit(client, signer, intent).await?)),
        By::Later { author, valid_for_ms } => {
            intent.valid_for_ms = Some(*valid_for_ms);
            let draft = client.draft(author, intent, rand::random()).await?;
            outln!("{}", serde_json::to_string(&draft).expect("drafts are JSON"));
            Ok(None)
        }
    }
}

/// Signs, submits and waits for the end; anything but a success is a failure with its reason. A nonce
/// that another shell took meanwhile is chosen anew.
pub async fn submit(
    client: &PollenClient,
    by: impl Into<Signer>,
    intent: Intent,
) -> Result<Answer<TxStatus>, Failure> {
    let submit = async |signed: &Signed| watched(client, signed, Stage::Executed, PATIENCE).await;
    let (_, status) = client.sign_and_submit(by, intent, submit).await?;
    check(&status)?;
    Ok(status)
}

/// Submits and waits; on a terminal with the stages as they come.
pub async fn watched(
    client: &PollenClient,
    signed: &Signed,
    stage: Stage,
    patience: Duration,
) -> Result<Answer<TxStatus>, ClientError> {
    if !std::io::stderr().is_terminal() {
        return client.submit_and_wait(signed, stage, patience).await;
    }
    let bar = output::spinner("sending");
    let told = |status: &TxStatus| bar.set_message(stages(status));
    let ended = client.submit_and_watch(signed, stage, patience, told).await;
    bar.finish_and_clear();
    ended
}

/// `accepted -> included 4 ms -> ordered 13 ms`: the stages so far, by when this node saw them.
fn stages(tx: &TxStatus) -> String {
    let times = tx.times;
    let mut line = String::new();
    for (stage, reached) in [
        (Stage::Included, times.included_ms),
        (Stage::Ordered, times.ordered_ms),
        (Stage::Executed, times.executed_ms),
        (Stage::Certified, times.certified_ms),
    ] {
        if tx.stage < stage {
            break;
        }
        line += if line.is_empty() { "" } else { " -> " };
        line += stage.name();
        if let Some((from, to)) = times.accepted_ms.zip(reached) {
            line += &format!(" {} ms", to.saturating_sub(from));
        }
    }
    if line.is_empty() { tx.stage.name().to_owned() } else { line }
}

/// Actions in one of the transactions of [`submit_in_parts`].
const PART_ACTIONS: usize = 16;

/// Submits many actions, a few at a time.
pub async fn submit_in_parts(
    client: &PollenClient,
    key: &KeyPair,
    actions: Vec<Action>,
    fuel_max: u64,
) -> Result<(), Failure> {
    for part in actions.chunks(PART_ACTIONS) {
        submit(client, key, Intent::new(part.to_vec(), fuel_max)).await?;
    }
    Ok(())
}

/// The reason of whatever is no success.
pub fn check(status: &Answer<TxStatus>) -> Result<(), Failure> {
    let hash = status.value.hash;
    match &status.value.outcome {
        Some(TxOutcome::Success { .. }) => Ok(()),
        Some(TxOutcome::Failure { code, name, message, .. }) => {
            let mut failure = Failure::new(format!("{message} ({code} {name})"));
            failure.hint = Some(format!("transaction {hash}; the fee was paid"));
            if let Some(note) = &status.value.note
                && !note.trim().is_empty()
                && note.trim() != message
            {
                failure.text += &format!("\n{}", note.trim_end());
            }
            Err(failure)
        }
        Some(TxOutcome::Rejected { code, name, message }) => {
            Err(Failure::new(format!("{message} ({code} {name})"))
                .hint(format!("transaction {hash}")))
        }
        Some(TxOutcome::Expired { .. }) => {
            Err(Failure::new("the transaction expired before it was ordered (1007 Expired)")
                .hint("the network was too busy or had no quorum: `pollen status`, then try again"))
        }
        None => Err(Failure::timed_out(format!(
            "after {} s the transaction is {}, not executed",
            PATIENCE.as_secs(),
            status.value.stage.name()
        ))
        .hint(format!("look again with `pollen tx {hash}`"))),
    }
}

/// How a transaction ended, in two lines.
pub fn ended(status: &Answer<TxStatus>) -> String {
    let tx = &status.value;
    let fee = tx.fee.map_or_else(String::new, |fee| format!(", fee {}", pollen(fee)));
    let fuel = tx.fuel_used.unwrap_or(0);
    format!(
        "  {} at height {}, fuel {fuel}{fee}\n  transaction {}\n",
        stages(tx),
        tx.height.unwrap_or(0),
        tx.hash,
    )
}
