use chrono::{DateTime, TimeDelta, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use super::submission::{Member, Submission};
use super::{FieldError, InvalidText, Text, parse_moment};

/// One person passing one gate at one moment, checked and ready to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Names this entry for good, so that a retry cannot record it twice.
    pub entry_id: Uuid,
    /// When the person passed: the gate's word, else the server's clock.
    pub login: DateTime<Utc>,
    /// When the server was told. Equals `login` if, and only if, the gate named no moment.
    pub received_at: DateTime<Utc>,
    pub firstname: Text,
    pub lastname: Text,
    pub gate: Option<Text>,
}

/// An entry as a store holds it. The members mean what they mean in [`NewEntry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The store's own number; it only grows.
    pub id: i64,
    pub entry_id: Uuid,
    pub login: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub firstname: String,
    pub lastname: String,
    pub gate: Option<String>,
}

/// What became of a [`NewEntry`] once its transaction was committed and flushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It was stored now.
    Created(Entry),
    /// A retry: the same entry was stored before.
    Replayed(Entry),
    /// Its `entry_id` names an entry with other content; nothing was stored.
    Reused,
}

/// Why a body is no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The body is not a JSON object in UTF-8; the text says where the parser stopped.
    Json(String),
    /// Every member that breaks its rule.
    Fields(Vec<FieldError>),
}

impl NewEntry {
    /// Reads the body of a create and checks all its members, so that all errors are told at once.
    ///
    /// `keys` are the values of the header `Idempotency-Key`; `received_at` is the server's clock.
    pub fn parse(
        body: &[u8],
        keys: &[&str],
        received_at: DateTime<Utc>,
    ) -> Result<Self, Rejection> {
        let text = std::str::from_utf8(body)
            .map_err(|e| Rejection::Json(format!("not UTF-8 after byte {}", e.valid_up_to())))?;
        let submission: Submission =
            serde_json::from_str(text).map_err(|e| Rejection::Json(e.to_string()))?;

        let mut errors = Vec::new();
        let firstname = required_text("firstname", submission.firstname, &mut errors);
        let lastname = required_text("lastname", submission.lastname, &mut errors);
        let gate = optional("gate", submission.gate, parse_text, &mut errors);
        let id = optional("entry_id", submission.entry_id, parse_entry_id, &mut errors);
        let key = idempotency_key(keys, id, &mut errors);
        let occurred_at =
            optional("occurred_at", submission.occurred_at, parse_occurred_at, &mut errors);

        match (firstname, lastname) {
            (Some(firstname), Some(lastname)) if errors.is_empty() => Ok(Self {
                entry_id: id.or(key).unwrap_or_else(|| new_entry_id(received_at)),
                login: occurred_at.unwrap_or(received_at),
                received_at: match occurred_at {
                    // A microsecond apart, so that equality always means 'named no moment'.
                    Some(moment) if moment == received_at => {
                        received_at + TimeDelta::microseconds(1)
                    }
                    _ => received_at,
                },
                firstname,
                lastname,
                gate,
            }),
            _ => Err(Rejection::Fields(errors)),
        }
    }
}

/// An entry that another store holds.
impl TryFrom<Entry> for NewEntry {
    type Error = InvalidText;

    fn try_from(entry: Entry) -> Result<Self, InvalidText> {
        Ok(Self {
            entry_id: entry.entry_id,
            login: entry.login,
            received_at: entry.received_at,
            firstname: Text::parse(&entry.firstname)?,
            lastname: Text::parse(&entry.lastname)?,
            gate: entry.gate.as_deref().map(Text::parse).transpose()?,
        })
    }
}

impl Entry {
    /// `new` as the store holds it from now on, under its number `id`.
    pub fn stored(id: i64, new: &NewEntry) -> Self {
        Self {
            id,
            entry_id: new.entry_id,
            login: new.login,
            received_at: new.received_at,
            firstname: new.firstname.to_string(),
            lastname: new.lastname.to_string(),
            gate: new.gate.as_deref().map(str::to_owned),
        }
    }

    /// Whether `new`, which carries this entry's `entry_id`, is a retry of it: the same names and
    /// gate, and the same moment or none both times.
    pub fn is_replayed_by(&self, new: &NewEntry) -> bool {
        let named = self.login != self.received_at;
        named == (new.login != new.received_at)
            && (!named || self.login == new.login)
            && self.firstname == *new.firstname
            && self.lastname == *new.lastname
            && self.gate.as_deref() == new.gate.as_deref()
    }
}

/// A version 7 id, which sorts by the time it was made.
fn new_entry_id(at: DateTime<Utc>) -> Uuid {
    let seconds = at.timestamp().try_into().unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, at.timestamp_subsec_nanos()))
}

