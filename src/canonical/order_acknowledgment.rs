//! An order acknowledgment: what a seller says he will do about a purchase order.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::declare::{record, words};
use super::field::Source;
use super::parts::{Carrier, Charge, Contact, DatedEvent, ItemId, Note, Party, Purpose, Reference, Terms};

words! {
    /// What a seller says to the order as a whole.
    pub enum OrderResponse {
        /// Taken as it is.
        Accepted = "accepted",
        /// Taken with what the lines change.
        AcceptedWithChanges = "accepted_with_changes",
        /// Neither taken nor refused yet.
        OnHold = "on_hold",
        /// Refused.
        Rejected = "rejected",
        /// Refused, with another offer in its place.
        CounterOffer = "counter_offer",
        /// Any other; the sender's code is in `response_code`.
        Other = "other",
    }
}

words! {
    /// What a seller says to a line, or to a part of its quantity.
    pub enum LineResponseStatus {
        /// Taken as it is.
        Accepted = "accepted",
        /// Taken and shipped already.
        Shipped = "shipped",
        /// Taken and given to the warehouse.
        Released = "released",
        /// Taken with a change that the line shows.
        Changed = "changed",
        /// Taken for another quantity.
        QuantityChanged = "quantity_changed",
        /// Taken for another price.
        PriceChanged = "price_changed",
        /// Taken for another day.
        Rescheduled = "rescheduled",
        /// Taken; the day is open.
        SchedulePending = "schedule_pending",
        /// Taken; the price is open.
        PricePending = "price_pending",
        /// Another item is sent in its place.
        Substituted = "substituted",
        /// Sent later.
        Backordered = "backordered",
        /// A part is sent, the rest later.
        PartialBackordered = "partial_backordered",
        /// Neither taken nor refused yet.
        OnHold = "on_hold",
        /// Refused.
        Rejected = "rejected",
        /// Taken off the order.
        Deleted = "deleted",
        /// Any other; the sender's code is in `status_code`.
        Other = "other",
    }
}

