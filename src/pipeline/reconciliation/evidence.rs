//! Where figures stand: the file, the set, the segment and the element.

use super::super::agreements::Agreements;
use crate::canonical::Figure;
use crate::store::{DocumentPlace, NewDifference};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Fields of records that figures come from: the name of a figure, the list and the field.
const FIELDS: [(&str, &str, &str); 17] = [
    ("quantity billed", "lines", "quantity"),
    ("quantity billed before", "lines", "quantity"),
    ("quantity credited", "lines", "quantity"),
    ("quantity rightly billed", "lines", "quantity"),
    ("quantity shipped", "lines", "quantity_shipped"),
    // Where no 945 came it is what an 856 says.
    ("quantity shipped", "items", "quantity_shipped"),
    ("quantity advised", "items", "quantity_shipped"),
    ("quantity received", "lines", "quantity_received"),
    ("unit price billed", "lines", "unit_price"),
    ("unit price ordered", "lines", "unit_price"),
    ("amount billed", "lines", "unit_price"),
    ("charge billed", "charges", "amount"),
    ("allowance billed", "charges", "amount"),
    ("total billed", "", "total_amount"),
    ("total credited", "", "total_amount"),
    ("billed now", "", "total_amount"),
    ("billed before", "", "total_amount"),
];

/// The documents that figures come from.
pub(super) fn documents(differences: &[(NewDifference, Vec<Figure>)]) -> Vec<Uuid> {
    let figures = differences.iter().flat_map(|(_, figures)| figures);
    figures.filter_map(|figure| figure.document).collect::<BTreeSet<Uuid>>().into_iter().collect()
}

/// Documents by id.
pub(super) struct Places {
    by_id: HashMap<Uuid, DocumentPlace>,
}

impl Places {
    pub(super) fn of(places: Vec<DocumentPlace>) -> Self {
        Self { by_id: places.into_iter().map(|place| (place.id, place)).collect() }
    }

    pub(super) fn find(&self, document: Uuid) -> Option<&DocumentPlace> {
        self.by_id.get(&document)
    }

    /// These figures, each with the file, segment and element that says it.
    pub(super) fn evidence(&self, figures: &[Figure], agreements: &Agreements) -> serde_json::Value {
        figures.iter().map(|figure| self.figure(figure, agreements)).collect()
    }

    fn figure(&self, figure: &Figure, agreements: &Agreements) -> serde_json::Value {
        let place = figure.document.and_then(|document| self.find(document));
        let element = place.and_then(|place| {
            let translator = agreements.library.find(place.translator.as_deref()?)?;
            let named = FIELDS.iter().filter(|(name, ..)| *name == figure.name);
            named.into_iter().find_map(|(_, list, field)| translator.place_of(list, field))
        });
        let mut json = figure.to_json();
        json["kind"] = place.map(|place| place.kind.as_str()).into();
        json["file"] = place.map(|place| place.file_name.as_str()).into();
        json["element"] = element.into();
        json
    }
}
