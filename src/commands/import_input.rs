use std::io::{self, BufRead, BufReader, Read};

use csv::ByteRecord;
use csv_core::ReadRecordResult;

/// The longest row, in bytes, without its line end.
pub(super) const MAX_ROW: usize = 1024 * 1024;

/// The bytes of a file, in rows of bounded length.
pub(super) struct ImportInput {
    input: BufReader<Box<dyn Read>>,
    position: u64,
    line: u64,
}

/// A row is longer than [`MAX_ROW`]. It has been skipped.
pub(super) struct TooLong;

/// A row, with the line on which it begins, from 1.
pub(super) type Numbered<T> = (u64, Result<T, TooLong>);

impl ImportInput {
    pub(super) fn new(input: Box<dyn Read>) -> Self {
        Self { input: BufReader::new(input), position: 0, line: 1 }
    }

    /// How many bytes have been used.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next bytes; none at the end.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    /// Uses some of the bytes that [`Self::peek`] has returned.
    pub(super) fn advance(&mut self, length: usize) {
        let used = self.input.buffer().iter().take(length);
        self.line += used.filter(|byte| **byte == b'\n').count() as u64;
        self.position += length as u64;
        self.input.consume(length);
    }

    /// The next line that is not blank, without white space around it; `None` at the end.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Numbered<Vec<u8>>>> {
        loop {
            let line = self.line;
            let mut text = Vec::new();
            let mut is_too_long = false;
            let is_last = loop {
                let bytes = self.peek()?;
                let end = bytes.iter().position(|byte| *byte == b'\n');
                let part = &bytes[..end.unwrap_or(bytes.len())];
                // One more, which may be the carriage return of the line end.
                is_too_long |= text.len() + part.len() > MAX_ROW + 1;
                match is_too_long {
                    true => text = Vec::new(),
                    false => text.extend_from_slice(part),
                }
                let (length, is_at_end) = (part.len(), bytes.is_empty());
                self.advance(length + usize::from(end.is_some()));
                if end.is_some() || is_at_end {
                    break is_at_end;
                }
            };
            let text = text.trim_ascii();
            if is_too_long || text.len() > MAX_ROW {
                return Ok(Some((line, Err(TooLong))));
            }
            if !text.is_empty() {
                return Ok(Some((line, Ok(text.to_vec()))));
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    /// The next row of a CSV; `None` at the end.
    pub(super) fn next_cells(
        &mut self,
        parser: &mut CsvParser,
    ) -> io::Result<Option<Numbered<ByteRecord>>> {
        // The parser would skip line ends before the row as well, but the row begins after them.
        while let Some(b'\r' | b'\n') = self.peek()?.first() {
            self.advance(1);
        }
        let line = self.line;
        let (mut length, mut text, mut cells) = (0, 0, 0);
        loop {
            let bytes = self.peek()?;
            let CsvParser { reader, output, ends } = parser;
            let (result, read, written, ended) =
                reader.read_record(bytes, &mut output[text..], &mut ends[cells..]);
            self.advance(read);
            length += read;
            (text, cells) = (text + written, cells + ended);
            if length > MAX_ROW + 1 {
                // The rest is parsed only to find its end.
                (text, cells) = (0, 0);
            }
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => output.resize(output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => {
                    // Without the line end, which the last row may lack.
                    let is_too_long = length - read.min(1) > MAX_ROW;
                    let row = if is_too_long { Err(TooLong) } else { Ok(parser.record(cells)) };
                    return Ok(Some((line, row)));
                }
            }
        }
    }
}

/// Finds the cells of rows.
pub(super) struct CsvParser {
    reader: csv_core::Reader,
    output: Vec<u8>,
    /// Where the cells end in `output`.
    ends: Vec<usize>,
}

impl CsvParser {
    pub(super) fn new() -> Self {
        Self { reader: csv_core::Reader::new(), output: vec![0; 1024], ends: vec![0; 32] }
    }

    fn record(&self, cells: usize) -> ByteRecord {
        let ends = &self.ends[..cells];
        let starts = std::iter::once(&0).chain(ends);
        starts.zip(ends).map(|(start, end)| &self.output[*start..*end]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: String) -> ImportInput {
        ImportInput::new(Box::new(io::Cursor::new(text)))
    }

    /// The line and the length of each row: of the text for lines, of the first cell for a CSV.
    fn lines(text: String) -> Vec<(u64, Option<usize>)> {
        let mut input = input(text);
        let rows = std::iter::from_fn(|| input.next_line().unwrap());
        rows.map(|(line, row)| (line, row.ok().map(|text| text.len()))).collect()
    }

    fn cells(text: String) -> Vec<(u64, Option<usize>)> {
        let (mut input, mut parser) = (input(text), CsvParser::new());
        let rows = std::iter::from_fn(|| input.next_cells(&mut parser).unwrap());
        rows.map(|(line, row)| (line, row.ok().map(|cells| cells[0].len()))).collect()
    }

    #[test]
    fn rows_know_their_line_whatever_the_line_ends_and_blank_lines() {
        for end in ["\n", "\r\n"] {
            let text = ["", "a", "", "", "bb", "ccc", ""].join(end);
            let expected = [(2, Some(1)), (5, Some(2)), (6, Some(3))];
            assert_eq!(lines(text.clone()), expected);
            assert_eq!(cells(text), expected);
            let quoted = ["\"a", "b\",x", "c,y"].join(end);
            assert_eq!(cells(quoted), [(1, Some(2 + end.len())), (3, Some(1))]);
        }
    }

    #[test]
    fn a_row_above_the_limit_is_skipped_and_the_next_one_is_read() {
        for end in ["\n", "\r\n", ""] {
            for (more, longest) in [(0, Some(MAX_ROW)), (1, None), (3 * MAX_ROW, None)] {
                let mut text = format!("a\n{}{end}", "x".repeat(MAX_ROW + more));
                let mut expected = vec![(1, Some(1)), (2, longest)];
                if !end.is_empty() {
                    text.push_str("bb\n");
                    expected.push((3, Some(2)));
                }
                assert_eq!(lines(text.clone()), expected, "{end:?} {more}");
                assert_eq!(cells(text), expected, "{end:?} {more}");
            }
        }
    }

    #[test]
    fn a_row_of_too_many_cells_is_skipped_like_any_long_row() {
        let mut input = input(format!("{}\na,b\n", ",".repeat(2 * MAX_ROW)));
        let mut parser = CsvParser::new();
        assert!(input.next_cells(&mut parser).unwrap().unwrap().1.is_err());
        let (line, row) = input.next_cells(&mut parser).unwrap().unwrap();
        assert_eq!((line, row.ok().map(|row| row.len())), (2, Some(2)));
        assert!(parser.output.len() <= 2 * MAX_ROW && parser.ends.len() <= 4 * MAX_ROW);
    }
}
