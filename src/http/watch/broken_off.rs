use std::error::Error;

use crate::error_chain::ErrorChain;

/// Logs why an answer that had begun was broken off. Not in the handlers' modules, whose log lines are
/// filtered out because Rocket's macros write there.
pub(crate) fn log_broken_off(request_id: &str, trace_id: Option<&str>, cause: &dyn Error) {
    let cause = ErrorChain(cause);
    tracing::warn!(request_id, trace_id, %cause, "an answer was broken off");
}
