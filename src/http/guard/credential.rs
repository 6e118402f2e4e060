use data_encoding::BASE64;
use rocket::http::HeaderMap;

use super::origin::Origin;
use crate::domain::{SentToken, TokenHash};
use crate::http::wire::session_secret;

/// What the headers of a request say about who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    /// No token was sent. Another scheme than Bearer and Basic counts as none.
    None,
    /// The token that was sent.
    Bearer(SentToken),
    /// The same, as the password of the scheme Basic. A browser sends it by itself once it knows it.
    Basic(SentToken),
    /// The credentials of the scheme Basic cannot be decoded.
    Malformed,
    /// The hash of the secret in the session cookie. A browser sends it by itself.
    Session(TokenHash),
}

impl Credential {
    /// A Bearer token comes before one that is the password of Basic, and both before the cookie.
    pub(super) fn of(headers: &HeaderMap<'_>) -> Self {
        let find = |scheme: &str| {
            headers.get("Authorization").find_map(|value| {
                let (found, rest) =
                    value.trim_start().split_once(' ').unwrap_or((value.trim(), ""));
                found.eq_ignore_ascii_case(scheme).then_some(rest.trim())
            })
        };
        if let Some(token) = find("Bearer") {
            Self::Bearer(SentToken::of(token.as_bytes()))
        } else if let Some(pair) = find("Basic") {
            password(pair).map_or(Self::Malformed, |password| Self::Basic(SentToken::of(&password)))
        } else if let Some(secret) = session_secret(headers) {
            Self::Session(TokenHash::of(secret.as_bytes()))
        } else {
            Self::None
        }
    }

    /// Whether a request with it may come from there, if it changes something. What a browser sends
    /// by itself must not be of use to pages of other sites.
    pub(super) fn may_come_from(&self, origin: Origin) -> bool {
        match (self, origin) {
            (Self::Bearer(_), _) | (_, Origin::Own) => true,
            (_, Origin::Other) | (Self::Session(_), Origin::Unknown) => false,
            (Self::None | Self::Basic(_) | Self::Malformed, Origin::Unknown) => true,
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

    fn bearer(token: &str) -> Credential {
        Credential::Bearer(SentToken::of(token.as_bytes()))
    }

    fn basic(token: &str) -> Credential {
        Credential::Basic(SentToken::of(token.as_bytes()))
    }

    #[test]
    fn the_token_is_the_bearer_or_the_password_of_basic() {
        assert_eq!(credential(&["Bearer abc"]), bearer("abc"));
        assert_eq!(credential(&["bearer   abc "]), bearer("abc"));
        // x:abc, x:, :a:b
        assert_eq!(credential(&["Basic eDphYmM="]), basic("abc"));
        assert_eq!(credential(&["BASIC eDo="]), basic(""));
        assert_eq!(credential(&["Basic OmE6Yg=="]), basic("a:b"));
        assert_eq!(credential(&["Basic eDphYmM=", "Bearer other"]), bearer("other"));
    }

    #[test]
    fn what_cannot_be_decoded_is_malformed_and_other_schemes_are_none() {
        for malformed in ["Basic", "Basic !", "Basic eDphYmM", "Basic eA=="] {
            assert_eq!(credential(&[malformed]), Credential::Malformed, "{malformed}");
        }
        assert_eq!(credential(&["Bearer"]), bearer(""));
        for none in [&[][..], &["Digest abc"], &["abc"], &[""], &["Bearerabc"]] {
            assert_eq!(credential(none), Credential::None, "{none:?}");
        }
    }

    #[test]
    fn the_session_cookie_counts_where_there_is_neither_bearer_nor_basic() {
        let with_cookie = |authorization: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.add(Header::new("cookie", "rollcall_session=abc"));
            if let Some(value) = authorization {
                headers.add(Header::new("authorization", value));
            }
            Credential::of(&headers)
        };
        let session = Credential::Session(TokenHash::of(b"abc"));
        assert_eq!(with_cookie(None), session);
        assert_eq!(with_cookie(Some("Digest abc")), session);
        assert_eq!(with_cookie(Some("Bearer x")), bearer("x"));
        assert_eq!(with_cookie(Some("Basic eDphYmM=")), basic("abc"));
        assert_eq!(with_cookie(Some("Basic !")), Credential::Malformed);
    }
}
