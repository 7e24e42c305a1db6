//! The transfer of an ERC-20 token, written by hand for the EVM: what the example token's `transfer` does, and the
//! checks that a compiler puts before it. Balances are a mapping in slot 0, as Solidity lays it out: that of
//! an account is at the hash of its address and the slot's number, 32 bytes each.

use revm::bytecode::opcode::{
    ADD, CALLDATALOAD, CALLDATASIZE, CALLER, CALLVALUE, DUP1, DUP2, DUP3, DUP4, JUMPDEST, JUMPI,
    KECCAK256, LOG3, LT, MSTORE, PUSH0, PUSH1, PUSH2, PUSH4, PUSH32, RETURN, REVERT, SHR, SLOAD,
    SSTORE, SUB, SWAP1, XOR,
};
use revm::primitives::{Address, B256, U256, keccak256};

/// Which function is called.
const SELECTOR: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];

/// The code as it lies at the token's address.
pub fn code() -> Vec<u8> {
    assert!(keccak256("transfer(address,uint256)").starts_with(&SELECTOR));
    let fail = u16::try_from(body([0; 2]).len()).expect("a short code");
    [body(fail.to_be_bytes()), vec![JUMPDEST, PUSH0, PUSH0, REVERT]].concat()
}

/// All of it but where it fails, which is at `fail`.
fn body(fail: [u8; 2]) -> Vec<u8> {
    let or_fail = &[PUSH2, fail[0], fail[1], JUMPI][..]; // fails unless the top of the stack is zero
    let selector = &SELECTOR[..];
    let event = &keccak256("Transfer(address,address,uint256)")[..];
    // Beside each line: the stack after it, its top last.
    let lines: &[&[&[u8]]] = &[
        // No transfer: with ether, too short, another function, a receiver of more than 20 bytes.
        &[&[CALLVALUE], or_fail],
        &[&[PUSH1, 68, CALLDATASIZE, LT], or_fail],
        &[&[PUSH4], selector, &[PUSH0, CALLDATALOAD, PUSH1, 0xe0, SHR, XOR], or_fail],
        &[&[PUSH1, 0x04, CALLDATALOAD, PUSH1, 160, SHR], or_fail],
        // The sender's balance, less the amount.
        &[&[PUSH1, 0x24, CALLDATALOAD]],     // amount
        &[&[CALLER, PUSH0, MSTORE]],         // amount
        &[&[PUSH0, PUSH1, 0x20, MSTORE]],    // amount
        &[&[PUSH1, 0x40, PUSH0, KECCAK256]], // amount, slot
        &[&[DUP1, SLOAD]],                   // amount, slot, have
        &[&[DUP3, DUP2, LT], or_fail],       // amount, slot, have
        &[&[DUP3, SWAP1, SUB]],              // amount, slot, have - amount
        &[&[SWAP1, SSTORE]],                 // amount
        // The receiver's, read only now, since it may be the sender; the mapping's slot is in memory still.
        &[&[PUSH1, 0x04, CALLDATALOAD]],     // amount, to
        &[&[DUP1, PUSH0, MSTORE]],           // amount, to
        &[&[PUSH1, 0x40, PUSH0, KECCAK256]], // amount, to, slot
        &[&[DUP1, SLOAD]],                   // amount, to, slot, had
        &[&[DUP4, ADD]],                     // amount, to, slot, sum
        &[&[DUP4, DUP2, LT], or_fail],       // amount, to, slot, sum
        &[&[SWAP1, SSTORE]],                 // amount, to
        // The event: sender and receiver to be found by, the amount as its data.
        &[&[SWAP1, PUSH0, MSTORE]],     // to
        &[&[CALLER, PUSH32], event],    // to, caller, event
        &[&[PUSH1, 0x20, PUSH0, LOG3]], // nothing
        // True.
        &[&[PUSH1, 1, PUSH0, MSTORE, PUSH1, 0x20, PUSH0, RETURN]],
    ];
    lines.concat().concat()
}

/// What a transaction calls it with.
pub fn transfer_data(to: Address, amount: u64) -> Vec<u8> {
    let words = [to.into_word().0, U256::from(amount).to_be_bytes()];
    [&SELECTOR[..], &words[0], &words[1]].concat()
}

/// Where the balance of an account lies.
pub fn balance_slot(of: Address) -> U256 {
    keccak256([of.into_word(), B256::ZERO].concat()).into()
}
