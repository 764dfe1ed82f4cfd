-- Receiving advices (861) may be of several purchase orders, which then stand on the lines.
alter table stock_receipt_line add column purchase_order_number text;
update stock_receipt_line l set purchase_order_number = r.purchase_order_number
    from stock_receipt r where r.document_id = l.document_id and r.purchase_order_number is not null;
