-- Batches: what is to be sent waits here until its set is closed, and leaves as one interchange or file.

create table batched (
    -- That of the document it becomes, so that it waits once however often its source is read.
    id                 uuid primary key,
    partner_id         text not null,
    document           text not null,
    channel            text not null,
    agreement          text not null default '',
    -- What the record says at the place that sets are told apart by.
    by_value           text not null default '',
    source_document_id uuid not null,
    issue              uuid,
    record             text not null,
    created_at         timestamptz not null,
    -- When its set is closed at the latest; null while only a full set is sent.
    due_at             timestamptz
);
create index batched_set on batched (partner_id, document, channel, agreement, by_value, created_at, id);
create index batched_source on batched (source_document_id);
