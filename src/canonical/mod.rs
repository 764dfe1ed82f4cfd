//! Canonical records: business papers in the trade's own words, whatever format they came in.
//!
//! One declaration per record ([`declare`]) gives its struct, the ids and descriptions of its fields,
//! access by field for translators ([`Group`]) and its JSON Schema ([`json_schema`]).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod activities;
mod business_key;
mod declare;
mod field;
mod figure;
mod inventory_adjustment;
mod inventory_status;
mod invoice;
mod invoice_decision;
mod item;
mod json_schema;
mod numbers;
mod order_acknowledgment;
mod parts;
mod purchase_order;
mod reason;
mod revision;
mod ship_notice;
mod shipping_advice;
mod shipping_order;
mod stock_receipt;
mod stock_transfer;

pub use activities::ActivityCounts;
pub use field::{Field, FieldShape, FieldType, Group, Mismatch, Shape, Source, Value};
pub use figure::Figure;
pub use inventory_adjustment::{InventoryAdjustment, InventoryAdjustmentLine};
pub use inventory_status::{InventoryStatus, InventoryStatusLine, StockQuantity};
pub use invoice::{CURRENCY, Invoice, InvoiceKind, InvoiceLine, InvoiceSense};
pub use invoice_decision::InvoiceDecision;
pub use item::ItemKeys;
pub use json_schema::json_schema;
pub use numbers::{BusinessNumber, NumberKind, OrderKey, evened, numbers_of, same_number};
pub use order_acknowledgment::{
    AcknowledgmentLine, LineResponse, LineResponseStatus, OrderAcknowledgment, OrderResponse, Schedule,
};
pub use parts::{
    Carrier, Charge, ChargeKind, Contact, DatedEvent, ItemId, LineComponent, Note, Party, Price, Purpose,
    Reference, StoreQuantity, StoreSplit, Tax, Terms,
};
pub use purchase_order::{PurchaseOrder, PurchaseOrderLine};
pub use reason::Reason;
pub use ship_notice::{NoticeItem, NoticeOrder, NoticePack, NoticeStructure, PackKind, ShipNotice};
pub use shipping_advice::{
    AdviceLine, AdvicePack, Completeness, FinalShipment, LineStatus, SerialNumber, ShippingAdvice,
};
pub use shipping_order::{ShippingOrder, ShippingOrderLine};
pub use stock_receipt::{ReceiptException, ReceiptKind, StockReceipt, StockReceiptLine, Temperature};
pub use stock_transfer::{StockTransfer, StockTransferLine};

macro_rules! kinds {
    ($( $(#[doc = $doc:literal])+ $variant:ident, $word:literal, $number:ident; )+) => {
        /// Which record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RecordKind {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl RecordKind {
            /// Every kind.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// Its word in snake case, such as `purchase_order`.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The fields of such a record.
            #[must_use]
            pub fn shape(self) -> &'static Shape {
                match self { $(Self::$variant => $variant::fields()),+ }
            }

            /// A blank record of this kind.
            #[must_use]
            pub fn blank(self) -> Record {
                match self { $(Self::$variant => Record::$variant(Box::default())),+ }
            }
        }

        impl FromStr for RecordKind {
            type Err = Mismatch;

            fn from_str(text: &str) -> Result<Self, Mismatch> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Mismatch {
                        value: text.to_owned(),
                        expected: format!("one of {}", [$($word),+].join(", ")),
                    }),
                }
            }
        }

        /// One canonical record. As JSON it is an object with its kind beside its fields, under `record`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "record", rename_all = "snake_case")]
        pub enum Record {
            $( $(#[doc = $doc])+ $variant(Box<$variant>), )+
        }

        impl Record {
            /// Which record it is.
            #[must_use]
            pub fn kind(&self) -> RecordKind {
                match self { $(Self::$variant(_) => RecordKind::$variant),+ }
            }

            /// The number its sender knows it by, such as the order number.
            #[must_use]
            pub fn business_number(&self) -> Option<&str> {
                match self { $(Self::$variant(record) => record.$number.as_deref()),+ }
            }

            /// A record from its JSON. Where the kind stands first, as the hub writes it, the fields are read straight into
            /// their places; elsewhere it is looked for first.
            ///
            /// # Errors
            /// When it is no JSON, or no record.
            pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
                let kind = text.strip_prefix("{\"record\":\"").and_then(|rest| rest.split('"').next());
                match kind {
                    $(Some($word) => serde_json::from_str(text).map(Self::$variant),)+
                    _ => serde_json::from_str(text),
                }
            }

            /// Its fields by id.
            #[must_use]
            pub fn group(&self) -> &dyn Group {
                match self { $(Self::$variant(record) => record.as_ref()),+ }
            }

            /// Its fields by id, to change them.
            #[must_use]
            pub fn group_mut(&mut self) -> &mut dyn Group {
                match self { $(Self::$variant(record) => record.as_mut()),+ }
            }
        }

        $(impl From<$variant> for Record {
            fn from(record: $variant) -> Self {
                Self::$variant(Box::new(record))
            }
        })+
    };
}

