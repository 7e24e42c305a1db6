//! JSON as the service answers it, written by hand: the machinery of formatting would be most of the module.

use pollen_sdk::String;

/// An object; fields in the order they were added.
pub struct Object(String);

impl Object {
    pub fn new() -> Self {
        Self(String::from("{"))
    }

    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        string(&mut self.0, value);
    }

    pub fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        decimal(&mut self.0, value);
    }

    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        string(&mut self.0, name);
        self.0.push(':');
    }
}

/// A list of values that are JSON already.
pub struct List(String);

impl List {
    pub fn new() -> Self {
        Self(String::from("["))
    }

    pub fn item(&mut self, json: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(json);
    }

    pub fn end(mut self) -> String {
        self.0.push(']');
        self.0
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

fn string(into: &mut String, value: &str) {
    into.push('"');
    for letter in value.chars() {
        match letter {
            '"' | '\\' => {
                into.push('\\');
                into.push(letter);
            }
            '\n' => into.push_str("\\n"),
            control if control < ' ' => {
                into.push_str("\\u00");
                into.push_str(&hex(&[control as u8]));
            }
            letter => into.push(letter),
        }
    }
    into.push('"');
}

fn decimal(into: &mut String, value: u64) {
    if value >= 10 {
        decimal(into, value / 10);
    }
    into.push(digit((value % 10) as u8));
}

fn digit(value: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(value)])
}
