use super::console::print_line;
use super::failure::Failure;
use super::waiting::{Unsuccessful, Wait, wait_until};
use crate::error_chain::ErrorChain;
use crate::store::{Store, StoreError};

pub(super) fn wait(store: &dyn Store, wait: Wait) -> Result<(), Failure> {
    let not_yet = |error: StoreError| Unsuccessful::NotYet(ErrorChain(&error).to_string());
    let schema = wait_until(wait.deadline(), print_line, || {
        let schema = store.schema().map_err(not_yet)?;
        schema.require().map_err(not_yet)?;
        Ok(schema)
    })?;
    let last = schema.last_known().unwrap_or("none");
    print_line(&format!("every migration is applied, up to {last}"));
    Ok(())
}
