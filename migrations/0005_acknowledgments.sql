-- Acknowledgments: what we await for what we sent, and what came.

create table expected_acknowledgment (
    id            uuid primary key,
    partner_id    text not null,
    -- `TA1` answers an interchange, `997` and `999` a functional group, others as the profile says.
    level         text not null,
    -- GS01 of what we sent; empty for an interchange.
    functional_id text not null default '',
    -- GS06 of what we sent; ISA13 for an interchange.
    group_control bigint not null,
    set_count     integer not null default 0,
    file_id       uuid not null references file (id),
    delivery_id   uuid,
    created_at    timestamptz not null default now(),
    -- The deadline; runs from the delivery, and until that from the composition.
    within_secs   bigint not null,
    due_at        timestamptz not null,
    state         text not null default 'awaited' check (state in
        ('awaited', 'accepted', 'accepted_with_errors', 'partially_accepted', 'rejected', 'overdue')),
    settled_at    timestamptz
);

-- Not unique: control numbers roll over, and a partner answers the latest.
create index expected_acknowledgment_group on expected_acknowledgment
    (partner_id, level, functional_id, group_control, created_at desc);
create index expected_acknowledgment_due on expected_acknowledgment (due_at) where state in ('awaited', 'overdue');
create index expected_acknowledgment_file on expected_acknowledgment (file_id);
create index expected_acknowledgment_delivery on expected_acknowledgment (delivery_id);

create table expected_acknowledgment_set (
    expected_id uuid not null references expected_acknowledgment (id),
    -- ST01 and ST02 of what we sent. ST02 as written: leading zeros count.
    set_id      text not null,
    set_control text not null,
    document_id uuid not null,
    state       text not null default 'awaited'
        check (state in ('awaited', 'accepted', 'accepted_with_errors', 'rejected', 'overdue')),
    primary key (expected_id, set_id, set_control)
);

create index expected_acknowledgment_set_document on expected_acknowledgment_set (document_id);

-- Append-only: the state of an expectation is a fold over these rows.
create table received_acknowledgment (
    id            uuid primary key,
    file_id       uuid not null references file (id),
    document_id   uuid,
    partner_id    text,
    -- `TA1`, `997`, `999` …
    kind          text not null,
    -- AK101 and AK102, as written.
    functional_id text not null,
    group_control text not null,
    -- AK901 or TA104 in words.
    status        text not null check (status in ('accepted', 'accepted_with_errors', 'partially_accepted', 'rejected')),
    -- One entry for each AK2 loop: set id, control number, status, codes.
    sets          jsonb not null,
    expected_id   uuid references expected_acknowledgment (id),
    note          text not null default ''
        check (note in ('', 'duplicate', 'conflicting', 'unmatched', 'wrong_partner', 'late')),
    -- The note in a sentence.
    detail        text not null default '',
    received_at   timestamptz not null
);

create index received_acknowledgment_group on received_acknowledgment (functional_id, group_control);
create index received_acknowledgment_expected on received_acknowledgment (expected_id);
create index received_acknowledgment_received on received_acknowledgment (received_at desc, id);
