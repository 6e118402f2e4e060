use rocket::http::HeaderMap;

use crate::http::wire::forwarded_scheme;

/// Where the page is that made a browser send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is a page of this service, or the user's own action.
    Own,
    Other,
    /// The request does not say. Other clients than browsers do not.
    Unknown,
}

impl Origin {
    /// `Sec-Fetch-Site` decides. Browsers leave it out where the service is reached by plain HTTP,
    /// and old ones do not have it; then it is `Origin`.
    pub(super) fn of(headers: &HeaderMap<'_>) -> Self {
        let is_own = match (headers.get_one("Sec-Fetch-Site"), headers.get_one("Origin")) {
            (Some(site), _) => ["same-origin", "none"].contains(&site),
            (None, Some(origin)) => is_own_origin(origin, headers),
            (None, None) => return Self::Unknown,
        };
        if is_own { Self::Own } else { Self::Other }
    }
}

/// Whether `origin`, such as `https://host:8443`, is that of the request's own URL. The scheme
/// counts where a proxy tells it.
fn is_own_origin(origin: &str, headers: &HeaderMap<'_>) -> bool {
    let (Some((scheme, authority)), Some(host)) =
        (origin.split_once("://"), headers.get_one("Host"))
    else {
        return false;
    };
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let without_port =
        |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    let is_scheme = forwarded_scheme(headers).is_none_or(|ours| ours.eq_ignore_ascii_case(scheme));
    is_scheme && without_port(authority) == without_port(host)
}

#[cfg(test)]
mod tests {
    use rocket::http::Header;

    use super::*;

    fn origin(sent: &[(&'static str, &'static str)]) -> Origin {
        let mut headers = HeaderMap::new();
        headers.add(Header::new("host", "gate.example:8000"));
        for (name, value) in sent {
            headers.replace(Header::new(*name, *value));
        }
        Origin::of(&headers)
    }

    #[test]
    fn sec_fetch_site_decides_where_it_is_there() {
        let own = ("origin", "http://gate.example:8000");
        for (site, expected) in [
            ("same-origin", Origin::Own),
            ("none", Origin::Own),
            ("same-site", Origin::Other),
            ("cross-site", Origin::Other),
            ("", Origin::Other),
            ("Same-Origin", Origin::Other),
        ] {
            assert_eq!(origin(&[("sec-fetch-site", site), own]), expected, "{site}");
        }
        let other = ("origin", "https://evil.example");
        assert_eq!(origin(&[("sec-fetch-site", "same-origin"), other]), Origin::Own);
    }

    #[test]
    fn otherwise_the_origin_must_be_that_of_the_host() {
        assert_eq!(origin(&[]), Origin::Unknown);
        for (host, sent, expected) in [
            ("gate.example:8000", "http://gate.example:8000", Origin::Own),
            ("gate.example:8000", "http://GATE.example:8000", Origin::Own),
            ("gate.example", "http://gate.example", Origin::Own),
            ("gate.example", "https://gate.example", Origin::Own),
            ("gate.example:443", "https://gate.example", Origin::Own),
            ("gate.example:80", "http://gate.example", Origin::Own),
            ("gate.example:80", "https://gate.example", Origin::Other),
            ("[::1]:8000", "http://[::1]:8000", Origin::Own),
            ("gate.example", "http://gate.example:8000", Origin::Other),
            ("gate.example", "http://evil.example", Origin::Other),
            ("gate.example", "http://gate.example.evil.example", Origin::Other),
            ("gate.example", "http://evil.example/gate.example", Origin::Other),
            ("gate.example", "ftp://gate.example", Origin::Other),
            ("gate.example", "null", Origin::Other),
            ("gate.example", "", Origin::Other),
        ] {
            let found = origin(&[("host", host), ("origin", sent)]);
            assert_eq!(found, expected, "{host} {sent}");
        }
    }

    #[test]
    fn the_scheme_counts_where_a_proxy_tells_it() {
        for (scheme, expected) in [("https", Origin::Own), ("http", Origin::Other)] {
            let sent = [("x-forwarded-proto", scheme), ("origin", "https://gate.example:8000")];
            assert_eq!(origin(&sent), expected, "{scheme}");
        }
    }
}
