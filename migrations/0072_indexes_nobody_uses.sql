-- Documents are found by their numbers in `document_number`. Nobody looked by these any more, and each was paid for with
-- every row.
drop index purchase_order_number;
drop index shipping_order_purchase_order_number;
drop index shipping_advice_purchase_order_number;
drop index shipping_advice_shipment_id;
drop index ship_notice_shipment_id;
drop index ship_notice_line_purchase_order_number;
drop index invoice_purchase_order_number;
drop index invoice_line_purchase_order_number;

-- Lines of a run are written once, in one transaction, and read by invoice.
alter table reconciliation_line drop constraint reconciliation_line_pkey;
create index reconciliation_line_invoice on reconciliation_line (run_id, invoice);
