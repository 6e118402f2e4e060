use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

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
            (Raw::Line(text), _) => object_with(text, row.line, reasons)
                .map_err(io::Error::from)
                .and_then(|line| self.write(NDJSON, b"", &line)),
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

/// The object in `text` as it is written, with the line and the reasons. What is no object is kept as a
/// text.
fn object_with(text: &[u8], line: u64, reasons: &[String]) -> serde_json::Result<Vec<u8>> {
    let mut object = vec![b'{'];
    match serde_json::from_slice::<Members<'_>>(text) {
        Ok(Members(members)) => {
            for (name, value) in members.iter().filter(|(name, _)| !ADDED.contains(&&**name)) {
                serde_json::to_writer(&mut object, name)?;
                object.extend([b":", value.get().as_bytes(), b","].concat());
            }
        }
        // The row was too long to be kept.
        Err(_) if text.is_empty() => {}
        Err(_) => {
            object.extend(b"\"row\":");
            serde_json::to_writer(&mut object, &String::from_utf8_lossy(text))?;
            object.push(b',');
        }
    }
    object.extend(format!("\"line\":{line},\"reasons\":").into_bytes());
    serde_json::to_writer(&mut object, reasons)?;
    object.extend(b"}\n");
    Ok(object)
}

/// The members of an object in their order, as they are written; one that is given twice is there twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_its_members_as_they_are_written() {
        let reasons = ["one".to_owned(), "two".to_owned()];
        for (row, kept) in [
            (
                r#"{"z": 1.10, "a": 12345678901234567890123}"#,
                r#""z":1.10,"a":12345678901234567890123,"#,
            ),
            (r#"{"a": "\u0041", "a": null}"#, r#""a":"\u0041","a":null,"#),
            (r#"{"line": 7, "a": {"b": [ 1 ]}, "reasons": []}"#, r#""a":{"b": [ 1 ]},"#),
            ("{}", ""),
            ("{\"a", r#""row":"{\"a","#),
            ("[1]", r#""row":"[1]","#),
            ("", ""),
        ] {
            let object = object_with(row.as_bytes(), 3, &reasons).unwrap();
            let expected = format!("{{{kept}\"line\":3,\"reasons\":[\"one\",\"two\"]}}\n");
            assert_eq!(String::from_utf8(object).unwrap(), expected);
        }
    }
}
