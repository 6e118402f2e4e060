use uuid::Uuid;

use super::filled::Filled;
use crate::domain::FieldError;
use crate::http::wire::{Reported, kind};

/// A form that was sent and refused, as it was filled in, to be mended and sent again.
pub(super) struct RefusedForm<'a> {
    pub what: FormOf<'a>,
    pub form: Filled,
    /// Whether an entry with other content was recorded from this form before.
    pub is_reused: bool,
}

/// What a form makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormOf<'a> {
    Entry,
    Correction { of: &'a str },
    Void { of: &'a str },
    Token,
}

impl<'a> RefusedForm<'a> {
    /// The form that was sent as `body` to `path`. `None` if it cannot be mended.
    pub(super) fn of(path: &'a str, body: &[u8], problem: &Reported) -> Option<Self> {
        let what = FormOf::sent_to(path).filter(|_| problem.may_be_sent_again())?;
        let mut form = Filled::sent(body, field_errors(problem))?;
        let is_reused = problem.code() == kind::ENTRY_ID_REUSED.code;
        // The same id as before, so that the entry is recorded only once, unless it cannot have that.
        let has_id = !form.value("entry_id").is_empty() && !form.has_error("entry_id");
        if is_reused || !has_id {
            form.replace("entry_id", Uuid::now_v7().to_string());
        }
        Some(Self { what, form, is_reused })
    }

    /// Whether the form shows what is wrong with this field.
    pub(super) fn shows(&self, field: &str) -> bool {
        self.what.fields().contains(&field)
    }
}

impl<'a> FormOf<'a> {
    fn sent_to(path: &'a str) -> Option<Self> {
        match path {
            "/table/entry" => Some(Self::Entry),
            "/admin/tokens" => Some(Self::Token),
            _ => match path.strip_prefix("/table/entry/")?.split_once('/')? {
                (of, "correct") => Some(Self::Correction { of }),
                (of, "void") => Some(Self::Void { of }),
                _ => None,
            },
        }
    }

    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Entry => {
                &["firstname", "lastname", "person_ref", "gate", "direction", "occurred_at"]
            }
            Self::Correction { .. } => &[
                "firstname",
                "lastname",
                "person_ref",
                "gate",
                "direction",
                "occurred_at",
                "reason",
            ],
            Self::Void { .. } => &["reason"],
            Self::Token => &["name", "role", "gate", "expires_at"],
        }
    }
}

/// What is wrong with fields. Some problems are about one field without saying so.
fn field_errors(problem: &Reported) -> Vec<FieldError> {
    let code = problem.code();
    let mut errors = problem.errors().to_vec();
    if code == kind::NAME_TAKEN.code {
        errors.push(FieldError::new("name", code, "is or was the name of another token"));
    } else if code == kind::GATE_MISMATCH.code {
        errors.push(FieldError::new("gate", code, "must be the gate of your token, or empty"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_form() {
        for (path, what) in [
            ("/table/entry", Some(FormOf::Entry)),
            ("/table/entry/7/correct", Some(FormOf::Correction { of: "7" })),
            ("/table/entry/7/void", Some(FormOf::Void { of: "7" })),
            ("/admin/tokens", Some(FormOf::Token)),
            ("/table/entry/7", None),
            ("/admin/tokens/a/revoke", None),
            ("/session", None),
        ] {
            assert_eq!(FormOf::sent_to(path), what, "{path}");
        }
    }
}
