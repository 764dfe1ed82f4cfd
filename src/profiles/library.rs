//! The library: every translator of the `translators/` folder, by name.

use crate::declaration::suggestion;
use crate::finding::{Finding, Location, Severity};
use crate::formats::x12::schema::Schemas;
use crate::translators::{self, Format, Translator};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Translators by name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    by_name: BTreeMap<String, Arc<Translator>>,
    doubts: Vec<Finding>,
    /// What partners' habits are held against.
    schemas: Option<Schemas>,
}

impl Library {
    /// Reads and checks every translator of a folder; names are shown from `root`.
    ///
    /// # Errors
    /// All faults of all translators at once.
    pub fn load(folder: &Path, root: &Path, schemas: &Schemas) -> Result<Self, Vec<Finding>> {
        let mut library = Self { schemas: Some(schemas.clone()), ..Self::default() };
        let mut faults = Vec::new();
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                return Err(vec![unreadable(folder, root, format!("cannot list the folder: {error}"))]);
            }
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        {
            let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
            let loaded = std::fs::read_to_string(path)
                .map_err(|error| vec![unreadable(path, root, format!("cannot read the file: {error}"))])
                .and_then(|text| Translator::load(&text, &shown));
            match loaded {
                Ok(translator) => {
                    for finding in translator.check(schemas) {
                        let sound = finding.severity != Severity::Reject;
                        if sound { library.doubts.push(finding) } else { faults.push(finding) }
                    }
                    library.by_name.insert(translator.name().to_owned(), Arc::new(translator));
                }
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(library) } else { Err(faults) }
    }

    /// The translators that come with the program.
    #[must_use]
    pub fn shipped() -> Self {
        let by_name = translators::shipped().map(|(name, text)| {
            let loaded = Translator::load(text, &format!("translators/{name}.toml"));
            let translator = loaded.expect("tests load every translator that is shipped");
            (name.to_owned(), Arc::new(translator))
        });
        Self { by_name: by_name.collect(), doubts: Vec::new(), schemas: Some(Schemas::builtin()) }
    }

    /// What is doubtful in translators that serve all the same: what a direction loses, places never written.
    #[must_use]
    pub fn doubts(&self) -> &[Finding] {
        &self.doubts
    }

    /// The releases that profiles start from.
    #[must_use]
    pub fn schemas(&self) -> Schemas {
        self.schemas.clone().unwrap_or_else(Schemas::builtin)
    }

    /// What is wrong with a translator that carries a partner's habits: places the standard does not have.
    #[must_use]
    pub fn check_habits(&self, translator: &Translator) -> Vec<Finding> {
        let found = self.schemas.as_ref().map(|schemas| translator.check(schemas)).unwrap_or_default();
        found.into_iter().filter(|finding| finding.severity == Severity::Reject).collect()
    }

    /// The translator of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Translator>> {
        self.by_name.get(name)
    }

    /// Every translator, by name.
    pub fn list(&self) -> impl Iterator<Item = &Arc<Translator>> {
        self.by_name.values()
    }

    /// What there is, for someone who wrote a name that there is not.
    #[must_use]
    pub fn suggestion(&self, name: &str) -> String {
        let known: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
        suggestion(name, &known)
    }
}

/// What a translator reads and writes, as routes and statuses call it: `940`, or its record's name.
#[must_use]
pub fn document_of(translator: &Translator) -> &str {
    if translator.format() == Format::X12 { translator.set() } else { translator.record().word() }
}

fn unreadable(path: &Path, root: &Path, message: String) -> Finding {
    Finding {
        code: "cannot_read",
        severity: Severity::Reject,
        location: Location {
            path: path.strip_prefix(root).unwrap_or(path).display().to_string(),
            ..Location::default()
        },
        message,
        hint: "see whether it exists and who may read it; it must be UTF-8 text".to_owned(),
        value: String::new(),
        ack_code: String::new(),
    }
}
