use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::submission::{Fields, parse_named_submission, parse_occurred_at, parse_text};
use super::{
    FieldError, GateReport, InvalidJson, InvalidSubmission, Member, Object, Passage, Text,
};

/// How many entries a batch may have.
const MAX_ENTRIES: usize = 500;

/// Entries that a gate sends together, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedBatch {
    /// What was sent, in the same order. One that is invalid does not invalidate the others.
    pub entries: Vec<Result<Passage, InvalidSubmission>>,
    /// The gate of those entries that name none. It is filled in already.
    pub gate: Option<Text>,
    /// What the gate still holds, if the batch says anything about it.
    pub report: Option<GateReport>,
}

/// Reads the body of a batch that arrived at `received_at`, and checks all of its members. Those of
/// the entries are checked for each by itself.
pub fn parse_batch(
    body: &[u8],
    received_at: DateTime<Utc>,
) -> Result<SubmittedBatch, InvalidSubmission> {
    let object = Object::parse(body)?;
    let mut errors = Vec::new();
    let entries = entries(&object)?.map_err(|error| errors.push(error)).ok();
    let mut fields = Fields { object: &object, errors: &mut errors };
    let gate = fields.optional("gate", parse_text)?;
    let as_of = fields.optional("as_of", parse_occurred_at)?;
    let pending = pending(&mut fields)?;
    let oldest_pending = fields.optional("oldest_pending", parse_occurred_at)?;
    let Some(entries) = entries.filter(|_| errors.is_empty()) else {
        return Err(InvalidSubmission::Fields(errors));
    };
    let parse = |entry: &RawValue| {
        let mut passage = parse_named_submission(entry.get().as_bytes(), received_at)?;
        passage.gate = passage.gate.or_else(|| gate.clone());
        Ok(passage)
    };
    Ok(SubmittedBatch {
        entries: entries.into_iter().map(parse).collect(),
        gate: gate.clone(),
        report: GateReport::new(received_at, as_of, pending, oldest_pending),
    })
}

/// The elements of `entries`, none of them checked yet.
fn entries<'a>(object: &Object<'a>) -> Result<Result<Vec<&'a RawValue>, FieldError>, InvalidJson> {
    const FIELD: &str = "entries";
    let wrong_type = || FieldError::new(FIELD, "wrong_type", "must be an array of objects");
    Ok(match object.member(FIELD)? {
        Member::Absent => {
            let expected = "is required: an array of 0 to 500 objects";
            Err(FieldError::new(FIELD, "required", expected))
        }
        Member::Text(_) => Err(wrong_type()),
        Member::Other(json) => match serde_json::from_str::<Vec<_>>(json) {
            Ok(entries) if entries.len() > MAX_ENTRIES => {
                Err(FieldError::new(FIELD, "too_many", "must be at most 500"))
            }
            Ok(entries) => Ok(entries),
            Err(_) => Err(wrong_type()),
        },
    })
}

fn pending(fields: &mut Fields<'_>) -> Result<Option<u64>, InvalidJson> {
    const FIELD: &str = "pending";
    /// The largest whole number that every JSON parser reads exactly.
    const MAX: u64 = (1 << 53) - 1;
    let number = match fields.object.member(FIELD)? {
        Member::Absent => return Ok(None),
        Member::Text(_) => None,
        Member::Other(json) => json.parse().ok().filter(|number| *number <= MAX),
    };
    if number.is_none() {
        let expected =
            "must be a whole number up to 9007199254740991: how many entries the gate still holds";
        fields.errors.push(FieldError::new(FIELD, "wrong_type", expected));
    }
    Ok(number)
}
