//! Events in the order of their cursor, the same on every node: height, transaction, event. Those of one
//! module are found by the index `events` where there is one; else all receipts are looked through.

use std::fmt;
use std::str::FromStr;

use super::{Database, Direction, Family, Index, Location, Scan, StoreError, keys};
use crate::crypto::Hash;
use crate::receipt::Event;
use crate::transaction::AccountId;

/// Receipts or index entries that one query looks at, whether they match or not.
const LOOKS_MAX: usize = 4096;

/// The place of an event; also a place to read on behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventCursor {
    /// The checkpoint's height.
    pub height: u64,
    /// The transaction's place in it.
    pub transaction: u32,
    /// The event's place in the transaction.
    pub event: u32,
}

impl EventCursor {
    /// Behind every event up to the checkpoint at a height, before those of the next.
    pub const fn end_of(height: u64) -> Self {
        Self { height, transaction: u32::MAX, event: u32::MAX }
    }
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.height, self.transaction, self.event)
    }
}

impl FromStr for EventCursor {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a cursor is height.transaction.event, three whole numbers";
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(wrong);
        let (height, transaction, event) = (part()?, part()?, part()?);
        match parts.next() {
            Some(_) => Err(wrong),
            None => Ok(Self {
                height: height.parse().map_err(|_| wrong)?,
                transaction: transaction.parse().map_err(|_| wrong)?,
                event: event.parse().map_err(|_| wrong)?,
            }),
        }
    }
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this module only.
    pub module: Option<AccountId>,
    /// Of this name only.
    pub name: Option<String>,
}

impl EventFilter {
    /// True for an event that it lets through.
    pub fn matches(&self, event: &Event) -> bool {
        self.module.is_none_or(|module| module == event.module)
            && self.name.as_ref().is_none_or(|name| *name == event.name)
    }
}

/// An event with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its place.
    pub cursor: EventCursor,
    /// The transaction that made it.
    pub transaction: Hash,
    /// The event.
    pub event: Event,
}

/// A bounded part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// Matching events, in order.
    pub events: Vec<EventRecord>,
    /// Where to read on: everything up to here was looked at.
    pub next: Option<EventCursor>,
    /// True when nothing is left behind `next` up to the height asked for.
    pub complete: bool,
}

impl Database {
    /// Events behind `after` (none: from the beginning) up to the checkpoint at `height`, at most `limit`.
    /// Looks at a bounded number of entries, so a page may hold fewer than `limit` and not be complete.
    pub fn events(
        &self,
        filter: &EventFilter,
        after: Option<EventCursor>,
        height: u64,
        limit: usize,
    ) -> Result<EventPage, StoreError> {
        match &filter.module {
            Some(module) if self.indexes()?.is_whole(Index::Events) => {
                self.events_of_module(module, filter, after, height, limit)
            }
            _ => self.events_of_all(filter, after, height, limit),
        }
    }

    fn events_of_module(
        &self,
        module: &AccountId,
        filter: &EventFilter,
        after: Option<EventCursor>,
        height: u64,
        limit: usize,
    ) -> Result<EventPage, StoreError> {
        // The least key above the cursor's: one byte more.
        let from = match after {
            Some(at) => {
                [&keys::event(module, at.height, at.transaction, at.event)[..], &[0]].concat()
            }
            None => module.0.to_vec(),
        };
        let end = EventCursor::end_of(height);
        let to = [&keys::event(module, end.height, end.transaction, end.event)[..], &[0]].concat();
        let entries = self.store.scan(Scan {
            family: Family::IndexEvents,
            from: &from,
            to: &to,
            limit: LOOKS_MAX,
            bytes_max: usize::MAX,
            direction: Direction::Ascending,
        })?;
        let mut page = EventPage { events: Vec::new(), next: after, complete: false };
        let looked_at_all = entries.len() < LOOKS_MAX;
        for (key, name) in entries {
            if page.events.len() == limit {
                return Ok(page);
            }
            let corrupt = || StoreError::Corrupt {
                what: format!("index_events {} has no event", hex::encode(&key)),
            };
            let (height, transaction, event) = keys::read_event(&key).ok_or_else(corrupt)?;
            let cursor = EventCursor { height, transaction, event };
            page.next = Some(cursor);
            if filter.name.as_ref().is_some_and(|wanted| wanted.as_bytes() != name) {
                continue;
            }
            let receipt =
                self.receipt(Location { height, index: transaction })?.ok_or_else(corrupt)?;
            let found = receipt.events.get(event as usize).ok_or_else(corrupt)?.clone();
            let transaction = receipt.transaction;
            page.events.push(EventRecord { cursor, transaction, event: found });
        }
        page.complete = looked_at_all;
        Ok(page)
    }

    fn events_of_all(
        &self,
        filter: &EventFilter,
        after: Option<EventCursor>,
        height: u64,
        limit: usize,
    ) -> Result<EventPage, StoreError> {
        let from = after.map_or(Location { height: 0, index: 0 }, |at| Location {
            height: at.height,
            index: at.transaction,
        });
        let to = keys::place(height.saturating_add(1), 0);
        let receipts = self.scan_receipts(from, to, LOOKS_MAX)?;
        let mut page = EventPage { events: Vec::new(), next: after, complete: false };
        let read = receipts.len();
        for (at, receipt) in receipts {
            for (number, event) in (0u32..).zip(receipt.events) {
                let cursor =
                    EventCursor { height: at.height, transaction: at.index, event: number };
                if after.is_some_and(|after| cursor <= after) || !filter.matches(&event) {
                    continue;
                }
                if page.events.len() == limit {
                    return Ok(page);
                }
                page.next = Some(cursor);
                page.events.push(EventRecord { cursor, transaction: receipt.transaction, event });
            }
            page.next = page.next.max(Some(EventCursor {
                height: at.height,
                transaction: at.index,
                event: u32::MAX,
            }));
        }
        // Fewer than asked for may also mean the bound of bytes: then there is more to read.
        page.complete = read == 0 || (read < LOOKS_MAX && self.receipts_end(page.next, to)?);
        Ok(page)
    }

    /// True when no receipt follows a cursor below `to`.
    fn receipts_end(&self, after: Option<EventCursor>, to: [u8; 12]) -> Result<bool, StoreError> {
        let from = after.map_or(Location { height: 0, index: 0 }, |at| Location {
            height: at.height,
            index: at.transaction.saturating_add(1),
        });
        Ok(self.scan_receipts(from, to, 1)?.is_empty())
    }
}
