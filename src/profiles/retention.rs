//! `[retention]`: how long the bytes of files are kept, and why.

use crate::canonical::RecordKind;
use crate::declaration::{Section, parse_duration};
use std::time::Duration;

/// How long bytes are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Files with invoices.
    pub invoices: Duration,
    /// Files with what proves them.
    pub proof: Duration,
    /// All others.
    pub others: Duration,
    /// Single kinds of document.
    pub documents: Vec<(String, Duration)>,
    /// Why invoices and what proves them are kept so long.
    pub basis: String,
    /// Why nothing may leave now.
    pub hold: Option<String>,
}

/// The day, as a length of time.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Acknowledgments prove that what was billed or ordered was received.
const ACKNOWLEDGMENTS: [&str; 2] = ["997", "999"];

impl Default for Retention {
    fn default() -> Self {
        // Ten years is the longest that commercial and tax law asks of invoices where our users are; three leap days
        // at most fall into them, and what is delivered late in a year counts from its end in some places.
        Self {
            invoices: DAY * 3660,
            proof: DAY * 3660,
            // A year, and a month to notice.
            others: DAY * 400,
            documents: Vec::new(),
            basis: "commercial and tax law: invoices and what proves them".to_owned(),
            hold: None,
        }
    }
}

/// One rule: documents of this kind, or that became this record, are kept so long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `846`, or empty for any.
    pub document: String,
    /// The record's word, or empty for any.
    pub record: String,
    /// So long.
    pub time: Duration,
    /// What it is called: `invoices`, `proof`, `others` or the document.
    pub name: String,
}

impl Retention {
    /// All rules; of those that fit a document the first counts. The last fits everything.
    #[must_use]
    pub fn rules(&self) -> Vec<Kept> {
        let rule = |document: &str, record: &str, time: Duration, name: &str| Kept {
            document: document.to_owned(),
            record: record.to_owned(),
            time,
            name: name.to_owned(),
        };
        let mut rules: Vec<Kept> =
            self.documents.iter().map(|(document, time)| rule(document, "", *time, document)).collect();
        for kind in RecordKind::ALL {
            match kind {
                RecordKind::Invoice | RecordKind::InvoiceDecision => {
                    rules.push(rule("", kind.word(), self.invoices, "invoices"))
                }
                RecordKind::PurchaseOrder
                | RecordKind::OrderAcknowledgment
                | RecordKind::ShippingOrder
                | RecordKind::ShippingAdvice
                | RecordKind::ShipNotice
                | RecordKind::StockTransfer
                | RecordKind::StockReceipt => rules.push(rule("", kind.word(), self.proof, "proof")),
                RecordKind::InventoryStatus | RecordKind::InventoryAdjustment => {}
            }
        }
        rules.extend(ACKNOWLEDGMENTS.map(|document| rule(document, "", self.proof, "proof")));
        rules.push(rule("", "", self.others, "others"));
        rules
    }

    /// Whether the law is why these files are kept.
    #[must_use]
    pub fn is_of_law(name: &str) -> bool {
        matches!(name, "invoices" | "proof")
    }
}

pub(super) fn read(section: Option<&Section<'_>>) -> Retention {
    let built_in = Retention::default();
    let Some(section) = section else { return built_in };
    let time = |key, otherwise| section.duration(key).map_or(otherwise, |said| said.value);
    let documents = section.pairs("documents").into_iter().filter_map(|(document, said)| {
        let time = parse_duration(&said.value);
        if time.is_none() {
            let message = format!("`{}` is no length of time", said.value);
            section.fault("time_form", &said.place, message, "write \"90d\"; units are s, m, h and d");
        }
        Some((document.value, time?))
    });
    let retention = Retention {
        invoices: time("invoices", built_in.invoices),
        proof: time("proof", built_in.proof),
        others: time("others", built_in.others),
        documents: documents.collect(),
        basis: section.text("basis").map_or(built_in.basis, |said| said.value),
        hold: section.text("hold").map(|said| said.value),
    };
    section.finish();
    retention
}
