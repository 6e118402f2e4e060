use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use ureq::Proxy;

use super::variable::InvalidSetting;
use crate::gate::UpstreamUrl;

/// The variables that many programs have for proxies, in either case. The lower case wins.
#[derive(Default)]
pub(super) struct ProxyVariables(BTreeMap<String, String>);

impl ProxyVariables {
    pub(super) fn read<'a>(
        environment: impl IntoIterator<Item = &'a (OsString, OsString)>,
    ) -> Self {
        let known = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
        let text = |text: &OsStr| text.to_str().map(str::to_owned);
        let mut values = BTreeMap::new();
        for (name, value) in environment {
            let (Some(name), Some(value)) = (text(name), text(value)) else { continue };
            let lower = name.to_ascii_lowercase();
            if known.contains(&&*lower) && (name == lower || !values.contains_key(&lower)) {
                values.insert(lower, value);
            }
        }
        Self(values)
    }

    /// The proxy on the way to `url`. There is none on the way to this computer itself.
    pub(super) fn for_url(&self, url: &UpstreamUrl) -> Result<Option<Proxy>, InvalidSetting> {
        if url.is_loopback() || self.excludes(url.host()) {
            return Ok(None);
        }
        let own = if url.is_https() { "https_proxy" } else { "http_proxy" };
        for name in [own, "all_proxy"] {
            let Some(proxy) = self.0.get(name).filter(|proxy| !proxy.is_empty()) else { continue };
            // It may hold a password.
            let invalid = || {
                let expected = "a proxy's URL, such as http://proxy.example.org:3128";
                let variable = name.to_ascii_uppercase();
                InvalidSetting::new(&variable, "is invalid and not shown".into(), expected)
            };
            return Proxy::new(proxy).map(Some).map_err(|_| invalid());
        }
        Ok(None)
    }

    /// Whether `no_proxy` lists the host, or a domain that it is in.
    fn excludes(&self, host: &str) -> bool {
        let Some(list) = self.0.get("no_proxy") else { return false };
        let names = list.split(',').map(|name| name.trim().to_ascii_lowercase());
        names.into_iter().any(|name| {
            let name = name.trim_start_matches("*.").trim_start_matches('.');
            let is_within = host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
            name == "*" || !name.is_empty() && (host == name || is_within)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let environment: Vec<_> =
            variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let url = UpstreamUrl::parse(url).unwrap();
        let proxy = ProxyVariables::read(&environment).for_url(&url).unwrap();
        proxy.map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
    }

    #[test]
    fn the_scheme_decides_which_variable_counts() {
        let all = [
            ("HTTP_PROXY", "http://h:1"),
            ("HTTPS_PROXY", "http://s:2"),
            ("ALL_PROXY", "http://a:3"),
        ];
        assert_eq!(proxy("http://x", &all).as_deref(), Some("h:1"));
        assert_eq!(proxy("https://x", &all).as_deref(), Some("s:2"));
        assert_eq!(proxy("https://x", &all[2..]).as_deref(), Some("a:3"));
        assert_eq!(proxy("https://x", &all[..1]), None);
        assert_eq!(proxy("https://x", &[("HTTPS_PROXY", "")]), None);
        let both = [("https_proxy", "http://lower:1"), ("HTTPS_PROXY", "http://upper:1")];
        for variables in [both, [both[1], both[0]]] {
            assert_eq!(proxy("https://x", &variables).as_deref(), Some("lower:1"));
        }
        assert_eq!(proxy("https://x", &[("all_proxy", "socks5://a")]).as_deref(), Some("a:1080"));
    }

    #[test]
    fn some_hosts_are_reached_without_a_proxy() {
        for url in ["http://localhost:1", "http://127.0.0.1", "http://[::1]"] {
            assert_eq!(proxy(url, &[("HTTP_PROXY", "http://h:1")]), None);
        }
        let without = |list: &str, url: &str| {
            proxy(url, &[("ALL_PROXY", "http://a:3"), ("NO_PROXY", list)]).is_none()
        };
        for list in ["*", "a.b", "x, A.B ", ".b", "*.b", "b", ".a.b", "*.a.b"] {
            assert!(without(list, "https://a.b"), "{list}");
        }
        for list in ["", ",", "a", "c.a.b", "aa.b"] {
            assert!(!without(list, "https://a.b"), "{list}");
        }
    }

    #[test]
    fn an_invalid_proxy_is_refused_and_not_shown() {
        let environment = [("HTTPS_PROXY".into(), "x://user:secret@h".into())];
        let url = UpstreamUrl::parse("https://x").unwrap();
        let error = ProxyVariables::read(&environment).for_url(&url).unwrap_err().to_string();
        assert!(error.starts_with("HTTPS_PROXY is invalid and not shown"), "{error}");
    }
}
