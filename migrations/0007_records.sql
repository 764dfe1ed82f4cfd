-- Canonical records: for each kind a header with what people search, join and add up, the whole record as
-- JSON, and its lines. Lines have no foreign keys: checking them more than doubles the time of a bulk load.
-- Two documents may carry the same business number; the latest counts, and what differs is for people.

create table purchase_order (
    document_id           uuid primary key,
    partner_id            text not null,
    received_at           timestamptz not null,
    purchase_order_number text,
    release_number        text,
    -- What it does to an earlier order: original, replacement, cancellation …
    purpose               text,
    ordered_on            date,
    ship_not_after        date,
    cancel_after          date,
    department            text,
    buyer_id              text,
    ship_to_id            text,
    -- Final store, where the goods go through another place.
    mark_for_id           text,
    currency              text,
    total_amount          numeric,
    record                jsonb not null
);

create index purchase_order_number on purchase_order (purchase_order_number, received_at desc);

create table purchase_order_line (
    document_id     uuid not null,
    -- Place in the document, the first is 1.
    ordinal         integer not null,
    line_number     text,
    sku             text,
    buyer_item      text,
    -- UPC or GTIN without leading zeros.
    gtin            text,
    quantity        numeric,
    unit            text,
    unit_price      numeric,
    amount          numeric,
    -- Where the line begins in its file.
    segment_ordinal bigint,
    byte            bigint,
    primary key (document_id, ordinal)
);

create table shipping_order (
    document_id           uuid primary key,
    partner_id            text not null,
    received_at           timestamptz not null,
    order_number          text,
    purchase_order_number text,
    purpose               text,
    ship_on               date,
    ship_not_after        date,
    cancel_after          date,
    depositor_id          text,
    ship_from_id          text,
    ship_to_id            text,
    ship_to_name          text,
    record                jsonb not null
);

create index shipping_order_number on shipping_order (order_number, received_at desc);
create index shipping_order_purchase_order_number on shipping_order (purchase_order_number);

create table shipping_order_line (
    document_id     uuid not null,
    ordinal         integer not null,
    line_number     text,
    sku             text,
    buyer_item      text,
    gtin            text,
    quantity        numeric,
    unit            text,
    segment_ordinal bigint,
    byte            bigint,
    primary key (document_id, ordinal)
);

create table shipping_advice (
    document_id           uuid primary key,
    partner_id            text not null,
    received_at           timestamptz not null,
    order_number          text,
    purchase_order_number text,
    shipment_id           text,
    completeness          text,
    shipped_on            date,
    scac                  text,
    bill_of_lading        text,
    pro_number            text,
    tracking_number       text,
    ship_to_id            text,
    record                jsonb not null
);

create index shipping_advice_order_number on shipping_advice (order_number, received_at desc);
create index shipping_advice_purchase_order_number on shipping_advice (purchase_order_number, received_at desc);
create index shipping_advice_shipment_id on shipping_advice (shipment_id);

create table shipping_advice_line (
    document_id       uuid not null,
    ordinal           integer not null,
    -- The pack it is in, the first is 1.
    pack              integer not null,
    sscc              text,
    tracking_number   text,
    line_number       text,
    status            text,
    sku               text,
    buyer_item        text,
    gtin              text,
    lot               text,
    quantity_ordered  numeric,
    quantity_shipped  numeric,
    unit              text,
    segment_ordinal   bigint,
    byte              bigint,
    primary key (document_id, ordinal)
);

create table ship_notice (
    document_id    uuid primary key,
    partner_id     text not null,
    received_at    timestamptz not null,
    shipment_id    text,
    purpose        text,
    shipped_on     date,
    scac           text,
    bill_of_lading text,
    pro_number     text,
    ship_to_id     text,
    record         jsonb not null
);

create index ship_notice_shipment_id on ship_notice (shipment_id, received_at desc);

create table ship_notice_line (
    document_id           uuid not null,
    ordinal               integer not null,
    purchase_order_number text,
    sscc                  text,
    line_number           text,
    sku                   text,
    buyer_item            text,
    gtin                  text,
    lot                   text,
    quantity_shipped      numeric,
    unit                  text,
    segment_ordinal       bigint,
    byte                  bigint,
    primary key (document_id, ordinal)
);

create index ship_notice_line_purchase_order_number on ship_notice_line (purchase_order_number);

create table invoice (
    document_id           uuid primary key,
    partner_id            text not null,
    received_at           timestamptz not null,
    invoice_number        text,
    kind                  text,
    sense                 text,
    invoiced_on           date,
    purchase_order_number text,
    order_number          text,
    currency              text,
    total_amount          numeric,
    -- What lines, charges and taxes come to; null when a price is missing.
    computed_total        numeric,
    record                jsonb not null
);

create index invoice_number on invoice (partner_id, invoice_number, received_at);
create index invoice_purchase_order_number on invoice (purchase_order_number);

create table invoice_line (
    document_id           uuid not null,
    ordinal               integer not null,
    -- The line's own, else the invoice's.
    purchase_order_number text,
    line_number           text,
    sku                   text,
    buyer_item            text,
    gtin                  text,
    quantity              numeric,
    unit                  text,
    unit_price            numeric,
    amount                numeric,
    segment_ordinal       bigint,
    byte                  bigint,
    primary key (document_id, ordinal)
);

create index invoice_line_purchase_order_number on invoice_line (purchase_order_number);

create table invoice_charge (
    document_id  uuid not null,
    ordinal      integer not null,
    -- Null for one on the whole invoice.
    line_ordinal integer,
    kind         text,
    code         text,
    description  text,
    amount       numeric,
    in_total     boolean,
    primary key (document_id, ordinal)
);
