//! What is written: `benches/RESULTS.md` between its marks, the pictures beside it, and the samples.

mod machine;
mod pictures;
mod tables;

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use crate::grid::{Grid, Sample};
use crate::place::Place;

const BEGIN: &str = "<!-- make bench-compare writes from here -->";
const END: &str = "<!-- to here -->";
const FILE: &str = "benches/RESULTS.md";
const PICTURES: &str = "benches/plots";
const SAMPLES: &str = "compare/samples.json";

/// All that was found in one call, and what it was asked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Findings {
    /// The machine, the day, the commit, the compiler: a line each.
    pub circumstances: Vec<String>,
    /// Members of the room.
    pub connections: Vec<usize>,
    /// Events in flight.
    pub windows: Vec<u64>,
    /// Events a second where times are taken.
    pub rate: f64,
    /// Bytes of each event's data.
    pub size: usize,
    /// How often all was measured.
    pub goes: usize,
    /// Each run.
    pub samples: Vec<Sample>,
    /// Servers without figures, and why.
    pub failed: Vec<(String, String)>,
}

impl Findings {
    /// What a grid has found.
    pub fn new(place: &Place, grid: &Grid, samples: Vec<Sample>, failed: Vec<(String, String)>) -> Self {
        Self {
            circumstances: machine::circumstances(place),
            connections: grid.connections.clone(),
            windows: grid.windows.clone(),
            rate: grid.rate,
            size: grid.size,
            goes: grid.goes,
            samples,
            failed,
        }
    }

    /// What was found last.
    ///
    /// # Errors
    /// Where nothing was kept.
    pub fn read(place: &Place) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(place.made(SAMPLES))?)?)
    }

    /// Keeps the samples below the target folder, and writes the results and the pictures if `told`.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(&self, place: &Place, told: bool) -> io::Result<()> {
        let samples = place.made(SAMPLES);
        fs::create_dir_all(samples.parent().unwrap_or(&place.root))?;
        fs::write(samples, serde_json::to_vec_pretty(self)?)?;
        if !told {
            return Ok(());
        }
        let folder = place.source(PICTURES);
        fs::create_dir_all(&folder)?;
        for (name, picture) in pictures::all(self) {
            fs::write(folder.join(name), picture)?;
        }
        let file = place.source(FILE);
        let before = match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => "# Results\n".to_owned(),
            read => read?,
        };
        fs::write(file, replaced(&before, &tables::report(self)))
    }
}

/// A text with `part` between the marks, or at its end where there are none.
fn replaced(text: &str, part: &str) -> String {
    let part = format!("{BEGIN}\n\n{part}\n{END}");
    let marks = text.find(BEGIN).and_then(|begin| {
        let end = begin + text[begin..].find(END)? + END.len();
        Some((begin, end))
    });
    match marks {
        Some((begin, end)) => format!("{}{part}{}", &text[..begin], &text[end..]),
        None => format!("{}\n\n{part}\n", text.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replaced};

    #[test]
    fn what_people_wrote_stays() {
        let first = replaced("# Results\n\nBy hand.\n", "one");
        assert_eq!(first, format!("# Results\n\nBy hand.\n\n{BEGIN}\n\none\n{END}\n"));
        let more = format!("{first}\nBelow.\n");
        assert_eq!(replaced(&more, "two"), more.replace("one", "two"));
        assert_eq!(replaced(&replaced(&more, "two"), "one"), more);
    }
}
