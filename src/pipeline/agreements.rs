//! Agreements: profiles and translators in force, read and checked together.

use crate::config::Config;
use crate::finding::Finding;
use crate::formats::x12::reader;
use crate::formats::x12::schema::Schemas;
use crate::profiles::{Library, Profiles};

/// Everything that says how documents are read and written; replaced as a whole or not at all.
#[derive(Clone, Debug)]
pub struct Agreements {
    /// Partner profiles.
    pub profiles: Profiles,
    /// Translators by name.
    pub library: Library,
    /// How X12 is read, with its releases and guides.
    pub x12: reader::Options,
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
        Ok(Self { profiles, library, x12 })
    }
}
