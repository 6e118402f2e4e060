use chrono::{DateTime, Utc};

use super::{Caller, Role, Text, TokenName, TokenRequest};

/// A token as a store holds it, without its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    pub name: TokenName,
    pub role: Role,
    /// The gate that it is bound to; only a token of role `gate` may be.
    pub gate: Option<Text>,
    pub created_at: DateTime<Utc>,
    /// The name of the token that made it; none if a command did.
    pub created_by: Option<TokenName>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, right to a minute.
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl IssuedToken {
    /// A new one, as `creator` asked for it.
    pub fn new(request: TokenRequest, now: DateTime<Utc>, creator: Option<TokenName>) -> Self {
        let TokenRequest { name, role, gate, expires_at } = request;
        Self {
            name,
            role,
            gate,
            created_at: now,
            created_by: creator,
            expires_at,
            revoked_at: None,
            last_seen_at: None,
        }
    }

    /// Whether it is accepted at `now`: neither revoked nor expired.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Who a request with this token comes from.
    pub fn caller(&self) -> Caller {
        Caller { name: self.name.clone(), role: self.role, gate: self.gate.clone() }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_token_is_valid_until_it_is_revoked_or_expires() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let request = TokenRequest {
            name: TokenName::parse("a").unwrap(),
            role: Role::Reader,
            gate: None,
            expires_at: None,
        };
        let token = IssuedToken::new(request, now, None);
        assert!(token.is_valid(now + TimeDelta::days(9_999)));
        let expiring = IssuedToken { expires_at: Some(now), ..token.clone() };
        assert!(expiring.is_valid(now - TimeDelta::microseconds(1)));
        assert!(!expiring.is_valid(now));
        assert!(!IssuedToken { revoked_at: Some(now), ..token }.is_valid(now));
    }
}