fn required_text(
    field: &'static str,
    member: Member,
    errors: &mut Vec<FieldError>,
) -> Option<Text> {
    if matches!(member, Member::Absent) {
        errors.push(FieldError::new(
            field,
            "required",
            "must be there: a string of 1 to 100 characters",
        ));
    }
    optional(field, member, parse_text, errors)
}

/// The member's value, if it is there and `parse` takes it; what is wrong goes into `errors`.
fn optional<T>(
    field: &'static str,
    member: Member,
    parse: impl FnOnce(&'static str, &str) -> Result<T, FieldError>,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    let parsed = match member {
        Member::Absent => return None,
        Member::Text(text) => parse(field, &text),
        Member::Other => Err(FieldError::new(field, "wrong_type", "must be a string")),
    };
    parsed.map_err(|error| errors.push(error)).ok()
}

fn parse_text(field: &'static str, text: &str) -> Result<Text, FieldError> {
    Text::parse(text).map_err(|e| FieldError::new(field, e.code(), e.to_string()))
}

fn parse_occurred_at(field: &'static str, text: &str) -> Result<DateTime<Utc>, FieldError> {
    parse_moment(text).map_err(|e| FieldError::new(field, e.code(), e.to_string()))
}

/// Only the hyphenated form: the `uuid` crate would take three others too.
fn parse_entry_id(field: &'static str, text: &str) -> Result<Uuid, FieldError> {
    const EXPECTED: &str =
        "must be one UUID of 36 characters, such as 01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f";
    Some(text)
        .filter(|text| text.len() == 36)
        .and_then(|text| Uuid::try_parse(text).ok())
        .ok_or(FieldError::new(field, "invalid_uuid", EXPECTED))
}

