//! Request guards: what a handler needs from a request, checked before the handler runs.

mod entry_body;
mod idempotency_keys;
mod path_entry_id;
mod refusal;
mod request_path;

pub use entry_body::EntryBody;
pub use idempotency_keys::IdempotencyKeys;
pub use path_entry_id::PathEntryId;
pub use refusal::refused;
pub use request_path::RequestPath;
