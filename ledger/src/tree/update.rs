//! A sorted batch of changes in one pass: every record on the way is read, hashed and written once.

use super::node::{Child, Node, NodeKey, Path};
use super::top::TOP_DEPTH;
use super::{NodeReader, nibble};
use crate::crypto::Hash;
use crate::store::StoreError;

/// What becomes of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The entry's key hash.
    pub key: Hash,
    /// The hash of its new value; none removes it.
    pub value: Option<Hash>,
}

/// The tree after a batch: what is new, and what no later version needs.
#[derive(Debug)]
pub struct Update {
    /// Hash of the whole state.
    pub root: Hash,
    /// Version of the record at the root: that of this update, or the one before when nothing changed.
    pub root_version: u64,
    /// Records that the versions up to the one before this may need, and no later one. Ascending.
    pub stale: Vec<NodeKey>,
    /// New records, ascending, each with where its bytes end; they begin where those before end.
    keys: Vec<(NodeKey, usize, usize)>,
    bytes: Vec<u8>,
    /// The new records near the root.
    pub(super) top: Vec<(Path, Node)>,
}

impl Update {
    /// New records and their bytes, ascending.
    pub fn writes(&self) -> impl Iterator<Item = (&NodeKey, &[u8])> {
        self.keys.iter().map(|(key, begin, end)| (key, &self.bytes[*begin..*end]))
    }

    /// The bytes of one of the new records.
    pub fn find(&self, key: &NodeKey) -> Option<&[u8]> {
        let at = self.keys.binary_search_by_key(key, |(key, _, _)| *key).ok()?;
        let (_, begin, end) = self.keys[at];
        Some(&self.bytes[begin..end])
    }
}

/// Changes below which a thread costs more than it does.
const CHANGES_PER_THREAD_MIN: usize = 512;

/// Applies `changes`, strictly ascending by key hash, to the tree whose root was written by version `base`
/// (none: there is no tree yet), as the version `version`. A change that is none (the same value, a removal
/// of what is not there) has no effect on what is written either.
///
/// The work is split over at most `threads` threads, by the first nibble; the result is the same with any
/// number. On wasm32 it is always one.
///
/// Several updates may have the same version where each but the first only adds entries: an import.
pub fn update(
    reader: &dyn NodeReader,
    base: Option<u64>,
    version: u64,
    changes: &[Change],
    threads: usize,
) -> Result<Update, StoreError> {
    assert!(changes.is_sorted_by(|a, b| a.key < b.key), "changes are sorted, one for each key");
    assert!(base.is_none_or(|base| base <= version), "versions go up");
    let old = base.map(|base| reader.node(&NodeKey::root(base))).transpose()?;
    let mut node = old.clone().unwrap_or(Node::EMPTY);
    let mut writer = Writer::new(reader, version);
    let tasks: Vec<Task<'_>> = groups(changes, 0)
        .map(|(at, changes)| Task { at, child: node.children[at], changes })
        .collect();
    let mut changed = false;
    for (at, child) in writer.all(&tasks, threads)? {
        node.children[at] = child;
        changed = true;
    }
    let root_version = match base {
        Some(base) if !changed => base,
        _ => {
            if let Some(base) = base {
                writer.replace(base, Path::ROOT);
            }
            writer.write(Path::ROOT, &node);
            version
        }
    };
    let root = node.hash();
    writer.keys.sort_unstable();
    writer.stale.sort_unstable();
    let Writer { keys, bytes, stale, top, .. } = writer;
    Ok(Update { root, root_version, stale, keys, bytes, top })
}

/// The changes under one child of the root.
struct Task<'a> {
    at: usize,
    child: Child,
    changes: &'a [Change],
}

/// Children of the root that are others now.
type Changed = Vec<(usize, Child)>;

/// Changes that share the first `depth` nibbles, by the next one.
fn groups(mut changes: &[Change], depth: usize) -> impl Iterator<Item = (usize, &[Change])> {
    std::iter::from_fn(move || {
        let at = nibble(&changes.first()?.key, depth);
        let end = changes.partition_point(|change| nibble(&change.key, depth) == at);
        let (group, rest) = changes.split_at(end);
        changes = rest;
        Some((at, group))
    })
}

struct Writer<'a> {
    reader: &'a dyn NodeReader,
    version: u64,
    keys: Vec<(NodeKey, usize, usize)>,
    bytes: Vec<u8>,
    stale: Vec<NodeKey>,
    top: Vec<(Path, Node)>,
}

impl<'a> Writer<'a> {
    fn new(reader: &'a dyn NodeReader, version: u64) -> Self {
        let (keys, bytes) = (Vec::new(), Vec::new());
        Self { reader, version, keys, bytes, stale: Vec::new(), top: Vec::new() }
    }

