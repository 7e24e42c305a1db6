//! JSON-RPC 2.0 to the letter: every example of section 7 of the specification, and the edges that it leaves to
//! the text, over HTTP and over WebSocket alike. Answers are compared whole as JSON; of errors only the number,
//! since their texts are ours.
//!
//! The specification's methods are mapped to ours: what it subtracts or adds is given back by the query `echo`
//! (`module_call`), what it notifies is `chain_head`.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::chain::module_address;
use super::wire::{self, Frame, Socket};
use super::{Served, served};

/// What is sent behind a request on a WebSocket: its answer tells that nothing else comes.
const LAST: &str = r#"{"jsonrpc":"2.0","method":"node_peers","id":"last"}"#;

/// A request with what its answer must be: none where there must not be one.
struct Case {
    about: &'static str,
    sent: Vec<u8>,
    expected: Option<Value>,
}

fn case(about: &'static str, sent: impl Into<Vec<u8>>, expected: impl Into<Option<Value>>) -> Case {
    Case { about, sent: sent.into(), expected: expected.into() }
}

fn at() -> Value {
    json!({ "height": "7", "stateRoot": "00".repeat(32), "certified": false })
}

/// The answer to a call of `echo`, which is what the specification's `subtract` is here.
fn echoed(id: Value, what: Value) -> Value {
    let result =
        json!({ "at": at(), "result": what, "resultBytes": "", "witness": null, "fuelUsed": "12" });
    json!({ "jsonrpc": "2.0", "result": result, "id": id })
}

fn peers(id: Value) -> Value {
    json!({ "jsonrpc": "2.0", "result": { "at": at(), "peers": [] }, "id": id })
}

fn failed(code: i32, id: Value) -> Value {
    json!({ "jsonrpc": "2.0", "error": { "code": code }, "id": id })
}

fn parse_error() -> Value {
    failed(-32700, Value::Null)
}

fn invalid(id: Value) -> Value {
    failed(-32600, id)
}

