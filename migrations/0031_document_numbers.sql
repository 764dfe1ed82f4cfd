-- The numbers that a document's record is found by, of whatever kind: order, purchase order, shipment, bill of lading,
-- PRO, tracking, SSCC, invoice, lot. One row for each; a document without a record has none. No foreign keys, as with
-- lines: they come and go with the record.
create table document_number (
    document_id uuid not null,
    kind        text not null,
    -- As it is compared: trimmed, upper case, without zeros in front.
    number      text not null,
    -- What it is unique within, evened alike: the depositor of an order, the release of a purchase order; else empty.
    scope       text not null default '',
    -- As the sender writes it; null where that is the same.
    raw         text,
    primary key (document_id, kind, number, scope)
);

create index document_number_number on document_number (number, kind);

-- A person who looks for a control number does not know its partner.
create index document_interchange_control_number on document (interchange_control_number)
    where interchange_control_number is not null;

-- What is there already. The release of an order within a notice is left out: it stands where no path names both.
with kept (document_id, record) as (
    select document_id, record::jsonb from purchase_order
    union all select document_id, record::jsonb from shipping_order
    union all select document_id, record::jsonb from shipping_advice
    union all select document_id, record::jsonb from ship_notice
    union all select document_id, record::jsonb from invoice
    union all select document_id, record::jsonb from order_acknowledgment
    union all select document_id, record::jsonb from stock_transfer
    union all select document_id, record::jsonb from stock_receipt
    union all select document_id, record::jsonb from inventory_status
    union all select document_id, record::jsonb from inventory_adjustment
),
said (document_id, kind, raw, scope) as (
    select document_id, kind, btrim(value #>> '{}'), btrim(coalesce(case kind
        when 'order' then record #>> '{depositor,id}' when 'purchase_order' then record ->> 'release_number' end, ''))
    from kept, (values
        ('order', '$.**.order_number'::jsonpath), ('purchase_order', '$.**.purchase_order_number'),
        ('shipment', '$.**.shipment_id'), ('shipment', '$.**.agent_shipment_id'),
        ('bill_of_lading', '$.**.bill_of_lading'), ('bill_of_lading', '$.**.master_bill_of_lading'),
        ('pro', '$.**.pro_number'), ('tracking', '$.**.tracking_number'), ('sscc', '$.**.sscc'),
        ('invoice', '$.**.invoice_number'), ('invoice', '$.**.original_invoice_number'),
        ('lot', '$.**.lot'), ('lot', '$.**.warehouse_lot')) as path (kind, place),
        jsonb_path_query(record, place) as value
    where btrim(value #>> '{}') <> ''
),
-- Of zeros alone one stays.
evened (document_id, kind, number, scope, raw) as (
    select document_id, kind, upper(regexp_replace(raw, '^0+(?=.)', '')),
        upper(regexp_replace(scope, '^0+(?=.)', '')), raw
    from said
)
insert into document_number (document_id, kind, number, scope, raw)
select document_id, kind, number, scope, nullif(min(raw), number) from evened group by 1, 2, 3, 4;
