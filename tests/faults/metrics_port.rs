//! The port of the metrics, in the real binary.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use crate::connection::{Connection, get};
use crate::support::process::rollcall;
use crate::support::{Fresh, Process, StoreKind};

fn serve(store: &Fresh) -> (Process, SocketAddr) {
    let setting = [("ROLLCALL_METRICS_PORT", "0".to_owned())];
    let service = Process::serve(&[&store.environment()[..], &setting].concat());
    let line = service.wait_for_line("listening");
    let port = line["metrics_address"].as_str().unwrap().parse().unwrap();
    (service, port)
}

#[test]
fn the_metrics_have_a_port_of_their_own_on_the_same_address() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let (service, port) = serve(&store);
    assert_eq!(port.ip(), service.address().ip());
    assert_ne!(port, service.address());
    assert_eq!(get(port, "/metrics").status, 200);
    assert_eq!(get(port, "/livez").status, 404);
    assert_eq!(get(service.address(), "/metrics").status, 404);
    assert_eq!(get(service.address(), "/livez").status, 200);
}

/// Prometheus keeps its connection open between scrapes.
#[test]
fn an_idle_scraper_holds_up_the_shutdown_only_briefly() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let (mut service, port) = serve(&store);
    let mut scraper = Connection::open(port).unwrap();
    assert_eq!(scraper.get("/metrics").unwrap().status, 200);
    service.signal("TERM");
    let ended = service.wait(Duration::from_secs(5));
    assert!(ended.success(), "{ended}: {:#?}", service.log());
    assert!(scraper.get("/metrics").is_err());
}

#[test]
fn many_scrapers_leave_the_service_its_connections() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let (service, port) = serve(&store);
    // More than the port serves at once. The others wait in the kernel.
    let scrapers: Vec<_> = (0..50).map(|_| Connection::open(port).unwrap()).collect();
    assert_eq!(get(service.address(), "/livez").status, 200);
    drop(scrapers);
    assert_eq!(get(port, "/metrics").status, 200);
}

#[test]
fn a_port_that_is_in_use_stops_the_start() {
    let store = Fresh::migrated(StoreKind::Embedded);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut environment = store.environment();
    environment.push(("ROCKET_PORT", "0".into()));
    environment.push(("ROLLCALL_METRICS_PORT", address.port().to_string()));
    let output = rollcall(&["serve"], &environment);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&format!("cannot listen at {address}")), "{error}");
}
