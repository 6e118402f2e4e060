//! What attendance means: names, moments, days, entries and retries; and who may do what.
//!
//! Nothing here does I/O, serves HTTP or has SQL, so every rule can be tested with plain values.

mod access;
mod amendment;
mod caller;
mod change;
mod clock;
mod correction;
mod day;
mod direction;
mod entry;
mod erasure;
mod field_error;
mod issued_token;
mod moment;
mod object;
mod passage;
mod reason;
mod role;
mod site;
mod submission;
mod text;
mod token;
mod token_name;
mod token_request;
mod trail;

pub use access::Access;
pub use amendment::{Amendment, State, StoredAmendment};
pub use caller::{Caller, GateMismatch};
pub use change::Change;
pub use clock::Clock;
pub use correction::{Correction, parse_correction, parse_void};
pub use day::{Day, InvalidDay};
pub use direction::{Direction, InvalidDirection};
pub use entry::{Entry, Recorded};
pub use erasure::{ERASED, Erasure, ErasureScope};
pub use field_error::FieldError;
pub use issued_token::IssuedToken;
pub use moment::{ALL_MOMENTS, InvalidMoment, Stamp, parse_moment};
pub use object::{InvalidJson, Member, Object};
pub use passage::Passage;
pub use reason::Reason;
pub use role::{Permission, Role};
pub use site::{InvalidDayStart, Site};
pub use submission::{InvalidSubmission, parse_submission};
pub use text::{InvalidText, Text};
pub use token::{NoRandomness, Token, TokenHash};
pub use token_name::{InvalidTokenName, TokenName};
pub use token_request::TokenRequest;
pub use trail::{Decision, NotAmendable, Replacement, Trail};
