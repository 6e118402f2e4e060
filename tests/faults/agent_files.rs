//! The file of a gate agent: what is deleted from it, and what happens when its disk is full.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rollcall::domain::ALL_MOMENTS;
use rollcall::store::{Entries, SqliteStore};
use serde_json::json;

use crate::connection::Connection;
use crate::gate_agent::GateAgent;
use crate::stand_in::{Reply, StandIn};
use crate::support::{Fresh, StoreKind, skip, wait_until};

/// A thousand entries that were received 40 days ago.
const OLD: &str = "
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
    INSERT INTO attendance (entry_id, login, received_at, lastname, firstname)
    SELECT printf('%08x-0000-4000-8000-%012x', n, n), (strftime('%s', 'now') - 40 * 86400) * 1000000,
        (strftime('%s', 'now') - 40 * 86400) * 1000000, 'Number ' || n, 'Old'
    FROM n";

fn count(file: PathBuf) -> u64 {
    SqliteStore::new(file, 1, Duration::from_secs(5)).count(ALL_MOMENTS).unwrap()
}

#[test]
fn only_forwarded_entries_are_deleted_after_the_days_that_they_are_kept() {
    let file = Fresh::migrated(StoreKind::Embedded);
    file.sql(OLD);
    let upstream = StandIn::start(|batch| {
        batch.results(|entry| if entry["lastname"] == "Number 7" { 422 } else { 201 })
    });
    let keep = |days: u32| [("ROLLCALL_KEEP_DAYS", days.to_string())];
    let mut agent = GateAgent::on(file, &upstream.url(), &keep(41));
    for name in ["a", "b", "c"] {
        agent.record(name);
    }
    agent.wait_until_upstream("pending", 0);
    agent.wait_until_upstream("rejected", 1);
    assert_eq!(count(agent.file.file()), 1_003);
    // An erased entry is deleted with its erasure.
    agent.file.sql(
        "INSERT INTO erasure SELECT id + 5000, entry_id, 5 FROM attendance WHERE id % 100 = 50",
    );
    // An agent that ends keeps how far it is.
    agent.process.signal("TERM");
    assert!(agent.process.wait(Duration::from_secs(15)).success());
    let sent = upstream.received().len();
    agent.restart(&keep(39));
    wait_until("the old ones are deleted", || count(agent.file.file()) == 4);
    agent.record("d");
    agent.wait_until_upstream("pending", 0);
    let again: usize = upstream.received()[sent..].iter().map(|batch| batch.entries().len()).sum();
    assert_eq!(again, 2, "the rejected one and the new one");
    assert_eq!((count(agent.file.file()), agent.upstream()["rejected"].clone()), (5, json!(1)));
    let sheet = Connection::open(agent.process.address()).unwrap().get("/table/changes?after=0");
    assert_eq!(sheet.unwrap().json()["changes"].as_array().unwrap().len(), 5);
}

/// A small disk of its own. Unmounted when it is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Fails with the reason if this process may not mount anything.
    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "rollcall-test"])
            .arg(folder.path())
            .output()
            .unwrap();
        match mounted.status.success() {
            true => Ok(Self(folder)),
            false => Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned()),
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}

#[test]
fn what_fits_on_a_full_disk_is_forwarded() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(reason) => return skip("what_fits_on_a_full_disk_is_forwarded", &reason),
    };
    let path = disk.0.path().join("rollcall.sqlite3");
    let upstream = StandIn::start(|_| Reply::Status(503, "Retry-After: 0\r\n", String::new()));
    let file = Fresh::bare(StoreKind::Embedded);
    let settings = [
        ("DATABASE_FILE", path.display().to_string()),
        ("DATABASE_TIMEOUT_SECONDS", "1".to_owned()),
    ];
    let agent = GateAgent::on(file, &upstream.url(), &settings);
    let mut connection = Connection::open(agent.process.address()).unwrap();
    let mut recorded = 0_u64;
    let refused = loop {
        let body = json!({"firstname": "Arvin", "lastname": format!("Number {recorded}")});
        let answer = connection.post(&body.to_string()).unwrap();
        if answer.status != 201 {
            break answer;
        }
        recorded += 1;
        assert!(recorded < 100_000, "the disk does not get full");
    };
    refused.problem(503, "store_unavailable");
    upstream.answer_by(|_| Reply::Stored);
    agent.wait_until_upstream("pending", 0);
    let sent: std::collections::HashSet<_> = upstream
        .received()
        .iter()
        .flat_map(|batch| batch.entries().to_vec())
        .map(|entry| entry["entry_id"].as_str().unwrap().to_owned())
        .collect();
    assert!(sent.len() as u64 >= recorded, "{} of {recorded}", sent.len());
}
