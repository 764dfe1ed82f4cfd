-- Documents that must follow others by a deadline: the shipping advice of an order, the invoice of a notice.

create table expected_document (
    -- Derived from the partner, the document that asks for it, and what is asked for.
    id           uuid primary key,
    partner_id   text not null,
    agreement    text,
    -- The latest document that asks for it, and its record.
    document_id  uuid not null,
    after_kind   text not null,
    -- The record that must follow, and how the profile names the two documents: `940`, `945`.
    record_kind  text not null,
    after        text not null,
    document     text not null,
    -- Whether it is we who owe it.
    ours         boolean not null,
    -- By what it is known when it comes, evened as in `document_number`.
    number_kind  text not null,
    number       text not null,
    scope        text not null default '',
    -- As the sender writes it.
    raw          text not null,
    order_number text,
    purchase_order_number text,
    asked_at     timestamptz not null,
    due_at       timestamptz not null,
    state        text not null default 'awaited'
        check (state in ('awaited', 'overdue', 'came', 'came_late', 'not_needed')),
    answered_by  uuid,
    settled_at   timestamptz,
    -- Why it is not needed.
    reason       text not null default '',
    check ((state in ('awaited', 'overdue')) = (settled_at is null))
);

create index expected_document_due on expected_document (due_at) where state = 'awaited';
create index expected_document_open on expected_document (partner_id, due_at) where state in ('awaited', 'overdue');
create index expected_document_number on expected_document (number, number_kind, record_kind)
    where state in ('awaited', 'overdue');
create index expected_document_answered_by on expected_document (answered_by) where answered_by is not null;
create index expected_document_document on expected_document (document_id);
