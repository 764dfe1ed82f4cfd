//! An invoice: what a seller, a supplier, a warehouse or a carrier bills.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy};

use super::declare::{record, words};
use super::field::Source;
use super::numbers::{evened, same_number};
use super::parts::{
    Carrier, Charge, ChargeKind, Contact, DatedEvent, ItemId, LineComponent, Note, Party, Purpose, Reference,
    StoreSplit, Tax, Terms,
};

words! {
    /// Who bills whom for what; each kind is reconciled against something else.
    pub enum InvoiceKind {
        /// The depositor bills its customer for goods.
        Sale = "sale",
        /// A supplier bills us for goods.
        Purchase = "purchase",
        /// A warehouse or a carrier bills us for work.
        Service = "service",
    }
}

words! {
    /// Which way the money goes.
    pub enum InvoiceSense {
        /// The receiver of the invoice owes.
        Debit = "debit",
        /// The sender of the invoice owes.
        Credit = "credit",
    }
}

/// The currency of amounts where no document names one.
pub const CURRENCY: &str = "USD";

record! {
    /// What a seller, a supplier, a warehouse or a carrier bills.
    pub struct Invoice {
        /// Who bills whom for what; the profile says it, not the document.
        kind: Option<InvoiceKind>,
        /// Which way the money goes; absent means debit.
        sense: Option<InvoiceSense>,
        /// Whether it bills several orders, whose numbers stand on the lines.
        consolidated: Option<bool>,
        /// Kind of invoice: a word or the sender's code.
        type_code: Option<String>,
        /// What it does to an earlier invoice.
        purpose: Option<Purpose>,
        /// The sender's invoice number.
        invoice_number: Option<String>,
        /// Day of the invoice.
        invoiced_on: Option<NaiveDate>,
        /// The buyer's order number.
        purchase_order_number: Option<String>,
        /// Release of a blanket order.
        release_number: Option<String>,
        /// Change of the order that this follows.
        change_number: Option<String>,
        /// Day of the order.
        ordered_on: Option<NaiveDate>,
        /// The invoice that this one corrects.
        original_invoice_number: Option<String>,
        /// The depositor's order number.
        order_number: Option<String>,
        /// Bill of lading.
        bill_of_lading: Option<String>,
        /// The seller's shipment number.
        shipment_id: Option<String>,
        /// The carrier's number of the shipment (PRO).
        pro_number: Option<String>,
        /// The buyer's department.
        department: Option<String>,
        /// The seller's number at the buyer.
        vendor_number: Option<String>,
        /// Contract it is under.
        contract_number: Option<String>,
        /// Currency of all amounts, ISO 4217.
        currency: Option<String>,
        /// Rate by which they are converted, where the sender names one.
        exchange_rate: Option<Decimal>,
        /// Day it was shipped.
        shipped_on: Option<NaiveDate>,
        /// Day it was delivered.
        delivered_on: Option<NaiveDate>,
        /// Who pays the freight.
        freight_terms: Option<String>,
        /// Place where the risk passes.
        freight_place: Option<String>,
        /// Who carried the goods.
        carrier: Carrier,
        /// The seller.
        seller: Party,
        /// Who is to be paid.
        remit_to: Party,
        /// The buyer.
        buyer: Party,
        /// Who pays.
        bill_to: Party,
        /// Where the goods went.
        ship_to: Party,
        /// Where the goods came from.
        ship_from: Party,
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
        /// Terms of payment.
        terms: Vec<Terms>,
        /// The lines.
        lines: Vec<InvoiceLine>,
        /// Allowances and charges on the whole invoice.
        charges: Vec<Charge>,
        /// Taxes on the whole invoice.
        taxes: Vec<Tax>,
        /// Amount of the whole invoice, in its currency.
        total_amount: Option<Decimal>,
        /// The part of it that terms of payment apply to.
        discountable_amount: Option<Decimal>,
        /// What is due when paid within the discount.
        discounted_amount: Option<Decimal>,
        /// Amount of the discount.
        discount_amount: Option<Decimal>,
        /// Units shipped.
        total_shipped: Option<Decimal>,
        /// What the units are.
        shipped_unit: Option<String>,
        /// Weight of what was shipped.
        total_weight: Option<Decimal>,
        /// Unit of that weight.
        weight_unit: Option<String>,
        /// Number of lines, as the sender counts them.
        line_count: Option<i64>,
        /// Sum of the quantities, as the sender counts them.
        total_quantity: Option<Decimal>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the invoice begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One line of an invoice.
    pub struct InvoiceLine {
        /// Line number.
        line_number: Option<String>,
        /// Quantity billed.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// Price of one unit, or of what `price_basis` says.
        unit_price: Option<Decimal>,
        /// What the price is per, when not per unit.
        price_basis: Option<String>,
        /// Amount of the line, where the sender gives one.
        amount: Option<Decimal>,
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
        /// What it is, further: colour, size and the like, by the sender's code.
        descriptions: Vec<Note>,
        /// Units in a pack.
        pack: Option<Decimal>,
        /// Size of one unit.
        size: Option<Decimal>,
        /// Unit of that size.
        size_unit: Option<String>,
        /// The buyer's order number, where lines bill several orders.
        purchase_order_number: Option<String>,
        /// Bill of lading, where lines bill several shipments.
        bill_of_lading: Option<String>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// Allowances and charges on the line.
        charges: Vec<Charge>,
        /// How the line is split over stores.
        splits: Vec<StoreSplit>,
        /// What it consists of, where it is a kit or an assortment.
        components: Vec<LineComponent>,
        /// Taxes on the line.
        taxes: Vec<Tax>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the line begins in its file.
        source: Option<Source>,
    }
}

/// Bases of unit price that are multiples of a unit: per hundred, per thousand.
const PRICE_MULTIPLES: [(&str, i64); 4] = [("hundred", 100), ("HP", 100), ("thousand", 1000), ("TP", 1000)];

impl InvoiceLine {
    /// The line's amount without allowances, charges and taxes, rounded half up to the cent: the one
    /// it gives, else quantity times price. None when quantity or price is missing.
    #[must_use]
    pub fn extended_amount(&self) -> Option<Decimal> {
        if let Some(amount) = self.amount {
            return Some(amount);
        }
        self.priced_amount().map(cents)
    }

