//! Headers of several answers. They stand among the document's components, and answers refer to them.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{Ref, RefOr, Response};

/// A header of answers.
pub(crate) struct SharedHeader {
    pub name: &'static str,
    schema_type: Type,
    description: &'static str,
}

pub(crate) static REQUEST_ID: SharedHeader = SharedHeader {
    name: "X-Request-Id",
    schema_type: Type::String,
    description: "The request's id, as in the log: the client's own, or a new one.",
};

/// Of the answers of paths that have pages.
pub(crate) static CACHE_CONTROL: SharedHeader = SharedHeader {
    name: "Cache-Control",
    schema_type: Type::String,
    description: "Whether a cache may keep the answer: `no-store` where it may have names or tokens.",
};

/// Of the same answers.
pub(crate) static VARY: SharedHeader = SharedHeader {
    name: "Vary",
    schema_type: Type::String,
    description: "`Accept`, by which JSON or a page is chosen.",
};

pub(super) static RETRY_AFTER: SharedHeader = SharedHeader {
    name: "Retry-After",
    schema_type: Type::Integer,
    description: "The seconds after which the same request may succeed.",
};

pub(super) static CHALLENGE: SharedHeader = SharedHeader {
    name: "WWW-Authenticate",
    schema_type: Type::String,
    description: "How a token can be sent.",
};

/// All of them.
pub(crate) static SHARED_HEADERS: [&SharedHeader; 5] =
    [&REQUEST_ID, &CACHE_CONTROL, &VARY, &RETRY_AFTER, &CHALLENGE];

impl SharedHeader {
    pub(crate) fn described(&self) -> Header {
        HeaderBuilder::new()
            .schema(Some(Object::with_type(self.schema_type.clone())))
            .description(Some(self.description))
            .build()
    }

    /// Says that `response` may have it.
    pub(crate) fn add_to(&self, response: &mut Response) {
        let path = format!("#/components/headers/{}", self.name);
        response.headers.insert(self.name.to_owned(), RefOr::Ref(Ref::new(path)));
    }
}
