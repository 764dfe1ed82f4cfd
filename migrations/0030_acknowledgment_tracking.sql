-- Acknowledgments are matched by interchange as well, kept when they answer nothing yet, and an exception has
-- somebody who looks after it.

alter table expected_acknowledgment
    -- ISA13 of what we sent: a TA1 names nothing else.
    add column interchange_control bigint not null default 0,
    -- Sent as a test (ISA15 T): only answers marked so settle it.
    add column test boolean not null default false,
    -- No further files to this partner while it is overdue.
    add column hold boolean not null default false,
    add column reminders integer not null default 0,
    add column reminded_at timestamptz,
    add column escalated_at timestamptz;

-- A group is found by its number, so that an answer of the wrong AK101 is told, too.
drop index expected_acknowledgment_group;
create index expected_acknowledgment_group on expected_acknowledgment
    (partner_id, group_control, functional_id, created_at desc);
create index expected_acknowledgment_interchange on expected_acknowledgment
    (partner_id, interchange_control, created_at desc);
-- Whose is it, when it is not this partner's?
create index expected_acknowledgment_open on expected_acknowledgment (group_control, functional_id)
    where state in ('awaited', 'overdue');
create index expected_acknowledgment_hold on expected_acknowledgment (partner_id) where hold and state = 'overdue';

alter table received_acknowledgment
    -- AK901 or TA104 as sent.
    add column code text not null default '',
    -- Marked as a test: it answers only what was sent as one.
    add column test boolean not null default false,
    drop constraint received_acknowledgment_note_check,
    add constraint received_acknowledgment_note_check check (note in
        ('', 'duplicate', 'conflicting', 'unmatched', 'wrong_partner', 'late', 'broken'));
create index received_acknowledgment_parked on received_acknowledgment (received_at) where note = 'unmatched';

-- What a parked acknowledgment turned out to answer. Append-only, as the acknowledgments are.
create table matched_acknowledgment (
    received_id uuid primary key references received_acknowledgment (id),
    expected_id uuid not null references expected_acknowledgment (id),
    matched_at  timestamptz not null,
    detail      text not null
);
create index matched_acknowledgment_expected on matched_acknowledgment (expected_id);
create trigger matched_acknowledgment_append_only before update or delete on matched_acknowledgment
    for each row execute function refuse_change();
create trigger matched_acknowledgment_no_truncate before truncate on matched_acknowledgment
    for each statement execute function refuse_change();

alter table exception
    -- Who looks after it, where it is not whom the partner's profile names.
    add column owner text,
    add column settled_reason text not null default '',
    add column escalated_at timestamptz;
create index exception_kind_open on exception (kind, first_seen_at) where state = 'open';
