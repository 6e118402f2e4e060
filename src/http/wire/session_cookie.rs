use rocket::http::{Header, HeaderMap};

use crate::domain::Token;

/// The cookie that holds the secret of a session.
const NAME: &str = "rollcall_session";

/// What a browser must do with it: not show it to scripts, and not send it with requests that other
/// sites make, except when one of their links is followed.
const ATTRIBUTES: &str = "; HttpOnly; SameSite=Lax; Path=/";

/// The secret in the request's cookie, if it has one.
pub(crate) fn session_secret<'h>(headers: &'h HeaderMap<'_>) -> Option<&'h str> {
    let cookies = headers.get("Cookie").flat_map(|cookies| cookies.split(';'));
    let mut pairs = cookies.filter_map(|cookie| cookie.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == NAME && !value.is_empty()).then_some(value))
}

/// Gives a browser the secret. `headers` are those of the request.
pub(crate) fn set_session(secret: &Token, headers: &HeaderMap<'_>) -> Header<'static> {
    let secure = if is_https(headers) { "; Secure" } else { "" };
    Header::new("Set-Cookie", format!("{NAME}={}{ATTRIBUTES}{secure}", secret.reveal()))
}

/// Takes the secret away.
pub(crate) fn clear_session(headers: &HeaderMap<'_>) -> Header<'static> {
    let secure = if is_https(headers) { "; Secure" } else { "" };
    Header::new("Set-Cookie", format!("{NAME}={ATTRIBUTES}; Max-Age=0{secure}"))
}

/// Whether the browser speaks HTTPS, as the proxy that ends TLS says.
fn is_https(headers: &HeaderMap<'_>) -> bool {
    forwarded_scheme(headers).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

/// The scheme that the first proxy was asked with.
pub(crate) fn forwarded_scheme<'h>(headers: &'h HeaderMap<'_>) -> Option<&'h str> {
    headers.get_one("X-Forwarded-Proto")?.split(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(sent: &[(&'static str, &'static str)]) -> HeaderMap<'static> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.add(Header::new(*name, *value));
        }
        headers
    }

    #[test]
    fn the_secret_is_found_among_other_cookies() {
        for (cookie, secret) in [
            ("rollcall_session=abc", Some("abc")),
            ("a=b; rollcall_session=abc;c=d", Some("abc")),
            ("a=b;rollcall_session=", None),
            ("rollcall_session", None),
            ("xrollcall_session=abc", None),
            ("Rollcall_Session=abc", None),
            ("a=rollcall_session=abc", None),
        ] {
            assert_eq!(session_secret(&headers(&[("cookie", cookie)])), secret, "{cookie}");
        }
        let two = headers(&[("cookie", "a=b"), ("cookie", "rollcall_session=abc")]);
        assert_eq!(session_secret(&two), Some("abc"));
        assert_eq!(session_secret(&headers(&[])), None);
    }

    #[test]
    fn the_cookie_is_secure_where_the_browser_speaks_https() {
        for (sent, secure) in [
            (&[][..], false),
            (&[("X-Forwarded-Proto", "https")], true),
            (&[("X-Forwarded-Proto", "HTTPS, http")], true),
            (&[("X-Forwarded-Proto", "http, https")], false),
            (&[("X-Forwarded-Proto", "")], false),
        ] {
            let headers = headers(sent);
            let secret = Token::generate().unwrap();
            let set = set_session(&secret, &headers);
            let value = set.value();
            let begin =
                format!("rollcall_session={}; HttpOnly; SameSite=Lax; Path=/", secret.reveal());
            assert!(value.starts_with(&begin), "{value}");
            assert_eq!(value.ends_with("; Secure"), secure, "{sent:?}");
            assert_eq!(clear_session(&headers).value().ends_with("; Secure"), secure, "{sent:?}");
        }
    }
}
