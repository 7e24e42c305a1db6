//! `pollen context`: names for networks, so that nobody types URLs twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use pollen_ledger::Hash;
use pollen_rpc::client::PollenClient;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Failure, Session, output};
use crate::files;

/// `pollen context ..`.
#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// Name a network by its JSON-RPC endpoints; asks them which chain they are of, and uses it from then on
    #[command(
        after_help = "Example:\n  pollen context add test http://a.example:9650,http://b.example:9650"
    )]
    Add {
        /// What to call it
        name: String,
        /// Its endpoints, comma-separated, preferred first
        #[arg(value_delimiter = ',', required = true)]
        endpoints: Vec<String>,
    },
    /// Use a network from now on; `dev` for that of `pollen dev` in the home folder
    #[command(after_help = "Examples:\n  pollen context use test\n  pollen context use dev")]
    Use {
        /// Which
        name: String,
    },
    /// List the networks that have a name
    List,
    /// Forget a network
    Remove {
        /// Which
        name: String,
    },
}

/// The name of what needs none: the development network of the home folder.
const DEVELOPMENT: &str = "dev";

/// All of them, as they are kept in the home folder.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Contexts {
    /// The one in use; none for the development network.
    current: Option<String>,
    #[serde(default)]
    contexts: BTreeMap<String, Context>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Context {
    endpoints: Vec<String>,
    chain_id: Hash,
    chain_name: String,
}

fn path(home: &Path) -> PathBuf {
    home.join("contexts.json")
}

impl Contexts {
    fn read(home: &Path) -> Result<Self, Failure> {
        let path = path(home);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(Failure::new(format!("{}: {error}", path.display()))),
        };
        serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    fn write(&self, home: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).expect("contexts are JSON");
        let path = path(home);
        std::fs::create_dir_all(home)
            .and_then(|()| files::replace("contexts", &path, text.as_bytes()))
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    fn of(&self, name: &str) -> Result<&Context, Failure> {
        let known = || self.contexts.keys().cloned().collect::<Vec<_>>().join(", ");
        self.contexts.get(name).ok_or_else(|| {
            let hint = match self.contexts.is_empty() {
                true => "pollen context add NAME URLS names one".to_owned(),
                false => format!("there are {}, and {DEVELOPMENT}", known()),
            };
            Failure::usage(format!("no network is called '{name}' here")).hint(hint)
        })
    }
}

/// Endpoints of the network that is asked for, or in use; none for the development network.
pub fn endpoints(home: &Path, asked: Option<&str>) -> Result<Option<Vec<String>>, Failure> {
    if asked == Some(DEVELOPMENT) {
        return Ok(None);
    }
    let contexts = Contexts::read(home)?;
    match asked.or(contexts.current.as_deref()) {
        Some(name) => Ok(Some(contexts.of(name)?.endpoints.clone())),
        None => Ok(None),
    }
}

/// Runs one.
pub async fn run(session: &Session, command: &ContextCommand) -> Result<(), Failure> {
    let mut contexts = Contexts::read(&session.home)?;
    let told = match command {
        ContextCommand::List => return list(session, &contexts),
        ContextCommand::Add { name, .. } | ContextCommand::Remove { name }
            if name == DEVELOPMENT =>
        {
            return Err(Failure::usage(format!("'{DEVELOPMENT}' is the network of `pollen dev`")));
        }
        ContextCommand::Add { name, endpoints } => {
            let client = PollenClient::new(endpoints)?;
            let network = client.network().await?;
            let (chain_id, chain_name) = (network.chain_id, network.chain_name.clone());
            let told = format!("{name} is {chain_name} ({chain_id}), and in use\n");
            let context = Context { endpoints: endpoints.clone(), chain_id, chain_name };
            contexts.contexts.insert(name.clone(), context);
            contexts.current = Some(name.clone());
            told
        }
        ContextCommand::Use { name } if name == DEVELOPMENT => {
            contexts.current = None;
            "the development network of the home folder is in use\n".to_owned()
        }
        ContextCommand::Use { name } => {
            let told = format!("{name} is in use: {}\n", contexts.of(name)?.chain_name);
            contexts.current = Some(name.clone());
            told
        }
        ContextCommand::Remove { name } => {
            contexts.of(name)?;
            contexts.contexts.remove(name);
            contexts.current = contexts.current.take().filter(|current| current != name);
            format!("{name} is forgotten\n")
        }
    };
    contexts.write(&session.home)?;
    session.print(&json!({ "current": contexts.current }), || told);
    Ok(())
}

fn list(session: &Session, contexts: &Contexts) -> Result<(), Failure> {
    session.print(&contexts, || {
        let is_current =
            |name: &str| match contexts.current.as_deref().unwrap_or(DEVELOPMENT) == name {
                true => "*",
                false => "",
            };
        let mut rows = vec![[is_current(DEVELOPMENT), DEVELOPMENT, "", ""].map(str::to_owned)];
        rows.extend(contexts.contexts.iter().map(|(name, context)| {
            let Context { endpoints, chain_name, .. } = context;
            [is_current(name).to_owned(), name.clone(), chain_name.clone(), endpoints.join(", ")]
        }));
        output::table(["", "name", "chain", "endpoints"], rows) + "\n"
    });
    Ok(())
}
