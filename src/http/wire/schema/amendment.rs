#![allow(dead_code, reason = "these types only describe what is read and written elsewhere")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::entry::Entry;
use super::strings::{
    Direction, EntryId, Moment, OptionalDirection, OptionalEntryId, OptionalText, Reason, Text,
    TokenName, Utc, optional_moment,
};

/// Why an entry is taken off its sheet.
#[derive(ToSchema)]
#[schema(example = json!({"reason": "passed twice"}))]
pub(crate) struct Void {
    reason: Reason,
}

/// The same as a form of a page.
#[derive(ToSchema)]
pub(crate) struct VoidForm {
    reason: Reason,
    /// Other members are ignored.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

/// Why an entry is replaced, and the members that change.
#[derive(ToSchema)]
#[schema(example = json!({"reason": "wrong gate", "gate": "South"}))]
pub(crate) struct Correction {
    reason: Reason,
    /// Names the replacement for good, so that a retry cannot record it twice.
    entry_id: Option<EntryId>,
    #[schema(required = false)]
    firstname: Text,
    #[schema(required = false)]
    lastname: Text,
    /// Null clears it.
    gate: Option<Text>,
    /// Without it the replacement keeps `login`.
    #[schema(required = false)]
    occurred_at: Moment,
    #[schema(required = false)]
    direction: Direction,
    /// Null clears it.
    person_ref: Option<Text>,
}

/// The same as a form of a page. An empty `gate` or `person_ref` clears it; other empty fields are missing ones.
#[derive(ToSchema)]
pub(crate) struct CorrectionForm {
    reason: Reason,
    #[schema(required = false)]
    entry_id: OptionalEntryId,
    #[schema(required = false)]
    firstname: Text,
    #[schema(required = false)]
    lastname: Text,
    #[schema(required = false)]
    gate: OptionalText,
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

/// An entry with its history.
#[derive(ToSchema)]
pub(crate) struct EntryTrail {
    entry: Entry,
    state: State,
    /// The entry that this one replaces.
    #[schema(required = true)]
    replaces: Option<EntryId>,
    /// Of the whole chain of replacements, oldest first.
    history: Vec<Change>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum State {
    Stands,
    Voided,
    Replaced,
}

/// Everything that happened after a number, in order.
#[derive(ToSchema)]
pub(crate) struct Changes {
    changes: Vec<Change>,
    /// What to ask for next, as `after`.
    next: i64,
}

/// Something that happened, by `kind`.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum Change {
    Created(Created),
    Voided(Voided),
    Replaced(Replaced),
    Erased(Erased),
}

/// An entry was recorded.
#[derive(ToSchema)]
pub(crate) struct Created {
    change: i64,
    kind: CreatedKind,
    at: Utc,
    entry: Entry,
}

/// An entry was taken off its sheet.
#[derive(ToSchema)]
pub(crate) struct Voided {
    change: i64,
    kind: VoidedKind,
    at: Utc,
    entry_id: EntryId,
    reason: Reason,
    /// The name of the token that did it.
    #[schema(required = true)]
    by: Option<TokenName>,
}

/// An entry was replaced by a corrected one.
#[derive(ToSchema)]
pub(crate) struct Replaced {
    change: i64,
    kind: ReplacedKind,
    at: Utc,
    entry_id: EntryId,
    replacement: EntryId,
    reason: Reason,
    /// The name of the token that did it.
    #[schema(required = true)]
    by: Option<TokenName>,
}

/// The names and reasons of an entry were erased.
#[derive(ToSchema)]
pub(crate) struct Erased {
    change: i64,
    kind: ErasedKind,
    at: Utc,
    entry_id: EntryId,
}

macro_rules! kinds {
    ($($kind:ident = $variant:ident;)*) => {$(
        #[derive(ToSchema)]
        #[schema(rename_all = "lowercase")]
        enum $kind {
            $variant,
        }
    )*};
}

kinds! {
    CreatedKind = Created;
    VoidedKind = Voided;
    ReplacedKind = Replaced;
    ErasedKind = Erased;
}
