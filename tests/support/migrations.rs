/// The names of this release's migrations, in order. They are the same for both stores.
pub fn migrations() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The version of the last migration.
pub fn last_version() -> String {
    let last = migrations().pop().unwrap();
    last.split('_').next().unwrap().to_owned()
}
