//! The rules of the layout that a compiler does not check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the outside in: a module may import those below it in its list, and no other.
const LAYERS: [(&str, &[&str]); 3] = [
    ("", &["commands", "settings", "gate", "http", "store", "logging", "domain", "error_chain"]),
    ("http", &["server", "app", "openapi", "api", "service", "pages", "guard", "watch", "wire"]),
    (
        "store",
        &[
            "front",
            "postgres",
            "sqlite",
            "backend",
            "entries",
            "amendments",
            "changes",
            "tokens",
            "erasing",
            "sessions",
            "forwarding",
            "gates",
            "replication",
            "rehearsal",
            "rows",
            "schema",
            "error",
        ],
    ),
];

/// How many lines a file has at most, without its tests.
const MAX_LINES: usize = 280;

/// A module's path, such as `["http", "wire"]`. The crate's root is empty.
type Module = Vec<String>;

/// A source file without its tests.
struct Source {
    path: PathBuf,
    text: String,
}

/// All sources by their module.
struct Tree(BTreeMap<Module, Source>);

impl Tree {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = BTreeMap::new();
        for path in rust_files(&root) {
            let inside = path.strip_prefix(&root).unwrap().with_extension("");
            let mut module: Module =
                inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            module.pop_if(|last| ["mod", "lib"].contains(&last.as_str()));
            if module == ["main"] {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            let code: Vec<_> = code.lines().map(|line| line.split("//").next().unwrap()).collect();
            sources.insert(module, Source { path, text: code.join("\n") });
        }
        Self(sources)
    }

    /// The modules that `module` imports, through `crate::`, `super::`, `self::` and names of its
    /// own children, with re-exports resolved to the file that has the item.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let mut found = BTreeSet::new();
        for path in paths(&self.0[module].text) {
            if let Some(target) = self.resolve(module, &path, 0)
                && target != *module
            {
                found.insert(target);
            }
        }
        found
    }

    /// The module that has the item which `path` names inside `module`; `None` outside the crate.
    fn resolve(&self, module: &Module, path: &[String], depth: usize) -> Option<Module> {
        assert!(depth < 20, "{path:?} in {module:?} is re-exported in a circle");
        let (mut at, mut rest) = match path.first()?.as_str() {
            "crate" => (Module::new(), &path[1..]),
            "self" => (module.clone(), &path[1..]),
            "super" => (module[..module.len() - 1].to_vec(), &path[1..]),
            child if self.0.contains_key(&joined(module, child)) => (module.clone(), path),
            _ => return None,
        };
        while rest.first().is_some_and(|part| part == "super") {
            at.pop();
            rest = &rest[1..];
        }
        while let Some(child) = rest.first().map(|part| joined(&at, part))
            && self.0.contains_key(&child)
        {
            (at, rest) = (child, &rest[1..]);
        }
        let Some(item) = rest.first() else { return Some(at) };
        let exported = uses(&self.0[&at].text, "pub use ")
            .into_iter()
            .chain(uses(&self.0[&at].text, "pub(super) use "))
            .chain(uses(&self.0[&at].text, "pub(crate) use "));
        for export in exported {
            if export.last() == Some(item) {
                return self.resolve(&at, &export, depth + 1);
            }
        }
        Some(at)
    }
}

fn joined(module: &Module, child: &str) -> Module {
    module.iter().cloned().chain([child.to_owned()]).collect()
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

/// Every path in the text: those of `use` declarations, and those inside code.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut paths = uses(text, "use ");
    for root in ["crate::", "super::"] {
        for rest in text.split(root).skip(1) {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let path = format!("{root}{}", &rest[..end.unwrap_or(rest.len())]);
            // What is in braces was expanded above.
            if !path.ends_with("::") {
                paths.push(path.split("::").map(str::to_owned).collect());
            }
        }
    }
    paths
}

/// The paths of the declarations that begin with `keyword`, braces expanded, aliases removed.
fn uses(text: &str, keyword: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (start, _) in text.match_indices(keyword) {
        if start > 0 && !text[..start].ends_with([' ', '\n']) {
            continue;
        }
        let declaration = &text[start + keyword.len()..];
        let declaration: String =
            declaration[..declaration.find(';').unwrap()].split_whitespace().collect();
        expand(&declaration, &mut Vec::new(), &mut paths);
    }
    paths
}

