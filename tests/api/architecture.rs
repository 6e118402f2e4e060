//! The house rules that a compiler does not keep.

use std::fs;
use std::path::{Path, PathBuf};

/// From the outside in: a module may import those that stand after it, and never one before it.
const LAYERS: [&str; 6] = ["commands", "settings", "http", "store", "domain", "logging"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The layer that a file belongs to: its top module's name.
fn layer(file: &Path) -> String {
    let inside = file.strip_prefix(source()).unwrap();
    let top = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    top.trim_end_matches(".rs").to_owned()
}

fn rank(layer: &str) -> usize {
    LAYERS
        .iter()
        .position(|&known| known == layer)
        .unwrap_or_else(|| panic!("where does {layer} belong?"))
}

/// The top modules that a text names after `crate::`.
fn imported(text: &str) -> Vec<&str> {
    let names = text.split("crate::").skip(1);
    names.map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap()).collect()
}

#[test]
fn imports_run_one_way() {
    let mut checked = 0;
    for file in rust_files(&source()) {
        let from = layer(&file);
        if ["main", "lib"].contains(&from.as_str()) {
            continue;
        }
        for to in imported(&fs::read_to_string(&file).unwrap()) {
            assert!(from == to || rank(&from) < rank(to), "{} imports {to}", file.display());
            assert!(to != "settings" || from == "commands", "{} imports settings", file.display());
            checked += 1;
        }
    }
    assert!(checked > 20, "the imports were not found");
}

#[test]
fn each_layer_knows_only_its_own_crates() {
    for file in rust_files(&source()) {
        let text = fs::read_to_string(&file).unwrap();
        let forbidden: &[&str] = match layer(&file).as_str() {
            "domain" => &["rocket", "diesel", "crate::"],
            // The runtime's channels and time-outs are reached through Rocket's re-export.
            "store" => &[
                "rocket::http",
                "rocket::State",
                "rocket::Request",
                "rocket::response",
                "Status::",
            ],
            "http" => &["diesel", "sql_query", "SELECT ", "INSERT "],
            _ => &[],
        };
        for word in forbidden {
            assert!(!text.contains(word), "{} says {word}", file.display());
        }
        if file.ends_with("http/problem.rs") || !file.starts_with(source().join("http")) {
            continue;
        }
        // Created is no problem; every other status is chosen in problem.rs.
        let others = text.matches("Status::").count() - text.matches("Status::Created").count();
        assert_eq!(others, 0, "{} chooses a status", file.display());
    }
}

#[test]
fn a_file_fits_into_a_head() {
    for file in rust_files(&source()) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().lines().count();
        assert!(code <= 280, "{} has {code} lines", file.display());
    }
}
