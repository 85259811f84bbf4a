//! What was found of the bars: kept from call to call, and written as tables.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;

use serde::{Deserialize, Serialize};

use super::machine;
use crate::bars::{BARS, Figure, Settings, Verdict, number};
use crate::place::Place;

const BEGIN: &str = "<!-- make bench-compare BENCH_ARGS=\"bar …\" writes from here -->";
const KEPT: &str = "compare/bars.json";

/// What was found last of each bar.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bars(BTreeMap<u8, Told>);

/// Of one of them.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    /// The machine, the day, the commit, the command.
    circumstances: Vec<String>,
    verdict: Verdict,
}

impl Bars {
    /// What is kept; nothing where nothing was found yet.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(place: &Place) -> io::Result<Self> {
        Ok(super::kept(place, KEPT)?.unwrap_or_default())
    }

    /// Puts what was found of a bar in the place of what was found before.
    pub fn put(&mut self, bar: u8, settings: &Settings, verdict: Verdict) {
        let mut circumstances = machine::circumstances(&settings.place);
        circumstances
            .push(format!("goes of {} s, after half a second that is not counted", settings.seconds));
        self.0.insert(bar, Told { circumstances, verdict });
    }

    /// Keeps them below the target folder, and writes their tables.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(&self, place: &Place) -> io::Result<()> {
        super::keep(place, KEPT, self)?;
        self.tell(place)
    }

    /// Writes their tables, if there are any.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn tell(&self, place: &Place) -> io::Result<()> {
        if self.0.is_empty() { Ok(()) } else { super::tell(place, BEGIN, &self.report()) }
    }

    fn report(&self) -> String {
        let mut out = String::from(
            "## The bars\n\nA figure is the median of its goes, with the least and the most of them; where a limit says \"each time\", it is \
             the worst of them. Ratios (×) are taken within a go.\n\n",
        );
        for (bar, told) in &self.0 {
            let what = BARS.iter().find(|known| known.0 == *bar).map_or("", |known| known.1);
            let _ = writeln!(out, "### Bar {bar}: {what}\n\n{}\n", told.circumstances.join("; "));
            told.write(&mut out);
        }
        out.trim_end().to_owned() + "\n"
    }
}

impl Told {
    fn write(&self, out: &mut String) {
        if let Some(reason) = &self.verdict.failed {
            let _ = writeln!(out, "Not all was found: {}\n", reason.replace('\n', " "));
        }
        if self.verdict.figures.is_empty() {
            return;
        }
        out.push_str("| | figure | goes | bar | | |\n|---|---|---|---|---|---|\n");
        for figure in &self.verdict.figures {
            let Figure { what, unit, limit, note, load, .. } = figure;
            let spread = figure.spread().unwrap_or_default();
            let notes: Vec<&str> =
                [note.as_str(), load].into_iter().filter(|note| !note.is_empty()).collect();
            let _ = writeln!(
                out,
                "| {what} | {}{unit} | {spread} | {} | {} | {} |",
                number(figure.value()),
                limit.told(unit),
                figure.judged(),
                notes.join("; ")
            );
        }
        out.push('\n');
        if !self.verdict.shown.is_empty() {
            let _ = writeln!(out, "```\n{}\n```\n", self.verdict.shown.trim());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bars, Told};
    use crate::bars::{Figure, Limit, Verdict};

    fn told(goes: &[f64]) -> Told {
        let figure =
            Figure::new("a delivery", goes.to_vec(), Limit::Below(1.0), "×").note("2 µs, 1 µs".to_owned());
        let verdict = Verdict { figures: vec![figure], ..Verdict::default() };
        Told { circumstances: vec!["here".to_owned(), "now".to_owned()], verdict }
    }

    #[test]
    fn a_bar_stands_there_once_as_it_was_found_last() {
        let mut bars = Bars::default();
        bars.0.insert(2, told(&[2.0]));
        bars.0.insert(2, told(&[0.5, 0.7, 0.9]));
        let verdict = Verdict { failed: Some("no floor".to_owned()), ..Verdict::default() };
        bars.0.insert(1, Told { verdict, ..told(&[]) });
        let report = bars.report();
        let row = "| a delivery | 0.700× | 0.500–0.900 | below 1× | met | 2 µs, 1 µs |";
        assert!(report.contains(row) && !report.contains("| 2× |"), "{report}");
        let heading = "### Bar 1: processor time per delivery against the floor\n\nhere; now\n\nNot all was found: no floor\n";
        assert!(report.contains(heading), "{report}");
    }
}
