use askama::Template;

use super::assets;
use super::page::Page;
use crate::http::wire::Problem;

/// As for other pages. Swagger UI has small images in its style and its script.
const SECURITY_POLICY: &str = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; \
     base-uri 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'";

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage {
    icon: &'static str,
    swagger_style: &'static str,
    swagger_script: &'static str,
    /// Over that of Swagger UI.
    style: &'static str,
    script: &'static str,
}

/// The API documents, to read and to try out.
pub(crate) fn docs_page() -> Result<Page, Problem> {
    let page = DocsPage {
        icon: assets::icon_path(),
        swagger_style: assets::swagger_style_path(),
        swagger_script: assets::swagger_script_path(),
        style: assets::docs_style_path(),
        script: assets::docs_script_path(),
    };
    Ok(Page::of(&page)?.with_policy(SECURITY_POLICY))
}
