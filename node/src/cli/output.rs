//! How answers look: plain lines and tables for people, one JSON document for programs.

use std::fmt::Display;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
pub use pollen_vm::value::{GRAINS, show_amount as pollen, show_moment as moment};

/// Reads `5`, `0.25` or `1200grains` into grains.
pub fn parse_amount(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "'{text}' is no amount: write pollen as 5 or 0.25, or grains as 1200grains (1 pollen = 10^9 grains)"
        )
    };
    if let Some(grains) = text.strip_suffix("grains") {
        return grains.trim().replace('_', "").parse().map_err(|_| wrong());
    }
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || rest.len() > 9 || (text.contains('.') && !digits(rest)) {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let rest: u64 = format!("{rest:0<9}").parse().map_err(|_| wrong())?;
    whole.checked_mul(GRAINS).and_then(|grains| grains.checked_add(rest)).ok_or_else(wrong)
}

/// A table that fits the terminal.
pub fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head);
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// Characters in a line of the terminal that standard output is; none when it is no terminal.
pub fn terminal_width() -> Option<usize> {
    Table::new().width().map(usize::from)
}

/// A sign of life on standard error while something takes its time; ends with `finish_and_clear`.
pub fn spinner(message: &'static str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar.set_message(message);
    bar
}

/// `key   value` lines with the keys padded to one width.
pub fn pairs<V: Display>(pairs: impl IntoIterator<Item = (&'static str, V)>) -> String {
    let pairs: Vec<_> = pairs.into_iter().collect();
    let width = pairs.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    pairs.iter().map(|(key, value)| format!("  {key:<width$}  {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people type and read must be the same number, to the grain.
    #[test]
    fn amounts_are_read_and_shown_to_the_grain() {
        for (text, grains) in [
            ("5", 5 * GRAINS),
            ("0.25", GRAINS / 4),
            ("0.000000001", 1),
            ("18446744073.709551615", u64::MAX),
            ("1200grains", 1200),
        ] {
            assert_eq!(parse_amount(text), Ok(grains), "{text}");
            assert_eq!(parse_amount(pollen(grains).trim_end_matches(" pollen")), Ok(grains));
        }
        for text in
            ["", "-1", "1.", ".5", "1e9", "0.0000000001", "18446744073.709551616", "5 pollen"]
        {
            assert!(parse_amount(text).is_err(), "{text}");
        }
    }
}
