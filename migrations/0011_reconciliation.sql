-- Reconciliation: each run is a snapshot that nobody can change. Same documents, same figures; what comes later makes
-- an adjustment in a later run.

create table reconciliation_run (
    id              uuid primary key,
    seq             bigint generated always as identity unique,
    -- Days of the invoices, both included.
    from_day        date not null,
    to_day          date not null check (to_day >= from_day),
    -- What it was narrowed to.
    partner_id      text,
    agreement       text,
    -- What was known at this instant was compared.
    as_of           timestamptz not null,
    actor           text not null,
    invoice_count   bigint not null,
    line_count      bigint not null,
    -- SHA-256 of all figures in their order.
    digest          bytea not null check (octet_length(digest) = 32),
    -- Billed of all invoices by currency, to tie to the ledger: {"USD": "123.45"}.
    totals          jsonb not null
);
create index reconciliation_run_days on reconciliation_run (from_day, to_day, seq desc);

create table reconciliation_invoice (
    run_id                     uuid not null,
    -- Place in the run, the first is 1.
    invoice                    integer not null,
    document_id                uuid not null,
    partner_id                 text not null,
    agreement                  text,
    -- sale, purchase, service; and whether it is a credit.
    kind                       text not null,
    is_credit                  boolean not null,
    invoice_number             text,
    invoiced_on                date not null,
    due_on                     date,
    purchase_order_number      text,
    order_number               text,
    shipment_id                text,
    bill_of_lading             text,
    currency                   text not null,
    -- What it bills, less than zero for a credit; and what it should bill by what is known.
    billed                     numeric not null,
    expected                   numeric not null,
    -- Differences that stand, and those let pass.
    difference                 numeric not null,
    tolerated                  numeric not null,
    status                     text not null check (status in ('matched', 'within_tolerance', 'not_checked', 'exception')),
    line_count                 integer not null,
    matched_line_count         integer not null,
    -- Where it stands.
    file_id                    uuid not null,
    file_name                  text not null,
    interchange_control_number text,
    group_control_number       text,
    set_control_number         text,
    segment_ordinal            bigint,
    -- The run that told of it before, and what was expected then.
    previous_run_id            uuid,
    previous_expected          numeric,
    -- Not of the days of this run: told again since what is known of it changed.
    is_adjustment              boolean not null,
    primary key (run_id, invoice)
);
create index reconciliation_invoice_document on reconciliation_invoice (document_id);

create table reconciliation_line (
    run_id                uuid not null,
    invoice               integer not null,
    -- Place in the invoice, the first is 1.
    ordinal               integer not null,
    line_number           text,
    purchase_order_number text,
    sku                   text,
    buyer_item            text,
    gtin                  text,
    description           text,
    unit                  text,
    -- All quantities in the unit that is billed.
    ordered               numeric,
    shipped               numeric,
    received              numeric,
    billed_before         numeric,
    billed                numeric,
    agreed_price          numeric,
    price_from            text,
    price                 numeric,
    amount                numeric not null,
    expected              numeric not null,
    found                 text not null check (found in ('line', 'item', 'none')),
    segment_ordinal       bigint,
    primary key (run_id, invoice, ordinal)
);

create table reconciliation_difference (
    run_id       uuid not null,
    invoice      integer not null,
    -- Place among the invoice's differences, the first is 1.
    ordinal      integer not null,
    -- The exception that people settle; it may not exist.
    exception_id uuid not null,
    reason       text not null,
    line_ordinal integer,
    line_number  text,
    item         text,
    amount       numeric,
    message      text not null,
    -- Each with name, value, document, file, segment position and element.
    figures      jsonb not null,
    -- The tolerance that lets it pass.
    tolerated    text,
    -- How the exception stood then.
    first_seen_at timestamptz not null,
    owner        text,
    decision     text,
    decided_by   text,
    decided_at   timestamptz,
    decided_why  text,
    primary key (run_id, invoice, ordinal)
);

create table reconciliation_unbilled (
    run_id                uuid not null,
    ordinal               integer not null,
    kind                  text not null,
    partner_id            text not null,
    purchase_order_number text not null,
    order_number          text,
    item                  text not null,
    unit                  text,
    shipped               numeric not null,
    billed                numeric not null,
    price                 numeric,
    amount                numeric,
    currency              text,
    shipped_on            date not null,
    -- The last document that shipped or received it.
    document_id           uuid not null,
    file_name             text not null,
    segment_ordinal       bigint,
    primary key (run_id, ordinal)
);

do $$
declare
    name text;
begin
    foreach name in array array['run', 'invoice', 'line', 'difference', 'unbilled'] loop
        execute format('create trigger reconciliation_%s_append_only before update or delete on reconciliation_%s
            for each row execute function refuse_change()', name, name);
        execute format('create trigger reconciliation_%s_no_truncate before truncate on reconciliation_%s
            for each statement execute function refuse_change()', name, name);
    end loop;
end
$$;

-- What a person decided about a difference: what is paid, and what is asked for.
alter table exception add column decision text check (decision in ('approve', 'short_pay', 'hold', 'ask_credit'));

create index invoice_invoiced_on on invoice (invoiced_on);
