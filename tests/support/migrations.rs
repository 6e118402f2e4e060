/// The names of all migrations of this release, in the order in which they are applied.
pub fn migrations() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

/// The version of the last one.
pub fn last_version() -> String {
    migrations().last().unwrap().split('_').next().unwrap().to_owned()
}
