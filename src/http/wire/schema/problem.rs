#![allow(dead_code, reason = "the types only describe what is written elsewhere")]

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr, Response};
use utoipa::{PartialSchema, ToSchema};

use super::headers::{CHALLENGE, RETRY_AFTER};
use super::strings::{EntryId, string};
use crate::http::wire::kind::{CODES, Kind, UNAUTHENTICATED};

/// An error, as RFC 9457 defines it, with a stable code for programs.
#[derive(ToSchema)]
#[schema(example = json!({
    "type": "urn:rollcall:problem:invalid_entry", "title": "Invalid entry", "status": 400,
    "detail": "Some members are invalid; 'errors' lists each of them.", "code": "invalid_entry",
    "errors": [{"field": "firstname", "code": "empty",
        "message": "must have at least one character that is not white space"}],
}))]
pub(crate) struct Problem {
    /// `urn:rollcall:problem:` and the code.
    #[schema(rename = "type")]
    kind: String,
    title: String,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: String,
    code: ProblemCode,
    /// Every invalid field at once.
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// Where it is unknown whether an entry was recorded: the `entry_id` with which it is safe to send it again.
    #[schema(required = false)]
    entry_id: EntryId,
}

/// The code of an error. It never changes its meaning.
enum ProblemCode {}

impl PartialSchema for ProblemCode {
    fn schema() -> RefOr<Schema> {
        let description = "The code of an error. It never changes its meaning.";
        string().enum_values(Some(CODES.iter().copied())).description(Some(description)).into()
    }
}

impl ToSchema for ProblemCode {}

/// One member, parameter or header that breaks its rule.
#[derive(ToSchema)]
struct FieldError {
    /// Its name.
    field: String,
    /// A stable code for programs.
    code: String,
    /// What is expected, for people.
    message: String,
}

/// Declares the problems that may answer a request, as a type for `responses(...)`.
macro_rules! problems {
    ($(#[doc = $doc:literal])* $name:ident = $($kind:ident),* $(,)?) => {
        $(#[doc = $doc])*
        pub(crate) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::http::wire::schema::problem_responses(&[
                    $(&$crate::http::wire::kind::$kind),*
                ])
            }
        }
    };
}

pub(crate) use problems;

/// One answer for each status of these problems.
pub(crate) fn problem_responses(kinds: &[&'static Kind]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<&'static Kind>> = BTreeMap::new();
    for kind in kinds {
        by_status.entry(kind.status.code).or_default().push(kind);
    }
    by_status
        .into_iter()
        .map(|(status, kinds)| (status.to_string(), RefOr::T(problem_response(&kinds))))
        .collect()
}

/// The answer with one of `kinds`, which have the same status.
fn problem_response(kinds: &[&'static Kind]) -> Response {
    let description: Vec<_> =
        kinds.iter().map(|kind| format!("`{}`: {}.", kind.code, kind.when)).collect();
    let codes: Vec<_> = kinds.iter().map(|kind| kind.code).collect();
    let content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let mut response = ResponseBuilder::new()
        .description(description.join("\n\n"))
        .content("application/problem+json", content)
        // Not an enum in a schema, of which generators of clients would make types for each answer.
        .extensions(Some(ExtensionsBuilder::new().add("x-codes", codes).build()))
        .build();
    if kinds.iter().any(|kind| kind.is_temporary()) {
        RETRY_AFTER.add_to(&mut response);
    }
    if kinds.iter().any(|kind| kind.code == UNAUTHENTICATED.code) {
        CHALLENGE.add_to(&mut response);
    }
    response
}
