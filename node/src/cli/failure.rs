//! Why a command failed, with its exit code and what to do next.

use pollen_rpc::client::ClientError;

/// Refused or failed.
pub const EXIT_FAILED: u8 = 1;
/// Wrong usage.
pub const EXIT_USAGE: u8 = 2;
/// No node answered.
pub const EXIT_UNREACHABLE: u8 = 3;
/// Timed out before the stage that was waited for.
pub const EXIT_TIMED_OUT: u8 = 4;

/// What is printed to standard error, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// One line, or a few.
    pub text: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// Refused or failed.
    pub fn new(text: impl Into<String>) -> Self {
        Self { code: EXIT_FAILED, text: text.into(), hint: None }
    }

    /// Wrong usage.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { code: EXIT_USAGE, text: text.into(), hint: None }
    }

    /// Timed out.
    pub fn timed_out(text: impl Into<String>) -> Self {
        Self { code: EXIT_TIMED_OUT, text: text.into(), hint: None }
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Failure {
    /// To standard error, in the form that was asked for.
    pub fn print(&self, json: bool) {
        if json {
            let error = serde_json::json!({
                "error": self.text, "hint": self.hint, "exitCode": self.code,
            });
            eprintln!("{error}");
            return;
        }
        eprintln!("error: {}", self.text);
        if let Some(hint) = &self.hint {
            eprintln!("  {hint}");
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let hint = match &error {
            ClientError::Unreachable { .. } => {
                Some("start a network with `make run`, or name one with --rpc".to_owned())
            }
            other => other.hint().map(str::to_owned),
        };
        let code = match &error {
            ClientError::Unreachable { .. } => EXIT_UNREACHABLE,
            ClientError::Url { .. } => EXIT_USAGE,
            _ => EXIT_FAILED,
        };
        Self { code, text: error.to_string(), hint }
    }
}

macro_rules! failed_by {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(error.to_string())
            }
        }
    )+};
}

failed_by!(
    crate::keys::KeyError,
    crate::config::ConfigError,
    crate::dev::DevError,
    crate::node::NodeError,
    pollen_ledger::store::OpenError,
    pollen_ledger::store::StoreError,
    pollen_build::BuildError,
    pollen_ledger::address::AddressError,
    std::io::Error,
);
