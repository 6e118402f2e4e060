use std::sync::Arc;

use tokio::sync::watch;

/// Whether the service has been asked to stop. Clones share the state.
#[derive(Clone, Default)]
pub(crate) struct Stopping(Arc<watch::Sender<bool>>);

impl Stopping {
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when the service is asked to stop, or at once if it has been.
    pub(crate) async fn begun(&self) {
        // It fails only if the sender is gone, and `self` holds it.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}
