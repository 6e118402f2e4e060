use super::csv_cell::push_text_cell;
use super::entry_html::push_entry_row;
use super::entry_json::push_entry;
use super::rows::Row;
use crate::domain::{Entry, Passage, Site, Stamp};

impl Row for Entry {
    const COLUMNS: &'static str =
        "id,date,time,login,firstname,lastname,person_ref,direction,gate,entry_id,received_at";

    fn push_json(&self, json: &mut Vec<u8>, site: &Site) {
        push_entry(json, self, site);
    }

    fn push_csv(&self, csv: &mut Vec<u8>, site: &Site) {
        let Self { id, passage } = self;
        let Passage { login, firstname, lastname, person_ref, direction, gate, .. } = passage;
        let mut push = |cell: &str| csv.extend_from_slice(cell.as_bytes());
        push(&id.to_string());
        push(",");
        push(&site.day_of(*login).dashed());
        push(",");
        push(&site.time_at(*login).format("%H:%M:%S").to_string());
        push(",");
        push(Stamp::local(*login, site.offset_at(*login)).as_str());
        for text in [Some(firstname), Some(lastname), person_ref.as_ref()] {
            csv.push(b',');
            push_text_cell(csv, text.map_or("", |text| text));
        }
        csv.push(b',');
        csv.extend_from_slice(direction.as_str().as_bytes());
        csv.push(b',');
        push_text_cell(csv, gate.as_deref().unwrap_or_default());
        csv.push(b',');
        let mut id = [0; 36];
        csv.extend_from_slice(passage.entry_id.as_hyphenated().encode_lower(&mut id).as_bytes());
        csv.push(b',');
        csv.extend_from_slice(Stamp::utc(passage.received_at).as_bytes());
    }

    fn push_html(&self, html: &mut Vec<u8>, site: &Site) {
        push_entry_row(html, self, None, site);
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::Form;
    use super::super::rows::Rows;
    use super::*;
    use crate::domain::{Direction, Text};

    #[test]
    fn an_entry_is_written_in_every_form() {
        let moment = "2019-06-23T21:59:59.5Z".parse().unwrap();
        let text = |text: &str| Text::parse(text).unwrap();
        let passage = Passage {
            entry_id: "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f".parse().unwrap(),
            login: moment,
            received_at: moment,
            firstname: text("=Arvin"),
            lastname: text("Cudanin, Jr"),
            gate: None,
            direction: Direction::Out,
            person_ref: Some(text("47")),
        };
        let entry = Entry { id: 7, passage };
        let site = Site::new(chrono_tz::Asia::Manila, "06:00").unwrap();
        let written = |form| {
            let (mut bytes, mut rows) = (Vec::new(), Rows::new(form, site));
            rows.begin::<Entry>(&mut bytes);
            rows.push(&mut bytes, &entry);
            rows.push(&mut bytes, &entry);
            rows.end(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        let line = "7,2019-06-23,05:59:59,2019-06-24T05:59:59.500000+08:00,'=Arvin,\"Cudanin, Jr\",47,out,,\
                    01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f,2019-06-23T21:59:59.500000Z\r\n";
        let header = "id,date,time,login,firstname,lastname,person_ref,direction,gate,entry_id,received_at\r\n";
        assert_eq!(written(Form::Csv { bom: false }), format!("{header}{line}{line}"));
        assert_eq!(written(Form::Csv { bom: true }), format!("\u{feff}{header}{line}{line}"));
        let mut json = Vec::new();
        push_entry(&mut json, &entry, &site);
        let json = String::from_utf8(json).unwrap();
        assert_eq!(written(Form::Json), format!("[{json},{json}]"));
        assert_eq!(written(Form::Ndjson), format!("{json}\n{json}\n"));
    }
}
