//! The token in `revm`: the handler of the main network, the state in the map that comes with it.

use revm::bytecode::Bytecode;
use revm::context::TxEnv;
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction};
use revm::database::{CacheDB, EmptyDB};
use revm::handler::MainnetContext;
use revm::primitives::{Address, TxKind, U256};
use revm::state::AccountInfo;
use revm::{
    Context, ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainContext as _,
    MainnetEvm, SystemCallCommitEvm as _,
};

use crate::contract::{balance_slot, code, transfer_data};
use crate::{ACCOUNTS, SHARE, SUPPLY, Side};

const TOKEN: Address = Address::repeat_byte(1);
const GAS: u64 = 100_000;

/// What is run for each transfer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole transaction: nonce, balance and gas checked before, the sender and who made the block paid after.
    Transaction,
    /// The call in it and nothing around, as the clients call their system contracts.
    Call,
}

pub struct Evm {
    evm: MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>,
    kind: Kind,
    nonces: [u64; ACCOUNTS as usize],
}

impl Evm {
    /// A token whose supply is spread over [`ACCOUNTS`].
    pub fn new(kind: Kind) -> Self {
        let mut state = CacheDB::new(EmptyDB::new());
        let token = AccountInfo::default().with_code(Bytecode::new_raw(code().into()));
        state.insert_account_info(TOKEN, token);
        let slot = balance_slot(address(0));
        state.insert_account_storage(TOKEN, slot, U256::from(SUPPLY)).expect("memory");
        let evm = Context::mainnet().with_db(state).build_mainnet();
        let mut evm = Self { evm, kind, nonces: [0; ACCOUNTS as usize] };
        evm.behaves();
        (1..ACCOUNTS).for_each(|number| evm.transfer(0, number, SHARE));
        evm
    }

    fn run(&mut self, from: u8, data: Vec<u8>) -> ExecutionResult {
        let (caller, data) = (address(from), data.into());
        match self.kind {
            Kind::Transaction => {
                let nonce = &mut self.nonces[usize::from(from)];
                let transaction = TxEnv {
                    caller,
                    kind: TxKind::Call(TOKEN),
                    data,
                    nonce: *nonce,
                    gas_limit: GAS,
                    gas_price: 0,
                    ..TxEnv::default()
                };
                *nonce += 1;
                self.evm.transact_commit(transaction)
            }
            Kind::Call => self.evm.system_call_with_caller_commit(caller, TOKEN, data),
        }
        .expect("it is valid")
    }

    /// The contract refuses what is wrong and tells what is right; a transaction has a nonce.
    fn behaves(&mut self) {
        let right = transfer_data(address(1), 0);
        let mut function = right.clone();
        function[0] ^= 1;
        let mut receiver = right.clone();
        receiver[4] = 1;
        let (short, too_much) = (right[..67].to_vec(), transfer_data(address(0), 1));
        for (from, data) in [(0, function), (0, receiver), (0, short), (1, too_much)] {
            assert!(matches!(self.run(from, data), ExecutionResult::Revert { .. }));
        }
        let result = self.run(0, right);
        assert_eq!(
            result.logs()[0].topics()[1..],
            [0, 1].map(|number| address(number).into_word())
        );
        if self.kind == Kind::Transaction {
            let again = TxEnv { caller: address(0), nonce: 0, gas_limit: GAS, ..TxEnv::default() };
            let error = self.evm.transact(again).expect_err("it was used");
            let used = InvalidTransaction::NonceTooLow { tx: 0, state: 4 };
            assert_eq!(error, EVMError::Transaction(used));
        }
    }
}

impl Side for Evm {
    fn transfer(&mut self, from: u8, to: u8, amount: u64) {
        let result = self.run(from, transfer_data(address(to), amount));
        assert!(result.is_success(), "{result:?}");
    }

    fn balance(&mut self, of: u8) -> u64 {
        let token = &self.evm.ctx.journaled_state.database.cache.accounts[&TOKEN];
        token.storage[&balance_slot(address(of))].to()
    }
}

fn address(number: u8) -> Address {
    Address::repeat_byte(number ^ 0xa5)
}
