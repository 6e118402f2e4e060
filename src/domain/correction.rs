use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::submission::{
    Fields, idempotency_key, new_entry_id, parse_direction, parse_entry_id, parse_occurred_at,
    parse_text,
};
use super::{
    Direction, FieldError, InvalidJson, InvalidSubmission, Member, Object, Passage, Reason, Text,
};

/// What a correction changes of an entry, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Names the replacement for good.
    pub entry_id: Uuid,
    pub reason: Reason,
    firstname: Option<Text>,
    lastname: Option<Text>,
    /// `Some(None)` clears it.
    gate: Option<Option<Text>>,
    direction: Option<Direction>,
    /// `Some(None)` clears it.
    person_ref: Option<Option<Text>>,
    occurred_at: Option<DateTime<Utc>>,
}

impl Correction {
    /// The replacement of `old`, received at `received_at`. Members that are not corrected, the
    /// login included, stay as they are.
    pub fn apply(&self, old: &Passage, received_at: DateTime<Utc>) -> Passage {
        let login = self.occurred_at.unwrap_or(old.login);
        Passage {
            entry_id: self.entry_id,
            login,
            // Equality would mean that the moment is the server's own.
            received_at: match login == received_at {
                true => received_at + TimeDelta::microseconds(1),
                false => received_at,
            },
            firstname: self.firstname.clone().unwrap_or_else(|| old.firstname.clone()),
            lastname: self.lastname.clone().unwrap_or_else(|| old.lastname.clone()),
            gate: self.gate.clone().unwrap_or_else(|| old.gate.clone()),
            direction: self.direction.unwrap_or(old.direction),
            person_ref: self.person_ref.clone().unwrap_or_else(|| old.person_ref.clone()),
        }
    }
}

/// Reads the body of a void, which has a reason.
pub fn parse_void(body: &[u8]) -> Result<Reason, InvalidSubmission> {
    let object = Object::parse(body)?;
    let mut errors = Vec::new();
    let reason = reason(&mut Fields { object: &object, errors: &mut errors })?;
    reason.ok_or(InvalidSubmission::Fields(errors))
}

/// Reads the body of a correction and checks all members, so that all errors are reported at once.
///
/// `keys` are the values of the header `Idempotency-Key`; `now` is the server's clock.
pub fn parse_correction(
    body: &[u8],
    keys: &[&str],
    now: DateTime<Utc>,
) -> Result<Correction, InvalidSubmission> {
    let object = Object::parse(body)?;
    let mut errors = Vec::new();
    let mut fields = Fields { object: &object, errors: &mut errors };
    let reason = reason(&mut fields)?;
    let id = fields.optional("entry_id", parse_entry_id)?;
    let key = idempotency_key(keys, id, fields.errors);
    let firstname = not_null(&mut fields, "firstname", parse_text)?;
    let lastname = not_null(&mut fields, "lastname", parse_text)?;
    let gate = clearable(&mut fields, "gate")?;
    let direction = not_null(&mut fields, "direction", parse_direction)?;
    let person_ref = clearable(&mut fields, "person_ref")?;
    let occurred_at = not_null(&mut fields, "occurred_at", parse_occurred_at)?;
    match reason {
        Some(reason) if errors.is_empty() => Ok(Correction {
            entry_id: id.or(key).unwrap_or_else(|| new_entry_id(now)),
            reason,
            firstname,
            lastname,
            gate,
            direction,
            person_ref,
            occurred_at,
        }),
        _ => Err(InvalidSubmission::Fields(errors)),
    }
}

fn reason(fields: &mut Fields<'_>) -> Result<Option<Reason>, InvalidJson> {
    const FIELD: &str = "reason";
    if fields.object.member(FIELD)? == Member::Absent {
        let expected = "is required: a string of 1 to 500 characters";
        fields.errors.push(FieldError::new(FIELD, "required", expected));
    }
    fields.optional(FIELD, |field, text| {
        Reason::parse(text).map_err(|e| FieldError::new(field, e.code(), e.to_string()))
    })
}

/// A member that replaces the old one if it is there. `null` would clear what an entry needs.
fn not_null<T>(
    fields: &mut Fields<'_>,
    field: &'static str,
    parse: impl FnOnce(&'static str, &str) -> Result<T, FieldError>,
) -> Result<Option<T>, InvalidJson> {
    if fields.object.is_null(field) {
        fields.errors.push(FieldError::new(field, "wrong_type", "must be a string, not null"));
    }
    fields.optional(field, parse)
}

/// A member that replaces the old one if it is there, and clears it if it is `null`.
fn clearable(
    fields: &mut Fields<'_>,
    field: &'static str,
) -> Result<Option<Option<Text>>, InvalidJson> {
    match fields.object.is_null(field) {
        true => Ok(Some(None)),
        false => Ok(fields.optional(field, parse_text)?.map(Some)),
    }
}