fn expand(declaration: &str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    let Some((head, inner)) = declaration.split_once('{') else {
        let path = declaration.split("::").filter(|part| *part != "self").map(str::to_owned);
        paths.push(prefix.iter().cloned().chain(path).collect());
        return;
    };
    let depth = prefix.len();
    prefix.extend(head.split("::").filter(|part| !part.is_empty()).map(str::to_owned));
    let inner = inner.strip_suffix('}').unwrap();
    let (mut level, mut begin) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => level += 1,
            '}' => level -= 1,
            ',' if level == 0 => {
                if at > begin {
                    expand(&inner[begin..at], prefix, paths);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
    prefix.truncate(depth);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let tree = Tree::read();
    let mut imports: BTreeMap<_, _> =
        tree.0.keys().map(|module| (module.clone(), tree.imports(module))).collect();
    let edges: usize = imports.values().map(BTreeSet::len).sum();
    assert!(edges > 150, "only {edges} imports were found");
    // Files without imports are removed again and again. What is left is in a circle, or imports one.
    loop {
        let leaves: Vec<_> =
            imports.iter().filter(|(_, to)| to.is_empty()).map(|(from, _)| from.clone()).collect();
        if leaves.is_empty() {
            break;
        }
        for leaf in &leaves {
            imports.remove(leaf);
        }
        for to in imports.values_mut() {
            to.retain(|module| !leaves.contains(module));
        }
    }
    let names = |modules: &BTreeSet<Module>| {
        modules.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(", ")
    };
    let left: Vec<_> = imports
        .iter()
        .map(|(from, to)| format!("{} imports {}", from.join("::"), names(to)))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn the_search_for_circles_sees_every_kind_of_import() {
    let text =
        "use super::{b::One, c};\npub use self::d::{Two, e::{Three}};\nfn f() { crate::g::h(); }";
    let found: Vec<_> = paths(text).iter().map(|path| path.join("::")).collect();
    for path in ["super::b::One", "super::c", "self::d::Two", "self::d::e::Three", "crate::g::h"] {
        assert!(found.iter().any(|found| found == path), "{path} in {found:?}");
    }
    let tree = Tree::read();
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Module>();
    let imports = tree.imports(&module("http::api::recording"));
    for target in ["domain::submission", "http::wire::problem", "http::service"] {
        assert!(imports.contains(&module(target)), "{target} in {imports:?}");
    }
}

#[test]
fn imports_run_one_way() {
    let tree = Tree::read();
    for (parent, layers) in LAYERS {
        let parent: Module = parent.split_terminator("::").map(str::to_owned).collect();
        let rank = |module: &Module| {
            let layer = module.strip_prefix(&parent[..])?.first()?;
            let rank = layers.iter().position(|known| known == layer);
            Some(rank.unwrap_or_else(|| panic!("{layer} is in no layer")))
        };
        for from in tree.0.keys() {
            for to in tree.imports(from) {
                if let (Some(above), Some(below)) = (rank(from), rank(&to)) {
                    assert!(above <= below, "{from:?} imports {to:?}");
                }
                if parent.is_empty() {
                    let is_commands = from.first().is_some_and(|layer| layer == "commands");
                    let is_inside = from.first() == to.first();
                    assert!(
                        to[0] != "settings" || is_commands || is_inside,
                        "{from:?} imports the settings"
                    );
                }
            }
        }
    }
}

#[test]
fn mod_files_declare_and_re_export_only() {
    for Source { path, text } in Tree::read().0.values() {
        if !path.ends_with("mod.rs") {
            continue;
        }
        for statement in text.split(';').map(str::trim).filter(|s| !s.is_empty()) {
            let begins = [
                "mod ",
                "pub mod ",
                "pub(super) mod ",
                "pub use ",
                "pub(super) use ",
                "pub(crate) use ",
            ];
            assert!(
                begins.iter().any(|begin| statement.starts_with(begin)),
                "{} has {statement:?}",
                path.display()
            );
        }
    }
}

#[test]
fn each_layer_knows_only_its_own_crates() {
    for (module, Source { path, text }) in &Tree::read().0 {
        let forbidden: &[&str] = match module.first().map(String::as_str) {
            Some("domain") => &["rocket", "diesel", "hyper", "tokio", "utoipa", "crate::store"],
            Some("store") => &["rocket", "hyper", "utoipa", "Status::"],
            Some("http") => &["diesel", "sql_query", "SELECT ", "INSERT ", "crate::gate"],
            Some("gate") => &["rocket", "hyper", "diesel", "SELECT ", "INSERT ", "crate::http"],
            _ => &[],
        };
        for word in forbidden {
            assert!(!text.contains(word), "{} says {word}", path.display());
        }
        let chooses_problems = path.ends_with("http/wire/kind.rs");
        if module.first().is_some_and(|layer| layer == "http") && !chooses_problems {
            // Every status of 400 or above is chosen in the table of problems.
            for status in ["BadRequest", "NotFound", "Unauthorized", "Forbidden", "Conflict"] {
                let word = format!("Status::{status}");
                assert!(!text.contains(&word), "{} chooses {word}", path.display());
            }
        }
    }
}

#[test]
fn files_are_short() {
    for Source { path, text } in Tree::read().0.values() {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}
