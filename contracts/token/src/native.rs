//! The token as another module in the native tests of modules that call tokens. Not part of what is
//! deployed.

use crate::Token;
use crate::bindings::exports::pollen::token::commands::Guest as _;
use crate::bindings::exports::pollen::token::queries::Guest as _;
use pollen_sdk::test::Host;
use pollen_sdk::{Account, String, ToString};

/// Makes `module` answer as a token.
pub fn serve(host: &Host, module: Account) {
    host.serve(module, "init", |(name, symbol, decimals, supply): (String, String, u8, u64)| {
        Token::init(name, symbol, decimals, supply);
        Ok::<_, ()>(())
    });
    host.serve(module, "transfer", |(to, amount)| Token::transfer(to, amount));
    host.serve(module, "approve", |(spender, amount)| {
        Token::approve(spender, amount);
        Ok::<_, ()>(())
    });
    host.serve(module, "transfer-from", |(owner, to, amount)| {
        Token::transfer_from(owner, to, amount)
    });
    host.serve(module, "balance-of", |(of,)| Ok::<_, ()>(Token::balance_of(of)));
    host.serve(module, "total-supply", |()| Ok::<_, ()>(Token::total_supply()));
    host.serve(module, "info", |()| Ok::<_, ()>(Token::info()));
}

/// A token of `owner` with a thousand pieces, under the name of its symbol.
pub fn deploy(host: &Host, symbol: &str, owner: Account) -> Account {
    let module = host.account(symbol);
    serve(host, module);
    host.name_module(symbol, module);
    host.set_caller(owner);
    let name = "A token".to_string();
    host.inside(module, || Token::init(name, symbol.to_string(), 2, 1_000));
    module
}

/// What an account holds of a token.
pub fn balance(host: &Host, module: Account, of: Account) -> u64 {
    host.inside(module, || Token::balance_of(of))
}

/// Moves pieces of the caller's.
///
/// # Panics
/// When the caller has fewer.
pub fn give(host: &Host, module: Account, to: Account, amount: u64) {
    host.inside(module, || Token::transfer(to, amount)).expect("the caller has as many");
}
