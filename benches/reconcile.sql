-- Orders, advices and invoices as if they had come: `invoices` of `lines` lines each, one in a hundred with a unit too many.
\set ON_ERROR_STOP on
set client_min_messages = warning;
begin;
insert into file (id, direction, partner_id, channel, name, size_bytes, sha256, received_at, state)
values ('00000000-0000-4000-8000-000000000000', 'inbound', 'seller', 'edi', 'generated.edi', 0, sha256(''), '2026-10-15', 'processed');

create temporary table n on commit drop as
    select n, md5('order' || n)::uuid as o, md5('advice' || n)::uuid as a, md5('invoice' || n)::uuid as i
    from generate_series(1, :invoices) n;

insert into document (id, file_id, ordinal, direction, partner_id, format, kind, record_kind, validation, received_at, translator)
select id, '00000000-0000-4000-8000-000000000000', n * 3 + at, 'inbound', 'seller', 'x12', kind, record, 'accepted', '2026-10-15', translator
from n, lateral (values (o, 0, '850', 'purchase_order', 'x12-850'), (a, 1, '945', 'shipping_advice', 'x12-945'),
    (i, 2, '810', 'invoice', 'x12-810')) as of (id, at, kind, record, translator);

insert into document_number (document_id, kind, number)
select id, kind, number from n, lateral (values (o, 'purchase_order', 'PO-' || n), (a, 'order', 'SO-' || n),
    (a, 'purchase_order', 'PO-' || n), (i, 'purchase_order', 'PO-' || n), (i, 'invoice', 'INV-' || n)) as of (id, kind, number);

-- As the hub writes it.
create function pg_temp.written(record json) returns text language sql immutable
    return replace(record::text, '" : ', '":');

create temporary table line on commit drop as
    select n, o, a, i, l, 'SKU-' || (n * 7 + l) % 5000 as sku, 1 + (n + l) % 40 as shipped,
        1 + (n + l) % 40 + (case when n % 100 = 0 and l = 1 then 1 else 0 end) as billed,
        ((100 + (n * l) % 4000)::numeric / 100)::numeric(9, 2) as price
    from n, generate_series(1, :lines) l;

insert into purchase_order (document_id, partner_id, received_at, purchase_order_number, purpose, ordered_on, currency, record)
select o, 'seller', '2026-10-15', 'PO-' || n, 'original', '2026-10-01', 'USD', pg_temp.written(json_build_object('record', 'purchase_order',
    'purpose', 'original', 'purchase_order_number', 'PO-' || n, 'currency', 'USD',
    'lines', json_agg(json_build_object('line_number', l::text, 'quantity', shipped::text, 'unit', 'each',
        'unit_price', price::text, 'sku', sku, 'source', json_build_object('segment_ordinal', l * 2, 'byte', l * 60)) order by l)))
from line group by n, o;

insert into shipping_advice (document_id, partner_id, received_at, order_number, purchase_order_number, shipped_on, record)
select a, 'seller', '2026-10-15', 'SO-' || n, 'PO-' || n, '2026-10-10', pg_temp.written(json_build_object('record', 'shipping_advice',
    'order_number', 'SO-' || n, 'purchase_order_number', 'PO-' || n, 'shipped_on', '2026-10-10',
    'packs', json_build_array(json_build_object('lines', json_agg(json_build_object('line_number', l::text,
        'quantity_ordered', shipped::text, 'quantity_shipped', shipped::text, 'unit', 'each', 'sku', sku,
        'source', json_build_object('segment_ordinal', l * 2, 'byte', l * 60)) order by l)))))
from line group by n, a;
insert into shipping_advice_line (document_id, ordinal, pack, line_number, sku, quantity_ordered, quantity_shipped, unit)
select a, l, 1, l::text, sku, shipped, shipped, 'each' from line;

insert into invoice (document_id, partner_id, received_at, invoice_number, invoiced_on, purchase_order_number, currency,
    total_amount, computed_total, record)
select i, 'seller', '2026-10-15', 'INV-' || n, '2026-10-01'::date + n % 31, 'PO-' || n, 'USD', sum(billed * price), sum(billed * price),
    pg_temp.written(json_build_object('record', 'invoice', 'invoice_number', 'INV-' || n, 'purchase_order_number', 'PO-' || n,
    'invoiced_on', '2026-10-01'::date + n % 31, 'currency', 'USD', 'total_amount', sum(billed * price)::text,
    'lines', json_agg(json_build_object('line_number', l::text, 'quantity', billed::text, 'unit', 'each',
        'unit_price', price::text, 'sku', sku, 'source', json_build_object('segment_ordinal', l * 2, 'byte', l * 60)) order by l)))
from line group by n, i;
insert into invoice_line (document_id, ordinal, purchase_order_number, line_number, sku, quantity, unit, unit_price, amount)
select i, l, 'PO-' || n, l::text, sku, billed, 'each', price, billed * price from line;
commit;
analyze;
