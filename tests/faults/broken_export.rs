//! An export that fails in the middle, as a shell script sees it.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::large_sheet;
use crate::support::process::Process;
use crate::support::{Fresh, StoreKind, on_both_stores};

on_both_stores! {
    fn curl_exits_with_an_error_and_the_log_has_the_cause(store: StoreKind) {
        let store = Fresh::migrated(store);
        large_sheet::insert(&store);
        let service = Process::serve(&store.environment());
        let days = "from=20260301&to=20260303&format=ndjson";
        let mut curl = Command::new("curl")
            .args(["--silent", "--no-buffer"])
            .args(["--header", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"])
            .arg(format!("http://{}/table/export?{days}", service.address()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut body = curl.stdout.take().unwrap();
        // The first day is empty, so the second one has been read. The third is read once it is sent.
        body.read_exact(&mut [0; 16]).unwrap();
        store.sql("ALTER TABLE attendance RENAME TO elsewhere");
        let mut rest = Vec::new();
        body.read_to_end(&mut rest).unwrap();
        // 18: 'Partial file. Only a part of the file was transferred.'
        assert_eq!(curl.wait().unwrap().code(), Some(18));
        let line = service.wait_for_line("an answer was broken off");
        assert!(line["cause"].as_str().unwrap().starts_with("a day cannot be read: "), "{line}");
        assert!(line["request_id"].is_string(), "{line}");
        assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736", "{line}");
    }
}
