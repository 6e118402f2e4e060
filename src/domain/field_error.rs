use std::borrow::Cow;

use serde::Serialize;

/// One member of a body, or one header, that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The member's name as the client wrote it, or `Idempotency-Key` for the header.
    pub field: &'static str,
    /// A stable code for programs.
    pub code: &'static str,
    /// What is expected, for people.
    pub message: Cow<'static, str>,
}

impl FieldError {
    /// An error on `field`, with a stable `code` and a `message` that says what is expected.
    pub fn new(
        field: &'static str,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field, code, message: message.into() }
    }
}