/// The header's UUID, bare or as a quoted string, if it agrees with the body's.
fn idempotency_key(
    values: &[&str],
    in_body: Option<Uuid>,
    errors: &mut Vec<FieldError>,
) -> Option<Uuid> {
    const FIELD: &str = "Idempotency-Key";
    let [first, others @ ..] = values else { return None };
    let bare = first.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(first);
    let parsed = parse_entry_id(FIELD, bare).and_then(|key| match in_body {
        _ if !others.is_empty() => Err(FieldError::new(FIELD, "repeated", "must be sent once")),
        Some(id) if id != key => {
            Err(FieldError::new(FIELD, "mismatch", "must be the same UUID as entry_id in the body"))
        }
        _ => Ok(key),
    });
    parsed.map_err(|error| errors.push(error)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";

    fn noon() -> DateTime<Utc> {
        "2019-06-24T12:00:00.5Z".parse().unwrap()
    }

    fn parse(body: &str, keys: &[&str]) -> Result<NewEntry, Rejection> {
        NewEntry::parse(body.as_bytes(), keys, noon())
    }

    fn fields(body: &str, keys: &[&str]) -> Vec<(&'static str, &'static str)> {
        match parse(body, keys) {
            Err(Rejection::Fields(errors)) => errors.iter().map(|e| (e.field, e.code)).collect(),
            other => panic!("{body} gave {other:?}"),
        }
    }

    fn stored(new: &NewEntry) -> Entry {
        Entry::stored(1, new)
    }

    #[test]
    fn the_demos_two_members_are_enough() {
        let entry =
            parse(r#"{"firstname": " Arvin ", "lastname": "Cudanin", "login": 5}"#, &[]).unwrap();
        assert_eq!((&*entry.firstname, &*entry.lastname, entry.gate), ("Arvin", "Cudanin", None));
        assert_eq!((entry.login, entry.received_at), (noon(), noon()));
        assert_eq!(entry.entry_id.get_version_num(), 7);
    }

    #[test]
    fn all_bad_members_are_told_at_once() {
        let body = r#"{"firstname": 1, "gate": "", "entry_id": "x", "occurred_at": "noon"}"#;
        assert_eq!(
            fields(body, &["y"]),
            [
                ("firstname", "wrong_type"),
                ("lastname", "required"),
                ("gate", "empty"),
                ("entry_id", "invalid_uuid"),
                ("Idempotency-Key", "invalid_uuid"),
                ("occurred_at", "invalid_time"),
            ]
        );
    }

    #[test]
    fn what_is_not_one_json_object_is_refused_as_json() {
        for body in [
            "",
            " ",
            "[]",
            "5",
            "null",
            "\"x\"",
            "{",
            "{}{}",
            "{} x",
            "\u{feff}{}",
            "{'a': 1}",
            r#"["Arvin", "Cudanin"]"#,
            r#"{"firstname": "a", "firstname": "a", "lastname": "b"}"#,
            r#"{"x": 1, "x": 2, "firstname": "a", "lastname": "b"}"#,
            r#"{"firstname": "\ud800"}"#,
            r#"{"\u0066irstname": "a", "firstname": "b", "lastname": "c"}"#,
        ] {
            assert!(matches!(parse(body, &[]), Err(Rejection::Json(_))), "{body}");
        }
        let latin1 = NewEntry::parse(b"{\"firstname\": \"Jos\xe9\"}", &[], noon());
        assert_eq!(latin1, Err(Rejection::Json("not UTF-8 after byte 18".into())));
    }

    #[test]
    fn null_means_absent() {
        let body = r#"{"firstname": "a", "lastname": "b", "gate": null, "entry_id": null, "occurred_at": null}"#;
        assert_eq!(parse(body, &[]).unwrap().gate, None);
        assert_eq!(
            fields(r#"{"firstname": null, "lastname": "b"}"#, &[]),
            [("firstname", "required")]
        );
    }

    #[test]
    fn header_and_body_name_the_entry_alike() {
        let plain = r#"{"firstname": "a", "lastname": "b"}"#;
        let with_id = format!(
            r#"{{"firstname": "a", "lastname": "b", "entry_id": "{}"}}"#,
            ID.to_uppercase()
        );
        let quoted = format!("\"{ID}\"");
        for (body, keys) in
            [(plain, vec![ID]), (plain, vec![&quoted]), (&with_id, vec![]), (&with_id, vec![ID])]
        {
            assert_eq!(parse(body, &keys).unwrap().entry_id.to_string(), ID);
        }
        let other = ID.replace('9', "8");
        assert_eq!(fields(&with_id, &[&other]), [("Idempotency-Key", "mismatch")]);
        assert_eq!(fields(plain, &[ID, ID]), [("Idempotency-Key", "repeated")]);
        let simple = ID.replace('-', "");
        for key in
            ["", "\"", "\"\"", &quoted[1..], &simple, "{95844c14-bc2f-4249-8dc5-bd17377c5215}"]
        {
            assert_eq!(fields(plain, &[key]), [("Idempotency-Key", "invalid_uuid")], "{key}");
        }
    }

    #[test]
    fn a_replay_has_the_same_content_and_names_a_moment_as_often() {
        let with = |names: &str, moment: &str| {
            parse(&format!(r#"{{{names}, "entry_id": "{ID}"{moment}}}"#), &[]).unwrap()
        };
        let names = r#""firstname": "a", "lastname": "b""#;
        let at_noon = r#", "occurred_at": "2019-06-24T20:00:00.5+08:00""#;
        let silent = with(names, "");
        let named = with(names, at_noon);
        assert_eq!(named.login, noon());

        let later = NewEntry {
            received_at: noon() + TimeDelta::hours(1),
            login: noon() + TimeDelta::hours(1),
            ..silent.clone()
        };
        assert!(stored(&silent).is_replayed_by(&later));
        assert!(
            stored(&named).is_replayed_by(&with(r#""firstname": " a ", "lastname": "b""#, at_noon))
        );
        assert!(
            !stored(&silent).is_replayed_by(&named),
            "the login that the server chose is no occurred_at"
        );
        assert!(!stored(&named).is_replayed_by(&silent));
        for other in [
            r#""firstname": "A", "lastname": "b""#,
            r#""firstname": "a", "lastname": "b", "gate": "A""#,
        ] {
            assert!(!stored(&silent).is_replayed_by(&with(other, "")));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_a_named_error(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = NewEntry::parse(&body, &[], noon());
        }

        #[test]
        fn an_entry_is_a_replay_of_itself(
            firstname in "[^\\p{Cc}\u{202a}-\u{202e}\u{2066}-\u{2069}]{0,4}[a-z\u{4e00}-\u{9fff}]{1,20}",
            gate in proptest::option::of("[A-Z]{1,3}"),
            micros in 0i64..4_000_000_000_000_000,
            moment in any::<bool>(),
        ) {
            let received_at = DateTime::from_timestamp_micros(micros).unwrap();
            let moment = moment.then(|| received_at.to_rfc3339());
            let body = serde_json::json!({
                "firstname": firstname, "lastname": "x", "gate": gate, "occurred_at": moment,
            });
            let new = NewEntry::parse(body.to_string().as_bytes(), &[], received_at).unwrap();
            prop_assert!(stored(&new).is_replayed_by(&new));
            prop_assert_eq!(new.login == new.received_at, moment.is_none());
        }
    }
}
