//! What a browser sees: a template beside the code of each page. A handler of `api` reads what a page
//! shows, as it does for JSON; only the last step is here.

mod arrivals;
mod assets;
mod completeness;
mod docs;
mod entry;
mod filled;
mod frame;
mod gates;
mod inside;
mod page;
mod people;
mod problem;
mod refused_form;
mod rows;
mod sheet;
mod shown_moment;
mod sign_in;
mod start;
mod tokens;

pub(super) use assets::{Asset, asset};
pub(super) use docs::docs_page;
pub(super) use entry::entry_page;
pub(super) use frame::{Frame, Tab, Viewer};
pub(super) use gates::gates_page;
pub(super) use inside::{InsideView, inside_page};
pub(super) use page::Page;
pub(super) use people::people_page;
pub(super) use problem::{ProblemPages, ReturnTo, has_page};
pub(super) use rows::RowsPage;
pub(super) use sheet::{SheetView, sheet_page};
pub(super) use sign_in::sign_in_page;
pub(super) use start::start_page;
pub(super) use tokens::{new_token_page, tokens_page};
