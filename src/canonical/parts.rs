//! What several records share: parties, references, dates, carriers, charges, taxes, terms.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::declare::{record, words};
use super::field::Source;

words! {
    /// What a document does to what was sent before.
    pub enum Purpose {
        /// A new document.
        Original = "original",
        /// Takes the place of one sent before.
        Replacement = "replacement",
        /// Withdraws one sent before.
        Cancellation = "cancellation",
        /// Changes a part of one sent before.
        Change = "change",
        /// Repeats one sent before.
        Duplicate = "duplicate",
        /// Confirms what was agreed by other means.
        Confirmation = "confirmation",
        /// Only informs.
        Information = "information",
        /// Announces what follows.
        Advance = "advance",
        /// Issued again.
        Reissue = "reissue",
    }
}

words! {
    /// Whether an amount is taken off or added.
    pub enum ChargeKind {
        /// Taken off.
        Allowance = "allowance",
        /// Added.
        Charge = "charge",
        /// Named without an amount that counts.
        Information = "information",
    }
}

record! {
    /// A company or a place of one, with its address.
    pub struct Party {
        /// What the party is to the document, where the field's name does not say it.
        role: Option<String>,
        /// Its name.
        name: Option<String>,
        /// A second line of its name.
        name_2: Option<String>,
        /// Its number, such as a store number.
        id: Option<String>,
        /// Who gave the number: a word or the sender's code (`91`, `92`, `9`, `UL`).
        id_qualifier: Option<String>,
        /// Street.
        street: Option<String>,
        /// A second line of the street.
        street_2: Option<String>,
        /// City.
        city: Option<String>,
        /// State or province.
        state: Option<String>,
        /// Postal code.
        postal_code: Option<String>,
        /// Country.
        country: Option<String>,
        /// Person to ask.
        contact: Option<String>,
        /// Telephone number of the contact.
        phone: Option<String>,
        /// Mail address of the contact.
        email: Option<String>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
    }
}

record! {
    /// A number that names something elsewhere, with what it names.
    pub struct Reference {
        /// What the number names: a word or the sender's code.
        qualifier: Option<String>,
        /// The number.
        value: Option<String>,
        /// Text that came with it.
        description: Option<String>,
        /// Date that came with it.
        on: Option<NaiveDate>,
    }
}

record! {
    /// An item's number under another's numbering.
    pub struct ItemId {
        /// Whose numbering: a word or the sender's code.
        qualifier: Option<String>,
        /// The number.
        id: Option<String>,
    }
}

record! {
    /// A date with what happens on it, where no field of its own is meant for it.
    pub struct DatedEvent {
        /// What happens: a word or the sender's code.
        kind: Option<String>,
        /// The day.
        on: Option<NaiveDate>,
        /// The time of day.
        at: Option<NaiveTime>,
        /// Time zone, as the sender writes it.
        zone: Option<String>,
    }
}

record! {
    /// Free text.
    pub struct Note {
        /// What the text is for: a word or the sender's code.
        kind: Option<String>,
        /// The text.
        text: Option<String>,
        /// A number that came with the text.
        reference: Option<String>,
    }
}

record! {
    /// Who carries the goods, and how.
    pub struct Carrier {
        /// Standard Carrier Alpha Code.
        scac: Option<String>,
        /// Its name or the routing, in words.
        routing: Option<String>,
        /// Means of transport, such as motor or less_than_truckload.
        mode: Option<String>,
        /// Level of service.
        service: Option<String>,
        /// Kind of trailer or container.
        equipment_kind: Option<String>,
        /// Letters in front of the equipment's number.
        equipment_initial: Option<String>,
        /// Number of the trailer or container.
        equipment_number: Option<String>,
        /// Number of the seal.
        seal_number: Option<String>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
    }
}

