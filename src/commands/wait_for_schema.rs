use super::{Failure, Patience, say, wait_until};
use crate::store::Store;

pub(super) fn wait(store: &dyn Store, patience: Patience) -> Result<(), Failure> {
    let schema = wait_until(patience.deadline(), say, || {
        let schema = store.schema().map_err(|error| Ok(error.to_string()))?;
        schema.require().map_err(|error| Ok(error.to_string()))?;
        Ok(schema)
    })?;
    let last = schema.last_known().unwrap_or("none");
    say(&format!("every migration is applied, up to {last}"));
    Ok(())
}
