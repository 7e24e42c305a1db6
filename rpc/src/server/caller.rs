//! From a message to its answer, over HTTP and over a WebSocket alike: what JSON-RPC 2.0 says of calls, notifications
//! and batches (sections 4 to 6).
//!
//! The methods are jsonrpsee's; its server is not used to read messages, since it takes what it cannot read as a call
//! for a notification, which has no answer: a call whose `id` is a negative number, a fraction, an object, or there
//! twice. A client would wait for ever.

use std::str;
use std::sync::Arc;
use std::time::Instant;

use hyper::http::Extensions;
use jsonrpsee::core::server::{
    BoundedSubscriptions, MethodCallback, MethodResponse, MethodSink, Methods, SubscriptionState,
};
use jsonrpsee::server::{ConnectionId, MethodResponseNotifyTx, RandomIntegerIdProvider};
use jsonrpsee::types::error::{
    ErrorCode, reject_too_big_batch_request, reject_too_big_batch_response,
    reject_too_many_subscriptions,
};
use jsonrpsee::types::{ErrorObject, Id, Params};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::Limits;
use super::connections::ConnectionPermit;

/// Bytes of a message or an answer that cost as much as a cheap call.
const BYTES_OF_A_CALL: usize = 8 << 10;

/// One who asks.
pub(super) struct Caller {
    methods: Methods,
    batch_max: usize,
    response_bytes: usize,
    permit: Arc<ConnectionPermit>,
    /// What every method is told.
    extensions: Extensions,
    notices: Option<Notices>,
}

/// Where what is subscribed to goes; nowhere over HTTP.
pub(super) struct Notices {
    pub(super) sink: MethodSink,
    pub(super) places: BoundedSubscriptions,
    pub(super) connection: ConnectionId,
}

/// An answer that is to be sent.
pub(super) struct Answer {
    pub(super) json: String,
    waiting: Vec<MethodResponseNotifyTx>,
}

impl Answer {
    /// Tells the methods that it is on its way.
    pub(super) fn sent(self) -> String {
        for waiting in self.waiting {
            waiting.notify(true);
        }
        self.json
    }
}

/// The members of a call, as they stand there.
#[derive(Default, Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "there")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    id: Option<&'a RawValue>,
}

/// The id alone, where something else is wrong.
#[derive(Deserialize)]
struct IdAlone<'a> {
    #[serde(borrow, default, deserialize_with = "there")]
    id: Option<&'a RawValue>,
}

/// A member that is there, be it null.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A call that can be made, or what is wrong with it.
enum Read<'a> {
    Call { id: OwnId<'a>, method: String, params: Option<&'a RawValue> },
    Notification,
    Wrong(Refusal<'a>),
}

/// Why something is no call.
struct Refusal<'a> {
    id: OwnId<'a>,
    code: ErrorCode,
    words: &'static str,
}

/// An id as methods take it. jsonrpsee has no negative ones: they are null on the way, and put in their place at the end.
struct OwnId<'a> {
    id: Id<'static>,
    negative: Option<&'a RawValue>,
}

impl OwnId<'_> {
    const NULL: Self = OwnId { id: Id::Null, negative: None };
}

