//! The redb file: objects by key, the format version, and the reserved resource versions.
//!
//! Guarantees: a durable commit is on disk when it returns. A lazy one is on disk after the next durable commit, after
//! [`LAZY_LIMIT`] lazy ones, after [`Disk::flush`] (which the writer calls when it is idle), or after [`Disk::close`],
//! whichever comes first; a process that is killed before loses it. Resource versions are reserved durably in ranges before they are given out,
//! so that a version that was given out in a lost lazy commit is never given out again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use super::object::{Key, Object};

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const FORMAT_KEY: &str = "format";
const RESERVED_KEY: &str = "reserved";

/// The format that this program writes.
pub(crate) const FORMAT: u64 = 1;
/// How many resource versions are reserved at a time.
pub(super) const RESERVATION: u64 = 10_000;
/// How many lazy commits may be pending: the database cannot reuse the space of what they replaced.
pub(super) const LAZY_LIMIT: u32 = 128;
/// redb's page cache; objects are read from memory, so a small one serves.
const CACHE_BYTES: usize = 4 << 20;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file open.
    #[error("open the store {}: another process has it open", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote the file.
    #[error("open the store {}: it has format {found}, this program knows formats up to {known}", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Format of the file.
        found: u64,
        /// Newest format that this program knows.
        known: u64,
    },
    /// The file holds something that is not an object.
    #[error("read the store {}: the record {key:?} is not an object", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Key of the record.
        key: String,
    },
    /// The database failed.
    #[error("open the store {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What the database said.
        #[source]
        source: Box<redb::Error>,
    },
}

impl StoreError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Locked { .. } => Some("stop the other process, or use another home".to_owned()),
            Self::NewerFormat { .. } => Some("use the newer program that wrote this store, or another home".to_owned()),
            Self::Corrupt { path, .. } => Some(format!("move {} away and apply your manifests again", path.display())),
            Self::Database { .. } => None,
        }
    }
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Disk {
    database: Database,
    reserved: u64,
    /// Lazy commits since the last durable one.
    pending: u32,
}

/// What the file held.
pub(crate) struct Loaded {
    pub(crate) disk: Disk,
    pub(crate) objects: BTreeMap<Key, Arc<Object>>,
    /// No version above this one was ever given out.
    pub(crate) resource_version: u64,
}

impl Disk {
    /// Opens or creates a file; a new one starts at `first_version`.
    pub(crate) fn open(path: &Path, first_version: u64) -> Result<Loaded, StoreError> {
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::Locked { path: path.to_owned() },
            other => database_error(path, other.into()),
        })?;
        Self::load(database, path, first_version)
    }

    /// A store that ends with the process.
    pub(crate) fn in_memory() -> Result<Loaded, StoreError> {
        let path = Path::new(":memory:");
        let backend = redb::backends::InMemoryBackend::new();
        let database =
            Database::builder().create_with_backend(backend).map_err(|error| database_error(path, error.into()))?;
        Self::load(database, path, 1)
    }

    fn load(database: Database, path: &Path, first_version: u64) -> Result<Loaded, StoreError> {
        let failed = |error: redb::Error| database_error(path, error);
        if let Some(found) = format_of(&database).map_err(failed)?
            && found > FORMAT
        {
            return Err(StoreError::NewerFormat { path: path.to_owned(), found, known: FORMAT });
        }
        prepare(&database, first_version).map_err(failed)?;
        let (reserved, records) = read_all(&database).map_err(failed)?;
        let mut objects = BTreeMap::new();
        for (disk_key, bytes) in records {
            let object = Key::from_disk(&disk_key)
                .and_then(|key| Object::from_bytes(key, &bytes))
                .ok_or_else(|| StoreError::Corrupt { path: path.to_owned(), key: disk_key.replace('\0', "/") })?;
            objects.insert(object.key.clone(), Arc::new(object));
        }
        Ok(Loaded { disk: Self { database, reserved, pending: 0 }, objects, resource_version: reserved })
    }

    /// Writes the last state of each key; `None` removes it.
    pub(crate) fn commit(
        &mut self,
        staged: &BTreeMap<Key, Option<Arc<Object>>>,
        resource_version: u64,
        durable: bool,
    ) -> Result<(), redb::Error> {
        let reserve = (resource_version > self.reserved).then_some(resource_version + RESERVATION);
        let durable = durable || reserve.is_some() || self.pending >= LAZY_LIMIT;
        self.write(staged, reserve, durable)?;
        if let Some(reserved) = reserve {
            self.reserved = reserved;
        }
        Ok(())
    }

    /// Makes everything durable and gives back the unused reservation.
    pub(crate) fn close(mut self, resource_version: u64) -> Result<(), redb::Error> {
        self.write(&BTreeMap::new(), Some(resource_version), true)?;
        self.reserved = resource_version;
        Ok(())
    }

    /// Whether lazy commits are not on disk yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.pending > 0
    }

    /// Makes all lazy commits durable.
    pub(crate) fn flush(&mut self) -> Result<(), redb::Error> {
        self.write(&BTreeMap::new(), Some(self.reserved), true)
    }

    fn write(
        &mut self,
        staged: &BTreeMap<Key, Option<Arc<Object>>>,
        reserve: Option<u64>,
        durable: bool,
    ) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(if durable { Durability::Immediate } else { Durability::None })?;
        {
            let mut table = transaction.open_table(OBJECTS)?;
            for (key, object) in staged {
                let disk_key = key.to_disk();
                match object {
                    Some(object) => table.insert(disk_key.as_str(), object.bytes.as_ref())?,
                    None => table.remove(disk_key.as_str())?,
                };
            }
            if let Some(reserved) = reserve {
                transaction.open_table(META)?.insert(RESERVED_KEY, reserved)?;
            }
        }
        transaction.commit()?;
        self.pending = if durable { 0 } else { self.pending + 1 };
        Ok(())
    }
}

