-- How often people were reminded of a document that is missing.
alter table expected_document
    add reminders   integer not null default 0,
    add reminded_at timestamptz;
