//! What a request over HTTP must be before jsonrpsee reads it: JSON-RPC 2.0, sections 4 to 6.
//!
//! jsonrpsee 0.26 takes what it cannot read as a call for a notification, which has no answer: a call whose `id` is a
//! negative number, a fraction, an object, or there twice. A client would wait for ever. Here such a call has the
//! error that the specification wants, and a negative id is sent on as a text and given back as the number.
//!
//! Calls over a WebSocket do not come by here: jsonrpsee reads its messages itself.

use std::borrow::Cow;
use std::str;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// With which text a negative id begins on its way. No request that has it already has a negative id, too.
const NEGATIVE: &str = "negative id ";
const INVALID_REQUEST: i32 = -32600;
const PARSE_ERROR: i32 = -32700;

/// A request that was looked at.
pub(super) struct Checked<'a> {
    /// What jsonrpsee is to answer; nothing where there is nothing left.
    pub(super) body: Option<Cow<'a, [u8]>>,
    /// Answers that are made already.
    refused: Vec<Answer>,
    is_batch: bool,
    has_negative: bool,
}

/// An answer as it is sent, with whatever result.
#[derive(Serialize, Deserialize)]
struct Answer {
    jsonrpc: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Box<RawValue>>,
    id: Box<RawValue>,
}

/// The members of a call that decide whether it is one.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "there")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    id: Option<&'a RawValue>,
}

/// The id alone, where something else is wrong.
#[derive(Deserialize)]
struct Id<'a> {
    #[serde(borrow, default, deserialize_with = "there")]
    id: Option<&'a RawValue>,
}

/// A member that is there, be it null.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What is to become of a call.
enum Call {
    /// jsonrpsee reads it as it should.
    Good,
    /// The same with an id that it reads.
    Negative(String),
    /// It is none; the code, and the words.
    Refused(i32, &'static str),
}

/// Looks at a request. More calls than `batch_max` in one are not looked at: they are refused as a whole.
pub(super) fn check(body: &[u8], batch_max: usize) -> Checked<'_> {
    let good = |body| Checked {
        body: Some(Cow::Borrowed(body)),
        refused: Vec::new(),
        is_batch: false,
        has_negative: false,
    };
    let Ok(text) = str::from_utf8(body) else {
        let refused = vec![Answer::refusal(PARSE_ERROR, "Parse error: not UTF-8")];
        return Checked { body: None, refused, is_batch: false, has_negative: false };
    };
    // jsonrpsee looks for the first character in the first 128 only.
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    match text.as_bytes().first() {
        Some(b'{') => match look(text) {
            Call::Good => good(text.as_bytes()),
            Call::Negative(call) => {
                Checked { body: Some(Cow::Owned(call.into())), has_negative: true, ..good(body) }
            }
            Call::Refused(code, words) => {
                Checked { body: None, refused: vec![Answer::refusal(code, words)], ..good(body) }
            }
        },
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(calls) if (1..=batch_max).contains(&calls.len()) => batch(text, &calls),
            // It says itself what is wrong.
            _ => good(text.as_bytes()),
        },
        _ => good(text.as_bytes()),
    }
}

fn batch<'a>(text: &'a str, calls: &[&RawValue]) -> Checked<'a> {
    let (mut sent, mut refused, mut has_negative) = (Vec::new(), Vec::new(), false);
    for call in calls {
        match look(call.get()) {
            Call::Good => sent.push(Cow::Borrowed(call.get())),
            Call::Negative(call) => {
                has_negative = true;
                sent.push(Cow::Owned(call));
            }
            Call::Refused(_, words) => refused.push(Answer::refusal(INVALID_REQUEST, words)),
        }
    }
    let body = match (refused.is_empty() && !has_negative, sent.is_empty()) {
        (true, _) => Some(Cow::Borrowed(text.as_bytes())),
        (false, true) => None,
        (false, false) => Some(Cow::Owned(format!("[{}]", sent.join(",")).into_bytes())),
    };
    Checked { body, refused, is_batch: true, has_negative }
}