    /// Does the tasks on as many threads as are worth it.
    fn all(&mut self, tasks: &[Task<'_>], threads: usize) -> Result<Changed, StoreError> {
        let total: usize = tasks.iter().map(|task| task.changes.len()).sum();
        let threads = threads.min(total / CHANGES_PER_THREAD_MIN);
        if threads < 2 || cfg!(target_arch = "wasm32") {
            return self.each(tasks);
        }
        // Runs of neighbouring tasks with about as many changes each.
        let mut runs: Vec<&[Task<'_>]> = Vec::new();
        let mut rest = tasks;
        for left in (1..=threads).rev() {
            let open: usize = rest.iter().map(|task| task.changes.len()).sum();
            let mut taken = 0;
            let count = rest.iter().take_while(|task| {
                let more = taken * left < open;
                taken += task.changes.len();
                more
            });
            let (run, after) = rest.split_at(count.count());
            runs.push(run);
            rest = after;
        }
        let (reader, version) = (self.reader, self.version);
        let results = std::thread::scope(|scope| {
            let work = |run| {
                move || {
                    let mut writer = Writer::new(reader, version);
                    writer.each(run).map(|changed| (changed, writer))
                }
            };
            let others: Vec<_> = runs[1..].iter().map(|run| scope.spawn(work(run))).collect();
            let mut results = vec![work(runs[0])()];
            results.extend(
                others.into_iter().map(|thread| thread.join().expect("a thread of ours panicked")),
            );
            results
        });
        let mut changed = Vec::new();
        for result in results {
            let (children, writer) = result?;
            changed.extend(children);
            self.take(writer);
        }
        Ok(changed)
    }

    fn each(&mut self, tasks: &[Task<'_>]) -> Result<Changed, StoreError> {
        let mut changed = Vec::new();
        for Task { at, child, changes } in tasks {
            if let Some(child) = self.apply(child, Path::ROOT.child(*at), changes)? {
                changed.push((*at, child));
            }
        }
        Ok(changed)
    }

    /// What a child at `path` becomes; none when it stays as it is.
    fn apply(
        &mut self,
        child: &Child,
        path: Path,
        changes: &[Change],
    ) -> Result<Option<Child>, StoreError> {
        let leaf = match child {
            Child::Inner { version, .. } => return self.apply_inner(*version, path, changes),
            Child::Leaf { key, value } => Some((*key, *value)),
            Child::Empty => None,
        };
        let mut leaves: Vec<(Hash, Hash)> =
            changes.iter().filter_map(|change| Some((change.key, change.value?))).collect();
        if let Some(leaf) = leaf
            && changes.binary_search_by_key(&leaf.0, |change| change.key).is_err()
        {
            leaves.insert(leaves.partition_point(|other| other.0 < leaf.0), leaf);
        }
        if leaves.iter().copied().eq(leaf) {
            return Ok(None);
        }
        Ok(Some(self.build(path, &leaves)))
    }

    fn apply_inner(
        &mut self,
        version: u64,
        path: Path,
        changes: &[Change],
    ) -> Result<Option<Child>, StoreError> {
        let mut node = self.reader.node(&NodeKey { version, path })?;
        let mut changed = false;
        for (at, group) in groups(changes, path.length()) {
            if let Some(child) = self.apply(&node.children[at], path.child(at), group)? {
                node.children[at] = child;
                changed = true;
            }
        }
        if !changed {
            return Ok(None);
        }
        let mut present = node.children.iter().filter(|child| **child != Child::Empty);
        match (present.next(), present.next()) {
            // One leaf alone, or nothing, stands in the record above.
            (None, _) => {
                self.drop_record(version, path);
                Ok(Some(Child::Empty))
            }
            (Some(leaf @ Child::Leaf { .. }), None) => {
                self.drop_record(version, path);
                Ok(Some(*leaf))
            }
            _ => {
                self.replace(version, path);
                Ok(Some(self.write(path, &node)))
            }
        }
    }

    /// The subtree of some leaves, ascending.
    fn build(&mut self, path: Path, leaves: &[(Hash, Hash)]) -> Child {
        match leaves {
            [] => Child::Empty,
            [(key, value)] => Child::Leaf { key: *key, value: *value },
            more => {
                let mut node = Node::EMPTY;
                let mut rest = more;
                while let Some((first, _)) = rest.first() {
                    let at = nibble(first, path.length());
                    let same = |leaf: &(Hash, Hash)| nibble(&leaf.0, path.length()) == at;
                    let (group, after) = rest.split_at(rest.partition_point(same));
                    node.children[at] = self.build(path.child(at), group);
                    rest = after;
                }
                self.write(path, &node)
            }
        }
    }

    fn write(&mut self, path: Path, node: &Node) -> Child {
        let key = NodeKey { version: self.version, path };
        let begin = self.bytes.len();
        node.encode(&key, &mut self.bytes);
        self.keys.push((key, begin, self.bytes.len()));
        if path.length() <= TOP_DEPTH {
            self.top.push((path, node.clone()));
        }
        Child::Inner { version: self.version, hash: node.hash() }
    }

    /// The record has a newer one in its place.
    fn replace(&mut self, version: u64, path: Path) {
        if version < self.version {
            self.stale.push(NodeKey { version, path });
        }
    }

    /// The record is gone, with none in its place.
    fn drop_record(&mut self, version: u64, path: Path) {
        assert!(version < self.version, "updates at one version only add");
        self.stale.push(NodeKey { version, path });
    }

    /// Takes over what another wrote.
    fn take(&mut self, other: Self) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.keys.extend(other.keys.iter().map(|(key, from, to)| (*key, begin + from, begin + to)));
        self.stale.extend(other.stale);
        self.top.extend(other.top);
    }
}
