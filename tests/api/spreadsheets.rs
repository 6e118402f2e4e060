//! Names of many scripts go out as CSV, through another program's reader and writer, and come back.

use std::borrow::Cow;
use std::process::Command;

use proptest::char::ranges;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rollcall::domain::{Text, unguarded};
use serde_json::{Value, json};

use crate::import::{Target, counts};
use crate::support::{StoreKind, on_both_stores};

const ENTRIES: u32 = 10_000;

/// What has a meaning in CSV or in a spreadsheet, and what needs a space or a mark beside it.
const SPECIAL: &str = "=+-@＝＋－＠'\"',;|\\/ \u{a0}\u{301}\u{200d}\u{feff}0";

/// Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, Georgian, Hangul, kana, Han and emoji.
fn letters() -> impl Strategy<Value = char> {
    let scripts = [
        'A'..='Z',
        'a'..='z',
        'À'..='ž',
        'Α'..='ω',
        'А'..='я',
        'א'..='ת',
        'ا'..='ي',
        'अ'..='ह',
        'ก'..='ฮ',
        'ა'..='ჰ',
        '가'..='힣',
        'ぁ'..='ヶ',
        '一'..='龥',
        '😀'..='🙏',
        '𠀀'..='𠂀',
    ];
    ranges(Cow::Owned(scripts.to_vec()))
}

/// A name as it is stored.
fn name() -> impl Strategy<Value = String> {
    let special: Vec<char> = SPECIAL.chars().collect();
    let character = prop_oneof![3 => letters(), 2 => proptest::sample::select(special)];
    vec(character, 1..12).prop_filter_map("not a name", |name| {
        Text::parse(&String::from_iter(name)).ok().map(|text| text.to_string())
    })
}

/// A file of entries, one JSON object on each line.
fn ndjson() -> String {
    let mut runner = TestRunner::deterministic();
    let row = (name(), name(), option::of(name()), option::of(name()), any::<bool>());
    let rows = vec(row, ENTRIES as usize).new_tree(&mut runner).unwrap().current();
    let lines =
        rows.into_iter().enumerate().map(|(n, (firstname, lastname, gate, badge, is_in))| {
            let (hour, minute, second) = (n / 450, n % 450 / 8, n % 8);
            json!({
                "firstname": firstname, "lastname": lastname, "gate": gate, "person_ref": badge,
                "direction": if is_in { "in" } else { "out" },
                "occurred_at": format!("2019-06-24T{hour:02}:{minute:02}:{second:02}.{n:06}+08:00"),
            })
        });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Reads a CSV, writes it in another dialect, and prints the names that it has read.
const PYTHON: &str = r#"
import csv, json, sys
source, target = sys.argv[1:]
with open(source, encoding="utf-8-sig", newline="") as file:
    rows = list(csv.reader(file, strict=True))
with open(target, "w", encoding="utf-8", newline="") as file:
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
columns = [rows[0].index(name) for name in ("firstname", "lastname", "person_ref", "gate")]
json.dump([[row[column] for column in columns] for row in rows[1:]], sys.stdout)
"#;

on_both_stores! {
    fn ten_thousand_names_go_through_pythons_csv_and_come_back_equal(store: StoreKind) {
        let (source, target) = (Target::start(store), Target::start(store));
        let made = source.file("made.ndjson", &ndjson());
        assert_eq!(source.outcome(&made, &[]), (0, counts(ENTRIES, 0, 0)));
        let sheet = source.app.sheet("20190624");
        let csv = source.app.get("/table/view/date:20190624?format=csv&bom=1").body;
        let (out, back) = (source.file("out.csv", &csv), source.file("back.csv", ""));
        let python = Command::new("python3").args(["-c", PYTHON]).args([&out, &back]).output().unwrap();
        assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));

        let read: Vec<[String; 4]> = serde_json::from_slice(&python.stdout).unwrap();
        let stored = |entry: &Value| ["firstname", "lastname", "person_ref", "gate"].map(|name| entry[name].as_str().unwrap_or_default().to_owned());
        assert_eq!(read.len(), sheet.len());
        for (cells, entry) in read.iter().zip(&sheet) {
            assert_eq!(cells.each_ref().map(|cell| unguarded(cell).to_owned()), stored(entry));
            assert!(!cells.iter().any(|cell| cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])), "{cells:?}");
        }
        assert_eq!(target.outcome(&back, &[]), (0, counts(ENTRIES, 0, 0)));
        assert!(target.app.sheet("20190624") == sheet, "an entry is different");
        assert_eq!(source.outcome(&back, &[]), (0, counts(0, ENTRIES, 0)));
    }
}
