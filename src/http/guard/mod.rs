//! Request guards: what a handler needs from a request, checked before the handler runs.

mod admission;
mod caller;
mod credential;
mod entry_body;
mod idempotency_keys;
mod refusal;
mod request_path;

pub use admission::Admission;
pub use caller::{MayAdminister, MayCreate, MayRead};
pub use entry_body::EntryBody;
pub use idempotency_keys::IdempotencyKeys;
pub use refusal::refused;
pub use request_path::RequestPath;