fn database_error(path: &Path, source: redb::Error) -> StoreError {
    StoreError::Database { path: path.to_owned(), source: Box::new(source) }
}

/// The format record; `None` in a file that was just made.
fn format_of(database: &Database) -> Result<Option<u64>, redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(META) {
        Ok(table) => Ok(table.get(FORMAT_KEY)?.map(|value| value.value())),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn prepare(database: &Database, first_version: u64) -> Result<(), redb::Error> {
    if format_of(database)?.is_some() {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    {
        transaction.open_table(OBJECTS)?;
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT_KEY, FORMAT)?;
        meta.insert(RESERVED_KEY, first_version)?;
    }
    transaction.commit()?;
    Ok(())
}

type Records = Vec<(String, Vec<u8>)>;

fn read_all(database: &Database) -> Result<(u64, Records), redb::Error> {
    let transaction = database.begin_read()?;
    let reserved = transaction.open_table(META)?.get(RESERVED_KEY)?.map_or(1, |value| value.value());
    let mut records = Vec::new();
    for record in transaction.open_table(OBJECTS)?.iter()? {
        let (key, value) = record?;
        records.push((key.value().to_owned(), value.value().to_vec()));
    }
    Ok((reserved, records))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_is_refused_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        drop(Disk::open(&path, 1).map(drop));
        {
            let database = Database::open(&path).unwrap();
            let transaction = database.begin_write().unwrap();
            transaction.open_table(META).unwrap().insert(FORMAT_KEY, FORMAT + 1).unwrap();
            transaction.commit().unwrap();
        }
        let error = Disk::open(&path, 1).map(drop).unwrap_err();
        assert!(matches!(error, StoreError::NewerFormat { found: 2, known: 1, .. }), "{error}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_store_in_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let _open = Disk::open(&path, 1).unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(Disk::open(&path, 1).map(drop), Err(StoreError::Locked { .. })));
    }

    #[test]
    fn a_version_given_out_in_a_lost_commit_is_not_given_out_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("store.db"), folder.path().join("crashed.db"));
        let mut loaded = Disk::open(&path, 1).unwrap_or_else(|error| panic!("{error}"));
        loaded.disk.commit(&BTreeMap::new(), 2, true).unwrap();
        loaded.disk.commit(&BTreeMap::new(), 40, false).unwrap();
        // What a crash leaves is what the file holds now.
        std::fs::copy(&path, &copy).unwrap();
        let reopened = Disk::open(&copy, 1).unwrap_or_else(|error| panic!("{error}"));
        assert!(reopened.resource_version >= 40, "{}", reopened.resource_version);
    }
}
