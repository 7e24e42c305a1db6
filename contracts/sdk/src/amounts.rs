//! Amounts of money and tokens.
//!
//! Modules are built with checked arithmetic: a `+`, `-` or `*` that overflows ends the call and undoes it.
//! So plain operators are safe; the `checked_` ones of Rust are for overflows that are to be a module's own
//! error. What is here is what integers make easy to get wrong.

use crate::{Amount, abort, context};

/// `value * numerator / denominator`, rounded down, without an overflow in between. None when the
/// denominator is zero or the result passes 2^64 - 1.
pub fn mul_div(value: u64, numerator: u64, denominator: u64) -> Option<u64> {
    let product = u128::from(value) * u128::from(numerator);
    u64::try_from(product.checked_div(u128::from(denominator))?).ok()
}

/// Hundredths of a percent in the whole.
const POINTS: u64 = 10_000;

/// `points` hundredths of a percent of `value`, rounded down, and what is left: together they are `value`,
/// so nothing is made or lost. None when `points` is more than 10 000.
pub fn share(value: u64, points: u16) -> Option<(u64, u64)> {
    let part = mul_div(value, u64::from(points), POINTS)?;
    (u64::from(points) <= POINTS).then(|| (part, value - part))
}

/// Ends the call when money was sent along, for functions that would only keep it.
pub fn refuse_money() {
    if context::attached() != 0 {
        abort("this function takes no money: send none along");
    }
}

/// What was sent along, in grains; ends the call when it was nothing.
pub fn require_money() -> Amount {
    match context::attached() {
        0 => abort("this function needs money: send some along"),
        grains => grains,
    }
}
