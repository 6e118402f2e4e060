use askama::Template;

use super::frame::{Frame, Tab};
use super::page::Page;
use crate::http::wire::Problem;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    /// Where the browser is sent afterwards.
    next: &'a str,
    /// Why it is here, if it did not want to come here.
    trouble: Option<&'a str>,
    request_id: Option<&'a str>,
}

/// The form to sign in with.
pub(crate) fn sign_in_page(frame: Frame, next: &str) -> Result<Page, Problem> {
    Page::of(&SignInPage { frame, next, trouble: None, request_id: None })
}

/// The same, where a token was needed, or was not valid.
pub(super) fn sign_in_again(
    frame: Frame,
    next: &str,
    trouble: &str,
    request_id: &str,
) -> Result<Page, Problem> {
    let (trouble, request_id) = (Some(trouble), Some(request_id));
    Page::of(&SignInPage { frame, next, trouble, request_id })
}
