-- Exceptions a person must settle, and the record of who did what.

create table exception (
    -- Derived from what it is about, so that finding it again changes nothing.
    id                    uuid primary key,
    -- Such as `short_shipped`, `price_differs`, `shipping_advice_missing`.
    kind                  text not null,
    document_id           uuid,
    partner_id            text,
    order_number          text,
    purchase_order_number text,
    line                  text,
    amount                numeric,
    currency              text,
    message               text not null,
    -- For each figure: file, document, segment, element, byte and raw value.
    evidence              jsonb not null,
    state                 text not null default 'open' check (state in ('open', 'settled')),
    first_seen_at         timestamptz not null,
    settled_at            timestamptz,
    settled_by            text,
    check ((amount is null) or (currency is not null)),
    check ((state = 'settled') = (settled_at is not null))
);

create index exception_open on exception (first_seen_at desc, id) where state = 'open';
create index exception_purchase_order_number on exception (purchase_order_number);
create index exception_order_number on exception (order_number);
create index exception_document on exception (document_id);

create table audit_event (
    id          uuid primary key,
    at          timestamptz not null default now(),
    -- Who: a person's name, or the hub itself.
    actor       text not null,
    -- What, as a verb: `replay`, `resend`, `settle`, `change_profile`.
    action      text not null,
    subject     text not null,
    subject_id  uuid,
    detail      jsonb not null
);

create index audit_event_at on audit_event (at desc, id);
create index audit_event_subject on audit_event (subject_id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_event_append_only before update or delete on audit_event
    for each row execute function refuse_change();
create trigger audit_event_no_truncate before truncate on audit_event
    for each statement execute function refuse_change();

create trigger received_acknowledgment_append_only before update or delete on received_acknowledgment
    for each row execute function refuse_change();
create trigger received_acknowledgment_no_truncate before truncate on received_acknowledgment
    for each statement execute function refuse_change();
