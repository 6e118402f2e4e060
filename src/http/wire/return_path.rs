/// The paths of pages: these and what is below them.
const PAGES: [&str; 3] = ["/table", "/admin/tokens", "/docs"];

/// `path` with its query, if it is that of a page of this service, to which a browser may be sent.
///
/// Browsers read `//host`, `/\host` and both with tabs or line breaks in between as another host.
/// Everything that is not a visible ASCII character is refused, and so are the backslash and segments
/// that are empty or go up, by which a browser could leave the page's path.
pub(crate) fn return_path(path: &str) -> Option<&str> {
    let is_visible = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let segments = path.split('?').next().unwrap_or_default();
    let stays_below = !["//", "/.", "/%2e", "/%2E"].iter().any(|part| segments.contains(part));
    let is_page = PAGES.iter().any(|page| {
        path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    });
    (is_visible && stays_below && is_page).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_our_own_pages_only() {
        for path in [
            "/table",
            "/table/",
            "/table?format=html",
            "/table/view/date:today?q=a%20b&gate=A",
            "/admin/tokens",
            "/docs/index.html",
            "/table?q=https://../",
        ] {
            assert_eq!(return_path(path), Some(path));
        }
        for other in [
            "",
            "/",
            "table",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/table\\evil",
            "/table/\nSet-Cookie: a=b",
            "/table/ a",
            "/table/\u{e9}",
            "/%2fevil.example",
            "/tables",
            "/table.evil.example",
            "/table@evil.example",
            "/admin",
            "/session/end",
            "https://evil.example/table",
            "https:/table",
            "javascript:alert(1)",
            " /table",
            "/table\0",
            "/table/https://evil.example",
            "/table/..//evil.example",
            "/table/../admin",
            "/table/.%2e//evil.example",
            "/table/%2E%2e/evil.example",
        ] {
            assert_eq!(return_path(other), None, "{other:?}");
        }
    }
}
