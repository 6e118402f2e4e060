//! The routes: a file for each noun, each with its `routes()`.

pub mod entries;
pub mod health;
pub mod index;
pub mod scrape;
pub mod sheets;
pub mod tokens;
pub mod unmatched;
