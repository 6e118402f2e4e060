use std::ffi::OsString;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::import_file::{FileRow, ImportFile, Raw};

/// The members that are added to a refused row. In a file that was refused before they are old.
const ADDED: [&str; 2] = ["line", "reasons"];

/// The file of the rows that were refused. It is made with the first of them.
pub(super) struct RefusedRows {
    beside: OsString,
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl RefusedRows {
    /// `beside` is the path whose name, with an ending, is that of the file.
    pub(super) fn beside(beside: PathBuf) -> Self {
        Self { beside: beside.into_os_string(), file: None }
    }

    /// Writes a row with its line and the reasons.
    pub(super) fn add(
        &mut self,
        from: &ImportFile,
        row: &FileRow,
        reasons: &[String],
    ) -> Result<(), Failure> {
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
                self.write("csv", &header, &line)
            }
            (Raw::Cells(_), None) => Ok(()),
            (Raw::Line(text), _) => {
                let mut line = object_with(text, row.line, reasons).to_string().into_bytes();
                line.push(b'\n');
                self.write("ndjson", b"", &line)
            }
        };
        written.map_err(|error| Failure::of("cannot write the refused rows", &error))
    }

    /// Where the rows are, if there are any.
    pub(super) fn finish(self) -> Result<Option<PathBuf>, Failure> {
        let Some((path, mut file)) = self.file else { return Ok(None) };
        file.flush().map_err(|error| Failure::of("cannot write the refused rows", &error))?;
        Ok(Some(path))
    }

    fn write(&mut self, ending: &str, header: &[u8], line: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some((_, file)) => file,
            None => {
                let mut path = self.beside.clone();
                path.push(format!(".refused.{ending}"));
                // It holds names, for nobody but who has run the import.
                let file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&path)?;
                file.set_permissions(Permissions::from_mode(0o600))?;
                let (_, file) = self.file.insert((path.into(), BufWriter::new(file)));
                file.write_all(header)?;
                file
            }
        };
        file.write_all(line)
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
        Map::from_iter([("row".to_owned(), Value::from(String::from_utf8_lossy(text)))])
    });
    object.insert("line".to_owned(), json!(line));
    object.insert("reasons".to_owned(), json!(reasons));
    Value::Object(object)
}
