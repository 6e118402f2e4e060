use crate::error_chain::ErrorChain;
use crate::store::StoreError;

/// Logs why entries of a batch could not be recorded, if there are any: the first reason, because the
/// others are mostly the same. The batch itself is answered.
pub(crate) fn log_not_recorded<'a>(
    request_id: &str,
    trace_id: Option<&str>,
    mut causes: impl Iterator<Item = &'a StoreError>,
) {
    if let Some(cause) = causes.next() {
        let (cause, entries) = (ErrorChain(cause), 1 + causes.count());
        tracing::warn!(request_id, trace_id, entries, %cause, "entries of a batch are not recorded");
    }
}

/// Logs why it could not be noted what a gate said in a batch. The entries of the batch are recorded,
/// and the next batch says it again.
pub(crate) fn log_not_noted(request_id: &str, trace_id: Option<&str>, cause: &StoreError) {
    let cause = ErrorChain(cause);
    tracing::warn!(request_id, trace_id, %cause, "the report of a gate is not stored");
}
