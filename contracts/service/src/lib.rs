//! A service with HTTP-like queries: a guestbook. A query takes a path and answers with a status, a type and a
//! body, so that a small gateway can serve a module to browsers without knowing it.
//!
//! Every answer is bounded: a list has at most `PAGE_MAX` entries, an entry at most `TEXT_BYTES_MAX` bytes.
//! What it deliberately does not do: change anything in a query, which the host refuses in any case; writing is
//! a command that somebody signs.

#![no_std]

mod json;

pollen_sdk::module!(Service in "pollen:service/service");

use bindings::exports::pollen::service::commands::{self, Error};
use bindings::exports::pollen::service::events::Signed;
use bindings::exports::pollen::service::queries::{self, Response};
use pollen_sdk::borsh::{BorshDeserialize, BorshSerialize};
use pollen_sdk::{Account, Event as _, String, ToString, Vector, context, ensure};

/// Bytes of one entry.
const TEXT_BYTES_MAX: usize = 1024;
/// Entries of one answer.
const PAGE_MAX: u32 = 100;
/// Entries of an answer to a request that asks for no number.
const PAGE_DEFAULT: u32 = 20;

/// What is kept of an entry.
#[derive(BorshSerialize, BorshDeserialize)]
struct Entry {
    author: Account,
    at_ms: u64,
    text: String,
}

const ENTRIES: Vector<Entry> = Vector::new(b"e");

pollen_sdk::event!(Signed: author);

/// Implements the interface.
pub struct Service;

impl commands::Guest for Service {
    fn sign(text: String) -> Result<u32, Error> {
        ensure!(!text.trim().is_empty(), Error::Empty);
        ensure!(text.len() <= TEXT_BYTES_MAX, Error::TooLong);
        let (author, number) = (context::caller(), ENTRIES.len());
        ENTRIES.push(&Entry { author, at_ms: context::time_ms(), text });
        Signed { author, number }.emit();
        Ok(number)
    }
}

impl queries::Guest for Service {
    fn get(path: String) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        match path.trim_end_matches('/').split_once("/entries") {
            None if path == "/" => index(),
            Some(("", "")) => entries(query),
            Some(("", rest)) => match rest.strip_prefix('/').map(str::parse) {
                Some(Ok(number)) => entry(number),
                Some(Err(_)) => plain(400, "the number of an entry is a whole number"),
                None => not_found(),
            },
            _ => not_found(),
        }
    }
}

fn index() -> Response {
    let mut body = json::Object::new();
    body.number("entries", ENTRIES.len().into());
    body.text("list", "/entries?from=0&max=20");
    json_response(body.end())
}

fn entries(query: &str) -> Response {
    let (mut from, mut max) = (0, PAGE_DEFAULT);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let wanted = match pair.split_once('=') {
            Some(("from", number)) => number.parse().map(|number| from = number),
            Some(("max", number)) => number.parse().map(|number| max = number),
            _ => return plain(400, "the list takes `from` and `max`"),
        };
        if wanted.is_err() {
            return plain(400, "`from` and `max` are whole numbers");
        }
    }
    let mut list = json::List::new();
    for (number, entry) in (from..).zip(ENTRIES.page(from, max.min(PAGE_MAX))) {
        list.item(&entry_json(number, &entry));
    }
    json_response(list.end())
}

fn entry(number: u32) -> Response {
    match ENTRIES.get(number) {
        Some(entry) => json_response(entry_json(number, &entry)),
        None => not_found(),
    }
}

fn entry_json(number: u32, entry: &Entry) -> String {
    let mut object = json::Object::new();
    object.number("number", number.into());
    object.text("author", &json::hex(&entry.author.to_bytes()));
    object.number("atMs", entry.at_ms);
    object.text("text", &entry.text);
    object.end()
}

fn json_response(body: String) -> Response {
    Response { status: 200, content_type: "application/json".to_string(), body }
}

fn plain(status: u16, text: &str) -> Response {
    Response { status, content_type: "text/plain".to_string(), body: text.to_string() }
}

fn not_found() -> Response {
    plain(404, "not found: / says what there is")
}

#[cfg(test)]
mod tests;
