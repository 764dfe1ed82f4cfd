-- What sellers say to orders, and what warehouses say of their stock. Of the same form as the other records.

create table order_acknowledgment (
    document_id           uuid primary key,
    partner_id            text not null,
    received_at           timestamptz not null,
    purchase_order_number text,
    release_number        text,
    order_number          text,
    purpose               text,
    -- accepted, accepted_with_changes, on_hold, rejected, counter_offer or other.
    response              text,
    acknowledged_on       date,
    record                jsonb not null
);

create index order_acknowledgment_purchase_order_number
    on order_acknowledgment (purchase_order_number, received_at desc);

-- One row for each thing said to a line; a line of which nothing is said has one row without a status.
create table order_acknowledgment_line (
    document_id      uuid not null,
    ordinal          integer not null,
    line_number      text,
    sku              text,
    buyer_item       text,
    gtin             text,
    status           text,
    -- Quantity it is said of; without one, the whole line.
    quantity         numeric,
    unit             text,
    due_on           date,
    quantity_ordered numeric,
    unit_price       numeric,
    segment_ordinal  bigint,
    byte             bigint,
    primary key (document_id, ordinal)
);

create table stock_transfer (
    document_id           uuid primary key,
    partner_id            text not null,
    received_at           timestamptz not null,
    order_number          text,
    purchase_order_number text,
    shipment_id           text,
    shipped_on            date,
    deliver_on            date,
    scac                  text,
    bill_of_lading        text,
    pro_number            text,
    depositor_id          text,
    ship_from_id          text,
    warehouse_id          text,
    record                jsonb not null
);

create index stock_transfer_order_number on stock_transfer (order_number, received_at desc);
create index stock_transfer_shipment_id on stock_transfer (shipment_id);

create table stock_transfer_line (
    document_id      uuid not null,
    ordinal          integer not null,
    line_number      text,
    sku              text,
    buyer_item       text,
    gtin             text,
    lot              text,
    quantity_shipped numeric,
    unit             text,
    segment_ordinal  bigint,
    byte             bigint,
    primary key (document_id, ordinal)
);

create table stock_receipt (
    document_id           uuid primary key,
    partner_id            text not null,
    received_at           timestamptz not null,
    receipt_number        text,
    kind                  text,
    received_on           date,
    order_number          text,
    purchase_order_number text,
    shipment_id           text,
    bill_of_lading        text,
    depositor_id          text,
    warehouse_id          text,
    record                jsonb not null
);

create index stock_receipt_number on stock_receipt (receipt_number, received_at desc);
create index stock_receipt_order_number on stock_receipt (order_number, received_at desc);
create index stock_receipt_purchase_order_number on stock_receipt (purchase_order_number);
create index stock_receipt_shipment_id on stock_receipt (shipment_id);

create table stock_receipt_line (
    document_id       uuid not null,
    ordinal           integer not null,
    sscc              text,
    line_number       text,
    sku               text,
    buyer_item        text,
    gtin              text,
    lot               text,
    quantity_received numeric,
    unit              text,
    segment_ordinal   bigint,
    byte              bigint,
    primary key (document_id, ordinal)
);

create table inventory_status (
    document_id   uuid primary key,
    partner_id    text not null,
    received_at   timestamptz not null,
    report_number text,
    purpose       text,
    reported_on   date,
    depositor_id  text,
    warehouse_id  text,
    seller_id     text,
    record        jsonb not null
);

create index inventory_status_number on inventory_status (report_number, received_at desc);
create index inventory_status_partner_id on inventory_status (partner_id, reported_on desc);

-- One row for each quantity of an item: on_hand, available, on_hold …
create table inventory_status_line (
    document_id     uuid not null,
    ordinal         integer not null,
    line_number     text,
    sku             text,
    buyer_item      text,
    gtin            text,
    lot             text,
    location        text,
    kind            text,
    quantity        numeric,
    unit            text,
    segment_ordinal bigint,
    byte            bigint,
    primary key (document_id, ordinal)
);

create table inventory_adjustment (
    document_id       uuid primary key,
    partner_id        text not null,
    received_at       timestamptz not null,
    adjustment_number text,
    adjusted_on       date,
    order_number      text,
    depositor_id      text,
    warehouse_id      text,
    record            jsonb not null
);

create index inventory_adjustment_number on inventory_adjustment (adjustment_number, received_at desc);

create table inventory_adjustment_line (
    document_id     uuid not null,
    ordinal         integer not null,
    line_number     text,
    reason          text,
    sku             text,
    buyer_item      text,
    gtin            text,
    lot             text,
    -- More is positive, less is negative.
    quantity        numeric,
    unit            text,
    stock_kind      text,
    segment_ordinal bigint,
    byte            bigint,
    primary key (document_id, ordinal)
);
