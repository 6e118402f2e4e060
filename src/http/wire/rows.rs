use crate::domain::Site;

use super::form::Form;

/// A value that is written as one row.
pub(crate) trait Row {
    /// The header row of a CSV file.
    const COLUMNS: &'static str;

    /// Appends the row as a JSON object.
    fn push_json(&self, json: &mut Vec<u8>, site: &Site);

    /// Appends the row's cells, without the end of the line.
    fn push_csv(&self, csv: &mut Vec<u8>, site: &Site);

    /// Appends the row of a page's table. What is around the rows belongs to the page.
    fn push_html(&self, html: &mut Vec<u8>, site: &Site);
}

/// Writes rows in a form: `begin`, each row, `end`.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    form: Form,
    site: Site,
    is_first: bool,
}

impl Rows {
    pub(crate) fn new(form: Form, site: Site) -> Self {
        Self { form, site, is_first: true }
    }

    /// Appends what comes before the rows.
    pub(crate) fn begin<R: Row>(&self, bytes: &mut Vec<u8>) {
        match self.form {
            Form::Json => bytes.push(b'['),
            Form::Csv { bom } => {
                if bom {
                    bytes.extend_from_slice("\u{feff}".as_bytes());
                }
                bytes.extend_from_slice(R::COLUMNS.as_bytes());
                bytes.extend_from_slice(b"\r\n");
            }
            Form::Ndjson | Form::Html => {}
        }
    }

    /// Appends the next row.
    pub(crate) fn push<R: Row>(&mut self, bytes: &mut Vec<u8>, row: &R) {
        match self.form {
            Form::Json => {
                if !std::mem::take(&mut self.is_first) {
                    bytes.push(b',');
                }
                row.push_json(bytes, &self.site);
            }
            Form::Csv { .. } => {
                row.push_csv(bytes, &self.site);
                bytes.extend_from_slice(b"\r\n");
            }
            Form::Ndjson => {
                row.push_json(bytes, &self.site);
                bytes.push(b'\n');
            }
            Form::Html => row.push_html(bytes, &self.site),
        }
    }

    /// Appends what comes after the rows.
    pub(crate) fn end(&self, bytes: &mut Vec<u8>) {
        if self.form == Form::Json {
            bytes.push(b']');
        }
    }
}
