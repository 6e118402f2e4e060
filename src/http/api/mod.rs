//! The routes: a file for each noun, each with its `routes()`, and the catcher for all that no route
//! answers.

mod amending;
pub(super) mod amendments;
pub(super) mod assets;
pub(super) mod batch;
pub(super) mod by_hand;
pub(super) mod changes;
pub(super) mod docs;
pub(super) mod entries;
pub(super) mod export;
pub(super) mod gates;
pub(super) mod health;
pub(super) mod index;
pub(super) mod inside;
pub(super) mod people;
mod reading;
mod recording;
pub(super) mod scrape;
pub(super) mod sessions;
pub(super) mod sheets;
pub(super) mod tokens;
pub(super) mod unmatched;
