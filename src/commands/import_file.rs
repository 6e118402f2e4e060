use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use csv::ByteRecord;
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::domain::unguarded;

/// The longest row, in bytes. A longer one is a sign of a missing quotation mark.
const MAX_ROW: u64 = 1024 * 1024;

/// The columns that hold text of people, which an export guards from spreadsheets.
const TEXTS: [&str; 4] = ["firstname", "lastname", "person_ref", "gate"];

/// A file of entries, read row by row.
pub(super) struct ImportFile {
    rows: Rows,
    count: Rc<Count>,
}

enum Rows {
    Csv { reader: Box<csv::Reader<Input>>, columns: Vec<String> },
    Ndjson { input: Input, line: u64 },
}

type Input = BufReader<Limited>;

/// A row of the file.
pub(super) struct FileRow {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// As a JSON object, or the reason why it cannot be read.
    pub(super) json: Result<Vec<u8>, &'static str>,
    pub(super) raw: Raw,
}

/// What the file holds of a row.
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
        let count = Rc::new(Count { left: Cell::new(MAX_ROW), read: Cell::new(0) });
        let mut input = BufReader::new(Limited { input, count: count.clone() });
        let start = input.fill_buf().map_err(cannot_read)?;
        if start.starts_with("\u{feff}".as_bytes()) {
            input.consume(3);
        }
        let start = input.buffer().iter().find(|byte| !byte.is_ascii_whitespace());
        let rows = match start {
            Some(b'{') => Rows::Ndjson { input, line: 0 },
            Some(b'[') => {
                return Err(Failure::unusable(
                    "the file is a JSON array: it must be CSV, or one JSON object on each line \
                     (format=ndjson)",
                ));
            }
            _ => {
                let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
                let header = reader.byte_headers().map_err(cannot_parse)?;
                let columns: Vec<_> = header
                    .iter()
                    .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
                    .collect();
                check_columns(&columns)?;
                Rows::Csv { reader: Box::new(reader), columns }
            }
        };
        Ok(Self { rows, count })
    }

    /// The columns of a CSV; `None` for a file of JSON objects.
    pub(super) fn columns(&self) -> Option<&[String]> {
        match &self.rows {
            Rows::Csv { columns, .. } => Some(columns),
            Rows::Ndjson { .. } => None,
        }
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> u64 {
        self.count.read.get()
    }

    /// The next row; `None` at the end.
    pub(super) fn next_row(&mut self) -> Result<Option<FileRow>, Failure> {
        self.count.left.set(MAX_ROW);
        match &mut self.rows {
            Rows::Csv { reader, columns } => {
                let mut cells = ByteRecord::new();
                if !reader.read_byte_record(&mut cells).map_err(cannot_parse)? {
                    return Ok(None);
                }
                let line = cells.position().map_or(0, csv::Position::line);
                let json = object_of(&cells, columns);
                Ok(Some(FileRow { line, json, raw: Raw::Cells(cells) }))
            }
            Rows::Ndjson { input, line } => loop {
                let mut text = Vec::new();
                if input.read_until(b'\n', &mut text).map_err(cannot_read)? == 0 {
                    return Ok(None);
                }
                *line += 1;
                let text = text.trim_ascii().to_vec();
                if !text.is_empty() {
                    let json = Ok(text.clone());
                    return Ok(Some(FileRow { line: *line, json, raw: Raw::Line(text) }));
                }
            },
        }
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

/// An input that counts its bytes, and bounds those of one row.
struct Limited {
    input: Box<dyn Read>,
    count: Rc<Count>,
}

struct Count {
    /// How many more bytes the row may have.
    left: Cell<u64>,
    read: Cell<u64>,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Count { left, read } = &*self.count;
        if left.get() == 0 {
            let reason =
                format!("a row has more than {MAX_ROW} bytes: is a quotation mark missing?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let length = self.input.read(buffer)?;
        left.set(left.get().saturating_sub(length as u64));
        read.set(read.get() + length as u64);
        Ok(length)
    }
}

fn cannot_read(error: io::Error) -> Failure {
    Failure::of("cannot read the file", &error)
}

fn cannot_parse(error: csv::Error) -> Failure {
    Failure::of("cannot read the file", &error)
}
