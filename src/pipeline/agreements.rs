//! Agreements: profiles and translators in force, read and checked together.

use crate::config::Config;
use crate::finding::Finding;
use crate::formats::x12::reader;
use crate::formats::x12::schema::Schemas;
use crate::profiles::{Library, Profiles};
use crate::store::{self, CrosswalkEntry, Store};
use crate::translators::{Crosswalks, Lookup, Translator};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Everything that says how documents are read and written; replaced as a whole or not at all.
#[derive(Clone, Debug)]
pub struct Agreements {
    /// Partner profiles.
    pub profiles: Profiles,
    /// Translators by name.
    pub library: Library,
    /// How X12 is read, with its releases and guides.
    pub x12: reader::Options,
    /// Master data that translators ask, as of the load of this number.
    pub(super) crosswalks: Arc<Crosswalks>,
    pub(super) loaded: i64,
}

impl Agreements {
    /// Reads and checks translators and profiles.
    ///
    /// # Errors
    /// All faults of all files at once. Profiles are not judged while translators are faulty, since every
    /// use of a faulty translator would be told again.
    pub fn load(config: &Config) -> Result<Self, Vec<Finding>> {
        let x12 = reader::Options { schemas: Schemas::builtin(), ..reader::Options::default() };
        let library = Library::load(&config.translators, &config.root, &x12.schemas)?;
        let profiles = Profiles::load(&config.profiles, &config.source, &config.root, &library)?;
        Ok(Self { profiles, library, x12, crosswalks: Arc::default(), loaded: 0 })
    }

    /// The crosswalks that translators in force ask, by name.
    #[must_use]
    pub fn crosswalk_names(&self) -> BTreeSet<&str> {
        let own = self.profiles.list().flat_map(|profile| profile.exchange.translators());
        own.chain(self.library.list())
            .flat_map(|translator: &Arc<Translator>| translator.crosswalks())
            .collect()
    }

    /// The same with master data as it is now; none when it is as it was.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn with_master_data(&self, store: &Store) -> Result<Option<Self>, store::Error> {
        let names: Vec<&str> = self.crosswalk_names().into_iter().collect();
        if names.is_empty() {
            return Ok(None);
        }
        let loaded = store.find_master_data_version().await?;
        if loaded == self.loaded {
            return Ok(None);
        }
        let entries = store.list_crosswalk_entries(&names).await?;
        Ok(Some(Self { loaded, ..self.clone().with_crosswalks(entries) }))
    }

    /// The same with these crosswalks.
    #[must_use]
    pub fn with_crosswalks(self, entries: impl IntoIterator<Item = CrosswalkEntry>) -> Self {
        Self { crosswalks: Arc::new(entries.into_iter().collect()), ..self }
    }

    /// The crosswalks that profiles name and that hold no row for them at this time, as warnings.
    #[must_use]
    pub fn list_unloaded(&self, at: DateTime<Utc>) -> Vec<Finding> {
        let mut found = Vec::new();
        for profile in self.profiles.list() {
            let lookup = self.lookup(&profile.id, at);
            found.extend(
                profile.exchange.translators().flat_map(|translator| translator.list_unloaded(lookup)),
            );
        }
        found.dedup();
        found
    }

    /// How a translator asks master data for a partner's document of a time.
    #[must_use]
    pub fn lookup<'a>(&'a self, partner: &'a str, at: DateTime<Utc>) -> Lookup<'a> {
        let zone = self.profiles.find(partner).map_or(chrono_tz::UTC, |profile| profile.time_zone);
        Lookup::new(&self.crosswalks, partner, at.with_timezone(&zone).date_naive())
    }
}
