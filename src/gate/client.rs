use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use ureq::http::HeaderMap;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::trace::Trace;
use super::trouble::{Failure, Route, Trouble};
use super::upstream::{Authorities, TokenSource, Upstream};

/// How long it may take to find the address and to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a whole exchange may take. A batch that is sent again costs little.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer is read, in bytes. The longest answer to 500 entries has 1.5 MB.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// The connection to the upstream.
pub(super) struct Client {
    agent: ureq::Agent,
    url: String,
    route: Route,
    source: TokenSource,
    token: Option<String>,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) retry_after: Option<Duration>,
}

impl Client {
    pub(super) fn new(upstream: Upstream) -> Self {
        let Upstream { url, token, authorities, proxy } = upstream;
        let roots = match authorities {
            Authorities::Computer => RootCerts::PlatformVerifier,
            Authorities::These(certificates) => RootCerts::from(certificates),
        };
        let route =
            Route { is_https: url.is_https(), has_proxy: proxy.is_some(), has_answered: false };
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots).build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy)
            .http_status_as_error(false)
            // With 0, a redirect is an answer like any other.
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let url = format!("{}/table/batch", url.as_str());
        Self { agent, url, route, source: token, token: None }
    }

    /// Sends a batch.
    pub(super) fn post(&mut self, body: &[u8], trace: Option<&Trace>) -> Result<Answer, Failure> {
        if self.token.is_none() {
            self.token = self
                .source
                .read()
                .map_err(|error| Failure::new(Trouble::TokenFile, error.kind().to_string()))?;
        }
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if let Some(trace) = trace {
            request = request.header("traceparent", trace.traceparent());
        }
        let sent = request.send(body);
        let mut response = sent.map_err(|error| Failure::of_request(&error, self.route))?;
        self.route.has_answered = true;
        let status = response.status().as_u16();
        if matches!(status, 401 | 403) {
            // The file may hold another one by the next attempt.
            self.token = None;
        }
        let retry_after = retry_after(response.headers(), Utc::now());
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let body = body.map_err(|error| Failure::of_request(&error, self.route))?;
        Ok(Answer { status, body, retry_after })
    }

    /// The trouble with an answer to a whole batch that is not 200.
    pub(super) fn trouble_of(&self, answer: &Answer) -> Trouble {
        let is_json = || serde_json::from_slice::<IgnoredAny>(&answer.body).is_ok();
        match answer.status {
            // What servers answer to plain HTTP where they expect TLS.
            400 if !self.route.is_https && !is_json() => Trouble::NotRollcallByHttp,
            status => Trouble::of_status(status, !matches!(self.source, TokenSource::None)),
        }
    }
}

/// The header `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get("Retry-After")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let now = "2026-09-21T06:00:00Z".parse().unwrap();
        let asked_for = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("Retry-After", ureq::http::HeaderValue::from_static(value));
            retry_after(&headers, now).map(|duration| duration.as_secs())
        };
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
        assert_eq!(asked_for("7"), Some(7));
        assert_eq!(asked_for("Mon, 21 Sep 2026 06:00:30 GMT"), Some(30));
        assert_eq!(asked_for("Mon, 21 Sep 2026 05:00:30 GMT"), Some(0));
        for value in ["", "-1", "soon", "1.5"] {
            assert_eq!(asked_for(value), None, "{value}");
        }
    }
}
