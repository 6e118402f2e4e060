use data_encoding::BASE64;
use rocket::http::HeaderMap;

use crate::domain::TokenHash;

/// What the headers of a request say about who sent it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// No token was sent. Another scheme than Bearer and Basic counts as none.
    None,
    /// The hash of the token that was sent.
    Sent(TokenHash),
    /// The credentials of the scheme Basic cannot be decoded.
    Malformed,
}

impl Credential {
    /// A Bearer token comes before one that is the password of Basic.
    pub(super) fn of(headers: &HeaderMap<'_>) -> Self {
        let find = |scheme: &str| {
            headers.get("Authorization").find_map(|value| {
                let (found, rest) =
                    value.trim_start().split_once(' ').unwrap_or((value.trim(), ""));
                found.eq_ignore_ascii_case(scheme).then_some(rest.trim())
            })
        };
        if let Some(token) = find("Bearer") {
            Self::Sent(TokenHash::of(token.as_bytes()))
        } else if let Some(pair) = find("Basic") {
            password(pair).map_or(Self::Malformed, |password| Self::Sent(TokenHash::of(&password)))
        } else {
            Self::None
        }
    }

    /// Of the token that was sent, if one was.
    pub(super) fn hash(&self) -> Option<TokenHash> {
        match self {
            Self::Sent(hash) => Some(*hash),
            Self::None | Self::Malformed => None,
        }
    }
}

/// The password of `user:password` in base64 (RFC 7617). Only the password may contain a colon.
fn password(pair: &str) -> Option<Vec<u8>> {
    let decoded = BASE64.decode(pair.as_bytes()).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use rocket::http::Header;

    use super::*;

    fn credential(values: &[&str]) -> Credential {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.add(Header::new("authorization", (*value).to_owned()));
        }
        Credential::of(&headers)
    }

    fn sent(token: &str) -> Credential {
        Credential::Sent(TokenHash::of(token.as_bytes()))
    }

    #[test]
    fn the_token_is_the_bearer_or_the_password_of_basic() {
        assert_eq!(credential(&["Bearer abc"]), sent("abc"));
        assert_eq!(credential(&["bearer   abc "]), sent("abc"));
        // x:abc, x:, :a:b
        assert_eq!(credential(&["Basic eDphYmM="]), sent("abc"));
        assert_eq!(credential(&["BASIC eDo="]), sent(""));
        assert_eq!(credential(&["Basic OmE6Yg=="]), sent("a:b"));
        assert_eq!(credential(&["Basic eDphYmM=", "Bearer other"]), sent("other"));
    }

    #[test]
    fn what_cannot_be_decoded_is_malformed_and_other_schemes_are_none() {
        for malformed in ["Basic", "Basic !", "Basic eDphYmM", "Basic eA=="] {
            assert_eq!(credential(&[malformed]), Credential::Malformed, "{malformed}");
        }
        assert_eq!(credential(&["Bearer"]), sent(""));
        for none in [&[][..], &["Digest abc"], &["abc"], &[""], &["Bearerabc"]] {
            assert_eq!(credential(none), Credential::None, "{none:?}");
        }
    }
}
