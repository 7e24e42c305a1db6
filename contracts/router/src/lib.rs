//! Several calls of other modules as one: all or nothing.
//!
//! The one idea is what a failure undoes. A call that fails has undone itself when it comes back, so a caller
//! can go on (`may-fail`). A caller that returns an error undoes itself and with that every call it made: so
//! a route of many hops is atomic without a line of code for it. Money follows the same rule.
//!
//! It may be called while it is running (`reentrant`), by a module on the route. It bears that since it keeps
//! no state and each run pays out of what was sent to *it*, never out of the balance: the run around it has
//! money there too.
//!
//! What it deliberately does not do: act for its caller. The modules that it calls see the router.

#![no_std]

pollen_sdk::module!(Router in "pollen:router/router", reentrant);

use bindings::exports::pollen::router::commands::{self, Error, Failure, Hop};
use bindings::exports::pollen::router::events::Routed;
use bindings::exports::pollen::router::queries;
use pollen_sdk::{Account, Event as _, Module, String, Vec, bank, context, ensure};

const HOPS_MAX: usize = 16;

pollen_sdk::event!(Routed: by);

/// Implements the interface.
pub struct Router;

impl commands::Guest for Router {
    fn run(hops: Vec<Hop>) -> Result<Vec<Option<Vec<u8>>>, Error> {
        ensure!((1..=HOPS_MAX).contains(&hops.len()), Error::BadLength);
        let sent = context::attached();
        let wanted = hops.iter().try_fold(0_u64, |sum, hop| sum.checked_add(hop.attach));
        ensure!(wanted.is_some_and(|wanted| wanted <= sent), Error::TooLittleMoney(sent));

        let (mut answers, mut left, mut failed) = (Vec::with_capacity(hops.len()), sent, 0);
        for (number, hop) in (0..).zip(hops) {
            let before = answers.last().cloned().flatten();
            match make(number, &hop, before)? {
                Some(answer) => {
                    left -= hop.attach;
                    answers.push(Some(answer));
                }
                None => {
                    failed += 1;
                    answers.push(None);
                }
            }
        }
        let by = context::caller();
        if left > 0 {
            bank::transfer(by, left).map_err(|_| Error::NoSuchAccount)?;
        }
        Routed { by, hops: answers.len() as u32, failed }.emit();
        Ok(answers)
    }
}

impl queries::Guest for Router {
    fn resolve(names: Vec<String>) -> Vec<Option<Account>> {
        let address = |name: &String| Module::named(name).map(|module| module.address);
        names.iter().map(address).collect()
    }
}

/// Makes one call; none when it failed and may.
fn make(number: u32, hop: &Hop, before: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, Error> {
    let module = Module::named(&hop.module).ok_or(Error::UnknownName(number))?;
    let mut arguments = hop.arguments.clone();
    if hop.pass_on {
        arguments.extend(before.unwrap_or_default());
    }
    match module.attach(hop.attach).call_raw(&hop.function, &arguments) {
        Ok(answer) => Ok(Some(answer)),
        Err(_) if hop.may_fail => Ok(None),
        Err(why) => Err(Error::HopFailed(Failure { hop: number, why })),
    }
}

#[cfg(test)]
mod tests;
