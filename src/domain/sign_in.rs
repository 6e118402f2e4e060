use super::submission::Fields;
use super::{FieldError, InvalidSubmission, Object, SentToken};

/// What a browser signs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    pub token: SentToken,
    /// Where it wants to go then. Not checked.
    pub next: Option<String>,
}

impl SignIn {
    /// Reads the body of a request for a session. White space around the token is ignored, because
    /// it is easily copied along.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidSubmission> {
        let object = Object::parse(body)?;
        let mut errors = Vec::new();
        let mut fields = Fields { object: &object, errors: &mut errors };
        let token =
            fields.optional("token", |_, token| Ok(SentToken::of(token.trim().as_bytes())))?;
        let next = fields.optional("next", |_, next| Ok(next.to_owned()))?;
        match token {
            Some(token) if errors.is_empty() => Ok(Self { token, next }),
            _ => {
                if errors.is_empty() {
                    errors.push(FieldError::new("token", "required", "is required: a token"));
                }
                Err(InvalidSubmission::Fields(errors))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_needed_and_trimmed() {
        let sign_in = SignIn::parse(br#"{"token": " abc\n", "next": "/table"}"#).unwrap();
        assert_eq!(sign_in.token, SentToken::of(b"abc"));
        assert_eq!(sign_in.next.as_deref(), Some("/table"));
        for body in ["{}", r#"{"token": null}"#, r#"{"token": 1}"#, r#"{"token": "a", "next": 1}"#]
        {
            let Err(InvalidSubmission::Fields(errors)) = SignIn::parse(body.as_bytes()) else {
                panic!("{body}");
            };
            assert_eq!(errors.len(), 1, "{body}");
        }
    }
}
