use super::entry_json::push_entry;
use crate::domain::{Change, Site, Stamp, StoredAmendment, Trail};

/// Appends a change as JSON: its number, its kind, its moment and what it is about.
pub(crate) fn push_change(json: &mut Vec<u8>, change: &Change, site: &Site) {
    json.extend_from_slice(b"{\"change\":");
    json.extend_from_slice(change.number().to_string().as_bytes());
    match change {
        Change::Created(entry) => {
            push_kind(json, "created", Stamp::utc(entry.passage.received_at).as_bytes());
            json.extend_from_slice(b",\"entry\":");
            push_entry(json, entry, site);
        }
        Change::Amended(StoredAmendment { amendment, .. }) => {
            push_kind(json, amendment.state().as_str(), Stamp::utc(amendment.at).as_bytes());
            push_member(json, "entry_id", &amendment.entry_id);
            if let Some(replacement) = &amendment.replacement {
                push_member(json, "replacement", replacement);
            }
            push_member(json, "reason", &*amendment.reason);
            push_member(json, "by", &amendment.by);
        }
        Change::Erased(erasure) => {
            push_kind(json, "erased", Stamp::utc(erasure.at).as_bytes());
            push_member(json, "entry_id", &erasure.entry_id);
        }
    }
    json.push(b'}');
}

/// Appends an entry with its state and its history as JSON.
pub(crate) fn push_trail(json: &mut Vec<u8>, trail: &Trail, site: &Site) {
    json.extend_from_slice(b"{\"entry\":");
    push_entry(json, trail.entry(), site);
    push_member(json, "state", trail.state().as_str());
    push_member(json, "replaces", &trail.replaces());
    json.extend_from_slice(b",\"history\":[");
    for (index, change) in trail.history().iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        push_change(json, change, site);
    }
    json.extend_from_slice(b"]}");
}

/// `kind` and `at` need no escapes.
fn push_kind(json: &mut Vec<u8>, kind: &str, at: &[u8]) {
    push_member(json, "kind", kind);
    json.extend_from_slice(b",\"at\":\"");
    json.extend_from_slice(at);
    json.push(b'"');
}

/// A member that is not the first one. Its name needs no escapes.
pub(super) fn push_member(
    json: &mut Vec<u8>,
    name: &str,
    value: &(impl serde::Serialize + ?Sized),
) {
    json.extend_from_slice(b",\"");
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
    push_value(json, value);
}

fn push_value(json: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Strings, numbers, UUIDs and null always serialize, and writing to a Vec cannot fail.
    let _ = serde_json::to_writer(json, value);
}