fn look(call: &str) -> Call {
    if !call.starts_with('{') {
        return Call::Good; // jsonrpsee refuses it as it should
    }
    let refused = |words| Call::Refused(INVALID_REQUEST, words);
    let id = match serde_json::from_str::<Members<'_>>(call) {
        Ok(Members { jsonrpc, method, id: None }) => {
            let is_version = jsonrpc.is_some_and(|version| text(version).as_deref() == Some("2.0"));
            return match is_version && method.is_some_and(|method| text(method).is_some()) {
                true => Call::Good,
                false => refused("Invalid request: `jsonrpc` is \"2.0\" and `method` a text"),
            };
        }
        Ok(Members { id: Some(id), .. }) => id,
        Err(error) if error.is_data() => match serde_json::from_str::<Id<'_>>(call) {
            Ok(Id { id: Some(id) }) => id,
            Ok(Id { id: None }) | Err(_) => return refused("Invalid request: a member twice"),
        },
        Err(_) => return Call::Good, // no JSON: it says so
    };
    let raw = id.get();
    match raw.as_bytes().first() {
        Some(b'n') => Call::Good,
        Some(b'"') if text(id).is_some() => Call::Good,
        Some(b'0'..=b'9') if raw.parse::<u64>().is_ok() => Call::Good,
        Some(b'-') if raw.parse::<i64>().is_ok() && !call.contains(NEGATIVE) => {
            negative(call, raw).unwrap_or_else(|| refused("Invalid request"))
        }
        _ => refused("Invalid request: `id` is a text, a whole number of 64 bits, or null"),
    }
}

/// The call with a text for its negative id.
fn negative(call: &str, id: &str) -> Option<Call> {
    let mut members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(call).ok()?;
    members.insert("id".to_owned(), format!("{NEGATIVE}{id}").into());
    Some(Call::Negative(serde_json::to_string(&members).ok()?))
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

impl Answer {
    fn refusal(code: i32, message: &str) -> Self {
        let raw = |value: serde_json::Value| to_raw_value(&value).expect("a value is JSON");
        let error = serde_json::json!({ "code": code, "message": message });
        let (jsonrpc, id) = (raw("2.0".into()), raw(serde_json::Value::Null));
        Self { jsonrpc, result: None, error: Some(raw(error)), id }
    }

    /// With the id that it was asked with.
    fn with_own_id(self) -> Self {
        let number = text(&self.id)
            .and_then(|id| id.strip_prefix(NEGATIVE)?.parse::<i64>().ok())
            .and_then(|id| to_raw_value(&id).ok());
        match number {
            Some(id) => Self { id, ..self },
            None => self,
        }
    }
}

impl Checked<'_> {
    /// Whether jsonrpsee's answer is the answer.
    pub(super) fn is_good(&self) -> bool {
        self.refused.is_empty() && !self.has_negative
    }

    /// The whole answer, of jsonrpsee's to [`Self::body`]; none where nothing is to be answered.
    pub(super) fn complete(self, answer: Option<&[u8]>) -> Option<String> {
        let Self { mut refused, is_batch, .. } = self;
        // An answer to notifications alone is empty, or null.
        let answer = answer.filter(|answer| answer.starts_with(b"{") || answer.starts_with(b"["));
        if let Some(answer) = answer {
            match serde_json::from_slice::<Vec<Answer>>(answer) {
                Ok(answers) => refused.extend(answers.into_iter().map(Answer::with_own_id)),
                Err(_) => {
                    let answer = serde_json::from_slice::<Answer>(answer).ok()?;
                    refused.push(answer.with_own_id());
                }
            }
        }
        match refused.as_slice() {
            [] => None,
            [one] if !is_batch => serde_json::to_string(one).ok(),
            all => serde_json::to_string(all).ok(),
        }
    }
}
