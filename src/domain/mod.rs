//! What attendance means: names, moments, days, entries and retries.
//!
//! Nothing here does I/O or knows HTTP or SQL, so every rule can be tested with plain values.

mod clock;
mod day;
mod direction;
mod entry;
mod field_error;
mod moment;
mod object;
mod passage;
mod site;
mod submission;
mod text;

pub use clock::Clock;
pub use day::{Day, InvalidDay};
pub use direction::{Direction, InvalidDirection};
pub use entry::{Entry, Recorded};
pub use field_error::FieldError;
pub use moment::{ALL_MOMENTS, InvalidMoment, Stamp, parse_moment};
pub use object::{InvalidJson, Member, Object};
pub use passage::Passage;
pub use site::{InvalidDayStart, Site};
pub use submission::{InvalidSubmission, parse_submission};
pub use text::{InvalidText, Text};