/// `{"jsonrpc": "2.0", "method": "subtract", "params": ..., "id": ...}` in terms of ours.
fn echo(params: &str, id: &str) -> String {
    format!(r#"{{"jsonrpc": "2.0", "method": "module_call", "params": {params}, "id": {id}}}"#)
}

/// Section 7, in its order.
fn examples() -> Vec<Case> {
    let module = module_address();
    let by_place = |numbers: &str| format!(r#"["{module}", "echo", {numbers}]"#);
    let by_name = format!(r#"{{"module": "{module}", "function": "echo", "arguments": [42, 23]}}"#);
    let turned = format!(r#"{{"arguments": [42, 23], "function": "echo", "module": "{module}"}}"#);
    let notification = r#"{"jsonrpc": "2.0", "method": "chain_head", "params": []}"#;
    let sum = echo(&by_place("[1, 2, 4]"), r#""1""#);
    let subtract = echo(&by_place("[42, 23]"), r#""2""#);
    let batch = format!(
        r#"[{sum}, {notification}, {subtract}, {{"foo": "boo"}},
            {{"jsonrpc": "2.0", "method": "foo.get", "params": {{"name": "myself"}}, "id": "5"}},
            {{"jsonrpc": "2.0", "method": "node_peers", "id": "9"}}]"#
    );
    let answers = json!([
        echoed(json!("1"), json!([1, 2, 4])),
        echoed(json!("2"), json!([42, 23])),
        invalid(Value::Null),
        failed(-32601, json!("5")),
        peers(json!("9")),
    ]);
    let nulls = |count: usize| Value::Array(vec![invalid(Value::Null); count]);
    vec![
        case("by position", echo(&by_place("[42, 23]"), "1"), echoed(json!(1), json!([42, 23]))),
        case(
            "by position, the other way",
            echo(&by_place("[23, 42]"), "2"),
            echoed(json!(2), json!([23, 42])),
        ),
        case("by name", echo(&by_name, "3"), echoed(json!(3), json!([42, 23]))),
        case("by name, in another order", echo(&turned, "4"), echoed(json!(4), json!([42, 23]))),
        case("a notification", notification, None),
        case(
            "a notification to a method that is not there",
            r#"{"jsonrpc": "2.0", "method": "foobar"}"#,
            None,
        ),
        case(
            "a method that is not there",
            r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
            failed(-32601, json!("1")),
        ),
        case(
            "invalid JSON",
            r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
            parse_error(),
        ),
        case(
            "a batch of invalid JSON",
            format!(r#"[{sum}, {{"jsonrpc": "2.0", "method"]"#),
            parse_error(),
        ),
        case("an empty batch", "[]", invalid(Value::Null)),
        case("a batch of one invalid item", "[1]", nulls(1)),
        case("a batch of invalid items", "[1,2,3]", nulls(3)),
        case("a batch of everything", batch, answers),
        case("a batch of notifications", format!("[{notification}, {notification}]"), None),
    ]
}

/// What the text says and no example shows.
fn edges() -> Vec<Case> {
    let with = |id: &str| format!(r#"{{"jsonrpc":"2.0","method":"node_peers","id":{id}}}"#);
    let many = (0..32).map(|id| with(&id.to_string())).collect::<Vec<_>>().join(",");
    let most = u64::MAX;
    vec![
        // Section 4: an id is a string, a number or null, and comes back as it was.
        case("an id of null", with("null"), peers(Value::Null)),
        case("an id of 0", with("0"), peers(json!(0))),
        case("the highest id", with(&most.to_string()), peers(json!(most))),
        case("an empty id", with(r#""""#), peers(json!(""))),
        case("an id of escapes", with(r#""\u00e9\"\\""#), peers(json!("é\"\\"))),
        // Section 4: `jsonrpc` is exactly "2.0", `method` a string, `params` an array or an object.
        case("version 1.0", r#"{"jsonrpc":"1.0","method":"node_peers","id":1}"#, invalid(json!(1))),
        case("version 2", r#"{"jsonrpc":2.0,"method":"node_peers","id":1}"#, invalid(json!(1))),
        case("no version", r#"{"method":"node_peers","id":1}"#, invalid(json!(1))),
        case("no method", r#"{"jsonrpc":"2.0","id":1}"#, invalid(json!(1))),
        case(
            "a method of null",
            r#"{"jsonrpc":"2.0","method":null,"id":"a"}"#,
            invalid(json!("a")),
        ),
        case(
            "parameters of a text",
            r#"{"jsonrpc":"2.0","method":"node_peers","params":"x","id":1}"#,
            failed(-32602, json!(1)),
        ),
        case(
            "a member twice",
            r#"{"jsonrpc":"2.0","method":"node_peers","method":"node_info","id":1}"#,
            invalid(json!(1)),
        ),
        case("a text", r#""node_peers""#, parse_error_or_invalid()),
        case("nothing", "", parse_error()),
        case("two texts", format!("{LAST}{LAST}"), parse_error()),
        case("white space", format!(" \t\r\n{}\n ", with("7")), peers(json!(7))),
        // Section 8: names that begin with `rpc.` are the protocol's own.
        case(
            "a reserved name",
            r#"{"jsonrpc":"2.0","method":"rpc.nothing","id":1}"#,
            failed(-32601, json!(1)),
        ),
        // Section 6: a batch has an answer for every call, and one error when it is none itself.
        case("a batch of one", format!("[{}]", with("1")), json!([peers(json!(1))])),
        case(
            "two calls of one id",
            format!("[{},{}]", with("1"), with("1")),
            json!([peers(json!(1)), peers(json!(1))]),
        ),
        case(
            "a batch in a batch",
            format!("[[{}],{}]", with("1"), with("2")),
            json!([invalid(Value::Null), peers(json!(2))]),
        ),
        case(
            "a notification and rubbish",
            r#"[{"jsonrpc":"2.0","method":"node_peers"},{"jsonrpc":"2.0","id":3}]"#,
            json!([invalid(json!(3))]),
        ),
        case(
            "the longest batch",
            format!("[{many}]"),
            Value::Array((0..32).map(|id| peers(json!(id))).collect()),
        ),
        case("a batch cut short", format!("[{}", with("1")), parse_error()),
    ]
}

/// What jsonrpsee 0.26 by itself answers otherwise, or not at all: a call whose id it cannot read is a notification to it.
/// Nor is an id that no answer of jsonrpsee's can have lost on the way.
fn odd() -> Vec<Case> {
    let with = |id: &str| format!(r#"{{"jsonrpc":"2.0","method":"node_peers","id":{id}}}"#);
    vec![
        // This one is an example of section 7.
        case(
            "an invalid request",
            r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
            invalid(Value::Null),
        ),
        case("an empty object", "{}", invalid(Value::Null)),
        case("a negative id", with("-1"), peers(json!(-1))),
        case(
            "an id twice",
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"node_peers"}"#,
            invalid(Value::Null),
        ),
        case("an id of an object", with("{}"), invalid(Value::Null)),
        case("an id of an array", with("[1]"), invalid(Value::Null)),
        case("an id of true", with("true"), invalid(Value::Null)),
        // Numbers with fractions are what ids should not be: refused, and not answered with another number.
        case("an id with a fraction", with("1.5"), invalid(Value::Null)),
        case("invalid UTF-8 in a text", with_bytes(b"\"\xff\xfe\""), parse_error()),
        case("half of a surrogate", with(r#""\ud800""#), parse_error_or_invalid()),
        case("much white space", format!("{}{}", " ".repeat(200), with("7")), peers(json!(7))),
        case("a notification of no version", r#"{"method":"node_peers"}"#, invalid(Value::Null)),
        case("an id too high", with("18446744073709551616"), invalid(Value::Null)),
        case(
            "a batch of odd ids",
            format!("[{},{},{},{}]", with("-1"), with("1"), with("true"), with("-9")),
            json!([peers(json!(-1)), peers(json!(1)), invalid(Value::Null), peers(json!(-9))]),
        ),
        case(
            "a batch of an odd id and a notification",
            format!("[{},{}]", with("{}"), r#"{"jsonrpc":"2.0","method":"node_peers"}"#),
            json!([invalid(Value::Null)]),
        ),
        case(
            "a batch of odd ids alone",
            format!("[{}]", with("[]")),
            json!([invalid(Value::Null)]),
        ),
        // Story: a text came back as the number where another call of its batch had that.
        case(
            "a negative id and texts like it",
            format!("[{},{},{}]", with("-3"), with(r#""-3""#), with(r#""\u002d4""#)),
            json!([peers(json!(-3)), peers(json!("-3")), peers(json!("-4"))]),
        ),
        case("the lowest id", with(&i64::MIN.to_string()), peers(json!(i64::MIN))),
        case("an id below it", with("-9223372036854775809"), invalid(Value::Null)),
        case(
            "a call of no method with a negative id",
            r#"{"jsonrpc":"2.0","method":"foobar","id":-1}"#,
            failed(-32601, json!(-1)),
        ),
    ]
}

fn with_bytes(id: &[u8]) -> Vec<u8> {
    [br#"{"jsonrpc":"2.0","method":"node_peers","id":"#, id, b"}"].concat()
}

/// JSON that is no request: the specification leaves open which of its two errors that is.
fn parse_error_or_invalid() -> Value {
    json!({ "jsonrpc": "2.0", "error": { "code": [-32700, -32600] }, "id": null })
}

/// An answer with the texts of its errors taken out, a batch in an order of its own. Members that no answer
/// has are a fault.
fn bare(answer: &Value, about: &str) -> Value {
    if let Value::Array(answers) = answer {
        let mut answers: Vec<Value> = answers.iter().map(|answer| bare(answer, about)).collect();
        answers.sort_by_key(Value::to_string);
        return Value::Array(answers);
    }
    let members: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    let mut bare = answer.clone();
    if answer.get("error").is_none() {
        assert_eq!(members, ["id", "jsonrpc", "result"], "{about}: {answer}");
        return bare;
    }
    assert_eq!(members, ["error", "id", "jsonrpc"], "{about}: {answer}");
    let error = bare["error"].as_object_mut().unwrap();
    if let Some(message) = error.remove("message") {
        assert!(message.as_str().is_some_and(|text| !text.is_empty()), "{about}: {answer}");
        error.remove("data");
    }
    let members: Vec<&String> = error.keys().collect();
    assert_eq!(members, ["code"], "{about}: {answer}");
    bare
}

/// What is wrong with an answer; none where it is what was expected.
fn fault(case: &Case, answer: Option<&[u8]>, how: &str) -> Option<String> {
    let about = format!("{} over {how}: {}", case.about, String::from_utf8_lossy(&case.sent));
    let answer = answer.map(|text| serde_json::from_slice(text).expect("an answer is JSON"));
    let bare = |answer: Value| bare(&answer, &about);
    let (mut answer, mut expected) = (answer.map(bare), case.expected.clone().map(bare));
    if let (Some(answer), Some(expected)) = (&mut answer, &mut expected)
        && let Some(codes) = expected["error"]["code"].as_array()
        && codes.contains(&answer["error"]["code"])
    {
        (answer["error"], expected["error"]) = (Value::Null, Value::Null);
    }
    (answer != expected).then(|| format!("{about}\n  {answer:?}, expected {expected:?}"))
}

async fn over_http(served: &Served, case: &Case) -> Option<String> {
    let address = served.server.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&wire::post(&address.to_string(), &case.sent)).await.unwrap();
    let (status, body) = wire::answer(&mut stream).await.expect("every request has an answer");
    assert_eq!(status == 204, body.is_empty(), "{}: {status}", case.about);
    fault(case, (!body.is_empty()).then_some(&body), "HTTP")
}

/// What comes first is the answer to the call or, where there is to be none, to one that is sent behind it;
/// after that nothing comes but the answers to more of those.
async fn over_websocket(served: &Served, case: &Case, frame: Frame) -> Option<String> {
    let address = served.server.address();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut socket = Socket::open(stream, &address.to_string()).await.unwrap();
    socket.send(frame, &case.sent).await.unwrap();
    let last = Case { about: case.about, sent: LAST.into(), expected: Some(peers(json!("last"))) };
    let mut answered = case.expected.is_none();
    for _ in 0..3 {
        socket.send(Frame::Text, LAST.as_bytes()).await.unwrap();
        let mut answer = socket.receive().await.expect("the connection stays open");
        if fault(&last, Some(&answer), "WebSocket").is_some() && !answered {
            answered = true;
            if let Some(fault) = fault(case, Some(&answer), "WebSocket") {
                return Some(fault);
            }
            answer = socket.receive().await.expect("the connection stays open");
        }
        if let Some(fault) = fault(&last, Some(&answer), "WebSocket, one answer too many") {
            return Some(fault);
        }
    }
    (!answered).then(|| format!("{} over WebSocket: no answer", case.about))
}

/// What is wrong with the answers to these over both, in text and in binary messages.
async fn faults(cases: Vec<Case>) -> Vec<String> {
    let served = served().await;
    let mut faults = Vec::new();
    for case in &cases {
        faults.extend(over_http(&served, case).await);
        for frame in [Frame::Text, Frame::Binary] {
            // Text that is none ends the connection before anybody reads it (RFC 6455, 8.1).
            if frame == Frame::Binary || std::str::from_utf8(&case.sent).is_ok() {
                faults.extend(over_websocket(&served, case, frame).await);
            }
        }
    }
    faults
}

/// Protects every client that is written from the specification alone.
#[tokio::test]
async fn every_example_of_the_specification_is_answered_as_it_says() {
    let faults = faults(examples()).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Protects clients of every kind from answers that they cannot assign.
#[tokio::test]
async fn the_edges_are_answered_as_the_text_says() {
    let faults = faults(edges()).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Protects clients from waiting for ever for an answer, or from another error than the specification's.
#[tokio::test]
async fn nothing_that_is_no_notification_stays_without_an_answer() {
    let faults = faults(odd()).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Protects clients from an answer to a subscription that they cannot assign: it goes another way than others, so where it
/// cannot be what it should the subscription is refused.
#[tokio::test]
async fn a_subscription_is_asked_for_by_itself_on_a_websocket() {
    let subscribe =
        |id: &str| format!(r#"{{"jsonrpc":"2.0","method":"chain_subscribe","id":{id}}}"#);
    let served = served().await;
    let refused = case("a subscription", subscribe("1"), failed(-32600, json!(1)));
    assert_eq!(over_http(&served, &refused).await, None);
    let cases = [
        case("in a batch", format!("[{}]", subscribe("1")), json!([failed(-32600, json!(1))])),
        case("with a negative id", subscribe("-1"), failed(-32600, json!(-1))),
    ];
    for case in &cases {
        assert_eq!(over_websocket(&served, case, Frame::Text).await, None);
    }
    let stream = TcpStream::connect(served.server.address()).await.unwrap();
    let mut socket = Socket::open(stream, &served.server.address().to_string()).await.unwrap();
    socket.send(Frame::Text, subscribe("1").as_bytes()).await.unwrap();
    let answer: Value = serde_json::from_slice(&socket.receive().await.unwrap()).unwrap();
    assert!(answer["result"].is_number(), "{answer}");
}
