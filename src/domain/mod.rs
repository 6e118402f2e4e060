//! What attendance means: names, moments, days, entries and retries.
//!
//! Nothing here does I/O, serves HTTP or has SQL, so every rule can be tested with plain values.

mod amendment;
mod change;
mod clock;
mod correction;
mod day;
mod direction;
mod entry;
mod field_error;
mod moment;
mod object;
mod passage;
mod reason;
mod site;
mod submission;
mod text;
mod trail;

pub use amendment::{Amendment, State, StoredAmendment};
pub use change::Change;
pub use clock::Clock;
pub use correction::{Correction, parse_correction, parse_void};
pub use day::{Day, InvalidDay};
pub use direction::{Direction, InvalidDirection};
pub use entry::{Entry, Recorded};
pub use field_error::FieldError;
pub use moment::{ALL_MOMENTS, InvalidMoment, Stamp, parse_moment};
pub use object::{InvalidJson, Member, Object};
pub use passage::Passage;
pub use reason::Reason;
pub use site::{InvalidDayStart, Site};
pub use submission::{InvalidSubmission, parse_submission};
pub use text::{InvalidText, Text};
pub use trail::{Decision, NotAmendable, Replacement, Trail};