impl<'a> OwnId<'a> {
    fn read(raw: &'a RawValue) -> Result<Self, &'static str> {
        let text = raw.get();
        let id = match text.as_bytes().first() {
            Some(b'n') => Id::Null,
            Some(b'"') => match serde_json::from_str::<String>(text) {
                Ok(text) => Id::Str(text.into()),
                Err(_) => return Err("Invalid request: `id` is no text that can be read"),
            },
            Some(b'-') if text.parse::<i64>().is_ok() => {
                return Ok(Self { id: Id::Null, negative: Some(raw) });
            }
            _ => match text.parse() {
                Ok(number) => Id::Number(number),
                Err(_) => {
                    return Err(
                        "Invalid request: `id` is a text, a whole number of 64 bits, or null",
                    );
                }
            },
        };
        Ok(Self { id, negative: None })
    }
}

fn read(call: &str) -> Read<'_> {
    let wrong = |id, code, words| Read::Wrong(Refusal { id, code, words });
    let invalid = |id, words| wrong(id, ErrorCode::InvalidRequest, words);
    let (members, is_twice) = match serde_json::from_str::<Members<'_>>(call) {
        Ok(members) => (members, false),
        Err(error) if error.classify() == Category::Data => {
            // No object, or one with a member twice.
            match serde_json::from_str::<IdAlone<'_>>(call) {
                Ok(IdAlone { id }) => (Members { id, ..Members::default() }, true),
                Err(_) => return invalid(OwnId::NULL, "Invalid request"),
            }
        }
        Err(_) => return wrong(OwnId::NULL, ErrorCode::ParseError, "Parse error"),
    };
    let id = match members.id.map(OwnId::read).transpose() {
        Ok(id) => id,
        Err(words) => return invalid(OwnId::NULL, words),
    };
    if is_twice {
        return invalid(id.unwrap_or(OwnId::NULL), "Invalid request: a member twice");
    }
    let text = |raw: Option<&RawValue>| serde_json::from_str::<String>(raw?.get()).ok();
    match (text(members.jsonrpc).as_deref(), text(members.method), id) {
        (Some("2.0"), Some(method), Some(id)) => Read::Call { id, method, params: members.params },
        (Some("2.0"), Some(_), None) => Read::Notification,
        (_, _, id) => invalid(
            id.unwrap_or(OwnId::NULL),
            "Invalid request: `jsonrpc` is \"2.0\" and `method` a text",
        ),
    }
}

impl Caller {
    /// One whose connection has this permit.
    pub(super) fn new(
        methods: &Methods,
        limits: &Limits,
        permit: Arc<ConnectionPermit>,
        notices: Option<Notices>,
    ) -> Self {
        let mut extensions = Extensions::new();
        extensions.insert(Arc::clone(&permit));
        Self {
            methods: methods.clone(),
            batch_max: limits.batch as usize,
            response_bytes: limits.response_bytes as usize,
            permit,
            extensions,
            notices,
        }
    }

    /// The answer to a message; none to notifications. Both cost by their length.
    pub(super) async fn answer(&self, message: &[u8]) -> Option<Answer> {
        self.owe_for(message.len());
        let answer = self.answer_free(message).await?;
        self.owe_for(answer.json.len());
        Some(answer)
    }

    fn owe_for(&self, bytes: usize) {
        let cost = u32::try_from(bytes / BYTES_OF_A_CALL).unwrap_or(u32::MAX);
        self.permit.owe(cost, Instant::now());
    }

    async fn answer_free(&self, message: &[u8]) -> Option<Answer> {
        let Ok(text) = str::from_utf8(message) else {
            let (id, code) = (OwnId::NULL, ErrorCode::ParseError);
            return Some(self.refuse(Refusal { id, code, words: "Parse error: not UTF-8" }));
        };
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        match text.starts_with('[') {
            true => self.batch(text).await,
            false => self.single(text, false).await,
        }
    }

    async fn single(&self, call: &str, in_batch: bool) -> Option<Answer> {
        match read(call) {
            Read::Call { id, method, params } => self.call(id, &method, params, in_batch).await,
            Read::Notification => None,
            Read::Wrong(refusal) => Some(self.refuse(refusal)),
        }
    }

