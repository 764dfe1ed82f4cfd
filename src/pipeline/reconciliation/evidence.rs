//! Where figures stand: the file, the set, the segment and the element.

use super::super::agreements::Agreements;
use super::super::places::{self, ReadBy};
use crate::canonical::Figure;
use crate::store::{DocumentPlace, NewDifference};
use rust_decimal::Decimal;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Fields of records that figures come from: the name of a figure, the list and the field.
const FIELDS: [(&str, &str, &str); 36] = [
    ("quantity billed", "lines", "quantity"),
    ("quantity billed before", "lines", "quantity"),
    ("quantity credited", "lines", "quantity"),
    ("quantity rightly billed", "lines", "quantity"),
    ("quantity credited before", "lines", "quantity"),
    ("quantity rightly credited", "lines", "quantity"),
    ("quantity ordered", "lines", "quantity"),
    ("quantity shipped", "lines", "quantity_shipped"),
    // Where no 945 came it is what an 856 says.
    ("quantity shipped", "items", "quantity_shipped"),
    ("quantity advised", "items", "quantity_shipped"),
    ("quantity received", "lines", "quantity_received"),
    ("unit price billed", "lines", "unit_price"),
    ("unit price ordered", "lines", "unit_price"),
    ("unit price acknowledged", "lines", "unit_price"),
    ("unit price credited", "lines", "unit_price"),
    ("amount billed", "lines", "unit_price"),
    ("amount of the line", "lines", "amount"),
    ("charge billed", "charges", "amount"),
    ("allowance billed", "charges", "amount"),
    ("charge ordered", "charges", "amount"),
    ("allowance ordered", "charges", "amount"),
    ("tax billed", "taxes", "amount"),
    ("percentage of the tax", "taxes", "percent"),
    ("basis of the tax", "taxes", "basis"),
    ("discount in percent billed", "terms", "discount_percent"),
    ("discount in percent ordered", "terms", "discount_percent"),
    ("days of discount billed", "terms", "discount_days"),
    ("days of discount ordered", "terms", "discount_days"),
    ("days net billed", "terms", "net_days"),
    ("days net ordered", "terms", "net_days"),
    ("total billed", "", "total_amount"),
    ("total credited", "", "total_amount"),
    ("billed now", "", "total_amount"),
    ("billed before", "", "total_amount"),
    ("billed instead", "", "total_amount"),
    ("total cancelled", "", "total_amount"),
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
        let field = place.and_then(|place| {
            let by = ReadBy::Name(place.translator.as_deref()?);
            let translator = places::translator(agreements, place.partner_id.as_deref(), by)?;
            let named = FIELDS.iter().filter(|(name, ..)| *name == figure.name);
            named.into_iter().find_map(|(_, list, field)| places::place_of(translator, list, field))
        });
        let implied = field.as_ref().and_then(|field| field.implied);
        let written = implied.and_then(|digits| written(figure.value, digits));
        let mut json = figure.to_json();
        json["kind"] = place.map(|place| place.kind.as_str()).into();
        json["file"] = place.map(|place| place.file_name.as_str()).into();
        json["element"] = field.map(|field| field.path).into();
        json["written"] = written.into();
        json
    }
}

/// A number as it stands where decimals are not written: 152.75 is 15275. The sign of a credit is its type's.
fn written(value: Decimal, digits: u32) -> Option<String> {
    let scale = Decimal::from(10_u64.checked_pow(digits)?);
    (!value.is_sign_negative()).then(|| (value * scale).normalize().to_string())
}
