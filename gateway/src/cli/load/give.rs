//! Where a report goes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use tidegate::load::Report;

use super::{Failure, usage};

/// A file that can be written.
pub(super) struct Place {
    path: String,
    file: File,
}

impl Place {
    /// Before there is anything to write: who cannot write it after an hour has lost the hour. What the file holds stays
    /// until then.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let path = path.display().to_string();
        let file = file.map_err(|error| usage("--report", format!("{path}: {error}")))?;
        Ok(Self { path, file })
    }

    /// In place of what it holds.
    pub(super) fn write(mut self, report: &Report) -> Result<(), Failure> {
        // What is no file has no length, such as a pipe.
        let _no_length = self.file.set_len(0);
        let written = json(report).and_then(|text| self.file.write_all(&text));
        written.map_err(|error| Failure::Report { place: self.path, error })
    }
}

/// On standard output.
pub(super) fn print(report: &Report, as_json: bool) -> Result<(), Failure> {
    let text = if as_json { json(report) } else { Ok(report.to_string().into_bytes()) };
    match text.and_then(|text| io::stdout().write_all(&text)) {
        // The reader has gone (`| head`), which is its way to say that it has enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Report { place: "standard output".into(), error })
        }
        _ => Ok(()),
    }
}

fn json(report: &Report) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    report.serialize(&mut Serializer::with_formatter(&mut text, Lines(PrettyFormatter::new())))?;
    text.push(b'\n');
    Ok(text)
}

/// A line for each field; the pairs of a histogram would have four each, so that arrays have one.
struct Lines(PrettyFormatter<'static>);

impl Formatter for Lines {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        CompactFormatter.begin_array_value(writer, first)
    }
}
