use super::change_json::push_member;
use super::csv_cell::push_text_cell;
use super::entry_html::push_entry_row;
use super::rows::Row;
use crate::domain::{Entry, Site, Stamp, StoredAmendment};

/// An entry with its last amendment, for a reader that asked for amended entries too.
pub(crate) struct EntryAndAmendment {
    pub entry: Entry,
    pub amendment: Option<StoredAmendment>,
}

impl Row for EntryAndAmendment {
    const COLUMNS: &'static str = "id,date,time,login,firstname,lastname,person_ref,direction,\
                                   gate,entry_id,received_at,amended,reason";

    /// The entry's own members, and `amended` after them.
    fn push_json(&self, json: &mut Vec<u8>, site: &Site) {
        self.entry.push_json(json, site);
        // The brace that ends the entry.
        json.pop();
        json.extend_from_slice(b",\"amended\":");
        match &self.amendment {
            None => json.extend_from_slice(b"null"),
            Some(StoredAmendment { change, amendment }) => {
                json.extend_from_slice(b"{\"kind\":\"");
                json.extend_from_slice(amendment.state().as_str().as_bytes());
                json.push(b'"');
                push_member(json, "change", change);
                push_member(json, "at", Stamp::utc(amendment.at).as_str());
                push_member(json, "reason", &*amendment.reason);
                push_member(json, "by", &amendment.by);
                push_member(json, "replacement", &amendment.replacement);
                json.push(b'}');
            }
        }
        json.push(b'}');
    }

    fn push_csv(&self, csv: &mut Vec<u8>, site: &Site) {
        self.entry.push_csv(csv, site);
        csv.push(b',');
        let amendment = self.amendment.as_ref().map(|stored| &stored.amendment);
        csv.extend_from_slice(amendment.map_or("", |made| made.state().as_str()).as_bytes());
        csv.push(b',');
        push_text_cell(csv, amendment.map_or("", |made| &made.reason));
    }

    fn push_html(&self, html: &mut Vec<u8>, site: &Site) {
        push_entry_row(html, &self.entry, self.amendment.as_ref(), site);
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::Form;
    use super::super::rows::Rows;
    use super::*;
    use crate::domain::{Amendment, Direction, Passage, Reason, Text};

    #[test]
    fn an_amendment_stands_at_the_end_of_its_entry() {
        let moment = "2019-06-24T01:12:21.5Z".parse().unwrap();
        let passage = Passage {
            entry_id: uuid::Uuid::from_u128(1),
            login: moment,
            received_at: moment,
            firstname: Text::parse("a").unwrap(),
            lastname: Text::parse("b").unwrap(),
            gate: None,
            direction: Direction::In,
            person_ref: None,
        };
        let amendment = |replacement| Amendment {
            entry_id: passage.entry_id,
            number: 1,
            replacement,
            reason: Reason::from_store("-twice".into()),
            by: None,
            at: moment,
        };
        let replaced = amendment(Some(uuid::Uuid::from_u128(2)));
        let written = |amendment: Option<&Amendment>, form| {
            let stored = |made: &Amendment| StoredAmendment { change: 9, amendment: made.clone() };
            let entry = Entry { id: 7, passage: passage.clone() };
            let row = EntryAndAmendment { entry, amendment: amendment.map(stored) };
            let mut bytes = Vec::new();
            Rows::new(form, Site::in_zone(chrono_tz::UTC)).push(&mut bytes, &row);
            String::from_utf8(bytes).unwrap()
        };
        let (json, csv) = (Form::Json, Form::Csv { bom: false });
        assert!(written(None, json).ends_with(r#""person_ref":null,"amended":null}"#));
        assert!(written(None, csv).ends_with("2019-06-24T01:12:21.500000Z,,\r\n"));
        let voided = amendment(None);
        assert!(written(Some(&voided), json).ends_with(concat!(
            r#""person_ref":null,"amended":{"kind":"voided","change":9,"#,
            r#""at":"2019-06-24T01:12:21.500000Z","reason":"-twice","by":null,"replacement":null}}"#
        )));
        assert!(written(Some(&voided), csv).ends_with("00000Z,voided,'-twice\r\n"));
        assert!(written(Some(&replaced), json).contains(concat!(
            r#""kind":"replaced","change":9,"at":"2019-06-24T01:12:21.500000Z","#,
            r#""reason":"-twice","by":null,"replacement":"00000000-0000-0000-0000-000000000002"}}"#
        )));
        assert!(written(Some(&replaced), csv).ends_with(",replaced,'-twice\r\n"));
    }
}
