use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::import_file::{FileRow, ImportFile, Raw};

/// The members that are added to a refused row. In a file that was refused before they are old.
const ADDED: [&str; 2] = ["line", "reasons"];

const CSV: &str = "csv";
const NDJSON: &str = "ndjson";

/// The file of the rows that were refused. It is made with the first of them, and replaces that of an
/// earlier import.
pub(super) struct RefusedRows {
    beside: OsString,
    file: Option<(PathBuf, BufWriter<File>)>,
    /// The first failure to write. Nothing more is written after it.
    failure: Option<io::Error>,
}

impl RefusedRows {
    /// `beside` is the path whose name, with an ending, is that of the file.
    pub(super) fn beside(beside: PathBuf) -> Self {
        Self { beside: beside.into_os_string(), file: None, failure: None }
    }

    /// Writes a row with its line and the reasons. [`Self::finish`] says whether that failed, so that
    /// the other rows are recorded nevertheless.
    pub(super) fn add(&mut self, from: &ImportFile, row: &FileRow, reasons: &[String]) {
        if self.failure.is_some() {
            return;
        }
        let written = match (&row.raw, from.columns()) {
            (Raw::Cells(cells), Some(columns)) => {
                let kept =
                    |at: &usize| columns.get(*at).is_none_or(|column| !ADDED.contains(&&**column));
                let names = columns.iter().map(|name| name.as_bytes());
                let header = csv_line(names.enumerate().filter(|(at, _)| kept(at)), ADDED);
                let added = [&*row.line.to_string(), &*reasons.join("; ")];
                // A short row is filled up, so that what is added stands in its own columns.
                let missing = columns.len().saturating_sub(cells.len());
                let cells = cells.iter().chain(std::iter::repeat_n(&b""[..], missing));
                let line = csv_line(cells.enumerate().filter(|(at, _)| kept(at)), added);
                self.write(CSV, &header, &line)
            }
            (Raw::Cells(_), None) => Ok(()),
            (Raw::Line(text), _) => {
                let mut line = object_with(text, row.line, reasons).to_string().into_bytes();
                line.push(b'\n');
                self.write(NDJSON, b"", &line)
            }
        };
        self.failure = written.err();
    }

    /// Where the rows are, if there are any.
    pub(super) fn finish(&mut self) -> Result<Option<PathBuf>, Failure> {
        let failed = |error: io::Error| Failure::of("cannot write the refused rows", &error);
        if let Some(error) = self.failure.take() {
            return Err(failed(error));
        }
        let Some((path, mut file)) = self.file.take() else { return Ok(None) };
        file.flush().map_err(failed)?;
        Ok(Some(path))
    }

    /// Removes the files of earlier imports, which are out of date if nothing was refused.
    pub(super) fn remove_earlier(&self) -> Result<(), Failure> {
        [CSV, NDJSON].into_iter().try_for_each(|ending| {
            let path = self.path(ending);
            remove(&path).map_err(|error| {
                Failure::of(&format!("cannot remove the outdated {}", path.display()), &error)
            })
        })
    }

    fn path(&self, ending: &str) -> PathBuf {
        let mut path = self.beside.clone();
        path.push(format!(".refused.{ending}"));
        path.into()
    }

    fn write(&mut self, ending: &str, header: &[u8], line: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some((_, file)) => file,
            None => {
                let path = self.path(ending);
                // A new file, because what is there may be readable for others, or a link.
                remove(&path)?;
                // It holds names, for nobody but who has run the import.
                let file =
                    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                let (_, file) = self.file.insert((path, BufWriter::new(file)));
                file.write_all(header)?;
                file
            }
        };
        file.write_all(line)
    }
}

/// Removes a file or a link, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A line of cells, then those that are added.
fn csv_line<'a>(cells: impl Iterator<Item = (usize, &'a [u8])>, added: [&'a str; 2]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer(Vec::new());
    let cells = cells.map(|(_, cell)| cell).chain(added.map(str::as_bytes));
    // Writing to a Vec cannot fail.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}

/// The object in `text` with the line and the reasons. What is no object is kept as a text.
fn object_with(text: &[u8], line: u64, reasons: &[String]) -> Value {
    let mut object: Map<String, Value> = serde_json::from_slice(text).unwrap_or_else(|_| {
        let text = (!text.is_empty()).then(|| Value::from(String::from_utf8_lossy(text)));
        text.map(|text| ("row".to_owned(), text)).into_iter().collect()
    });
    object.insert("line".to_owned(), json!(line));
    object.insert("reasons".to_owned(), json!(reasons));
    Value::Object(object)
}
