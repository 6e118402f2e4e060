use serde_json::ser::{CompactFormatter, Formatter};

use crate::domain::{Entry, Passage, Site, Stamp, Text};

/// Appends an entry as JSON: the contract's members in the contract's order, `login` in the site's
/// time and `received_at` in UTC.
///
/// Written by hand because a large sheet does this a hundred thousand times, and a derived
/// serializer takes twice as long.
pub(crate) fn push_entry(json: &mut Vec<u8>, entry: &Entry, site: &Site) {
    let Entry { id, passage } = entry;
    let Passage { login, firstname, lastname, gate, entry_id, received_at, direction, person_ref } =
        passage;
    json.extend_from_slice(b"{\"id\":");
    // Writing to a Vec cannot fail.
    let _ = CompactFormatter.write_i64(&mut *json, *id);
    json.extend_from_slice(b",\"login\":\"");
    json.extend_from_slice(Stamp::local(*login, site.offset_at(*login)).as_bytes());
    json.extend_from_slice(b"\",\"firstname\":");
    push_text(json, firstname);
    json.extend_from_slice(b",\"lastname\":");
    push_text(json, lastname);
    json.extend_from_slice(b",\"gate\":");
    push_optional_text(json, gate.as_ref());
    json.extend_from_slice(b",\"entry_id\":\"");
    json.extend_from_slice(entry_id.as_hyphenated().encode_lower(&mut [0; 36]).as_bytes());
    json.extend_from_slice(b"\",\"received_at\":\"");
    json.extend_from_slice(Stamp::utc(*received_at).as_bytes());
    json.extend_from_slice(b"\",\"direction\":\"");
    json.extend_from_slice(direction.as_str().as_bytes());
    json.extend_from_slice(b"\",\"person_ref\":");
    push_optional_text(json, person_ref.as_ref());
    json.push(b'}');
}

fn push_optional_text(json: &mut Vec<u8>, text: Option<&Text>) {
    match text {
        Some(text) => push_text(json, text),
        None => json.extend_from_slice(b"null"),
    }
}

/// A string with JSON's escapes.
fn push_text(json: &mut Vec<u8>, text: &str) {
    // A string always serializes, and writing to a Vec cannot fail.
    let _ = serde_json::to_writer(json, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Direction;

    #[test]
    fn an_entry_is_written_as_the_contract_shows_it() {
        let moment = "2019-06-24T01:12:21.123456Z".parse().unwrap();
        let passage = Passage {
            entry_id: "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f".parse().unwrap(),
            login: moment,
            received_at: moment,
            firstname: Text::parse("Arvin").unwrap(),
            lastname: Text::parse("Cudanin \"C\"").unwrap(),
            gate: None,
            direction: Direction::Out,
            person_ref: Some(Text::parse("4711").unwrap()),
        };
        let entry = Entry { id: 7, passage };
        let site = Site::new(chrono_tz::Asia::Manila, "00:00").unwrap();
        let mut json = Vec::new();
        push_entry(&mut json, &entry, &site);
        assert_eq!(
            String::from_utf8(json).unwrap(),
            concat!(
                r#"{"id":7,"login":"2019-06-24T09:12:21.123456+08:00","firstname":"Arvin","#,
                r#""lastname":"Cudanin \"C\"","gate":null,"#,
                r#""entry_id":"01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f","#,
                r#""received_at":"2019-06-24T01:12:21.123456Z","#,
                r#""direction":"out","person_ref":"4711"}"#
            )
        );
    }
}
