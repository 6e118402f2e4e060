use super::{Failure, Patience, wait_until};
use crate::store::Store;

pub(super) fn wait(store: &dyn Store, patience: Patience) -> Result<(), Failure> {
    let schema = wait_until(
        patience.deadline(),
        |line| println!("{line}"),
        || {
            let schema = store.schema().map_err(|error| Ok(error.to_string()))?;
            schema.require().map_err(|error| Ok(error.to_string()))?;
            Ok(schema)
        },
    )?;
    println!("every migration is applied, up to {}", schema.last_known().unwrap_or("none"));
    Ok(())
}
