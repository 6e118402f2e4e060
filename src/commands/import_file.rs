use std::io::{self, Read};

use csv::ByteRecord;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::import_input::{CsvParser, ImportInput, TooLong};
use crate::domain::unguarded;

/// The columns that hold text of people, which an export guards from spreadsheets.
const TEXTS: [&str; 4] = ["firstname", "lastname", "person_ref", "gate"];

const TOO_LONG: &str = "a row has more than 1048576 bytes";
const TOO_LONG_IN_CSV: &str = "a row has more than 1048576 bytes: is a quotation mark missing?";

/// A file of entries, read row by row.
pub(super) struct ImportFile {
    input: ImportInput,
    rows: Rows,
}

enum Rows {
    Csv { parser: Box<CsvParser>, columns: Vec<String> },
    Ndjson,
}

/// A row of the file.
pub(super) struct FileRow {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// As a JSON object, or the reason why it cannot be read.
    pub(super) json: Result<Vec<u8>, &'static str>,
    pub(super) raw: Raw,
}

/// What the file holds of a row. It is empty for a row that is too long to be kept.
pub(super) enum Raw {
    Cells(ByteRecord),
    Line(Vec<u8>),
}

impl Raw {
    /// In bytes.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Cells(cells) => cells.as_slice().len(),
            Self::Line(line) => line.len(),
        }
    }
}

impl ImportFile {
    /// Finds out which kind of file it is, and checks that a CSV has the columns that are needed.
    pub(super) fn open(input: Box<dyn Read>) -> Result<Self, Failure> {
        let mut input = ImportInput::new(input);
        if input.peek().map_err(cannot_read)?.starts_with("\u{feff}".as_bytes()) {
            input.advance(3);
        }
        let start = input.peek().map_err(cannot_read)?;
        if start.is_empty() {
            // The NDJSON export of a day without entries.
            return Ok(Self { input, rows: Rows::Ndjson });
        }
        let rows = match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Rows::Ndjson,
            Some(b'[') => {
                return Err(Failure::unusable(
                    "the file is a JSON array: it must be CSV, or one JSON object on each line \
                     (format=ndjson)",
                ));
            }
            _ => {
                let mut parser = Box::new(CsvParser::new());
                let header = match input.next_cells(&mut parser).map_err(cannot_read)? {
                    None => ByteRecord::new(),
                    Some((_, Ok(header))) => header,
                    Some((_, Err(TooLong))) => return Err(Failure::unusable(TOO_LONG_IN_CSV)),
                };
                let columns: Vec<_> = header
                    .iter()
                    .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
                    .collect();
                check_columns(&columns)?;
                Rows::Csv { parser, columns }
            }
        };
        Ok(Self { input, rows })
    }

    /// The columns of a CSV; `None` for a file of JSON objects.
    pub(super) fn columns(&self) -> Option<&[String]> {
        match &self.rows {
            Rows::Csv { columns, .. } => Some(columns),
            Rows::Ndjson => None,
        }
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> u64 {
        self.input.position()
    }

    /// The next row; `None` at the end.
    pub(super) fn next_row(&mut self) -> Result<Option<FileRow>, Failure> {
        Ok(match &mut self.rows {
            Rows::Csv { parser, columns } => {
                let row = self.input.next_cells(parser).map_err(cannot_read)?;
                row.map(|(line, cells)| match cells {
                    Ok(cells) => {
                        FileRow { line, json: object_of(&cells, columns), raw: Raw::Cells(cells) }
                    }
                    Err(TooLong) => {
                        let raw = Raw::Cells(ByteRecord::new());
                        FileRow { line, json: Err(TOO_LONG_IN_CSV), raw }
                    }
                })
            }
            Rows::Ndjson => {
                let row = self.input.next_line().map_err(cannot_read)?;
                row.map(|(line, text)| match text {
                    Ok(text) => FileRow { line, json: Ok(text.clone()), raw: Raw::Line(text) },
                    Err(TooLong) => {
                        FileRow { line, json: Err(TOO_LONG), raw: Raw::Line(Vec::new()) }
                    }
                })
            }
        })
    }
}

/// Fails if a column is missing or there twice.
fn check_columns(columns: &[String]) -> Result<(), Failure> {
    let has = |name: &str| columns.iter().any(|column| column == name);
    if let Some(missing) = ["firstname", "lastname"].into_iter().find(|name| !has(name)) {
        return Err(Failure::unusable(format!("the file has no column {missing}")));
    }
    let has_moment = has("login") || has("occurred_at") || (has("date") && has("time"));
    if !has_moment {
        return Err(Failure::unusable(
            "the file has no column with a moment: login, occurred_at, or date and time",
        ));
    }
    let is_twice = |name: &&String| columns.iter().filter(|column| column == name).count() > 1;
    match columns.iter().filter(|name| !name.is_empty()).find(is_twice) {
        Some(name) => Err(Failure::unusable(format!("the file has the column {name} twice"))),
        None => Ok(()),
    }
}

/// The cells that are not empty, as an object.
fn object_of(cells: &ByteRecord, columns: &[String]) -> Result<Vec<u8>, &'static str> {
    if cells.len() != columns.len() {
        return Err("the row has more or fewer cells than there are columns");
    }
    let mut object = Map::new();
    for (name, cell) in columns.iter().zip(cells) {
        let cell = std::str::from_utf8(cell).map_err(|_| "the row is not UTF-8")?;
        let cell = if TEXTS.contains(&&**name) { unguarded(cell) } else { cell };
        if !cell.trim().is_empty() {
            object.insert(name.clone(), Value::from(cell));
        }
    }
    Ok(Value::Object(object).to_string().into_bytes())
}

fn cannot_read(error: io::Error) -> Failure {
    Failure::of("cannot read the file", &error)
}
