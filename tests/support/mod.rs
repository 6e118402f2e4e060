//! What the integration tests share: a service on a fresh store, and a client to speak to it.

// Each of the two test binaries uses its own part of this.
#![allow(dead_code, unused_imports)]

pub mod answer;
pub mod app;
pub mod cluster;
pub mod database;
pub mod process;

pub use answer::Answer;
pub use app::{Options, TestApp};
pub use cluster::Cluster;
pub use database::{Fresh, StoreKind};
pub use process::Process;

/// Writes one test body and runs it against both stores, as two tests.
macro_rules! on_both_stores {
    ($(fn $name:ident($store:ident: StoreKind) $body:block)*) => {$(
        mod $name {
            use super::*;

            fn body($store: StoreKind) $body

            #[test]
            fn postgres() {
                body(StoreKind::Postgres);
            }

            #[test]
            fn embedded() {
                body(StoreKind::Embedded);
            }
        }
    )*};
}
pub(crate) use on_both_stores;
