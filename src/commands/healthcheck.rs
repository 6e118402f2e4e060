use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use clap::Args;
use rocket::http::uri::Absolute;

use super::console::print_line;
use super::failure::Failure;

/// Long enough for a slow store's answer, short enough for a probe.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(super) struct Options {
    /// Ask this URL instead, such as http://rollcall:8000/readyz; any answer of 200 will do
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    url: Option<Target>,
}

/// A server and a path.
#[derive(Clone)]
struct Target {
    host: String,
    port: u16,
    path: String,
}

/// The URL is not one that this command can ask.
#[derive(Debug, thiserror::Error)]
#[error("it must be like http://host:port/path")]
struct InvalidUrl;

impl Target {
    fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let expected = || InvalidUrl;
        let url = Absolute::parse(url).map_err(|_| expected())?;
        let authority = url.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(expected)?;
        if url.scheme() != "http" || url.path() == "" || url.query().is_some() {
            return Err(expected());
        }
        Ok(Self {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port().unwrap_or(80),
            path: url.path().to_string(),
        })
    }

    /// The readiness of the server that listens at `listen` on this machine.
    fn local(listen: SocketAddr) -> Self {
        // 0.0.0.0 and :: mean every address for listening, but are no address to connect to.
        let host = match listen.ip() {
            IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        Self { host: host.to_string(), port: listen.port(), path: "/readyz".into() }
    }

    fn ask(&self) -> std::io::Result<String> {
        let Self { host, port, path } = self;
        let mut connection = self.connect()?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        connection.set_write_timeout(Some(TIMEOUT))?;
        write!(
            connection,
            "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        // The answer is small; the bound is for another program that may listen there.
        connection.take(4 * 1024).read_to_end(&mut answer).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
            _ => error,
        })?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// A name may have several addresses; the first that accepts is used.
    fn connect(&self) -> std::io::Result<TcpStream> {
        let mut outcome = Err(std::io::Error::other("the host has no address"));
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            outcome = TcpStream::connect_timeout(&address, TIMEOUT);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }
}

/// Asks the server that listens at `listen` on this machine, unless `options` name another.
pub(super) fn check(listen: SocketAddr, options: Options) -> Result<(), Failure> {
    let target = options.url.unwrap_or_else(|| Target::local(listen));
    let server = format!("{}:{}", target.host, target.port);
    let answer =
        target.ask().map_err(|error| Failure::new(format!("no answer from {server}: {error}")))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.strip_prefix("HTTP/1.").and_then(|_| head.split(' ').nth(1)) {
        Some("200") => {
            print_line("ready");
            Ok(())
        }
        Some(status) => Err(Failure::new(format!("not ready: {status} {body}"))),
        None => Err(Failure::new(format!("{server} does not speak HTTP"))),
    }
}
