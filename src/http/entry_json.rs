use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::domain::{Entry, Site, Stamp};

/// An entry as clients read it: the contract's members in the contract's order, `login` in the
/// site's time and `received_at` in UTC.
pub struct EntryJson<'a> {
    pub entry: &'a Entry,
    pub site: &'a Site,
}

impl Serialize for EntryJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entry { id, login, firstname, lastname, gate, entry_id, received_at } = self.entry;
        let mut json = serializer.serialize_struct("Entry", 7)?;
        json.serialize_field("id", id)?;
        json.serialize_field("login", &Stamp::local(*login, self.site.offset_at(*login)))?;
        json.serialize_field("firstname", firstname)?;
        json.serialize_field("lastname", lastname)?;
        json.serialize_field("gate", gate)?;
        let mut hyphenated = [0; 36];
        json.serialize_field("entry_id", &*entry_id.as_hyphenated().encode_lower(&mut hyphenated))?;
        json.serialize_field("received_at", &Stamp::utc(*received_at))?;
        json.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_written_as_the_contract_shows_it() {
        let entry = Entry {
            id: 7,
            entry_id: "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f".parse().unwrap(),
            login: "2019-06-24T01:12:21.123456Z".parse().unwrap(),
            received_at: "2019-06-24T01:12:21.123456Z".parse().unwrap(),
            firstname: "Arvin".into(),
            lastname: "Cudanin \"C\"".into(),
            gate: None,
        };
        let site = Site::new(chrono_tz::Asia::Manila, "00:00").unwrap();
        assert_eq!(
            serde_json::to_string(&EntryJson { entry: &entry, site: &site }).unwrap(),
            concat!(
                r#"{"id":7,"login":"2019-06-24T09:12:21.123456+08:00","firstname":"Arvin","#,
                r#""lastname":"Cudanin \"C\"","gate":null,"#,
                r#""entry_id":"01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f","#,
                r#""received_at":"2019-06-24T01:12:21.123456Z"}"#
            )
        );
    }
}
