//! Shared by the integration tests: services on empty stores, and clients for them.

// Each of the two test binaries uses a different part of this module.
#![allow(dead_code, unused_imports)]

pub mod answer;
pub mod app;
pub mod cluster;
pub mod database;
pub mod migrations;
pub mod process;
pub mod skip;
pub mod wait;

pub use answer::Answer;
pub use app::{Options, TestApp};
pub use cluster::Cluster;
pub use database::{Fresh, StoreKind};
pub use migrations::{last_version, migrations};
pub use process::Process;
pub use skip::skip;
pub use wait::{wait_until, wait_until_within};

/// Makes two tests of one body, one for each kind of store.
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
