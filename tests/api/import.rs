//! `rollcall import`: files of entries, into both stores.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::process::{command, rollcall};
use crate::support::{StoreKind, TestApp, on_both_stores};

/// A service, and a folder for files to import into its store.
pub struct Target {
    pub app: TestApp,
    pub folder: TempDir,
}

impl Target {
    pub fn start(store: StoreKind) -> Self {
        Self { app: TestApp::start(store), folder: tempfile::tempdir().unwrap() }
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn import(&self, arguments: &[&str]) -> Output {
        rollcall(&[&["import"], arguments].concat(), &self.environment())
    }

    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.app.store.environment();
        environment.push(("ROLLCALL_TIMEZONE", "Asia/Manila".into()));
        environment
    }

    /// Imports the file and returns the exit status and the last line.
    pub fn outcome(&self, file: &Path, more: &[&str]) -> (i32, String) {
        let done = self.import(&[&[file.to_str().unwrap()], more].concat());
        let out = String::from_utf8(done.stdout.clone()).unwrap();
        let last = out.lines().last().unwrap_or_else(|| panic!("{done:?}")).to_owned();
        (done.status.code().unwrap(), last)
    }
}

pub fn counts(recorded: u32, there_before: u32, refused: u32) -> String {
    format!("{recorded} recorded, {there_before} there before, {refused} refused")
}

