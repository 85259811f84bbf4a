//! What is written: `benches/RESULTS.md` between its marks, the pictures beside it, and what was found, below the target
//! folder.

mod bars;
mod machine;
mod pictures;
mod tables;

use std::fs;
use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::grid::{Grid, Sample};
use crate::place::Place;

pub use bars::Bars;

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
    /// How long each run was measured.
    pub seconds: f64,
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
            seconds: grid.seconds,
            samples,
            failed,
        }
    }

    /// What was found last, if anything was.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(place: &Place) -> io::Result<Option<Self>> {
        kept(place, SAMPLES)
    }

    /// Keeps the samples below the target folder, and writes the results and the pictures if `told`.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(&self, place: &Place, told: bool) -> io::Result<()> {
        keep(place, SAMPLES, self)?;
        if !told {
            return Ok(());
        }
        let folder = place.source(PICTURES);
        fs::create_dir_all(&folder)?;
        for (name, picture) in pictures::all(self) {
            fs::write(folder.join(name), picture)?;
        }
        tell(place, BEGIN, &tables::report(self))
    }
}

/// Keeps what was found in a file below the target folder.
fn keep(place: &Place, file: &str, found: &impl Serialize) -> io::Result<()> {
    let file = place.made(file);
    fs::create_dir_all(file.parent().unwrap_or(&place.root))?;
    fs::write(file, serde_json::to_vec_pretty(found)?)
}

/// What is kept in a file there, if there is one.
fn kept<T: DeserializeOwned>(place: &Place, file: &str) -> io::Result<Option<T>> {
    match fs::read(place.made(file)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        kept => Ok(Some(serde_json::from_slice(&kept?)?)),
    }
}

/// Writes a part of the results, after its mark.
fn tell(place: &Place, begin: &str, part: &str) -> io::Result<()> {
    let file = place.source(FILE);
    let before = match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => "# Results\n".to_owned(),
        read => read?,
    };
    fs::write(file, replaced(&before, begin, part))
}

/// A text with `part` between the mark `begin` and the next end, or at its own end where there is no such mark.
fn replaced(text: &str, begin: &str, part: &str) -> String {
    let part = format!("{begin}\n\n{part}\n{END}");
    let marks = text.find(begin).and_then(|begin| {
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
        let first = replaced("# Results\n\nBy hand.\n", BEGIN, "one");
        assert_eq!(first, format!("# Results\n\nBy hand.\n\n{BEGIN}\n\none\n{END}\n"));
        let more = format!("{first}\nBelow.\n");
        assert_eq!(replaced(&more, BEGIN, "two"), more.replace("one", "two"));
        assert_eq!(replaced(&replaced(&more, BEGIN, "two"), BEGIN, "one"), more);
        // And so does the other part.
        let both = replaced(&more, "<!-- other -->", "else");
        assert_eq!(replaced(&both, BEGIN, "two"), both.replace("one", "two"));
    }
}
