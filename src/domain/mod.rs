//! What attendance means: names, moments, days, entries and replays.
//!
//! Nothing here does I/O or knows HTTP or SQL, so every rule can be tested with plain values.

mod clock;
mod day;
mod entry;
mod field_error;
mod moment;
mod site;
mod submission;
mod text;

pub use clock::Clock;
pub use day::{Day, InvalidDay};
pub use entry::{Entry, NewEntry, Recorded, Rejection};
pub use field_error::FieldError;
pub use moment::{ALL_MOMENTS, InvalidMoment, Stamp, parse_moment};
pub use site::{InvalidDayStart, Site};
pub use text::{InvalidText, Text};