record! {
    /// An allowance or a charge.
    pub struct Charge {
        /// Allowance or charge.
        kind: Option<ChargeKind>,
        /// What it is for: a word or the sender's code.
        code: Option<String>,
        /// What it is for, in words.
        description: Option<String>,
        /// Amount, always positive; `kind` says whether it is taken off.
        amount: Option<Decimal>,
        /// Percentage the amount comes from.
        percent: Option<Decimal>,
        /// What the percentage is taken of.
        percent_basis: Option<String>,
        /// Rate per unit.
        rate: Option<Decimal>,
        /// Quantity the rate applies to.
        quantity: Option<Decimal>,
        /// Unit of that quantity.
        unit: Option<String>,
        /// How it is settled: a word or the sender's code.
        handling: Option<String>,
        /// Whether the document's total contains it; absent means yes.
        in_total: Option<bool>,
        /// A number that explains it.
        reference: Option<String>,
        /// Taxes on it.
        taxes: Vec<Tax>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where it stands in its file.
        source: Option<Source>,
    }
}

record! {
    /// A tax.
    pub struct Tax {
        /// What tax: a word or the sender's code.
        kind: Option<String>,
        /// Amount.
        amount: Option<Decimal>,
        /// Percentage.
        percent: Option<Decimal>,
        /// Amount the percentage is taken of.
        basis: Option<Decimal>,
        /// Whose jurisdiction's numbering the next field uses.
        jurisdiction_qualifier: Option<String>,
        /// Jurisdiction.
        jurisdiction: Option<String>,
        /// Whether and why it is exempt.
        exempt: Option<String>,
        /// How it stands to the total, as the sender writes it.
        relation: Option<String>,
        /// Whether the document's total contains it beside the lines; absent means yes.
        in_total: Option<bool>,
        /// Number under which the tax is paid.
        tax_number: Option<String>,
        /// Where it stands in its file.
        source: Option<Source>,
    }
}

record! {
    /// Terms of payment.
    pub struct Terms {
        /// What terms: a word or the sender's code.
        kind: Option<String>,
        /// From which date the days count.
        basis: Option<String>,
        /// Percentage of discount.
        discount_percent: Option<Decimal>,
        /// Last day of the discount.
        discount_on: Option<NaiveDate>,
        /// Days until the discount ends.
        discount_days: Option<i64>,
        /// Amount of discount.
        discount_amount: Option<Decimal>,
        /// Day on which the whole is due.
        net_on: Option<NaiveDate>,
        /// Days until the whole is due.
        net_days: Option<i64>,
        /// The terms in words.
        description: Option<String>,
        /// Where they stand in their file.
        source: Option<Source>,
    }
}

record! {
    /// Whom to ask about a document.
    pub struct Contact {
        /// What for: a word or the sender's code.
        role: Option<String>,
        /// Name.
        name: Option<String>,
        /// Telephone number.
        phone: Option<String>,
        /// Mail address.
        email: Option<String>,
        /// Fax number.
        fax: Option<String>,
    }
}

record! {
    /// A price beside the one of the line.
    pub struct Price {
        /// Whom it is for: the sender's code.
        class: Option<String>,
        /// What price it is: a word or the sender's code.
        kind: Option<String>,
        /// The price of one unit.
        amount: Option<Decimal>,
        /// From which quantity on.
        quantity: Option<Decimal>,
        /// Unit of that quantity.
        unit: Option<String>,
        /// What the next field multiplies: the sender's code.
        multiplier_kind: Option<String>,
        /// Factor of the price.
        multiplier: Option<Decimal>,
    }
}

record! {
    /// How a line is split over stores.
    pub struct StoreSplit {
        /// Unit of the quantities.
        unit: Option<String>,
        /// Who gave the stores their numbers.
        id_qualifier: Option<String>,
        /// The stores and what they get.
        stores: Vec<StoreQuantity>,
    }
}

record! {
    /// What one store gets.
    pub struct StoreQuantity {
        /// The store's number.
        store: Option<String>,
        /// Quantity.
        quantity: Option<Decimal>,
    }
}

record! {
    /// A part of a line, such as an item of a kit or an assortment.
    pub struct LineComponent {
        /// Its number.
        line_number: Option<String>,
        /// How it stands to the line, as the sender writes it.
        relationship: Option<String>,
        /// Quantity in one unit of the line.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// Price of one unit.
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
    }
}
