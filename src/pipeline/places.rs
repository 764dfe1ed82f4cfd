//! Where documents say the fields of their records: the element from which a translator reads one.

use super::agreements::Agreements;
use crate::canonical::RecordKind;
use crate::translators::{FieldPlace, Translator};

/// What is known of how a document was read.
#[derive(Clone, Copy, Debug)]
pub(super) enum ReadBy<'a> {
    /// By the translator of this name.
    Name(&'a str),
    /// By one that makes such records.
    Kind(RecordKind),
}

/// The translator that read a document of a partner: as the partner's profile has it, else as everybody.
pub(super) fn translator<'a>(
    agreements: &'a Agreements,
    partner: Option<&str>,
    by: ReadBy<'_>,
) -> Option<&'a Translator> {
    let profile = partner.and_then(|id| agreements.profiles.find(id));
    match by {
        ReadBy::Name(name) => {
            let mut own = profile.into_iter().flat_map(|profile| profile.exchange.translators());
            let own = own.find(|translator| translator.name() == name);
            own.map(|own| &**own).or_else(|| agreements.library.find(name).map(|shared| &**shared))
        }
        ReadBy::Kind(kind) => {
            let receives = profile.into_iter().flat_map(|profile| &profile.exchange.receives);
            let mut translators = receives.map(|receives| &*receives.translator);
            translators.find(|translator| translator.record() == kind)
        }
    }
}

/// Where a translator's documents have a field of a list; of a group it may stand among the record's own.
pub(super) fn place_of(translator: &Translator, list: &str, field: &str) -> Option<FieldPlace> {
    translator.place_of(list, field).or_else(|| translator.place_of("", &format!("{list}.{field}")))
}
