use std::fmt;
use std::io;
use std::path::PathBuf;

use ureq::Proxy;
use ureq::http::Uri;
use ureq::tls::Certificate;

/// The Rollcall that a gate agent forwards to.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub url: UpstreamUrl,
    pub token: TokenSource,
    pub authorities: Authorities,
    /// The proxy on the way to it.
    pub proxy: Option<Proxy>,
}

/// A base URL with `http` or `https`, a host, and perhaps a port and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// Without a slash at its end.
    base: String,
    host: String,
    is_https: bool,
}

/// The text is no base URL, or has a part that it must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a base URL")]
pub struct InvalidUpstreamUrl;

/// Where the token is. `Debug` does not show it.
#[derive(Clone)]
pub enum TokenSource {
    /// The upstream asks for none.
    None,
    Set(String),
    /// Read again when the upstream refuses the last one, so that a new token needs no restart.
    File(PathBuf),
}

/// Whose certificates are trusted.
#[derive(Clone)]
pub enum Authorities {
    /// Those that this computer trusts.
    Computer,
    /// These and no others.
    These(Vec<Certificate<'static>>),
}

impl UpstreamUrl {
    pub fn parse(text: &str) -> Result<Self, InvalidUpstreamUrl> {
        // A URI of the HTTP library loses its fragment.
        let uri = Some(text).filter(|text| !text.contains('#'));
        let uri = uri.and_then(|text| text.parse::<Uri>().ok()).ok_or(InvalidUpstreamUrl)?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(InvalidUpstreamUrl),
        };
        let authority = uri.authority().ok_or(InvalidUpstreamUrl)?;
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        let port = authority.as_str().strip_prefix(authority.host());
        let has_valid_port = match port.and_then(|port| port.strip_prefix(':')) {
            Some(port) => port.parse::<u16>().is_ok_and(|port| port > 0),
            None => port == Some(""),
        };
        // A password here would be shown.
        if host.is_empty()
            || !has_valid_port
            || authority.as_str().contains('@')
            || uri.query().is_some()
            || is_route(uri.path())
        {
            return Err(InvalidUpstreamUrl);
        }
        Ok(Self { base: text.trim_end_matches('/').to_owned(), host, is_https })
    }

    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// The host's name or address, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Whether it is this computer itself.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

/// Whether the path is that of a route, which follows a base URL.
fn is_route(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    ["/table", "/table/batch", "/table/create"].iter().any(|route| path.ends_with(route))
}

impl TokenSource {
    /// What is sent as a token: visible ASCII characters, without white space around them.
    pub(super) fn read(&self) -> io::Result<Option<String>> {
        match self {
            Self::None => Ok(None),
            Self::Set(token) => Ok(Some(token.clone())),
            Self::File(path) => {
                let token = std::fs::read_to_string(path)?;
                match Self::clean(&token) {
                    Some(token) => Ok(Some(token.to_owned())),
                    None => Err(io::Error::new(io::ErrorKind::InvalidData, "not a token")),
                }
            }
        }
    }

    /// A token as it is sent.
    pub fn clean(text: &str) -> Option<&str> {
        let token = text.trim();
        (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())).then_some(token)
    }

    /// Fails where the token cannot be read.
    pub fn check(&self) -> io::Result<()> {
        self.read().map(drop)
    }
}

impl Authorities {
    /// All certificates of a file in PEM. `None` if there is none in it, or one that is invalid.
    pub fn parse(pem: &[u8]) -> Option<Self> {
        let items = ureq::tls::parse_pem(pem).collect::<Result<Vec<_>, _>>().ok()?;
        let certificates: Vec<_> = items
            .into_iter()
            .filter_map(|item| match item {
                ureq::tls::PemItem::Certificate(certificate) => Some(certificate),
                _ => None,
            })
            .collect();
        let is_valid = |certificate: &Certificate<'_>| {
            native_tls::Certificate::from_der(certificate.der()).is_ok()
        };
        (!certificates.is_empty() && certificates.iter().all(is_valid))
            .then_some(Self::These(certificates))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Set(_) => f.write_str("Set(***)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Computer => f.write_str("Computer"),
            Self::These(certificates) => write!(f, "These({})", certificates.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_a_scheme_a_host_and_perhaps_a_port_and_a_path() {
        for (text, base, host, is_https, is_loopback) in [
            ("https://Example.org", "https://Example.org", "example.org", true, false),
            ("http://10.0.0.7:8000/", "http://10.0.0.7:8000", "10.0.0.7", false, false),
            ("https://a.b:1/x/y//", "https://a.b:1/x/y", "a.b", true, false),
            ("https://a.b/timetable", "https://a.b/timetable", "a.b", true, false),
            ("http://[::1]:80", "http://[::1]:80", "::1", false, true),
            ("http://localhost", "http://localhost", "localhost", false, true),
            ("http://127.1.2.3", "http://127.1.2.3", "127.1.2.3", false, true),
        ] {
            let url = UpstreamUrl::parse(text).unwrap();
            assert_eq!(
                (url.as_str(), url.host(), url.is_https(), url.is_loopback()),
                (base, host, is_https, is_loopback)
            );
        }
        for text in [
            "",
            "x",
            "example.org",
            "example.org:8000",
            "//example.org",
            "ftp://example.org",
            "https://",
            "https:///x",
            "https://a:b@example.org",
            "https://a@example.org",
            "https://example.org?x=1",
            "https://example.org/#x",
            "https://example.org:0",
            "https://example.org:",
            "https://example.org:x",
            "https://example.org:65536",
            "https://example.org:99999",
            "https://example.org/table",
            "https://example.org/table/batch",
            "https://example.org/x/table/batch/",
            "https://example.org/table/create",
            "https://exa mple.org",
            " https://example.org",
        ] {
            assert_eq!(UpstreamUrl::parse(text), Err(InvalidUpstreamUrl), "{text:?}");
        }
    }

    #[test]
    fn debug_does_not_show_a_token() {
        assert_eq!(format!("{:?}", TokenSource::Set("secret".into())), "Set(***)");
    }

    #[test]
    fn a_token_is_visible_ascii() {
        assert_eq!(TokenSource::clean(" x-y\n"), Some("x-y"));
        for text in ["", " \n", "x y", "x\ny", "é"] {
            assert_eq!(TokenSource::clean(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_has_no_certificate_is_no_list_of_authorities() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "x", broken] {
            assert!(Authorities::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