on_both_stores! {
    fn a_csv_is_recorded_once_however_often_it_is_imported(store: StoreKind) {
        let target = Target::start(store);
        let gate = json!({"firstname": "Cy", "lastname": "Dee", "occurred_at": "2019-06-24T09:00:00+08:00"});
        assert_eq!(target.app.post(gate).status, 201);
        let file = target.file("june.csv", "\u{feff}Lastname,firstname,date,time,person_ref,note\r\n\
            Bee,'=Ann,2019-06-24,08:00:00,7,x\r\n\"Dee\",Cy,20190624,09:00,,y\r\nBee,'=Ann,2019-06-24,08:00:00,7,again\r\n");
        assert_eq!(target.outcome(&file, &["--dry-run"]), (0, counts(1, 2, 0)));
        assert_eq!(target.app.count_rows(), 1);
        assert_eq!(target.outcome(&file, &[]), (0, counts(1, 2, 0)));
        assert_eq!(target.outcome(&file, &[]), (0, counts(0, 3, 0)));
        let sheet = target.app.sheet("20190624");
        assert_eq!(sheet.len(), 2);
        assert_eq!((&sheet[1]["firstname"], &sheet[1]["person_ref"]), (&json!("=Ann"), &json!("7")));
        assert_eq!(sheet[1]["login"], "2019-06-24T08:00:00.000000+08:00");
    }

    fn what_was_exported_comes_back_equal(store: StoreKind) {
        let (from, to) = (Target::start(store), Target::start(store));
        for (name, more) in [("=1", json!({})), ("'-é", json!({"gate": "a,\"b", "direction": "out", "person_ref": "''+7"}))] {
            let mut body = json!({"firstname": name, "lastname": "x", "occurred_at": "2019-06-24T09:00:00.123456+08:00"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert_eq!(from.app.post(body).status, 201);
        }
        for (format, target) in [("csv&bom=1", &to), ("ndjson", &Target::start(store))] {
            let export = from.app.get(&format!("/table/export?from=20190624&to=20190624&format={format}")).body;
            let file = target.file("export", &export);
            assert_eq!(target.outcome(&file, &[]), (0, counts(2, 0, 0)), "{format}");
            assert_eq!(target.app.sheet("20190624"), from.app.sheet("20190624"));
            assert_eq!(from.outcome(&file, &[]), (0, counts(0, 2, 0)), "{format}");
        }
    }

    fn refused_rows_go_to_a_file_that_only_the_owner_reads(store: StoreKind) {
        let target = Target::start(store);
        let id = "95844c14-bc2f-4249-8dc5-bd17377c5215";
        let file = target.file("bad.csv", &format!("firstname,lastname,login,entry_id,amended\n\
            Ann,Bee,2019-06-24T08:00:00+08:00,{id},\nAnn,Other,2019-06-24T08:00:00+08:00,{id},\n\
            ,Bee,noon,,\nAnn,Bee\n\"a,b\",c,2019-06-24T08:00:00Z,,voided\n"));
        assert_eq!(target.outcome(&file, &[]), (1, counts(1, 0, 4)));
        let refused = target.folder.path().join("bad.csv.refused.csv");
        assert_eq!(std::fs::metadata(&refused).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&refused).unwrap();
        assert!(text.starts_with("firstname,lastname,login,entry_id,amended,line,reasons\r\n"), "{text}");
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let mut rows: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        let line = |row: &Vec<String>| row[row.len() - 2].parse::<u32>().unwrap();
        rows.sort_by_key(line);
        assert_eq!(rows.iter().map(line).collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert_eq!(rows[3][..3], ["a,b", "c", "2019-06-24T08:00:00Z"]);
        for (row, reason) in rows.iter().zip(["entry_id", "firstname", "cells", "amended"]) {
            assert!(row.last().unwrap().contains(reason), "{row:?}");
        }
        // The file can be corrected and imported.
        let again = target.outcome(&refused, &[]);
        assert_eq!(again, (1, counts(0, 0, 4)));
        let header = std::fs::read_to_string(target.folder.path().join("bad.csv.refused.csv.refused.csv")).unwrap();
        assert!(header.starts_with("firstname,lastname,login,entry_id,amended,line,reasons\r\n"), "{header}");
    }

    fn lines_of_json_may_come_from_standard_input(store: StoreKind) {
        let target = Target::start(store);
        let lines = [
            json!({"firstname": "Ann", "lastname": "Bee", "occurred_at": "2019-06-24T08:00:00+08:00"}).to_string(),
            String::new(),
            json!({"firstname": "Ann", "lastname": "Bee"}).to_string(),
            "{broken".to_owned(),
        ];
        let mut import = command(&["import", "-"], &target.environment());
        let mut child = import
            .current_dir(target.folder.path())
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        assert_eq!((done.status.code(), String::from_utf8(done.stdout).unwrap()), (Some(1), counts(1, 0, 2) + "\n"));
        let refused = std::fs::read_to_string(target.folder.path().join("stdin.refused.ndjson")).unwrap();
        let refused: Vec<Value> = refused.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&refused[0]["firstname"], &refused[0]["line"]), (&json!("Ann"), &json!(3)));
        assert!(refused[0]["reasons"][0].as_str().unwrap().starts_with("login is required"));
        assert_eq!((&refused[1]["row"], &refused[1]["line"]), (&json!("{broken"), &json!(4)));
        assert_eq!(target.app.sheet("20190624").len(), 1);
    }

    fn a_file_without_a_needed_column_is_refused_as_a_whole(store: StoreKind) {
        let target = Target::start(store);
        for (content, missing) in [
            ("firstname,login\na,b\n", "lastname"),
            ("firstname,lastname,date\na,b,c\n", "login"),
            ("\n", "firstname"),
            ("[{}]", "array"),
            ("firstname,lastname,login,login\n", "twice"),
        ] {
            let done = target.import(&[target.file("x.csv", content).to_str().unwrap()]);
            let said = String::from_utf8(done.stderr.clone()).unwrap();
            assert_eq!((done.status.code(), said.contains(missing)), (Some(2), true), "{done:?}");
        }
        assert_eq!(target.import(&["/no/such/file"]).status.code(), Some(1));
    }

    fn a_file_without_rows_is_imported(store: StoreKind) {
        let target = Target::start(store);
        for content in ["", "\u{feff}", "firstname,lastname,login\r\n"] {
            assert_eq!(target.outcome(&target.file("empty", content), &[]), (0, counts(0, 0, 0)), "{content:?}");
        }
    }

    fn a_row_above_the_limit_is_refused_and_the_others_are_recorded(store: StoreKind) {
        let target = Target::start(store);
        let long = "x".repeat(3 * 1024 * 1024);
        let row = |name: &str| json!({"firstname": name, "lastname": "b", "login": "2019-06-24T08:00:00Z"});
        let lines = format!("{}\n{}\n{}\n", row("a"), row(&long), row("c"));
        assert_eq!(target.outcome(&target.file("long", &lines), &[]), (1, counts(2, 0, 1)));
        let refused = std::fs::read_to_string(target.folder.path().join("long.refused.ndjson")).unwrap();
        let refused: Value = serde_json::from_str(&refused).unwrap();
        assert_eq!(refused, json!({"line": 2, "reasons": ["a row has more than 1048576 bytes"]}));

        let csv = format!("firstname,lastname,login\na,b,2019-06-24T08:00:00Z\n{long},b,2019-06-24T08:00:00Z\n\
            d,b,2019-06-24T08:00:00Z\n\"unclosed,{long}\n");
        assert_eq!(target.outcome(&target.file("long", &csv), &[]), (1, counts(1, 1, 2)));
        let refused = std::fs::read_to_string(target.folder.path().join("long.refused.csv")).unwrap();
        let reason = "a row has more than 1048576 bytes: is a quotation mark missing?";
        assert_eq!(refused, format!("firstname,lastname,login,line,reasons\r\n,,,3,{reason}\r\n,,,5,{reason}\r\n"));
    }

    fn the_lines_of_refused_rows_are_right_with_any_line_ends(store: StoreKind) {
        let target = Target::start(store);
        for end in ["\n", "\r\n"] {
            let rows = ["firstname,lastname,login", "a,b,noon", "", "\"a", "\",b,noon", "", "c,d,noon", ""].join(end);
            let file = target.file("lines.csv", &rows);
            assert_eq!(target.outcome(&file, &[]), (1, counts(0, 0, 3)));
            let mut reader = csv::Reader::from_path(target.folder.path().join("lines.csv.refused.csv")).unwrap();
            let lines: Vec<_> = reader.records().map(|row| row.unwrap()[3].to_owned()).collect();
            assert_eq!(lines, ["2", "4", "7"], "{end:?}");
        }
    }

    fn a_file_of_refused_rows_replaces_what_was_there_and_a_later_import_removes_it(store: StoreKind) {
        let target = Target::start(store);
        let [elsewhere, refused] = ["elsewhere", "rows.csv.refused.csv"].map(|name| target.folder.path().join(name));
        std::fs::write(&elsewhere, "kept").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &refused).unwrap();
        let bad = target.file("rows.csv", "firstname,lastname,login\nAnn,Bee,noon\n");
        assert_eq!(target.outcome(&bad, &[]), (1, counts(0, 0, 1)));
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "kept");
        let made = std::fs::symlink_metadata(&refused).unwrap();
        assert_eq!((made.is_file(), made.permissions().mode() & 0o777), (true, 0o600));

        let good = target.file("rows.csv", "firstname,lastname,login\nAnn,Bee,2019-06-24T08:00:00Z\n");
        assert_eq!(target.outcome(&good, &[]), (0, counts(1, 0, 0)));
        assert!(!refused.exists());
    }

    fn the_counts_are_printed_although_the_refused_rows_cannot_be_written(store: StoreKind) {
        let target = Target::start(store);
        std::fs::create_dir(target.folder.path().join("rows.csv.refused.csv")).unwrap();
        let file = target.file("rows.csv", "firstname,lastname,login\na,b,noon\nAnn,Bee,2019-06-24T08:00:00Z\n");
        let done = target.import(&[file.to_str().unwrap()]);
        assert_eq!(done.status.code(), Some(1));
        assert_eq!(String::from_utf8(done.stdout).unwrap(), counts(1, 0, 1) + "\n");
        assert!(String::from_utf8(done.stderr).unwrap().contains("cannot write the refused rows"));
    }

    fn a_row_of_an_erased_entry_brings_nothing_back(store: StoreKind) {
        let target = Target::start(store);
        let body = json!({"firstname": "Ann", "lastname": "Bee", "occurred_at": "2019-06-24T08:00:00+08:00"});
        assert_eq!(target.app.post(body).status, 201);
        let csv = target.app.get("/table/view/date:20190624?format=csv").body;
        let erase = ["erase", "--firstname", "Ann", "--lastname", "Bee"];
        assert_eq!(rollcall(&erase, &target.environment()).status.code(), Some(0));
        let file = target.file("before.csv", &csv);
        for more in [&["--dry-run"][..], &[]] {
            assert_eq!(target.outcome(&file, more), (0, counts(0, 1, 0)));
        }
        assert_eq!(target.app.sheet("20190624")[0]["firstname"], "[erased]");
    }

    fn rows_of_many_batches_are_recorded_and_found_again(store: StoreKind) {
        let target = Target::start(store);
        let rows: String = (0..2_500).map(|n| format!("A{n},B,2019-06-24T08:{:02}:{:02}Z\n", n / 60 % 60, n % 60)).collect();
        let file = target.file("many.csv", &format!("firstname,lastname,login\n{rows}A0,B,2019-06-24T08:00:00Z\n"));
        assert_eq!(target.outcome(&file, &["--dry-run"]), (0, counts(2_500, 1, 0)));
        assert_eq!(target.outcome(&file, &[]), (0, counts(2_500, 1, 0)));
        assert_eq!(target.outcome(&file, &[]), (0, counts(0, 2_501, 0)));
        assert_eq!(target.app.count_rows(), 2_500);
    }
}