kinds! {
    /// What a buyer orders of a seller (850).
    PurchaseOrder, "purchase_order", purchase_order_number;
    /// What a depositor tells a warehouse to ship (940).
    ShippingOrder, "shipping_order", order_number;
    /// What a warehouse says it has shipped (945).
    ShippingAdvice, "shipping_advice", order_number;
    /// What a seller tells a buyer is on its way (856).
    ShipNotice, "ship_notice", shipment_id;
    /// What is billed (810).
    Invoice, "invoice", invoice_number;
    /// What a seller says to an order (855).
    OrderAcknowledgment, "order_acknowledgment", purchase_order_number;
    /// What is on its way into a warehouse (943).
    StockTransfer, "stock_transfer", order_number;
    /// What a warehouse says has arrived (944).
    StockReceipt, "stock_receipt", receipt_number;
    /// What is in stock (846).
    InventoryStatus, "inventory_status", report_number;
    /// What a warehouse has corrected in its stock (947).
    InventoryAdjustment, "inventory_adjustment", adjustment_number;
    /// What was decided about a difference of an invoice.
    InvoiceDecision, "invoice_decision", invoice_number;
}

impl fmt::Display for RecordKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl Record {
    /// What an invoice's figures come to; other records have no such figure.
    #[must_use]
    pub fn computed_total(&self) -> Option<rust_decimal::Decimal> {
        if let Self::Invoice(invoice) = self { invoice.computed_total() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_fields_through_json() {
        let mut order = PurchaseOrder { purpose: Some(Purpose::Original), ..PurchaseOrder::default() };
        order.ship_to.city = Some("Reno".into());
        order
            .lines
            .push(PurchaseOrderLine { quantity: "12.50".parse().ok(), ..PurchaseOrderLine::default() });
        order.extra.insert("route".into(), "7".into());
        let record = Record::from(order);
        let text = serde_json::to_string(&record).expect("a record is plain data");
        assert_eq!(
            text,
            r#"{"record":"purchase_order","purpose":"original","ship_to":{"city":"Reno"},"lines":[{"quantity":"12.50"}],"extra":{"route":"7"}}"#
        );
        assert_eq!(serde_json::from_str::<Record>(&text).expect("what was written can be read"), record);
        assert_eq!(Record::from_json(&text).expect("what was written can be read"), record);
        let elsewhere = text.replacen("\"record\":\"purchase_order\",", "", 1).replacen(
            '}',
            "},\"record\":\"purchase_order\"",
            1,
        );
        assert_eq!(
            Record::from_json(&elsewhere).expect("the kind may stand anywhere"),
            record,
            "{elsewhere}"
        );
        assert!(Record::from_json("{\"record\":\"unknown\"}").is_err());
    }

    #[test]
    fn fields_are_reached_by_name() {
        let mut record = RecordKind::ShippingOrder.blank();
        let (id, field) = record.group().shape().find("ship_on").expect("an order has a ship date");
        assert_eq!(field.about, "Requested day of shipping.");
        record.group_mut().field_mut(id).set(Value::Text("2026-11-25".into())).expect("it is a date");
        assert_eq!(record.group().field(id).get(), "2026-11-25".parse().ok().map(Value::Date));
        let refused = record.group_mut().field_mut(id).set(Value::Text("tomorrow".into()));
        assert_eq!(refused.map_err(|e| e.to_string()), Err("`tomorrow` is not a date".to_owned()));
    }

    #[test]
    fn a_group_without_values_is_blank() {
        let mut record = RecordKind::Invoice.blank();
        if let Record::Invoice(invoice) = &mut record {
            invoice.source = Some(Source { segment_ordinal: 1, byte: 10 });
        }
        assert!(record.group().is_blank());
    }
}
