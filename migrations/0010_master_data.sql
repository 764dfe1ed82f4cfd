-- Master data: what a partner's codes mean, and what is known of items, places and carriers, by day.
-- A row counts from valid_from to valid_to, both days included; 0001-01-01 and none stand for always.

-- One row a load, so that a hub sees that it must ask anew.
create table master_data_load (
    seq       bigint generated always as identity primary key,
    id        uuid not null unique,
    kind      text not null,
    owner     text not null,
    file_name text not null,
    sha256    bytea not null check (octet_length(sha256) = 32),
    row_count integer not null check (row_count >= 0),
    loaded_by text not null,
    loaded_at timestamptz not null default now()
);
create index master_data_load_kind on master_data_load (kind, seq desc);

create table crosswalk (
    name       text not null,
    -- Whose code it is; empty: everybody's.
    partner    text not null default '',
    code       text not null check (code <> ''),
    word       text not null check (word <> ''),
    -- The code to write where several have the word.
    preferred  boolean not null default false,
    valid_from date not null default '0001-01-01',
    valid_to   date check (valid_to >= valid_from),
    owner      text not null,
    primary key (name, partner, code, valid_from)
);

create table item (
    sku          text not null check (sku <> ''),
    name         text,
    upc          text,
    gtin         text,
    -- What one of it is, such as EA.
    unit         text,
    -- Its quantity is weighed, not counted.
    catch_weight boolean not null default false,
    valid_from   date not null default '0001-01-01',
    valid_to     date check (valid_to >= valid_from),
    owner        text not null,
    primary key (sku, valid_from)
);

create table item_number (
    partner    text not null check (partner <> ''),
    number     text not null check (number <> ''),
    sku        text not null check (sku <> ''),
    preferred  boolean not null default false,
    valid_from date not null default '0001-01-01',
    valid_to   date check (valid_to >= valid_from),
    owner      text not null,
    primary key (partner, number, valid_from)
);

-- One `unit` of an item holds `quantity` of `of_unit`.
create table item_pack (
    sku        text not null check (sku <> ''),
    unit       text not null,
    quantity   numeric not null check (quantity > 0),
    of_unit    text not null check (of_unit <> unit),
    valid_from date not null default '0001-01-01',
    valid_to   date check (valid_to >= valid_from),
    owner      text not null,
    primary key (sku, unit, of_unit, valid_from)
);

create table item_price (
    sku        text not null check (sku <> ''),
    partner    text not null default '',
    unit       text not null,
    currency   text not null check (currency ~ '^[A-Z]{3}$'),
    price      numeric not null check (price >= 0),
    valid_from date not null default '0001-01-01',
    valid_to   date check (valid_to >= valid_from),
    owner      text not null,
    primary key (sku, partner, unit, currency, valid_from)
);

create table location (
    partner     text not null default '',
    -- The partner's number of the place, and ours.
    code        text not null check (code <> ''),
    location    text not null check (location <> ''),
    name        text,
    street      text,
    city        text,
    state       text,
    postal_code text,
    country     text,
    preferred   boolean not null default false,
    valid_from  date not null default '0001-01-01',
    valid_to    date check (valid_to >= valid_from),
    owner       text not null,
    primary key (partner, code, valid_from)
);

create table carrier (
    partner    text not null default '',
    code       text not null check (code <> ''),
    scac       text not null check (scac ~ '^[A-Z]{2,4}$'),
    name       text,
    mode       text,
    preferred  boolean not null default false,
    valid_from date not null default '0001-01-01',
    valid_to   date check (valid_to >= valid_from),
    owner      text not null,
    primary key (partner, code, valid_from)
);
