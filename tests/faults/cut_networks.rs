//! A client's network fails: no packet says so, and its connections must not stay open for ever.

use std::time::Duration;

use serde_json::json;

use crate::connection::post;
use crate::cuttable_network::RemoteClient;
use crate::large_sheet;
use crate::support::{Fresh, Process, StoreKind, skip, wait_until, wait_until_within};

/// The limit for the service to close the connections.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn connections_whose_network_was_cut_are_closed_within_two_minutes() {
    let mut client = match RemoteClient::start() {
        Ok(client) => client,
        Err(reason) => {
            let test =
                "cut_networks::connections_whose_network_was_cut_are_closed_within_two_minutes";
            return skip(test, &format!("it needs root's rights to create a network: {reason}"));
        }
    };
    let store = Fresh::migrated(StoreKind::Embedded);
    large_sheet::insert(&store);
    let mut environment = store.environment();
    environment.push(("ROCKET_ADDRESS", client.near_address().to_string()));
    environment.push(("ROLLCALL_ACCESS", "open".to_owned()));
    let service = Process::serve(&environment);
    let address = service.address();
    let sockets = service.open_sockets();

    // Idle after a create.
    let entry = json!({"firstname": "Arvin", "lastname": "Cudanin"});
    let (body, length) = (entry.to_string(), entry.to_string().len());
    let create = format!(
        "POST /table/create HTTP/1.1\r\nHost: rollcall\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    client.send(address, &create, "HTTP/1.1 201");
    // In the middle of an answer, so that the service has unacknowledged bytes.
    let read = format!("GET {} HTTP/1.1\r\nHost: rollcall\r\n\r\n", large_sheet::PATH);
    client.send(address, &read, "HTTP/1.1 200");
    assert_eq!(service.open_sockets(), sockets + 2);
    client.cut();
    wait_until_within(LIMIT, "both connections are closed", || service.open_sockets() == sockets);

    let answer = post(address, &entry);
    assert_eq!(answer.status, 201, "{answer:?}");
    wait_until("this connection is closed as well", || service.open_sockets() == sockets);
}
