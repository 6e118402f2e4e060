use chrono::{DateTime, TimeDelta, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use super::{Direction, FieldError, InvalidJson, Member, Object, Passage, Text, parse_moment};

/// What is said of a name, and of the `entry_id` of a batch's entry, that is missing.
const NAME_EXPECTED: &str = "is required: a string of 1 to 100 characters";
const ID_EXPECTED: &str =
    "is required in a batch: a UUID of 36 characters, so that the batch can be sent again";

/// The reasons to reject the body of a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidSubmission {
    Json(InvalidJson),
    /// Every member that breaks its rule.
    Fields(Vec<FieldError>),
}

impl From<InvalidJson> for InvalidSubmission {
    fn from(error: InvalidJson) -> Self {
        Self::Json(error)
    }
}

/// Reads the body of a create and checks all members, so that all errors are reported at once.
///
/// `keys` are the values of the header `Idempotency-Key`; `received_at` is the server's clock.
pub fn parse_submission(
    body: &[u8],
    keys: &[&str],
    received_at: DateTime<Utc>,
) -> Result<Passage, InvalidSubmission> {
    parse_passage(&Object::parse(body)?, EntryId::Optional, keys, received_at)
}

/// The same for an entry of a batch, which must have an `entry_id` of its own.
pub(super) fn parse_named_submission(
    body: &[u8],
    received_at: DateTime<Utc>,
) -> Result<Passage, InvalidSubmission> {
    parse_passage(&Object::parse(body)?, EntryId::Required, &[], received_at)
}

/// Whether the body must have an `entry_id`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryId {
    Optional,
    Required,
}

fn parse_passage(
    object: &Object<'_>,
    entry_id: EntryId,
    keys: &[&str],
    received_at: DateTime<Utc>,
) -> Result<Passage, InvalidSubmission> {
    let mut errors = Vec::new();
    let mut fields = Fields { object, errors: &mut errors };
    let firstname = fields.required("firstname", NAME_EXPECTED, parse_text)?;
    let lastname = fields.required("lastname", NAME_EXPECTED, parse_text)?;
    let gate = fields.optional("gate", parse_text)?;
    let id = match entry_id {
        EntryId::Optional => fields.optional("entry_id", parse_entry_id)?,
        EntryId::Required => fields.required("entry_id", ID_EXPECTED, parse_entry_id)?,
    };
    let key = idempotency_key(keys, id, fields.errors);
    let occurred_at = fields.optional("occurred_at", parse_occurred_at)?;
    let direction = fields.optional("direction", parse_direction)?;
    let person_ref = fields.optional("person_ref", parse_text)?;

    match (firstname, lastname) {
        (Some(firstname), Some(lastname)) if errors.is_empty() => Ok(Passage {
            entry_id: id.or(key).unwrap_or_else(|| new_entry_id(received_at)),
            login: occurred_at.unwrap_or(received_at),
            received_at: match occurred_at {
                // A microsecond later, so that equality always means that no moment was sent.
                Some(moment) if moment == received_at => received_at + TimeDelta::microseconds(1),
                _ => received_at,
            },
            firstname,
            lastname,
            gate,
            direction: direction.unwrap_or_default(),
            person_ref,
        }),
        _ => Err(InvalidSubmission::Fields(errors)),
    }
}

/// The members of a body, and the errors found in them so far.
pub(super) struct Fields<'a> {
    pub(super) object: &'a Object<'a>,
    pub(super) errors: &'a mut Vec<FieldError>,
}

impl Fields<'_> {
    /// The parsed member, if it is there and valid.
    pub(super) fn optional<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(&'static str, &str) -> Result<T, FieldError>,
    ) -> Result<Option<T>, InvalidJson> {
        let parsed = match self.object.member(field)? {
            Member::Absent => return Ok(None),
            Member::Text(text) => parse(field, &text),
            Member::Other(_) => Err(FieldError::new(field, "wrong_type", "must be a string")),
        };
        Ok(parsed.map_err(|error| self.errors.push(error)).ok())
    }

    /// The same for a member that must be there. `expected` says what it is.
    fn required<T>(
        &mut self,
        field: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&'static str, &str) -> Result<T, FieldError>,
    ) -> Result<Option<T>, InvalidJson> {
        if self.object.member(field)? == Member::Absent {
            self.errors.push(FieldError::new(field, "required", expected));
        }
        self.optional(field, parse)
    }
}

