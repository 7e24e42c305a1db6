//! Rounds of the DAG as text that fits the terminal.
//!
//! Where it is wide enough, one column a validator: its block with how its slot was decided and how many
//! transactions it carries; below it, which blocks it links to. Else, for a wide committee, one mark a
//! validator, in tens, and one line of what is out of the ordinary.

use pollen_rpc::api::{DagBlock, DagEvidence, DagRound, DagSlot, SlotStatus};

/// Width of the round's number and the space after it.
const MARGIN: usize = 9;
/// Bounds of a validator's column; with less there is the compact form.
const COLUMN_MIN: usize = 8;
const COLUMN_MAX: usize = 12;
/// Marks between two spaces of the compact form, and what they take.
const GROUP: usize = 10;
/// Blocks of one slot whose links are shown.
const VARIANTS_MAX: usize = 4;
/// Digits of a digest that people are shown.
const DIGITS: usize = 8;

/// How the rounds of one network look on one terminal.
pub(super) struct Picture {
    names: Vec<String>,
    width: usize,
}

impl Picture {
    /// For these validators, by index, in lines of at most `width`.
    pub fn new(names: Vec<String>, width: usize) -> Self {
        Self { names, width: width.max(MARGIN + GROUP) }
    }

    /// The same in a terminal that has got another width. What the lines hold stays.
    pub fn cut(text: &str, width: usize) -> String {
        text.lines().map(|line| clipped(line, width) + "\n").collect()
    }

    /// The width of a column; none in the compact form.
    fn column(&self) -> Option<usize> {
        let room = (self.width - MARGIN) / self.names.len().max(1);
        (room >= COLUMN_MIN).then(|| room.min(COLUMN_MAX))
    }

    /// Marks in a line of the compact form.
    fn marks(&self) -> usize {
        ((self.width - MARGIN + 1) / (GROUP + 1)).max(1) * GROUP
    }

    /// What stands over the rounds.
    pub fn header(&self) -> String {
        let margin = format!("{:>1$} ", "round", MARGIN - 1);
        let Some(column) = self.column() else {
            let shown = self.names.len().min(self.marks());
            let tens = (0..shown).step_by(GROUP).map(|first| format!("{first:<0$}", GROUP + 1));
            return line(&(margin + &tens.collect::<String>()));
        };
        let fit = self.names.iter().all(|name| name.chars().count() < column);
        let cells = self.names.iter().enumerate().map(|(author, name)| match fit {
            true => format!("{name:<column$}"),
            false => format!("{author:<column$}"),
        });
        line(&(margin + &cells.collect::<String>()))
    }

    /// What the marks mean.
    pub fn legend(&self) -> String {
        let marks = "  ● committed  ○ undecided  × skipped  ◇ on probation: no slot  · no block\n  \
                     ? the round is output, how this slot was decided is not known to the node\n";
        let rest = match self.column() {
            Some(_) => {
                "  +n transactions; x2! two blocks: equivocation\n  \
                 below a block: whose blocks of the round before it links to, by number from 0,\n  \
                 * all, -n all but n; (n) is a weak link, to an older round\n"
            }
            None => {
                "  a mark a validator, by number from 0; below: +transactions; to how many\n  \
                 blocks of the round before the blocks link; who signed two blocks; weak\n  \
                 links: 7(3) is one of 7's block to an older one of 3\n"
            }
        };
        format!("{marks}{rest}")
    }

    /// A round; with `committed_round` or below it is output, whatever is known of its slots.
    pub fn round(&self, round: &DagRound, committed_round: u32) -> String {
        let places: Vec<Place> = (0..self.names.len())
            .map(|author| Place::of(round, author, round.round <= committed_round))
            .collect();
        match self.column() {
            Some(column) => columns(round.round, &places, column),
            None => self.compact(round.round, &places),
        }
    }

    fn compact(&self, round: u32, places: &[Place]) -> String {
        let mut text = String::new();
        for (row, places) in places.chunks(self.marks()).enumerate() {
            let label = match row {
                0 => round.to_string(),
                row => format!("+{}", row * self.marks()),
            };
            let groups: Vec<String> = places
                .chunks(GROUP)
                .map(|group| group.iter().map(|place| place.mark).collect())
                .collect();
            text += &line(&format!("{label:>0$} {1}", MARGIN - 1, groups.join(" ")));
        }
        let margin = " ".repeat(MARGIN);
        text + &line(&clipped(&(margin + &remarks(places)), self.width))
    }

    /// A line about who signed two blocks for one round.
    pub fn evidence(&self, evidence: &DagEvidence) -> String {
        let name = self.names.get(usize::from(evidence.author)).map_or("", String::as_str);
        let [first, second] = evidence.blocks.map(|digest| {
            let digits = digest.to_string();
            digits.chars().take(DIGITS).collect::<String>()
        });
        format!(
            "evidence: {name} ({}) signed two blocks of round {}: {first} and {second}\n",
            evidence.author, evidence.round
        )
    }
}

/// What is to be told of one author in one round.
struct Place {
    mark: char,
    transactions: u32,
    /// Links of each of its blocks; more than one of an equivocator, the committed one first.
    blocks: Vec<Links>,
}

