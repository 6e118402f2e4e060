use askama::Template;
use chrono::{DateTime, Utc};
use rocket::http::Status;

use super::filled::Filled;
use super::frame::{Frame, Tab};
use super::page::Page;
use super::shown_moment::ShownMoment;
use crate::domain::{IssuedToken, Site, Token};
use crate::http::wire::Problem;

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage<'a> {
    frame: Frame,
    zone: &'static str,
    rows: Vec<Row<'a>>,
    /// To make a token with.
    form: Filled,
}

struct Row<'a> {
    name: &'a str,
    role: &'static str,
    gate: Option<&'a str>,
    created_by: Option<&'a str>,
    state: &'static str,
    created: ShownMoment,
    last_seen: Option<ShownMoment>,
    expires: Option<ShownMoment>,
}

#[derive(Template)]
#[template(path = "new_token.html")]
struct NewTokenPage<'a> {
    frame: Frame,
    name: &'a str,
    role: &'static str,
    gate: Option<&'a str>,
    secret: &'a str,
}

/// All tokens, and the forms to make and to revoke one.
pub(crate) fn tokens_page<'a>(
    frame: Frame,
    tokens: impl IntoIterator<Item = &'a IssuedToken>,
    site: &Site,
    now: DateTime<Utc>,
) -> Result<Page, Problem> {
    let mut rows: Vec<_> = tokens.into_iter().map(|token| row(token, site, now)).collect();
    rows.sort_by_key(|row| row.name);
    let form = Filled::default();
    Page::of(&TokensPage { frame, zone: site.zone_name(), rows, form })
}

/// A token with its secret, which is shown only here.
pub(crate) fn new_token_page(
    frame: Frame,
    token: &IssuedToken,
    secret: &Token,
) -> Result<Page, Problem> {
    let page = NewTokenPage {
        frame,
        name: &token.name,
        role: token.role.as_str(),
        gate: token.gate.as_deref(),
        secret: secret.reveal(),
    };
    Ok(Page::of(&page)?.with_status(Status::Created))
}

fn row<'a>(token: &'a IssuedToken, site: &Site, now: DateTime<Utc>) -> Row<'a> {
    let shown = |moment| ShownMoment::new(moment, site);
    Row {
        state: match token.revoked_at {
            Some(_) => "revoked",
            None if token.is_valid(now) => "valid",
            None => "expired",
        },
        created: shown(token.created_at),
        last_seen: token.last_seen_at.map(shown),
        expires: token.expires_at.map(shown),
        name: &token.name,
        role: token.role.as_str(),
        gate: token.gate.as_deref(),
        created_by: token.created_by.as_deref(),
    }
}
