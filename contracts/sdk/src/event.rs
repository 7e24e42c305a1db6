//! Typed events: a type of the module's `events` interface that knows its name and what is indexed.

use crate::{Id, String, Vec, encode, events};
use borsh::BorshSerialize;

/// An event of the module's own. Written by [`crate::event!`].
pub trait Event: BorshSerialize {
    /// The kebab-case name of its type in the `events` interface.
    const NAME: &'static str;

    /// What is indexed: at most 4 topics of at most 64 bytes.
    fn topics(&self) -> Vec<Vec<u8>>;

    /// Puts it into the receipt.
    fn emit(&self) {
        events::emit(Self::NAME, &self.topics(), &encode(self));
    }
}

/// What can be indexed, as those who search write it: an account or a hash as its 32 bytes, text as its
/// UTF-8, bytes as they are, a number as it is encoded.
pub trait Topic {
    /// Its bytes.
    fn topic(&self) -> Vec<u8>;
}

impl Topic for Id {
    fn topic(&self) -> Vec<u8> {
        self.to_bytes().to_vec()
    }
}

impl Topic for String {
    fn topic(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Topic for Vec<u8> {
    fn topic(&self) -> Vec<u8> {
        self.clone()
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Topic for $type {
            fn topic(&self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64);

/// Makes a type of the `events` interface an [`Event`], with the fields that are indexed, if any:
/// `event!(Transfer: sender, receiver)`. Its name is the type's in kebab-case; where WIT writes it otherwise,
/// say so: `event!(V2 as "v-2")`.
#[macro_export]
macro_rules! event {
    ($type:ident $(as $name:literal)? $(: $($field:ident),+)?) => {
        impl $crate::Event for $type {
            const NAME: &'static str = $crate::event!(@name $type $($name)?);
            fn topics(&self) -> $crate::Vec<$crate::Vec<u8>> {
                $crate::Vec::from([$($($crate::Topic::topic(&self.$field)),+)?])
            }
        }
    };
    (@name $type:ident) => { $crate::kebab!(stringify!($type)) };
    (@name $type:ident $name:literal) => { $name };
}
