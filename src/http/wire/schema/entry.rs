#![allow(dead_code, reason = "these types only describe what is read and written elsewhere")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::strings::{
    Direction, EntryId, Moment, OptionalDirection, OptionalEntryId, OptionalText, Reason, Text,
    TokenName, Utc, optional_moment,
};

/// What a gate sends. Unknown members are ignored.
#[derive(ToSchema)]
#[schema(example = json!({
    "firstname": "Arvin", "lastname": "Cudanin", "gate": "A",
    "entry_id": "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f", "direction": "in", "person_ref": "B-1042",
}))]
pub(crate) struct NewEntry {
    firstname: Text,
    lastname: Text,
    /// The gate that was passed. A token that is bound to a gate fills it in.
    gate: Option<Text>,
    /// Names this entry for good, so that a retry cannot record it twice. Without it the service makes one.
    entry_id: Option<EntryId>,
    /// When the person passed, for a gate that was offline. Without it, it is the service's clock.
    occurred_at: Option<Moment>,
    /// `in` if it is missing.
    direction: Option<Direction>,
    /// A badge or staff number.
    person_ref: Option<Text>,
}

/// The same as a form of a page, in which an empty field is a missing one.
#[derive(ToSchema)]
pub(crate) struct EntryForm {
    firstname: Text,
    lastname: Text,
    #[schema(required = false)]
    gate: OptionalText,
    #[schema(required = false)]
    entry_id: OptionalEntryId,
    #[schema(required = false, schema_with = optional_moment)]
    occurred_at: Moment,
    #[schema(required = false)]
    direction: OptionalDirection,
    #[schema(required = false)]
    person_ref: OptionalText,
    /// Other members are ignored.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

/// A stored entry.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": 7, "login": "2019-06-24T09:12:21.123456+08:00", "firstname": "Arvin",
    "lastname": "Cudanin", "gate": "A", "entry_id": "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f",
    "received_at": "2019-06-24T01:12:21.123456Z", "direction": "in", "person_ref": null,
}))]
pub(crate) struct Entry {
    /// Ids only grow.
    id: i64,
    /// When the person passed, with the site's offset.
    login: Moment,
    firstname: Text,
    lastname: Text,
    #[schema(required = true)]
    gate: Option<Text>,
    entry_id: EntryId,
    /// The service's own clock.
    received_at: Utc,
    direction: Direction,
    #[schema(required = true)]
    person_ref: Option<Text>,
}

/// An entry of a sheet.
#[derive(ToSchema)]
pub(crate) struct ListedEntry {
    #[schema(inline)]
    #[serde(flatten)]
    entry: Entry,
    /// The last amendment of the entry, null where it stands. Only with `include=amended`.
    amended: Option<Amended>,
}

/// Why an entry does not stand any more.
#[derive(ToSchema)]
struct Amended {
    kind: AmendmentKind,
    /// The number of the change.
    change: i64,
    at: Utc,
    reason: Reason,
    /// The name of the token that made it.
    #[schema(required = true)]
    by: Option<TokenName>,
    /// The entry that stands instead.
    #[schema(required = true)]
    replacement: Option<EntryId>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum AmendmentKind {
    Voided,
    Replaced,
}