    /// One answer for each call, in their order: they are made one after the other.
    async fn batch(&self, batch: &str) -> Option<Answer> {
        let refuse = |code: ErrorCode, words| self.refuse(Refusal { id: OwnId::NULL, code, words });
        let Ok(calls) = serde_json::from_str::<Vec<&RawValue>>(batch) else {
            return Some(refuse(ErrorCode::ParseError, "Parse error"));
        };
        if calls.is_empty() {
            return Some(refuse(ErrorCode::InvalidRequest, "Invalid request: an empty batch"));
        }
        if calls.len() > self.batch_max {
            self.permit.rubbish(Instant::now());
            let error = reject_too_big_batch_request(self.batch_max);
            return Some(answer(MethodResponse::error(Id::Null, error), None));
        }
        let (mut json, mut waiting) = (String::new(), Vec::new());
        for call in calls {
            let Some(answer) = self.single(call.get(), true).await else { continue };
            if json.len() + answer.json.len() + 2 > self.response_bytes {
                let error = reject_too_big_batch_response(self.response_bytes);
                return Some(self::answer(MethodResponse::error(Id::Null, error), None));
            }
            json.push(if json.is_empty() { '[' } else { ',' });
            json.push_str(&answer.json);
            waiting.extend(answer.waiting);
        }
        (!json.is_empty()).then(|| {
            json.push(']');
            Answer { json, waiting }
        })
    }

    async fn call(
        &self,
        OwnId { id, negative }: OwnId<'_>,
        method: &str,
        params: Option<&RawValue>,
        in_batch: bool,
    ) -> Option<Answer> {
        let params = Params::new(params.map(RawValue::get));
        let (most, told) = (self.response_bytes, self.extensions.clone());
        let connection = self.notices.as_ref().map_or(ConnectionId(0), |told| told.connection);
        let response = match self.methods.method(method) {
            None => MethodResponse::error(id, ErrorObject::from(ErrorCode::MethodNotFound)),
            Some(MethodCallback::Sync(run)) => run(id, params, most, told),
            Some(MethodCallback::Async(run)) => {
                run(id, params.into_owned(), connection, most, told).await
            }
            Some(MethodCallback::Unsubscription(run)) => run(id, params, connection, most, told),
            Some(MethodCallback::Subscription(run)) => {
                // jsonrpsee sends its answer by itself, before the first notice, and as it is.
                let words = match (&self.notices, in_batch, negative) {
                    (None, ..) => "a subscription needs a WebSocket: open one at /ws",
                    (_, true, _) => "a subscription is asked for by itself, in no batch",
                    (.., Some(_)) => {
                        "a subscription is asked for with an `id` that is not negative"
                    }
                    _ => "",
                };
                let Some(notices) = self.notices.as_ref().filter(|_| words.is_empty()) else {
                    let id = OwnId { id, negative };
                    return Some(self.refuse(Refusal {
                        id,
                        code: ErrorCode::InvalidRequest,
                        words,
                    }));
                };
                match notices.places.acquire() {
                    Some(subscription_permit) => {
                        let (conn_id, id_provider) = (connection, &RandomIntegerIdProvider);
                        let state = SubscriptionState { conn_id, id_provider, subscription_permit };
                        run(id, params, notices.sink.clone(), state, told).await
                    }
                    None => {
                        let error = reject_too_many_subscriptions(notices.places.max());
                        MethodResponse::error(id, error)
                    }
                }
            }
        };
        // What is said of a subscription went its own way, before what it tells.
        (!response.is_subscription()).then(|| answer(response, negative))
    }

    fn refuse(&self, Refusal { id, code, words }: Refusal<'_>) -> Answer {
        self.permit.rubbish(Instant::now());
        let error = ErrorObject::borrowed(code.code(), words, None);
        answer(MethodResponse::error(id.id, error), id.negative)
    }
}

/// An answer as it is sent, with whatever result.
#[derive(Serialize, Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    jsonrpc: &'a RawValue,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    id: &'a RawValue,
}

fn answer(response: MethodResponse, negative: Option<&RawValue>) -> Answer {
    let (json, waiting, _) = response.into_parts();
    let waiting = waiting.into_iter().collect();
    let own = negative.and_then(|id| {
        let response = serde_json::from_str::<Response<'_>>(json.get()).ok()?;
        serde_json::to_string(&Response { id, ..response }).ok()
    });
    let json = own.unwrap_or_else(|| Box::<str>::from(json).into_string());
    Answer { json, waiting }
}
