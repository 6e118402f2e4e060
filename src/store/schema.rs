use std::collections::BTreeSet;
use std::time::Instant;

use diesel::backend::Backend;
use diesel::migration::MigrationSource;
use diesel_migrations::EmbeddedMigrations;

use super::StoreError;

/// A store whose schema is versioned by migrations.
pub trait Versioned {
    /// The migrations that this binary has for this kind of store. Does not ask the store.
    fn known_migrations(&self) -> Result<Vec<Migration>, StoreError>;

    /// The versions that the store lists as applied. Changes nothing.
    fn applied_versions(&self) -> Result<Vec<String>, StoreError>;

    /// The store's schema compared with this binary.
    fn schema(&self) -> Result<Schema, StoreError> {
        Ok(Schema::new(self.known_migrations()?, self.applied_versions()?))
    }

    /// Applies every missing migration in order, and calls `applied` with the name of each. Any
    /// number of processes may do this at once. Waits for other processes until `deadline`.
    fn migrate(&self, deadline: Instant, applied: &mut dyn FnMut(&str)) -> Result<(), StoreError>;

    /// The role to which [`Self::migrate`] grants what the service needs, unless the schema is ahead.
    fn app_role(&self) -> Option<&str> {
        None
    }
}

/// A migration: its version, by which migrations are ordered, and its full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Migration {
    pub version: String,
    pub name: String,
}

/// The migrations that a store has, compared with those that this binary knows.
#[derive(Debug, Clone)]
pub struct Schema {
    known: Vec<Migration>,
    applied: BTreeSet<String>,
}

/// A store's schema compared with this binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// It has exactly the migrations that this binary knows.
    Current,
    /// It lacks some of them.
    Behind,
    /// It has all of them and more: a newer release migrated it.
    Ahead,
}

/// The state of one migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    Applied,
    Missing,
    /// Applied by a newer release; this binary does not know it.
    Unknown,
}

impl Schema {
    /// `applied` are the versions that the store lists.
    pub(super) fn new(known: Vec<Migration>, applied: impl IntoIterator<Item = String>) -> Self {
        Self { known, applied: applied.into_iter().collect() }
    }

    /// The store's schema compared with this binary.
    pub fn state(&self) -> SchemaState {
        if self.missing().next().is_some() {
            SchemaState::Behind
        } else if self.applied.len() > self.known.len() {
            SchemaState::Ahead
        } else {
            SchemaState::Current
        }
    }

    /// The last version that the store has.
    pub fn last_applied(&self) -> Option<&str> {
        self.applied.last().map(String::as_str)
    }

    /// The last version that this binary knows.
    pub fn last_known(&self) -> Option<&str> {
        self.known.last().map(|migration| migration.version.as_str())
    }

    /// Each migration with its state, in the order of versions.
    pub fn list(&self) -> Vec<(Migration, MigrationState)> {
        let known = self.known.iter().map(|migration| {
            let state = match self.applied.contains(&migration.version) {
                true => MigrationState::Applied,
                false => MigrationState::Missing,
            };
            (migration.clone(), state)
        });
        let unknown = self
            .applied
            .iter()
            .filter(|&version| self.known.iter().all(|known| known.version != *version))
            .map(|v| (Migration { version: v.clone(), name: v.clone() }, MigrationState::Unknown));
        let mut all: Vec<_> = known.chain(unknown).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// Fails with the first missing migration, if there is one.
    pub fn require(&self) -> Result<(), StoreError> {
        match self.missing().next() {
            None => Ok(()),
            Some(first) => Err(StoreError::NotMigrated(first.name.clone())),
        }
    }

    fn missing(&self) -> impl Iterator<Item = &Migration> {
        self.known.iter().filter(|migration| !self.applied.contains(&migration.version))
    }
}

/// The migrations that are compiled in, in the order of versions.
pub(super) fn known<DB: Backend>(
    source: &EmbeddedMigrations,
) -> Result<Vec<Migration>, StoreError> {
    let migrations = MigrationSource::<DB>::migrations(source).map_err(StoreError::defect)?;
    let mut known: Vec<_> = migrations
        .iter()
        .map(|migration| Migration {
            version: migration.name().version().to_string(),
            name: migration.name().to_string(),
        })
        .collect();
    known.sort();
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(applied: &[&str]) -> Schema {
        let known = ["1", "2"].map(|v| Migration { version: v.into(), name: format!("{v}_name") });
        Schema::new(known.into(), applied.iter().map(|v| v.to_string()))
    }

    #[test]
    fn a_schema_is_behind_current_or_ahead() {
        assert_eq!(schema(&[]).state(), SchemaState::Behind);
        assert_eq!(schema(&["1", "2"]).state(), SchemaState::Current);
        assert_eq!(schema(&["1", "2", "3"]).state(), SchemaState::Ahead);
        // A migration of a newer release does not replace one of this release.
        assert_eq!(schema(&["1", "3"]).state(), SchemaState::Behind);
        assert!(schema(&["1", "3"]).require().is_err());
        assert!(schema(&["1", "2", "3"]).require().is_ok());
    }

    #[test]
    fn the_list_holds_known_and_unknown_migrations_in_order() {
        let states: Vec<_> =
            schema(&["1", "15"]).list().into_iter().map(|(m, s)| (m.version, s)).collect();
        let expected = [
            ("1", MigrationState::Applied),
            ("15", MigrationState::Unknown),
            ("2", MigrationState::Missing),
        ];
        assert_eq!(states, expected.map(|(v, s)| (v.to_string(), s)));
    }

    /// The two engines' migrations are one history: same names, same order, each with a way back.
    #[test]
    fn both_engines_have_the_same_migrations() {
        let names = |engine: &str| -> Vec<_> {
            let folder = format!("{}/migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
            let mut names: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .inspect(|path| {
                    assert!(path.join("up.sql").exists() && path.join("down.sql").exists());
                })
                .map(|path| path.file_name().unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        assert!(!names("postgres").is_empty());
        assert_eq!(names("postgres"), names("sqlite"));
    }
}