    /// Quantity times price, exact. None when one of them is missing, or it is too large for exact figures.
    #[must_use]
    pub fn priced_amount(&self) -> Option<Decimal> {
        let per = self.price_basis.as_deref().and_then(|basis| {
            PRICE_MULTIPLES.iter().find(|(name, _)| *name == basis).map(|(_, per)| Decimal::from(*per))
        });
        let amount = self.quantity?.checked_mul(self.unit_price?)?;
        Some(amount / per.unwrap_or(Decimal::ONE))
    }
}

/// Kinds of dates that begin and end the time that is billed (X12 element 374: service, invoice and report period).
const BEGINS: [&str; 4] = ["service_period_start", "150", "186", "193"];
const ENDS: [&str; 4] = ["service_period_end", "151", "187", "194"];

impl Invoice {
    /// The first and the last day that a service bill is for, where it names them.
    #[must_use]
    pub fn service_period(&self) -> Option<(NaiveDate, NaiveDate)> {
        let of = |kinds: &[&str]| {
            let is_one = |date: &&DatedEvent| date.kind.as_deref().is_some_and(|kind| kinds.contains(&kind));
            self.dates.iter().find(is_one)?.on
        };
        of(&BEGINS).zip(of(&ENDS)).filter(|(from, to)| from <= to)
    }

    /// Its lines that are for this purchase order, by their own word or the invoice's. An empty number is any.
    pub fn lines_of<'i>(&'i self, purchase_order_number: &'i str) -> impl Iterator<Item = &'i InvoiceLine> {
        let wanted = Some(purchase_order_number);
        self.lines.iter().filter(move |line| {
            let own = line.purchase_order_number.as_deref().or(self.purchase_order_number.as_deref());
            purchase_order_number.is_empty() || same_number(own, wanted)
        })
    }

    /// The evened numbers of the orders that it bills, by its own word and its lines'.
    #[must_use]
    pub fn orders_billed(&self) -> BTreeSet<String> {
        let lines = self.lines.iter().filter_map(|line| line.purchase_order_number.as_deref());
        self.purchase_order_number.as_deref().into_iter().chain(lines).map(evened).collect()
    }

    /// What the invoice's figures come to: lines, plus charges, minus allowances, plus taxes, without
    /// those that stand outside the total. None when a line has a quantity but no price, or the other
    /// way round.
    #[must_use]
    pub fn computed_total(&self) -> Option<Decimal> {
        self.total_of(InvoiceLine::extended_amount)
    }

    /// The same with lines that are not rounded, for partners that round the sum only.
    #[must_use]
    pub fn unrounded_total(&self) -> Option<Decimal> {
        self.total_of(|line| line.amount.or_else(|| line.priced_amount()))
    }

    fn total_of(&self, amount: impl Fn(&InvoiceLine) -> Option<Decimal>) -> Option<Decimal> {
        let mut total = charges(&self.charges) + taxes(&self.taxes);
        for line in &self.lines {
            if line.amount.is_some() || line.quantity.is_some() || line.unit_price.is_some() {
                total += amount(line)?;
            }
            total += charges(&line.charges) + taxes(&line.taxes);
        }
        Some(total)
    }
}

fn charges(all: &[Charge]) -> Decimal {
    all.iter()
        .filter(|charge| charge.in_total.unwrap_or(true))
        .map(|charge| {
            let amount = charge.amount.unwrap_or_default();
            let signed = match charge.kind {
                Some(ChargeKind::Allowance) => -amount,
                Some(ChargeKind::Information) => Decimal::ZERO,
                Some(ChargeKind::Charge) | None => amount,
            };
            signed + taxes(&charge.taxes)
        })
        .sum()
}

fn taxes(all: &[Tax]) -> Decimal {
    all.iter().filter(|tax| tax.in_total.unwrap_or(true)).filter_map(|tax| tax.amount).sum()
}

fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quantity: &str, price: &str) -> InvoiceLine {
        InvoiceLine {
            quantity: quantity.parse().ok(),
            unit_price: price.parse().ok(),
            ..InvoiceLine::default()
        }
    }

    #[test]
    fn each_line_is_rounded_before_it_is_added() {
        let invoice = Invoice { lines: vec![line("3", "0.335"), line("1", "0.005")], ..Invoice::default() };
        assert_eq!(invoice.computed_total(), "1.02".parse().ok());
    }

    #[test]
    fn what_is_settled_elsewhere_stays_outside_the_total() {
        let charge = |kind, amount: &str, in_total| Charge {
            kind: Some(kind),
            amount: amount.parse().ok(),
            in_total,
            ..Charge::default()
        };
        let invoice = Invoice {
            lines: vec![line("10", "2.5")],
            charges: vec![
                charge(ChargeKind::Charge, "4", None),
                charge(ChargeKind::Allowance, "1.5", Some(true)),
                charge(ChargeKind::Charge, "99", Some(false)),
            ],
            ..Invoice::default()
        };
        assert_eq!(invoice.computed_total(), "27.5".parse().ok());
    }

    #[test]
    fn a_price_per_hundred_is_divided() {
        let line = InvoiceLine { price_basis: Some("hundred".into()), ..line("250", "12") };
        assert_eq!(line.extended_amount(), "30".parse().ok());
    }
}
