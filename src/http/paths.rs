//! Which paths are known. Rocket ignores empty segments (`/table//create`, `/livez/`); here a path
//! is what it says, and only the two that the contract names may end in a slash.

use std::borrow::Cow;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Method;
use rocket::http::uri::Origin;
use rocket::request::{FromRequest, Outcome};
use rocket::{Data, Request};

use super::problem::Problem;

/// How much of a form Rocket looks at for the field `_method`, in bytes: `_method=delete`.
const MAX_METHOD_FIELD: usize = 14;

/// Makes a path that Rocket alone would tidy up an unknown one.
pub struct Exact;

#[rocket::async_trait]
impl Fairing for Exact {
    fn info(&self) -> Info {
        Info { name: "exact paths", kind: Kind::Request }
    }

    async fn on_request(&self, request: &mut Request<'_>, data: &mut Data<'_>) {
        let path = request.uri().path().as_str();
        let tidied = path.contains("//") || path.ends_with('/');
        if tidied && !matches!(path, "/table/" | "/admin/") && !path.starts_with("/table/view/") {
            request.set_uri(Origin::ROOT);
        }
        // Rocket lets a form's field `_method` turn a POST into another method. A body never does
        // that here.
        if request.content_type().is_some_and(|content_type| content_type.is_form()) {
            let method = request.method().as_str().as_bytes();
            let named = data.peek(MAX_METHOD_FIELD).await.strip_prefix(b"_method=");
            let named = named.and_then(|rest| rest.split(|&byte| byte == b'&').next());
            if named.is_some_and(|named| named.eq_ignore_ascii_case(method)) {
                request.set_method(Method::Post);
            }
        }
    }
}

/// The path of a request, decoded.
pub struct Rest<'r>(&'r str);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Rest<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self(request.uri().path().as_str()))
    }
}

impl<'r> Rest<'r> {
    /// What follows `prefix`, with its percent-encoding undone.
    pub fn after(&self, prefix: &str) -> Result<Cow<'r, str>, Problem> {
        if !is_well_encoded(self.0) {
            return Err(Problem::bad_encoding());
        }
        let decoded = rocket::http::RawStr::new(self.0).percent_decode_lossy();
        match decoded {
            Cow::Borrowed(path) => path.strip_prefix(prefix).map(Cow::Borrowed),
            Cow::Owned(path) => path.strip_prefix(prefix).map(|rest| Cow::Owned(rest.to_owned())),
        }
        .ok_or_else(Problem::not_found)
    }
}

/// Whether each `%` is followed by two hexadecimal digits.
pub fn is_well_encoded(path: &str) -> bool {
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
}
