use super::assets;
use crate::domain::{Access, Caller, Permission};
use crate::http::guard::Browser;

/// What surrounds the content of every page.
pub(crate) struct Frame {
    pub viewer: Viewer,
    pub tab: Tab,
    /// Whether forms must tell their origin, because the browser does not name the site.
    pub needs_origin: bool,
    /// What is to be read before anything else.
    pub notice: Option<String>,
}

/// The page that the navigation marks as the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Today,
    People,
    Inside,
    Gates,
    Tokens,
    SignIn,
    Other,
}

/// Who looks at a page, and what that person may do.
#[derive(Debug, Default)]
pub(crate) struct Viewer {
    pub name: Option<String>,
    pub may_read: bool,
    pub may_create: bool,
    pub may_amend: bool,
    pub may_administer: bool,
}

impl Viewer {
    /// `caller` is who sent the request, if that is known.
    pub(crate) fn new(access: Access, caller: Option<&Caller>) -> Self {
        let is_open = access == Access::Open;
        let may = |permission| caller.is_some_and(|caller| caller.role.may(permission));
        Self {
            name: caller.map(|caller| caller.name.to_string()),
            may_read: is_open || may(Permission::Read),
            may_create: is_open || may(Permission::Create),
            may_amend: is_open || may(Permission::Amend),
            may_administer: may(Permission::Administer),
        }
    }
}

impl Frame {
    pub(crate) fn new(viewer: Viewer, tab: Tab, browser: Browser) -> Self {
        Self { viewer, tab, needs_origin: !browser.names_site, notice: browser.notice }
    }

    pub(super) fn style(&self) -> &'static str {
        assets::style_path()
    }

    pub(super) fn script(&self) -> &'static str {
        assets::script_path()
    }

    pub(super) fn live_script(&self) -> &'static str {
        assets::live_script_path()
    }

    pub(super) fn icon(&self) -> &'static str {
        assets::icon_path()
    }

    pub(super) fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// The mark of the current page in the navigation.
    pub(super) fn current(&self, tab: Tab) -> &'static str {
        if self.tab == tab { "page" } else { "false" }
    }
}
