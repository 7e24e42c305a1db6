//! Fuel as a flame graph: one bar a call, as wide as its fuel, over the calls that it made.

use std::fmt::Write as _;

use pollen_rpc::api::{SimulatedCall, TxSimulation};

use crate::cli::effects::own_fuel;

/// Measures, in pixels.
const WIDTH: f64 = 1200.0;
const ROW: f64 = 24.0;
const MARGIN: f64 = 10.0;
/// Of a letter, about, in the font that is asked for.
const LETTER: f64 = 7.3;

/// A bar of the picture.
struct Bar<'a> {
    label: String,
    title: String,
    kind: &'a str,
    row: u32,
    from: u64,
    fuel: u64,
}

/// The picture; readable in a browser, light and dark.
pub fn svg(effects: &TxSimulation) -> String {
    let bars = bars(effects);
    let rows = bars.iter().map(|bar| bar.row).max().unwrap_or(0) + 1;
    let height = 2.0 * MARGIN + ROW * f64::from(rows);
    let scale = (WIDTH - 2.0 * MARGIN) / effects.fuel_used.max(1) as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"monospace\" \
         font-size=\"12\">\n<style>rect {{ stroke: #8886; }} rect.call {{ fill: #f4a259; }} rect.failed {{ fill: #e05a5a; }} \
         rect.ledger {{ fill: #9bb1c9; }} text {{ fill: #111; pointer-events: none; }}</style>\n"
    );
    for Bar { label, title, kind, row, from, fuel } in &bars {
        let (x, width) = (MARGIN + *from as f64 * scale, *fuel as f64 * scale);
        let y = MARGIN + ROW * f64::from(*row);
        let letters = ((width - 6.0) / LETTER).max(0.0) as usize;
        let label: String = match label.chars().count() > letters {
            true if letters < 3 => String::new(),
            true => label.chars().take(letters - 2).chain("..".chars()).collect(),
            false => label.clone(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<g><title>{}</title><rect class=\"{kind}\" x=\"{x:.2}\" y=\"{y}\" width=\"{width:.2}\" height=\"{ROW}\"/>\
             <text x=\"{:.2}\" y=\"{}\">{}</text></g>",
            escaped(title),
            x + 3.0,
            y + 16.0,
            escaped(&label)
        );
    }
    svg + "</svg>\n"
}

fn bars(effects: &TxSimulation) -> Vec<Bar<'static>> {
    let all = effects.fuel_used;
    let whole = format!("transaction {}: {all} fuel", effects.hash);
    let mut bars = vec![Bar {
        label: whole.clone(),
        title: whole,
        kind: "ledger",
        row: 0,
        from: 0,
        fuel: all,
    }];
    // Where the next call of each depth begins.
    let mut next = vec![0];
    for (index, call) in effects.calls.iter().enumerate() {
        let SimulatedCall { depth, module, module_name, function, fuel_used, failed } = call;
        let depth = *depth as usize;
        next.resize(depth + 1, 0);
        let from = next[depth];
        next[depth] = from + fuel_used;
        next.push(from);
        let name = format!("{}.{function}", module_name.as_ref().unwrap_or(module));
        let own = own_fuel(&effects.calls, index);
        let share = *fuel_used as f64 * 100.0 / all.max(1) as f64;
        let end = failed.as_ref().map_or_else(String::new, |code| format!(", failed: {code}"));
        bars.push(Bar {
            label: format!("{name} {fuel_used}"),
            title: format!("{name}: {fuel_used} fuel ({share:.1} %), {own} of its own{end}"),
            kind: if failed.is_some() { "failed" } else { "call" },
            row: depth as u32 + 1,
            from,
            fuel: *fuel_used,
        });
    }
    bars
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use pollen_ledger::Hash;
    use pollen_rpc::api::Preview;

    use super::*;

    fn call(depth: u32, function: &str, fuel_used: u64) -> SimulatedCall {
        SimulatedCall {
            depth,
            module: "m".into(),
            module_name: None,
            function: function.into(),
            fuel_used,
            failed: None,
        }
    }

    /// Each bar must lie within that of its caller, behind those that it called before: else widths lie.
    #[test]
    fn bars_lie_over_their_callers() {
        let calls = vec![
            call(0, "a", 60),
            call(1, "b", 20),
            call(2, "c<", 5),
            call(1, "d", 10),
            call(0, "e", 30),
        ];
        let preview = Preview { actions: Vec::new(), terms: Vec::new() };
        let effects = TxSimulation {
            hash: Hash::ZERO,
            refusal: None,
            outcome: None,
            fuel_used: 100,
            fee: 0,
            events: Vec::new(),
            note: None,
            calls,
            reads: Vec::new(),
            changes: Vec::new(),
            preview,
        };
        let placed: Vec<_> =
            bars(&effects).iter().map(|bar| (bar.row, bar.from, bar.fuel)).collect();
        assert_eq!(
            placed,
            [(0, 0, 100), (1, 0, 60), (2, 0, 20), (3, 0, 5), (2, 20, 10), (1, 60, 30)]
        );
        let own: Vec<u64> = (0..5).map(|index| own_fuel(&effects.calls, index)).collect();
        assert_eq!(own, [30, 15, 5, 10, 30]);
        let drawn = svg(&effects);
        assert!(drawn.contains("m.c&lt;: 5 fuel (5.0 %), 5 of its own"), "{drawn}");
    }
}
