-- What people do with files: assign, correct, read again.

-- The channel that a person said a file belongs to, as `partner/channel`; it is read as if it had come there.
alter table file add column assigned_to text;
-- The file that this one is a corrected version of, and who corrected it when it was made here.
alter table file add column corrects uuid references file (id);
alter table file add column corrected_by text;
create index file_corrects on file (corrects) where corrects is not null;

-- What a document's record said before it was read again. The record's own tables hold what it says now.
create table record_revision (
    document_id     uuid not null,
    -- The first that was replaced is 1.
    number          integer not null,
    record_kind     text not null,
    record          jsonb not null,
    translator      text,
    profile_version uuid references profile_version (id),
    replaced_at     timestamptz not null default now(),
    primary key (document_id, number)
);
create trigger record_revision_append_only before update or delete on record_revision
    for each row execute function refuse_change();
create trigger record_revision_no_truncate before truncate on record_revision
    for each statement execute function refuse_change();

-- Nobody waits for the answer to what will not be sent.
alter table expected_acknowledgment drop constraint expected_acknowledgment_state_check;
alter table expected_acknowledgment add constraint expected_acknowledgment_state_check check (state in
    ('awaited', 'accepted', 'accepted_with_errors', 'partially_accepted', 'rejected', 'overdue', 'cancelled'));
alter table expected_acknowledgment_set drop constraint expected_acknowledgment_set_state_check;
alter table expected_acknowledgment_set add constraint expected_acknowledgment_set_state_check
    check (state in ('awaited', 'accepted', 'accepted_with_errors', 'rejected', 'overdue', 'cancelled'));

-- When a body left with its retention; its hash and all that was made of it stay.
alter table file add column body_left_at timestamptz;
