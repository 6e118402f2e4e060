//! Request guards: what a handler needs from a request, checked before the handler runs. A guard that
//! reads a header needs it in the server's list of headers (`READ_HEADERS`).

mod admission;
mod batch_body;
mod browser;
mod caller;
mod credential;
mod entry_body;
mod idempotency_keys;
mod object_body;
mod origin;
mod own_site;
mod path_entry_id;
mod refusal;
mod request_id;
mod request_path;
mod request_query;
mod request_trace;
mod sent_method;
mod upstream_notice;
mod visitor;

pub(super) use admission::Admission;
pub(super) use batch_body::{BatchBody, BatchRoom};
pub(super) use browser::Browser;
pub(super) use caller::{MayAdminister, MayAmend, MayCreate, MayCreateFromAnySite, MayRead};
pub(super) use entry_body::EntryBody;
pub(super) use idempotency_keys::IdempotencyKeys;
pub(super) use object_body::ObjectBody;
pub(super) use own_site::{FromOwnSite, OwnSession};
pub(super) use path_entry_id::PathEntryId;
pub(super) use refusal::refused;
pub(super) use request_id::RequestId;
pub(super) use request_path::RequestPath;
pub(super) use request_query::RequestQuery;
pub(super) use request_trace::RequestTrace;
pub(super) use sent_method::SentMethod;
pub(super) use upstream_notice::UpstreamNotice;
pub(super) use visitor::Visitor;
