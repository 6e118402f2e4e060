//! One release replaces another under load, forth and back, on one schema.

use std::time::Duration;

use crate::balancer::Balancer;
use crate::connection::get;
use crate::gates::Gates;
use crate::patience;
use crate::support::process::rollcall;
use crate::support::{Fresh, Process, StoreKind};
use crate::turn;

/// Puts `next` in the place of `last`, as a rolling update does: the new one is sent requests once
/// it is ready, and the old one is asked to end once it is sent none.
fn replace(balancer: &Balancer, gates: &Gates, mut last: Process, next: Process) -> Process {
    patience::until("it is ready", || get(next.address(), "/readyz").status == 200);
    balancer.lead_to(&[last.address(), next.address()]);
    gates.wait_until_acknowledged(300);
    balancer.lead_to(&[next.address()]);
    last.signal("TERM");
    let ended = last.wait(Duration::from_secs(20));
    assert!(ended.success(), "{ended}");
    gates.wait_until_acknowledged(300);
    next
}

#[test]
fn a_rolling_update_and_its_roll_back_under_load_lose_no_entry() {
    let _turn = turn::take();
    let store = Fresh::migrated(StoreKind::Postgres);
    let environment = store.environment();

    let old = Process::serve_previous_release(&environment);
    let balancer = Balancer::before(old.address());
    let lasting = Gates::open(4, balancer.address());
    let brief = Gates::open_without_keep_alive(4, balancer.address());
    for gates in [&lasting, &brief] {
        gates.wait_until_acknowledged(100);
    }
    // The Job's part comes first: the old release runs on the new schema.
    assert!(rollcall(&["migrate"], &environment).status.success());
    lasting.wait_until_acknowledged(100);

    let new = replace(&balancer, &lasting, old, Process::serve(&environment));
    let back = replace(&balancer, &brief, new, Process::serve_previous_release(&environment));

    let ledger = lasting.close().joined_with(brief.close());
    assert_eq!(ledger.refused().count(), 0);
    ledger.assert_kept(back.address());
    ledger.assert_each_once_after_sending_again(back.address());
}