/// What a block stands on, by author, ascending.
struct Links {
    strong: Vec<u16>,
    weak: Vec<u16>,
}

impl Place {
    fn of(round: &DagRound, author: usize, output: bool) -> Self {
        let mut blocks: Vec<&DagBlock> =
            round.blocks.iter().filter(|block| usize::from(block.author) == author).collect();
        blocks.sort_by_key(|block| !block.committed);
        let slot = round.slots.iter().find(|slot| usize::from(slot.author) == author);
        Self {
            mark: mark(slot, blocks.is_empty(), output),
            transactions: blocks.iter().map(|block| block.transactions).sum(),
            blocks: blocks.iter().map(|block| Links::of(block, round.round)).collect(),
        }
    }
}

fn mark(slot: Option<&DagSlot>, missing: bool, output: bool) -> char {
    let status = slot.map_or(SlotStatus::Undecided, |slot| slot.status);
    match status {
        _ if slot.is_some_and(|slot| slot.on_probation) => '◇',
        SlotStatus::Skipped => '×',
        SlotStatus::Committed => '●',
        SlotStatus::Undecided if output => '?',
        SlotStatus::Undecided if missing => '·',
        SlotStatus::Undecided => '○',
    }
}

impl Links {
    fn of(block: &DagBlock, round: u32) -> Self {
        let (mut strong, mut weak) = (Vec::new(), Vec::new());
        for parent in &block.parents {
            match parent.round + 1 == round {
                true => strong.push(parent.author),
                false => weak.push(parent.author),
            }
        }
        strong.sort_unstable();
        weak.sort_unstable();
        Self { strong, weak }
    }

    /// In at most `room` characters: by number; else who is missing; else counted.
    fn cell(&self, validators: usize, room: usize) -> String {
        let separator = if validators > 10 { "," } else { "" };
        let weak: String = self.weak.iter().map(|author| format!("({author})")).collect();
        let listed = joined(&self.strong, separator) + &weak;
        let all = 0..u16::try_from(validators).unwrap_or(u16::MAX);
        let missing: Vec<u16> = all.filter(|author| !self.strong.contains(author)).collect();
        let except = match missing.is_empty() {
            true => "*".to_owned() + &weak,
            false => format!("-{}{weak}", joined(&missing, separator)),
        };
        let fits = |text: &String| text.chars().count() <= room;
        let text = [listed, except].into_iter().find(fits);
        text.unwrap_or_else(|| match self.weak.len() {
            0 => format!("{} of {validators}", self.strong.len()),
            weak => format!("{}({weak} weak)", self.strong.len()),
        })
    }
}

fn columns(round: u32, places: &[Place], column: usize) -> String {
    let padded = |cell: String| format!("{:<column$}", clipped(&cell, column - 1));
    let mut text = format!("{round:>0$} ", MARGIN - 1);
    for place in places {
        let mut cell = place.mark.to_string();
        if place.transactions > 0 {
            cell += &format!("+{}", place.transactions);
        }
        if place.blocks.len() > 1 {
            cell += &format!(" x{}!", place.blocks.len());
        }
        text += &padded(cell);
    }
    text = line(&text);
    let variants = places.iter().map(|place| place.blocks.len()).max().unwrap_or(0);
    for variant in 0..variants.clamp(1, VARIANTS_MAX) {
        let cells = places.iter().map(|place| {
            let links = place.blocks.get(variant);
            padded(links.map_or_else(String::new, |links| links.cell(places.len(), column - 1)))
        });
        text += &line(&(" ".repeat(MARGIN) + &cells.collect::<String>()));
    }
    text
}

/// What a line of the compact form says below the marks.
fn remarks(places: &[Place]) -> String {
    let mut remarks = Vec::new();
    let transactions: u32 = places.iter().map(|place| place.transactions).sum();
    if transactions > 0 {
        remarks.push(format!("+{transactions}"));
    }
    let links = || places.iter().flat_map(|place| &place.blocks);
    let counts = || links().map(|links| links.strong.len());
    if let (Some(least), Some(most)) = (counts().min(), counts().max()) {
        let range = if least == most { most.to_string() } else { format!("{least}-{most}") };
        remarks.push(format!("links {range} of {}", places.len()));
    }
    let by_author = || (0u16..).zip(places);
    let forked = by_author().filter(|(_, place)| place.blocks.len() > 1);
    let forked: Vec<u16> = forked.map(|(author, _)| author).collect();
    if !forked.is_empty() {
        remarks.push(format!("two blocks! {}", joined(&forked, " ")));
    }
    let weak: Vec<String> = by_author()
        .flat_map(|(author, place)| place.blocks.iter().map(move |links| (author, links)))
        .filter(|(_, links)| !links.weak.is_empty())
        .map(|(author, links)| format!("{author}({})", joined(&links.weak, ",")))
        .collect();
    if !weak.is_empty() {
        remarks.push(format!("weak {}", weak.join(" ")));
    }
    remarks.join("; ")
}

fn joined(authors: &[u16], separator: &str) -> String {
    authors.iter().map(u16::to_string).collect::<Vec<_>>().join(separator)
}

/// At most `width` characters; what was cut off is told by an ellipsis.
fn clipped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

fn line(text: &str) -> String {
    text.trim_end().to_owned() + "\n"
}
