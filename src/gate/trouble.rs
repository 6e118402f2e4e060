use std::io;
use std::time::Duration;

use ureq::Timeout;

use crate::error_chain::ErrorChain;
use crate::store::{Reach, StoreError};

/// The reasons why nothing can be forwarded now, each as a sentence for the person at the gate, without
/// hosts, paths and secrets. The log also has the [`Failure`]'s detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("The upstream has not been asked yet.")]
    NotAskedYet,
    #[error("This computer's own store cannot be read or written.")]
    Store,
    #[error("The file of ROLLCALL_UPSTREAM_TOKEN_FILE cannot be read, or holds no token.")]
    TokenFile,
    #[error("The upstream's name is unknown: check the network of this computer.")]
    UnknownName,
    #[error("There is no way to the upstream: check the network of this computer.")]
    NoRoute,
    #[error("Nothing accepts connections at the upstream's address: it may be down.")]
    ConnectionRefused,
    #[error("The upstream does not answer in time.")]
    TimedOut,
    #[error("The connection to the upstream broke off.")]
    BrokenOff,
    #[error("The connection to the upstream ended without an answer: it may want https.")]
    NeverAnswered,
    #[error("The proxy does not let the connection to the upstream through.")]
    Proxy,
    #[error("The proxy's name is unknown: check its variable and the network of this computer.")]
    UnknownProxyName,
    #[error("There is no way to the proxy: check the network of this computer.")]
    NoRouteToProxy,
    #[error("Nothing accepts connections at the proxy's address: it may be down.")]
    ProxyRefused,
    #[error("The proxy does not answer in time.")]
    ProxyTimedOut,
    #[error(
        "The upstream's certificate is from an authority that this computer does not trust: \
         ROLLCALL_UPSTREAM_CA_FILE can name the right one."
    )]
    UnknownAuthority,
    #[error("The upstream's certificate has expired, or the clock of this computer is wrong.")]
    ExpiredCertificate,
    #[error("The upstream's certificate is for another name than the one in ROLLCALL_UPSTREAM.")]
    WrongName,
    #[error("There is no secure connection to the upstream: it may not be https there.")]
    NoTls,
    #[error("The upstream is busy, or cannot reach its database.")]
    Unavailable,
    #[error("What stands before the upstream cannot reach it.")]
    BadGateway,
    #[error("The upstream has failed by a defect of its own.")]
    Internal,
    #[error("The upstream asks for a token: set ROLLCALL_UPSTREAM_TOKEN.")]
    NoToken,
    #[error("The upstream refuses this gate's token: it is unknown, revoked or expired.")]
    TokenRefused,
    #[error("This gate's token may not record entries at the upstream: it needs the role gate.")]
    WrongRole,
    #[error("There is no Rollcall at the upstream's address, or one that is too old for agents.")]
    NotFound,
    #[error("The upstream's address leads elsewhere: set ROLLCALL_UPSTREAM to the final one.")]
    Redirect,
    #[error("The upstream refuses even a single entry as too large.")]
    TooLarge,
    #[error("The upstream refuses what this gate sends.")]
    Refused,
    #[error("What answers at the upstream's address is not a Rollcall.")]
    NotRollcall,
    #[error("What answers at the upstream's address is not a Rollcall, or wants https.")]
    NotRollcallByHttp,
}

/// How requests reach the upstream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) is_https: bool,
    pub(super) has_proxy: bool,
    /// Whether there ever was an answer.
    pub(super) has_answered: bool,
}

/// A trouble, with what the log has of it and what the upstream asks for.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) trouble: Trouble,
    pub(super) detail: String,
    pub(super) retry_after: Option<Duration>,
}

impl Trouble {
    pub(super) fn reach(self) -> Reach {
        match self {
            Self::NoToken
            | Self::TokenRefused
            | Self::WrongRole
            | Self::NotFound
            | Self::Redirect
            | Self::TooLarge
            | Self::Refused
            | Self::NotRollcall
            | Self::NotRollcallByHttp => Reach::Refused,
            _ => Reach::Unreachable,
        }
    }

    /// What the same trouble means on this way to the upstream.
    fn on(self, route: Route) -> Self {
        match self {
            // The proxy finds the upstream, and this computer the proxy.
            Self::UnknownName if route.has_proxy => Self::UnknownProxyName,
            Self::NoRoute if route.has_proxy => Self::NoRouteToProxy,
            Self::ConnectionRefused if route.has_proxy => Self::ProxyRefused,
            // A server that expects TLS closes the connection, or sends an alert.
            Self::BrokenOff if !route.is_https && !route.has_answered => Self::NeverAnswered,
            Self::NotRollcall if !route.is_https => Self::NotRollcallByHttp,
            other => other,
        }
    }

    /// The trouble with an answer of this status to a whole batch.
    pub(super) fn of_status(status: u16, has_token: bool) -> Self {
        match status {
            401 if has_token => Self::TokenRefused,
            401 => Self::NoToken,
            403 => Self::WrongRole,
            404 | 405 => Self::NotFound,
            413 => Self::TooLarge,
            300..=399 => Self::Redirect,
            429 | 503 => Self::Unavailable,
            502 | 504 => Self::BadGateway,
            500..=599 => Self::Internal,
            400..=499 => Self::Refused,
            _ => Self::NotRollcall,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(Trouble::Store, ErrorChain(&error).to_string())
    }
}

impl Failure {
    pub(super) fn new(trouble: Trouble, detail: impl Into<String>) -> Self {
        Self { trouble, detail: detail.into(), retry_after: None }
    }

    /// A request on this way has failed.
    pub(super) fn of_request(error: &ureq::Error, route: Route) -> Self {
        let trouble = match error {
            ureq::Error::Timeout(Timeout::Connect) if route.has_proxy => Trouble::ProxyTimedOut,
            ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve) => {
                Trouble::UnknownName
            }
            ureq::Error::Timeout(_) => Trouble::TimedOut,
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => Trouble::Proxy,
            ureq::Error::ConnectionFailed => Trouble::ConnectionRefused,
            ureq::Error::NativeTls(error) => of_tls(&error.to_string()),
            ureq::Error::Io(error) => of_io(error),
            ureq::Error::Protocol(_)
            | ureq::Error::LargeResponseHeader(..)
            | ureq::Error::BodyExceedsLimit(_) => Trouble::NotRollcall,
            _ => Trouble::BrokenOff,
        };
        Self::new(trouble.on(route), error.to_string())
    }
}

fn of_io(error: &io::Error) -> Trouble {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => Trouble::ConnectionRefused,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Trouble::TimedOut,
        ErrorKind::NetworkUnreachable
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => Trouble::NoRoute,
        // The resolver's errors have no kind of their own.
        _ if error.to_string().contains("failed to lookup address") => Trouble::UnknownName,
        _ => Trouble::BrokenOff,
    }
}

/// By its text: OpenSSL's codes are not passed on, and its texts are known because it is compiled in.
fn of_tls(text: &str) -> Trouble {
    let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if says(&["certificate has expired", "certificate is not yet valid"]) {
        Trouble::ExpiredCertificate
    } else if says(&["hostname mismatch", "IP address mismatch"]) {
        Trouble::WrongName
    } else if says(&["certificate verify failed"]) {
        Trouble::UnknownAuthority
    } else {
        Trouble::NoTls
    }
}
