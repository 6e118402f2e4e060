use serde::{Serialize, Serializer};

use crate::domain::{IssuedToken, Stamp, Token};

/// All tokens, by name, as `GET /admin/tokens` answers them.
#[derive(Serialize)]
pub struct TokenList<'a> {
    tokens: Vec<TokenJson<'a>>,
}

/// One token. The members are in the contract's order.
#[derive(Serialize)]
pub(crate) struct TokenJson<'a> {
    name: &'a str,
    role: &'static str,
    gate: Option<&'a str>,
    created_at: Moment,
    created_by: Option<&'a str>,
    expires_at: Option<Moment>,
    revoked_at: Option<Moment>,
    last_seen_at: Option<Moment>,
    /// Only in the answer that makes the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

struct Moment(Stamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'a> TokenList<'a> {
    pub fn new(tokens: impl IntoIterator<Item = &'a IssuedToken>) -> Self {
        let mut tokens: Vec<_> = tokens.into_iter().map(TokenJson::of).collect();
        tokens.sort_by_key(|token| token.name);
        Self { tokens }
    }
}

impl<'a> TokenJson<'a> {
    pub(crate) fn of(token: &'a IssuedToken) -> Self {
        let moment = |moment| Moment(Stamp::utc(moment));
        Self {
            name: &token.name,
            role: token.role.as_str(),
            gate: token.gate.as_deref(),
            created_at: moment(token.created_at),
            created_by: token.created_by.as_deref(),
            expires_at: token.expires_at.map(moment),
            revoked_at: token.revoked_at.map(moment),
            last_seen_at: token.last_seen_at.map(moment),
            token: None,
        }
    }

    /// With the secret, which is shown only once.
    pub(crate) fn with_secret(token: &'a IssuedToken, secret: &'a Token) -> Self {
        Self { token: Some(secret.reveal()), ..Self::of(token) }
    }
}
