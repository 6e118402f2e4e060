use crate::domain::guarded;

/// Appends a cell that holds a text of somebody else, which a spreadsheet must not run.
pub(crate) fn push_text_cell(csv: &mut Vec<u8>, text: &str) {
    push_cell(csv, &guarded(text));
}

/// Appends a cell by RFC 4180: in quotes only where it needs them.
pub(crate) fn push_cell(csv: &mut Vec<u8>, cell: &str) {
    match cell.contains([',', '"', '\r', '\n']) {
        true => {
            csv.push(b'"');
            csv.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            csv.push(b'"');
        }
        false => csv.extend_from_slice(cell.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::unguarded;

    #[test]
    fn quotes_are_only_where_they_are_needed() {
        for (cell, written) in
            [("a b", "a b"), ("a,b", "\"a,b\""), ("\"a\"", "\"\"\"a\"\"\""), ("'", "'"), ("", "")]
        {
            let mut csv = Vec::new();
            push_cell(&mut csv, cell);
            assert_eq!(csv, written.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn another_reader_of_csv_reads_the_same(cells in proptest::collection::vec("[=+'a,\"é \r\n]{0,5}", 2..5)) {
            let mut csv = Vec::new();
            for (n, cell) in cells.iter().enumerate() {
                if n > 0 {
                    csv.push(b',');
                }
                push_text_cell(&mut csv, cell);
            }
            csv.extend_from_slice(b"\r\n");
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&csv[..]);
            let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(rows.len(), 1);
            prop_assert_eq!(rows[0].iter().map(unguarded).collect::<Vec<_>>(), cells);
        }
    }
}
