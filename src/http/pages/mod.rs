//! What a browser sees: a template beside the code of each page. A handler of `api` reads what a page
//! shows, as it does for JSON; only the last step is here.

mod assets;
mod frame;
mod page;
mod problem;
mod sign_in;
mod start;

pub(super) use assets::{Asset, asset};
pub(super) use frame::{Frame, Tab, Viewer};
pub(super) use page::Page;
pub(super) use problem::{ProblemPages, ReturnTo};
pub(super) use sign_in::sign_in_page;
pub(super) use start::start_page;
