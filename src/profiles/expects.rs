//! What must follow a document, and by when: the shipping advice of an order, the invoice of a ship notice.

use super::calendar::{Calendar, Due};
use super::exchange::Exchange;
use super::ladder::Ladder;
use crate::canonical::{Record, RecordKind};
use crate::declaration::{Said, Section, suggestion};
use chrono::{DateTime, NaiveDate, Utc};

/// A document that must follow another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expects {
    /// The document that asks for it, as `[[receives]]` or `[[sends]]` have it.
    pub after: String,
    /// Its record.
    pub after_record: RecordKind,
    /// What must follow.
    pub document: String,
    /// Its record.
    pub record: RecordKind,
    /// Whether it is we who owe it.
    pub ours: bool,
    /// How long it may take.
    pub within: Due,
    /// From when on that is counted.
    pub counted_from: CountedFrom,
    /// What happens while it is overdue.
    pub ladder: Ladder,
}

/// From when on a deadline is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedFrom {
    /// When the document came or went.
    Document,
    /// From the beginning of the day on which the goods are to be shipped or were, where the document names one that is
    /// later.
    ShipDate,
    /// The same of the day of delivery.
    DeliveryDate,
}

/// As settings say it.
pub(super) const COUNTED_FROM: &[(&str, CountedFrom)] = &[
    ("document", CountedFrom::Document),
    ("ship_date", CountedFrom::ShipDate),
    ("delivery_date", CountedFrom::DeliveryDate),
];

impl Expects {
    /// When what follows this record is due, which came or went at `at`.
    #[must_use]
    pub fn due(&self, record: &Record, at: DateTime<Utc>, calendar: &Calendar) -> DateTime<Utc> {
        let day = match self.counted_from {
            CountedFrom::Document => None,
            CountedFrom::ShipDate => ship_date(record),
            CountedFrom::DeliveryDate => delivery_date(record),
        };
        let from = day.map_or(at, |day| calendar.start_of(day).max(at));
        calendar.due(from, self.within)
    }
}

fn ship_date(record: &Record) -> Option<NaiveDate> {
    match record {
        Record::PurchaseOrder(order) => order.ship_on,
        Record::ShippingOrder(order) => order.ship_on,
        Record::OrderAcknowledgment(answer) => answer.ship_on,
        Record::ShippingAdvice(advice) => advice.shipped_on,
        Record::ShipNotice(notice) => notice.shipped_on,
        Record::StockTransfer(transfer) => transfer.shipped_on,
        Record::Invoice(invoice) => invoice.shipped_on,
        Record::StockReceipt(_)
        | Record::InventoryStatus(_)
        | Record::InventoryAdjustment(_)
        | Record::InvoiceDecision(_) => None,
    }
}

fn delivery_date(record: &Record) -> Option<NaiveDate> {
    match record {
        Record::PurchaseOrder(order) => order.deliver_on,
        Record::ShippingOrder(order) => order.deliver_on,
        Record::OrderAcknowledgment(answer) => answer.deliver_on,
        Record::ShippingAdvice(advice) => advice.deliver_on,
        Record::ShipNotice(notice) => notice.deliver_on,
        Record::StockTransfer(transfer) => transfer.deliver_on,
        Record::Invoice(invoice) => invoice.delivered_on,
        Record::StockReceipt(receipt) => receipt.received_on,
        Record::InventoryStatus(_) | Record::InventoryAdjustment(_) | Record::InvoiceDecision(_) => None,
    }
}

pub(super) fn read(section: &Section<'_>, exchange: &Exchange, has_calendar: bool) -> Vec<Expects> {
    let mut expects: Vec<Expects> = Vec::new();
    for section in section.sections("expects") {
        let after =
            section.required_text("after", "write after = \"940\", a document of [[receives]] or [[sends]]");
        let document = section.required_text("document", "write document = \"945\", what must follow it");
        let within = super::calendars::due(&section, "within", has_calendar);
        let counted_from =
            section.choice("counted_from", COUNTED_FROM).map_or(CountedFrom::Document, |said| said.value);
        if within.is_none() && section.raw("within").is_none() {
            let hint = "write within = \"17:00 next business day\", or \"24h\"";
            section.fault("setting_missing", &section.place(), "it is not said by when it must follow", hint);
        }
        let ladder = Ladder::read(&section);
        section.finish();
        let (Some((after_record, _)), Some((record, ours)), Some(within)) =
            (find(&section, exchange, &after), find(&section, exchange, &document), within)
        else {
            continue;
        };
        if expects.iter().any(|known| known.after == after.value && known.document == document.value) {
            section.fault(
                "expects_twice",
                &document.place,
                format!("what must follow `{}` as `{}` is said before", after.value, document.value),
                "take one of the two out",
            );
            continue;
        }
        expects.push(Expects {
            after: after.value,
            after_record,
            document: document.value,
            record,
            ours,
            within,
            counted_from,
            ladder,
        });
    }
    expects
}

/// The record of a document, and whether it is we who send it.
fn find(section: &Section<'_>, exchange: &Exchange, said: &Said<String>) -> Option<(RecordKind, bool)> {
    let received = exchange.receives.iter().map(|receives| (&receives.document, &receives.translator, false));
    let sent = exchange.sends.iter().map(|sends| (&sends.document, &sends.translator, true));
    let mut all = received.chain(sent);
    if let Some((_, translator, ours)) = all.clone().find(|(document, ..)| **document == said.value) {
        return Some((translator.record(), ours));
    }
    if !said.value.is_empty() {
        let names: Vec<&str> = all.by_ref().map(|(document, ..)| document.as_str()).collect();
        let message = format!("`{}` is neither received from this partner nor sent to it", said.value);
        section.fault("document_unknown", &said.place, message, suggestion(&said.value, &names));
    }
    None
}
