//! The token in the module host, called as `vm/examples/call_speed` calls it.

use pollen_ledger::module::{CallEnd, CallKind};
use pollen_ledger::transaction::AccountId;
use pollen_vm::{Vm, VmConfig};

use crate::ledger::{Ledger, call};
use crate::{ACCOUNTS, SHARE, SUPPLY, Side};

const TOKEN: AccountId = AccountId([1; 32]);

pub struct Pollen {
    vm: Vm,
    ledger: Ledger,
}

impl Pollen {
    /// A token whose supply is spread over [`ACCOUNTS`].
    pub fn new(token: &[u8]) -> Self {
        let vm = Vm::new(&VmConfig::default()).expect("it starts");
        let mut ledger = Ledger::default();
        ledger.add_module(TOKEN, token);
        let mut pollen = Self { vm, ledger };
        let word = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        let init = [word("Honey"), word("HNY"), vec![2], SUPPLY.to_le_bytes().to_vec()].concat();
        pollen.run(CallKind::Init, "init", &init, account(0));
        (1..ACCOUNTS).for_each(|number| pollen.transfer(0, number, SHARE));
        pollen
    }

    fn run(&mut self, kind: CallKind, function: &str, data: &[u8], from: AccountId) -> Vec<u8> {
        match call(&self.vm, &mut self.ledger, kind, TOKEN, function, data, from).end {
            CallEnd::Returned(value) => value,
            end => panic!("{end:?}"),
        }
    }
}

impl Side for Pollen {
    fn transfer(&mut self, from: u8, to: u8, amount: u64) {
        let arguments = [&account(to).0[..], &amount.to_le_bytes()].concat();
        self.run(CallKind::Command, "transfer", &arguments, account(from));
    }

    fn balance(&mut self, of: u8) -> u64 {
        let account = account(of);
        let value = self.run(CallKind::Query, "balance-of", &account.0, account);
        u64::from_le_bytes(value.try_into().expect("8 bytes"))
    }
}

fn account(number: u8) -> AccountId {
    AccountId([number ^ 0xa5; 32])
}
