-- What an invoice does to an earlier one of its number (BIG08).
alter table invoice add column purpose text;
update invoice set purpose = record::jsonb ->> 'purpose' where record like '%"purpose":%';

-- What an 856 announced, beside what was shipped and received; and lines that were found by their number alone.
alter table reconciliation_line add column advised numeric;
alter table reconciliation_line drop constraint reconciliation_line_found_check;
alter table reconciliation_line add constraint reconciliation_line_found_check
    check (found in ('line', 'item', 'number', 'none'));

-- Invoices ask what else an item is called. Numbers are compared without zeros in front: a UPC-12 is a GTIN-14.
create index item_upc on item (ltrim(btrim(upc), '0')) where upc is not null;
create index item_gtin on item (ltrim(btrim(gtin), '0')) where gtin is not null;
create index item_number_sku on item_number (sku);
