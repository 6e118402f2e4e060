//! Which paths are known. Rocket ignores empty segments (`/table//create`, `/livez/`). Here paths
//! are exact, except that `/table/` and `/admin/` may end in a slash, and that the sheets' handler
//! checks everything below `/table/view/` itself.

use std::borrow::Cow;

use rocket::http::RawStr;
use rocket::http::uri::Origin;

use super::problem::Problem;

/// The path that stands for every path that Rocket would normalize. No route has it.
static UNKNOWN: Origin<'static> = Origin::const_new("/-", None);

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Path,
    /// The name of a host, as `CONNECT` has it.
    Authority,
}

impl Target {
    /// The path to route by. The server has checked the URI's characters.
    pub(crate) fn route(uri: &hyper::Uri) -> (Self, Origin<'_>) {
        let Some(target) = uri.path_and_query() else { return (Self::Authority, UNKNOWN.clone()) };
        let path = target.path();
        let is_normalized = path.contains("//") || path.ends_with('/') || !path.starts_with('/');
        let may_be_normalized =
            matches!(path, "/table/" | "/admin/") || path.starts_with("/table/view/");
        match is_normalized && !may_be_normalized {
            true => (Self::Path, UNKNOWN.clone()),
            false => (Self::Path, Origin::new(path, target.query().map(Cow::Borrowed))),
        }
    }
}

/// The decoded part of `path` behind `prefix`.
pub(crate) fn segments_after<'p>(path: &'p str, prefix: &str) -> Result<Cow<'p, str>, Problem> {
    if !is_well_encoded(path) {
        return Err(Problem::bad_encoding());
    }
    let decoded = RawStr::new(path).percent_decode_lossy();
    match decoded {
        Cow::Borrowed(path) => path.strip_prefix(prefix).map(Cow::Borrowed),
        Cow::Owned(path) => path.strip_prefix(prefix).map(|rest| Cow::Owned(rest.to_owned())),
    }
    .ok_or_else(Problem::not_found)
}

/// Whether each `%` is followed by two hexadecimal digits.
pub(crate) fn is_well_encoded(path: &str) -> bool {
    path.split('%').skip(1).all(|after| {
        matches!(after.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_needs_two_digits() {
        for good in ["", "/table", "/%2f%AB", "/a%20"] {
            assert!(is_well_encoded(good), "{good}");
        }
        for bad in ["%", "/%z0", "/%0", "/a%2", "/%%20"] {
            assert!(!is_well_encoded(bad), "{bad}");
        }
    }

    #[test]
    fn only_exact_paths_are_routed() {
        let route = |uri: &str| {
            let uri: hyper::Uri = uri.parse().unwrap();
            let (target, path) = Target::route(&uri);
            (target, path.to_string())
        };
        for path in
            ["/table", "/table/", "/admin/", "/table/view/", "/table/view//x/", "/table?a//"]
        {
            assert_eq!(route(path), (Target::Path, path.to_owned()));
        }
        for path in ["/", "//table", "/table//", "/livez/", "/table/create/", "/admin//", "*"] {
            assert_eq!(route(path), (Target::Path, UNKNOWN.to_string()));
        }
        assert_eq!(route("http://host/livez"), (Target::Path, "/livez".to_owned()));
        assert_eq!(route("host:80"), (Target::Authority, UNKNOWN.to_string()));
    }
}
