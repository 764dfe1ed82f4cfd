-- What finance asks of an invoice besides: its terms in words, until when it may be disputed, the carrier's number, the
-- warehouse, and the rate of exchange that it names.
alter table reconciliation_invoice
    add column terms         text,
    add column dispute_by    date,
    add column pro_number    text,
    add column warehouse     text,
    add column exchange_rate numeric;

alter table reconciliation_line
    -- What is billed in the smallest unit of the item; null where that is the one that is billed, and the unit empty where
    -- nothing says how many it holds.
    add column base_quantity  numeric,
    add column base_unit      text,
    -- Null where the whole invoice has one of them; empty where it bills several and nothing says which.
    add column order_number   text,
    add column shipment_id    text,
    add column bill_of_lading text,
    add column pro_number     text,
    add column warehouse      text;
