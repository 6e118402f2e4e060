//! Parameters of several routes.

use serde_json::json;
use utoipa::PartialSchema;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, Required};

use super::strings::{Direction, EntryId, OptionalText, UUID, matching, string};

/// An optional parameter of the query.
pub(crate) fn query(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    optional(ParameterIn::Query, name, schema, description)
}

/// A whole number from `least` to `most`.
pub(crate) fn number(least: i64, most: i64, default: i64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
        .default(Some(json!(default)))
}

fn optional(
    place: ParameterIn,
    name: &str,
    schema: impl Into<RefOr<Schema>>,
    description: &str,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn required(
    place: ParameterIn,
    name: &str,
    schema: impl Into<RefOr<Schema>>,
    description: &str,
) -> Parameter {
    let mut parameter = optional(place, name, schema, description);
    parameter.required = Required::True;
    parameter
}

/// Declares parameters, as a type for `params(...)`.
macro_rules! parameters {
    ($($(#[doc = $doc:literal])* $name:ident = [$($parameter:expr),* $(,)?];)*) => {$(
        $(#[doc = $doc])*
        pub(crate) struct $name;

        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                vec![$($parameter),*]
            }
        }
    )*};
}

pub(crate) use parameters;

parameters! {
    /// Which entries are wanted.
    Filters = [
        query("gate", OptionalText::schema(), "Only entries of this gate."),
        query("direction", Direction::schema(), "Only entries of this direction."),
        query("person_ref", OptionalText::schema(), "Only entries of this badge or staff number."),
        query(
            "q",
            matching(r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"),
            "A part of the first and last name, joined by a space. Case and accents do not matter.",
        ),
        query(
            "include",
            string().enum_values(Some(["amended"])),
            "`amended`: voided and replaced entries too, each with its amendment.",
        ),
    ];
    /// The form of an answer that has rows.
    Forms = [
        query(
            "format",
            string().enum_values(Some(["json", "csv", "ndjson", "html"])),
            "The form of the answer. It wins over the header `Accept`.",
        ),
        query(
            "bom",
            string().enum_values(Some(["0", "1"])),
            "`1`: a byte order mark comes first in a CSV, by which some spreadsheets know UTF-8.",
        ),
    ];
    /// The form of an answer that is JSON or a page.
    PageForm = [query(
        "format",
        string(),
        "`html` for a page, anything else for JSON. It wins over the header `Accept`.",
    )];
    /// Days in a row.
    DayRange = [
        required(ParameterIn::Query, "from", day(), "The first day, as `YYYYMMDD`."),
        required(
            ParameterIn::Query,
            "to",
            day(),
            "The last day, as `YYYYMMDD`: not before `from`, and at most 366 days in all.",
        ),
    ];
    /// The day in the path of a sheet.
    SheetDay = [required(
        ParameterIn::Path,
        "date",
        matching("^(today|[0-9]{8})$").examples(["today"]),
        "A day at the site as `YYYYMMDD`, in the years 0001 to 9999, or `today`.",
    )];
    /// The entry in a path.
    PathEntry = [required(
        ParameterIn::Path,
        "entry_id",
        EntryId::schema(),
        "The entry. A text that is no UUID names none.",
    )];
    /// The `entry_id` in a header.
    IdempotencyKey = [optional(
        ParameterIn::Header,
        "Idempotency-Key",
        AnyOfBuilder::new()
            .item(matching(&format!("^{UUID}$")))
            .item(matching(&format!("^\"{UUID}\"$"))),
        "Says the same as `entry_id` in the body, bare or in quotes. If both are there they must agree.",
    )];
}

fn day() -> ObjectBuilder {
    matching("^[0-9]{8}$").examples(["20190624"])
}
