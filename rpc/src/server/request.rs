//! What a request over HTTP must be before jsonrpsee reads it: JSON-RPC 2.0, sections 4 to 6.
//!
//! jsonrpsee 0.26 takes what it cannot read as a call for a notification, which has no answer: a call whose `id` is a
//! negative number, a fraction, an object, or there twice. A client would wait for ever. Here such a call has the
//! error that the specification wants. A negative id is sent on as a text and given back as the number; so are texts that
//! look like one on its way, so that no two ids are taken for each other.
//!
//! Calls over a WebSocket do not come by here: jsonrpsee reads its messages itself.

use std::borrow::Cow;
use std::str;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// With which text an id begins on its way: then a negative number, or a text that began with it already.
const TAG: &str = "negative id ";
const INVALID_REQUEST: i32 = -32600;
const PARSE_ERROR: i32 = -32700;

/// A request that was looked at.
pub(super) struct Checked<'a> {
    /// What jsonrpsee is to answer; nothing where there is nothing left.
    pub(super) body: Option<Cow<'a, [u8]>>,
    /// Answers that are made already.
    refused: Vec<Answer>,
    is_batch: bool,
    /// Whether ids were changed on the way.
    is_tagged: bool,
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
    /// The same with an id that it reads, behind [`TAG`].
    Tagged(String),
    /// It is none; the code, and the words.
    Refused(i32, &'static str),
}

/// Looks at a request. More calls than `batch_max` in one are not looked at: they are refused as a whole.
pub(super) fn check(body: &[u8], batch_max: usize) -> Checked<'_> {
    let good = |body| Checked {
        body: Some(Cow::Borrowed(body)),
        refused: Vec::new(),
        is_batch: false,
        is_tagged: false,
    };
    let Ok(text) = str::from_utf8(body) else {
        let refused = vec![Answer::refusal(PARSE_ERROR, "Parse error: not UTF-8")];
        return Checked { body: None, refused, is_batch: false, is_tagged: false };
    };
    // jsonrpsee looks for the first character in the first 128 only.
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    match text.as_bytes().first() {
        Some(b'{') => match look(text) {
            Call::Good => good(text.as_bytes()),
            Call::Tagged(call) => {
                Checked { body: Some(Cow::Owned(call.into())), is_tagged: true, ..good(body) }
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
    let (mut sent, mut refused, mut is_tagged) = (Vec::new(), Vec::new(), false);
    for call in calls {
        match look(call.get()) {
            Call::Good => sent.push(Cow::Borrowed(call.get())),
            Call::Tagged(call) => {
                is_tagged = true;
                sent.push(Cow::Owned(call));
            }
            Call::Refused(_, words) => refused.push(Answer::refusal(INVALID_REQUEST, words)),
        }
    }
    let body = match (refused.is_empty() && !is_tagged, sent.is_empty()) {
        (true, _) => Some(Cow::Borrowed(text.as_bytes())),
        (false, true) => None,
        (false, false) => Some(Cow::Owned(format!("[{}]", sent.join(",")).into_bytes())),
    };
    Checked { body, refused, is_batch: true, is_tagged }
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
        Some(b'"') => match text(id) {
            Some(text) if text.starts_with(TAG) => tagged(call, raw, &text),
            Some(_) => Call::Good,
            None => refused("Invalid request: `id` is no text that can be read"),
        },
        Some(b'0'..=b'9') if raw.parse::<u64>().is_ok() => Call::Good,
        Some(b'-') if raw.parse::<i64>().is_ok() => tagged(call, raw, raw),
        _ => refused("Invalid request: `id` is a text, a whole number of 64 bits, or null"),
    }
}

/// The call with another id in the place of `raw`, which is a part of it.
fn tagged(call: &str, raw: &str, id: &str) -> Call {
    let begin = raw.as_ptr() as usize - call.as_ptr() as usize;
    let (before, after) = (&call[..begin], &call[begin + raw.len()..]);
    let id = serde_json::Value::from(format!("{TAG}{id}"));
    Call::Tagged(format!("{before}{id}{after}"))
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
        let own = text(&self.id).and_then(|id| {
            let own = id.strip_prefix(TAG)?;
            match own.starts_with(TAG) {
                true => to_raw_value(own).ok(),
                false => to_raw_value(&own.parse::<i64>().ok()?).ok(),
            }
        });
        match own {
            Some(id) => Self { id, ..self },
            None => self,
        }
    }
}

impl Checked<'_> {
    /// Whether jsonrpsee's answer is the answer.
    pub(super) fn is_good(&self) -> bool {
        self.refused.is_empty() && !self.is_tagged
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
