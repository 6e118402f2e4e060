use chrono::{DateTime, Utc};

use super::submission::{Fields, parse_text};
use super::{FieldError, InvalidSubmission, Member, Object, Role, Text, TokenName, parse_moment};

/// What is asked of a new token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    pub name: TokenName,
    pub role: Role,
    pub gate: Option<Text>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl TokenRequest {
    /// Reads the body of a request for a token that arrived at `now`, and checks all members.
    pub fn parse(body: &[u8], now: DateTime<Utc>) -> Result<Self, InvalidSubmission> {
        let object = Object::parse(body)?;
        let mut errors = Vec::new();
        for (field, expected) in [
            ("name", "is required: a string of 1 to 63 characters"),
            ("role", "is required: gate, reader, clerk or admin"),
        ] {
            if object.member(field)? == Member::Absent {
                errors.push(FieldError::new(field, "required", expected));
            }
        }
        let mut fields = Fields { object: &object, errors: &mut errors };
        let name = fields.optional("name", parse_name)?;
        let role = fields.optional("role", parse_role)?;
        let gate = fields.optional("gate", parse_text)?;
        let expires_at =
            fields.optional("expires_at", |field, text| parse_expiry(field, text, now))?;
        if let (Some(role), Some(_)) = (role, &gate)
            && let Err(error) = require_gate_role(role)
        {
            errors.push(error);
        }
        match (name, role) {
            (Some(name), Some(role)) if errors.is_empty() => {
                Ok(Self { name, role, gate, expires_at })
            }
            _ => Err(InvalidSubmission::Fields(errors)),
        }
    }
}

fn require_gate_role(role: Role) -> Result<(), FieldError> {
    match role {
        Role::Gate => Ok(()),
        _ => Err(FieldError::new("gate", "not_allowed", "is only for tokens with the role gate")),
    }
}

fn parse_name(field: &'static str, text: &str) -> Result<TokenName, FieldError> {
    TokenName::parse(text).map_err(|e| FieldError::new(field, "invalid_name", e.to_string()))
}

fn parse_role(field: &'static str, text: &str) -> Result<Role, FieldError> {
    const EXPECTED: &str = "must be gate, reader, clerk or admin";
    Role::parse(text).ok_or(FieldError::new(field, "unknown_role", EXPECTED))
}

fn parse_expiry(
    field: &'static str,
    text: &str,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, FieldError> {
    match parse_moment(text) {
        Ok(end) if end <= now => Err(FieldError::new(field, "past", "must be in the future")),
        parsed => parsed.map_err(|e| FieldError::new(field, e.code(), e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(body: &str) -> Vec<(&'static str, &'static str)> {
        match TokenRequest::parse(body.as_bytes(), noon()) {
            Err(InvalidSubmission::Fields(errors)) => {
                errors.iter().map(|error| (error.field, error.code)).collect()
            }
            other => panic!("{body} gave {other:?}"),
        }
    }

    fn noon() -> DateTime<Utc> {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_token_must_end_in_the_future() {
        let errors_of = |end: &str| errors(&format!(r#"{{"name": "a", "expires_at": "{end}"}}"#));
        let missing = ("role", "required");
        for past in ["2026-11-24T12:00:00Z", "2026-11-24T19:59:59+08:00", "0001-01-01T00:00:00Z"] {
            assert_eq!(errors_of(past), [missing, ("expires_at", "past")], "{past}");
        }
        assert_eq!(errors_of("2026-11-24T12:00:00.000001Z"), [missing]);
    }

    #[test]
    fn a_name_and_a_role_are_enough() {
        let parse = |body: &str| TokenRequest::parse(body.as_bytes(), noon()).unwrap();
        let plain = parse(r#"{"name": "north", "role": "reader", "gate": null}"#);
        assert_eq!((&*plain.name, plain.role), ("north", Role::Reader));
        assert_eq!((plain.gate, plain.expires_at), (None, None));
        let full = parse(
            r#"{"name": "a", "role": "gate", "gate": " A ", "expires_at": "2027-01-01T00:00:00+01:00"}"#,
        );
        assert_eq!(full.gate.as_deref(), Some("A"));
        assert_eq!(full.expires_at, Some("2026-12-31T23:00:00Z".parse().unwrap()));
    }

    #[test]
    fn all_invalid_members_are_reported_at_once() {
        assert_eq!(errors("{}"), [("name", "required"), ("role", "required")]);
        assert_eq!(
            errors(r#"{"name": "A", "role": "boss", "gate": "", "expires_at": "soon"}"#),
            [
                ("name", "invalid_name"),
                ("role", "unknown_role"),
                ("gate", "empty"),
                ("expires_at", "invalid_time"),
            ]
        );
        assert_eq!(
            errors(r#"{"name": "a", "role": "clerk", "gate": "A"}"#),
            [("gate", "not_allowed")]
        );
        assert_eq!(
            errors(r#"{"name": 1, "role": []}"#),
            [("name", "wrong_type"), ("role", "wrong_type")]
        );
        assert!(matches!(TokenRequest::parse(b"[]", noon()), Err(InvalidSubmission::Json(_))));
    }
}