pub(super) fn parse_text(field: &'static str, text: &str) -> Result<Text, FieldError> {
    Text::parse(text).map_err(|e| FieldError::new(field, e.code(), e.to_string()))
}

pub(super) fn parse_occurred_at(
    field: &'static str,
    text: &str,
) -> Result<DateTime<Utc>, FieldError> {
    parse_moment(text).map_err(|e| FieldError::new(field, e.code(), e.to_string()))
}

pub(super) fn parse_direction(field: &'static str, text: &str) -> Result<Direction, FieldError> {
    Direction::parse(text).map_err(|e| FieldError::new(field, "invalid_direction", e.to_string()))
}

/// Only the hyphenated form: the `uuid` crate would accept three others too.
pub(super) fn parse_entry_id(field: &'static str, text: &str) -> Result<Uuid, FieldError> {
    const EXPECTED: &str =
        "must be one UUID of 36 characters, such as 01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f";
    Some(text)
        .filter(|text| text.len() == 36)
        .and_then(|text| Uuid::try_parse(text).ok())
        .ok_or(FieldError::new(field, "invalid_uuid", EXPECTED))
}

/// The header's UUID, bare or as a quoted string, if it agrees with the body's.
pub(super) fn idempotency_key(
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

/// A version 7 UUID: ids of a later millisecond sort behind earlier ones.
pub(super) fn new_entry_id(at: DateTime<Utc>) -> Uuid {
    let seconds = at.timestamp().try_into().unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, at.timestamp_subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";

    fn noon() -> DateTime<Utc> {
        "2019-06-24T12:00:00.5Z".parse().unwrap()
    }

    fn parse(body: &str, keys: &[&str]) -> Result<Passage, InvalidSubmission> {
        parse_submission(body.as_bytes(), keys, noon())
    }

    fn fields(body: &str, keys: &[&str]) -> Vec<(&'static str, &'static str)> {
        match parse(body, keys) {
            Err(InvalidSubmission::Fields(errors)) => {
                errors.iter().map(|e| (e.field, e.code)).collect()
            }
            other => panic!("{body} gave {other:?}"),
        }
    }

    #[test]
    fn first_and_last_name_are_enough() {
        let passage =
            parse(r#"{"firstname": " Arvin ", "lastname": "Cudanin", "login": 5}"#, &[]).unwrap();
        assert_eq!((&*passage.firstname, &*passage.lastname), ("Arvin", "Cudanin"));
        assert_eq!((passage.login, passage.received_at, passage.gate), (noon(), noon(), None));
        assert_eq!((passage.direction, passage.person_ref), (Direction::In, None));
        assert_eq!(passage.entry_id.get_version_num(), 7);
    }

    #[test]
    fn all_invalid_members_are_reported_at_once() {
        let body = r#"{"firstname": 1, "gate": "", "entry_id": "x", "occurred_at": "noon",
            "direction": "up", "person_ref": "\u0000"}"#;
        assert_eq!(
            fields(body, &["y"]),
            [
                ("firstname", "wrong_type"),
                ("lastname", "required"),
                ("gate", "empty"),
                ("entry_id", "invalid_uuid"),
                ("Idempotency-Key", "invalid_uuid"),
                ("occurred_at", "invalid_time"),
                ("direction", "invalid_direction"),
                ("person_ref", "forbidden_character"),
            ]
        );
    }

    #[test]
    fn what_is_not_json_is_rejected_as_json() {
        for body in ["", "[]", "{'a': 1}", r#"{"firstname": "\ud800"}"#] {
            assert!(matches!(parse(body, &[]), Err(InvalidSubmission::Json(_))), "{body}");
        }
    }

    #[test]
    fn null_means_absent() {
        let body = r#"{"firstname": "a", "lastname": "b", "gate": null, "entry_id": null,
            "occurred_at": null, "direction": null, "person_ref": null}"#;
        let passage = parse(body, &[]).unwrap();
        assert_eq!((passage.gate, passage.person_ref), (None, None));
        assert_eq!(passage.direction, Direction::In);
        assert_eq!(
            fields(r#"{"firstname": null, "lastname": "b"}"#, &[]),
            [("firstname", "required")]
        );
    }

    #[test]
    fn header_and_body_must_agree_on_the_entry_id() {
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
    fn a_retry_has_the_same_content_and_the_same_moment_or_none() {
        let with = |names: &str, moment: &str| {
            parse(&format!(r#"{{{names}, "entry_id": "{ID}"{moment}}}"#), &[]).unwrap()
        };
        let names = r#""firstname": "a", "lastname": "b""#;
        let at_noon = r#", "occurred_at": "2019-06-24T20:00:00.5+08:00""#;
        let without = with(names, "");
        let named = with(names, at_noon);
        assert_eq!(named.login, noon());

        let later = Passage {
            received_at: noon() + TimeDelta::hours(1),
            login: noon() + TimeDelta::hours(1),
            ..without.clone()
        };
        assert!(without.is_repeated_by(&later));
        assert!(named.is_repeated_by(&with(r#""firstname": " a ", "lastname": "b""#, at_noon)));
        assert!(
            !without.is_repeated_by(&named),
            "the login that the server chose is not an occurred_at"
        );
        assert!(!named.is_repeated_by(&without));
        assert!(!named.is_repeated_by(&with(names, r#", "occurred_at": "2019-06-24T12:00:00Z""#)));
        for other in [
            r#""firstname": "A", "lastname": "b""#,
            r#""firstname": "a", "lastname": "B""#,
            r#""firstname": "a", "lastname": "b", "gate": "A""#,
            r#""firstname": "a", "lastname": "b", "direction": "out""#,
            r#""firstname": "a", "lastname": "b", "person_ref": "17""#,
        ] {
            assert!(!without.is_repeated_by(&with(other, "")));
        }
        let default = r#""firstname": "a", "lastname": "b", "direction": "in""#;
        assert!(without.is_repeated_by(&with(default, "")));
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_entry_or_a_named_error(
            body in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                "\\{(\"(firstname|lastname|gate|direction|person_ref|x)\": (\"[^\"]{0,3}\"|\"out\"|[0-9]|null|\\[\\]),? ?){0,4}\\}"
                    .prop_map(String::into_bytes),
            ],
        ) {
            match parse_submission(&body, &[], noon()) {
                Ok(passage) => {
                    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
                    prop_assert_eq!(&*passage.firstname, json["firstname"].as_str().unwrap().trim());
                    prop_assert_eq!(&*passage.lastname, json["lastname"].as_str().unwrap().trim());
                }
                Err(InvalidSubmission::Json(error)) => prop_assert!(!error.to_string().is_empty()),
                Err(InvalidSubmission::Fields(errors)) => prop_assert!(!errors.is_empty()),
            }
        }

        #[test]
        fn a_passage_is_a_retry_of_itself(
            firstname in "[^\\p{Cc}\u{202a}-\u{202e}\u{2066}-\u{2069}]{0,4}[a-z\u{4e00}-\u{9fff}]{1,20}",
            gate in proptest::option::of("[A-Z]{1,3}"),
            direction in proptest::option::of(prop_oneof![Just("in"), Just("out")]),
            person_ref in proptest::option::of("[0-9]{1,9}"),
            micros in 0i64..4_000_000_000_000_000,
            moment in any::<bool>(),
        ) {
            let received_at = DateTime::from_timestamp_micros(micros).unwrap();
            let moment = moment.then(|| received_at.to_rfc3339());
            let body = serde_json::json!({
                "firstname": firstname, "lastname": "x", "gate": gate, "occurred_at": moment,
                "direction": direction, "person_ref": person_ref,
            });
            let passage = parse_submission(body.to_string().as_bytes(), &[], received_at).unwrap();
            prop_assert!(passage.is_repeated_by(&passage));
            prop_assert_eq!(passage.direction.as_str(), direction.unwrap_or("in"));
            prop_assert_eq!(passage.person_ref.as_deref(), person_ref.as_deref());
            prop_assert_eq!(passage.login == passage.received_at, moment.is_none());
        }
    }
}
