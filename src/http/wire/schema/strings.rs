//! Strings with a rule of their own. The patterns are exact, and mean the same in ECMAScript, Python and Rust.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AnyOfBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::{Direction as DomainDirection, Role as DomainRole};

/// White space, which is trimmed at both ends.
const SPACE: &str = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// Characters that no text may contain, except those that are trimmed.
const FORBIDDEN: &str = r"\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069";

/// The hyphenated form of a UUID.
pub(super) const UUID: &str = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}";

macro_rules! strings {
    ($($(#[doc = $doc:literal])* $name:ident = $schema:expr;)*) => {$(
        $(#[doc = $doc])*
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = concat!($($doc),*).trim();
                $schema.schema_type(Type::String).description(Some(description)).into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

strings! {
    /// A name, a gate or a badge number: 1 to 100 characters after white space at both ends is trimmed, without
    /// control characters and bidirectional overrides.
    Text = text(100).examples(["Arvin"]);
    /// The same, or empty, which means absent.
    OptionalText = optional_text();
    /// The reason of an amendment: 1 to 500 characters, otherwise as a name.
    Reason = text(500).examples(["wrong gate"]);
    /// A UUID in its hyphenated form. Answers have it in lower case.
    EntryId = matching(&format!("^{UUID}$"))
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .examples(["01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f"]);
    /// The same, or empty, which means absent.
    OptionalEntryId = matching(&format!("^({UUID})?$"));
    /// A moment as RFC 3339 has it: with seconds and an offset, in the years 0001 to 9999 UTC.
    Moment = moment().examples(["2019-06-24T09:12:21.5+08:00"]);
    /// The same in the future.
    Expiry = moment().examples(["2199-06-24T09:12:21Z"]);
    /// A moment in UTC, with microseconds.
    Utc = moment().examples(["2019-06-24T01:12:21.123456Z"]);
    /// `in` or `out`.
    Direction = string()
        .enum_values(Some([DomainDirection::In, DomainDirection::Out].map(DomainDirection::as_str)));
    /// The same, or empty, which means absent.
    OptionalDirection = string().enum_values(Some(["", "in", "out"]));
    /// What a token is for.
    Role = string().enum_values(Some(DomainRole::ALL.map(DomainRole::as_str)));
    /// The name of a token.
    TokenName = matching("^[a-z0-9][a-z0-9._-]{0,62}$").examples(["north-gate"]);
    /// A calendar day.
    Date = string()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
        .examples(["2019-06-24"]);
}

pub(crate) fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

pub(super) fn matching(pattern: &str) -> ObjectBuilder {
    string().pattern(Some(pattern))
}

/// A moment that may be empty, which means absent.
pub(crate) fn optional_moment() -> AnyOfBuilder {
    AnyOfBuilder::new().item(moment()).item(string().max_length(Some(0)))
}

/// A text that may be empty, which means absent.
pub(crate) fn optional_text() -> ObjectBuilder {
    matching(&format!("^$|{}", text_pattern(100))).examples(["A"])
}

fn text(most: usize) -> ObjectBuilder {
    matching(&text_pattern(most))
}

/// White space, one to `most` characters of which neither the first nor the last is white space, white space.
fn text_pattern(most: usize) -> String {
    let between = most - 2;
    format!(
        "^[{SPACE}]*[^{FORBIDDEN}{SPACE}]([^{FORBIDDEN}]{{0,{between}}}[^{FORBIDDEN}{SPACE}])?[{SPACE}]*$"
    )
}

fn moment() -> ObjectBuilder {
    string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}
