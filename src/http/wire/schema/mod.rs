//! The shapes of values on the wire, for the API documents. What is written by hand elsewhere is described here.

mod amendment;
mod batch;
mod entry;
mod headers;
mod parameters;
mod problem;
mod reading;
mod strings;
mod token;

pub(crate) use amendment::{Changes, Correction, CorrectionForm, EntryTrail, Void, VoidForm};
pub(crate) use batch::{Batch, BatchResults};
pub(crate) use entry::{Entry, EntryForm, ListedEntry, NewEntry};
pub(crate) use headers::{CACHE_CONTROL, REQUEST_ID, SHARED_HEADERS, VARY};
pub(crate) use parameters::{
    DayRange, Filters, Forms, IdempotencyKey, PageForm, PathEntry, SheetDay, number, parameters,
    query,
};
pub(crate) use problem::{Problem, problem_responses, problems};
pub(crate) use reading::{CSV_OF_ENTRIES, CSV_OF_PEOPLE, Gates, Inside, PersonDay};
pub(crate) use strings::{TokenName, optional_moment, optional_text, string};
pub(crate) use token::{
    NewToken, NewTokenForm, SignIn, SignInForm, SignedIn, Token, TokenWithSecret, Tokens,
};
