use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::Failure;

/// Long enough for a slow store's answer, short enough for a probe.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks `/readyz` of the server that listens at `listen` on this machine.
pub(super) fn check(listen: SocketAddr) -> Result<(), Failure> {
    let server = SocketAddr::new(reachable(listen.ip()), listen.port());
    let answer =
        ask(server).map_err(|error| Failure(format!("no answer from {server}: {error}")))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => {
            println!("ready");
            Ok(())
        }
        Some(status) => Err(Failure(format!("not ready: {status} {body}"))),
        None => Err(Failure(format!("{server} does not speak HTTP"))),
    }
}

/// `0.0.0.0` and `::` mean every address when listening, and none when connecting.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

fn ask(server: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&server, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    connection
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    // The answer is small; the bound is for whatever else may listen there.
    connection.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