record! {
    /// What a seller says he will do about a purchase order.
    pub struct OrderAcknowledgment {
        /// What it does to an earlier acknowledgment.
        purpose: Option<Purpose>,
        /// The sender's own code for that.
        purpose_code: Option<String>,
        /// What is said to the order as a whole.
        response: Option<OrderResponse>,
        /// The sender's own code for that.
        response_code: Option<String>,
        /// The buyer's order number.
        purchase_order_number: Option<String>,
        /// Release of a blanket order.
        release_number: Option<String>,
        /// Day of the order.
        ordered_on: Option<NaiveDate>,
        /// Contract it is under.
        contract_number: Option<String>,
        /// The seller's order number.
        order_number: Option<String>,
        /// Day of the acknowledgment.
        acknowledged_on: Option<NaiveDate>,
        /// The buyer's department.
        department: Option<String>,
        /// The seller's number at the buyer.
        vendor_number: Option<String>,
        /// Currency of all amounts, ISO 4217.
        currency: Option<String>,
        /// Day the goods will be shipped.
        ship_on: Option<NaiveDate>,
        /// Day the goods will arrive.
        deliver_on: Option<NaiveDate>,
        /// Who pays the freight.
        freight_terms: Option<String>,
        /// Place where the risk passes.
        freight_place: Option<String>,
        /// Who will carry the goods.
        carrier: Carrier,
        /// The buyer, or the store that orders.
        buyer: Party,
        /// The seller.
        seller: Party,
        /// Where the goods go.
        ship_to: Party,
        /// Where the goods come from.
        ship_from: Party,
        /// Who pays.
        bill_to: Party,
        /// Other parties.
        parties: Vec<Party>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// Whom to ask.
        contacts: Vec<Contact>,
        /// Texts.
        notes: Vec<Note>,
        /// Allowances and charges on the whole order.
        charges: Vec<Charge>,
        /// Terms of payment.
        terms: Vec<Terms>,
        /// The lines.
        lines: Vec<AcknowledgmentLine>,
        /// Number of lines, as the sender counts them.
        line_count: Option<i64>,
        /// Sum of the quantities, as the sender counts them.
        total_quantity: Option<Decimal>,
        /// Amount of the whole order.
        total_amount: Option<Decimal>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the acknowledgment begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One line of an order and what is said to it.
    pub struct AcknowledgmentLine {
        /// The buyer's line number.
        line_number: Option<String>,
        /// Quantity ordered, as the seller repeats it.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// Price of one unit, or of what `price_basis` says.
        unit_price: Option<Decimal>,
        /// What the price is per, when not per unit.
        price_basis: Option<String>,
        /// The seller's item number.
        sku: Option<String>,
        /// The buyer's item number.
        buyer_item: Option<String>,
        /// Universal Product Code, 12 digits.
        upc: Option<String>,
        /// Global Trade Item Number, 13 or 14 digits.
        gtin: Option<String>,
        /// Other item numbers.
        item_ids: Vec<ItemId>,
        /// What it is, in words.
        description: Option<String>,
        /// Units in a pack.
        pack: Option<Decimal>,
        /// What is said to it; several where the quantity is split.
        responses: Vec<LineResponse>,
        /// When which part of it will come.
        schedules: Vec<Schedule>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Dates of the line.
        dates: Vec<DatedEvent>,
        /// Texts.
        notes: Vec<Note>,
        /// Allowances and charges.
        charges: Vec<Charge>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the line begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// What is said to a line, or to a part of its quantity.
    pub struct LineResponse {
        /// What is said.
        status: Option<LineResponseStatus>,
        /// The sender's own code for that.
        status_code: Option<String>,
        /// Quantity it is said of; absent means the whole line.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// What happens on the day that follows: a word or the sender's code.
        date_kind: Option<String>,
        /// The day.
        on: Option<NaiveDate>,
        /// The seller's item number, where it differs from the line's.
        sku: Option<String>,
        /// The buyer's item number, where it differs from the line's.
        buyer_item: Option<String>,
        /// Universal Product Code, where it differs from the line's.
        upc: Option<String>,
        /// Global Trade Item Number, where it differs from the line's.
        gtin: Option<String>,
        /// Other item numbers.
        item_ids: Vec<ItemId>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
    }
}

record! {
    /// A part of a line's quantity and when it comes.
    pub struct Schedule {
        /// Quantity.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// What happens on the day: a word or the sender's code.
        date_kind: Option<String>,
        /// The day.
        on: Option<NaiveDate>,
        /// The time of day.
        at: Option<NaiveTime>,
        /// What happens on the second day: a word or the sender's code.
        second_date_kind: Option<String>,
        /// The second day.
        second_on: Option<NaiveDate>,
    }
}

impl AcknowledgmentLine {
    /// The quantity that the seller will send of this line, now or later; none where he gives no figure to
    /// count with, or says nothing to the line.
    #[must_use]
    pub fn promised(&self) -> Option<Decimal> {
        use LineResponseStatus::{Deleted, OnHold, Rejected};
        if self.responses.is_empty() {
            return None;
        }
        let refused = |response: &&LineResponse| matches!(response.status, Some(Rejected | Deleted | OnHold));
        let (no, yes): (Vec<&LineResponse>, Vec<&LineResponse>) = self.responses.iter().partition(refused);
        if yes.is_empty() {
            return Some(Decimal::ZERO);
        }
        let given: Vec<Decimal> = yes.iter().filter_map(|response| response.quantity).collect();
        if given.is_empty() {
            // Nothing but words: the whole line, less what is refused in figures.
            let refused: Decimal = no.iter().filter_map(|response| response.quantity).sum();
            return self.quantity.map(|ordered| (ordered - refused).max(Decimal::ZERO));
        }
        Some(given.into_iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: LineResponseStatus, quantity: Option<i64>) -> LineResponse {
        LineResponse {
            status: Some(status),
            quantity: quantity.map(Decimal::from),
            ..LineResponse::default()
        }
    }

    fn promised(responses: Vec<LineResponse>) -> Option<i64> {
        let line = AcknowledgmentLine {
            quantity: Some(Decimal::from(10)),
            responses,
            ..AcknowledgmentLine::default()
        };
        line.promised().map(|quantity| i64::try_from(quantity).expect("these are whole"))
    }

    #[test]
    fn what_is_promised_is_what_is_not_refused() {
        use LineResponseStatus::{Accepted, Backordered, PriceChanged, Rejected};
        assert_eq!(promised(vec![]), None);
        assert_eq!(promised(vec![response(Accepted, None)]), Some(10));
        assert_eq!(promised(vec![response(Accepted, Some(6)), response(Backordered, Some(3))]), Some(9));
        assert_eq!(promised(vec![response(Rejected, None)]), Some(0));
        assert_eq!(promised(vec![response(PriceChanged, None), response(Rejected, Some(4))]), Some(6));
    }
}
