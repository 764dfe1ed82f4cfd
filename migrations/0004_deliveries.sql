-- Deliveries: frozen bytes on their way to one channel, every try of them, and the control numbers used.

create table delivery (
    id              uuid primary key,
    -- The bytes, the name and the control numbers are frozen in the file when it is composed.
    file_id         uuid not null references file (id),
    partner_id      text not null,
    channel         text not null,
    kind            text not null check (kind in ('file', 'call')),
    -- The remote name of a file, the place of a call.
    target          text not null,
    idempotency_key text not null,
    state           text not null default 'ready'
        check (state in ('ready', 'sending', 'delivered', 'unknown', 'held', 'cancelled')),
    attempts        integer not null default 0,
    created_at      timestamptz not null default now(),
    delivered_at    timestamptz,
    -- What the other side calls it.
    response_id     text,
    last_error      text,
    check ((state = 'delivered') = (delivered_at is not null))
);

create index delivery_file on delivery (file_id);
create index delivery_open on delivery (state, created_at) where state not in ('delivered', 'cancelled');
create index delivery_created on delivery (created_at desc, id);

create table delivery_document (
    delivery_id uuid not null,
    document_id uuid not null,
    primary key (delivery_id, document_id)
);

create index delivery_document_document on delivery_document (document_id);

create table attempt (
    delivery_id uuid not null references delivery (id),
    number      integer not null,
    started_at  timestamptz not null default now(),
    ended_at    timestamptz,
    -- Null while it runs, and for ever when the hub died in the middle.
    outcome     text check (outcome in ('delivered', 'retry', 'held', 'unknown')),
    detail      text not null default '',
    primary key (delivery_id, number)
);

-- One row for each sequence of ISA13, GS06 or ST02. A row, not a sequence: an abort must give numbers back.
create table control_number (
    scope     text primary key,
    next      bigint not null,
    minimum   bigint not null,
    maximum   bigint not null,
    used_at   timestamptz not null default now(),
    check (minimum <= next and next <= maximum)
);
