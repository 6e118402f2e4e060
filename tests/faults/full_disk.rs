//! Disks without room: nothing that was acknowledged is lost, and the service recovers by itself.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use crate::connection::{get, sheet};
use crate::large_sheet;
use crate::load_generator::LoadGenerator;
use crate::load_lock;
use crate::support::{Cluster, Fresh, Process, StoreKind, skip};

/// `DATABASE_TIMEOUT_SECONDS`, and the limit for an answer.
const TIMEOUT: &str = "1";
const LIMIT: Duration = Duration::from_secs(3);

/// A small disk of its own, in memory.
struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// Fails with the reason if this process may not mount: that needs the rights of root, which a
    /// container may lack.
    fn mount(megabytes: u32) -> Result<Self, String> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=777"), "tmpfs"])
            .arg(directory.path())
            .output()
            .unwrap();
        match mounted.status.success() {
            true => Ok(Self { directory }),
            false => Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned()),
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// Fills the disk under load, makes room, and lets the service recover by itself.
fn assert_nothing_is_lost(disk: &SmallDisk, service: &Process) {
    let _load = load_lock::acquire();
    let load = LoadGenerator::start(8, service.address());
    load.wait_until_acknowledged(100);
    disk.fill();
    load.wait_until_refused(100);
    let line = service.wait_for_line("the store cannot be written to");
    let cause = line["error"].as_str().unwrap();
    assert!(cause.contains("No space left") || cause.contains("disk is full"), "{line}");

    disk.make_room();
    load.wait_until_acknowledged(100);
    load.stop().assert_nothing_lost_in_an_outage(service.address(), LIMIT);
}

#[test]
fn a_full_disk_of_postgresql_loses_nothing() {
    let disk = match SmallDisk::mount(16) {
        Ok(disk) => disk,
        Err(reason) => return skip("a_full_disk_of_postgresql_loses_nothing", &reason),
    };
    let cluster = Cluster::start();
    let tablespace = disk.path().join("tablespace");
    std::fs::create_dir(&tablespace).unwrap();
    // The server runs as another user.
    let owner = format!("--reference={}", cluster.path("data").display());
    let owned = Command::new("chown").arg(owner).arg(&tablespace).status().unwrap();
    assert!(owned.success());
    std::fs::set_permissions(&tablespace, Permissions::from_mode(0o700)).unwrap();
    let mut session = cluster.session();
    let create = format!("CREATE TABLESPACE small LOCATION '{}'", tablespace.display());
    session.batch_execute(&create).unwrap();
    session.batch_execute("CREATE DATABASE rollcall TABLESPACE small").unwrap();
    let settings = [
        ("DATABASE_NAME", "rollcall".to_owned()),
        ("DATABASE_TIMEOUT_SECONDS", TIMEOUT.to_owned()),
    ];
    let service = Process::serve(&[&cluster.environment()[..], &settings].concat());
    assert_nothing_is_lost(&disk, &service);
}

#[test]
fn a_full_disk_of_the_embedded_store_loses_nothing() {
    let disk = match SmallDisk::mount(16) {
        Ok(disk) => disk,
        Err(reason) => return skip("a_full_disk_of_the_embedded_store_loses_nothing", &reason),
    };
    let file = disk.path().join("rollcall.sqlite3").display().to_string();
    let settings = [("DATABASE_FILE", file), ("DATABASE_TIMEOUT_SECONDS", TIMEOUT.to_owned())];
    let service = Process::serve(&settings);
    assert_nothing_is_lost(&disk, &service);
}

#[test]
fn a_sheet_that_cannot_be_written_to_a_temporary_file_is_unavailable() {
    let disk = match SmallDisk::mount(64) {
        Ok(disk) => disk,
        Err(reason) => {
            let test = "a_sheet_that_cannot_be_written_to_a_temporary_file_is_unavailable";
            return skip(test, &reason);
        }
    };
    // SQLite has temporary files of its own.
    let store = Fresh::migrated(StoreKind::Postgres);
    large_sheet::insert(&store);
    let directory = [("TMPDIR", disk.path().display().to_string())];
    let service = Process::serve(&[&store.environment()[..], &directory].concat());
    disk.fill();
    let refused = get(service.address(), large_sheet::PATH);
    let problem = refused.problem(503, "store_unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("no room on its own disk"), "{problem}");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    let line = service.wait_for_line("not served");
    assert!(line["cause"].as_str().unwrap().contains("No space left"), "{line}");
    disk.make_room();
    assert_eq!(sheet(service.address(), "20260302").len(), large_sheet::COUNT);
}
