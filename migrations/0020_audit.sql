-- What people did: append-only, each row chained to the one before by its hash.

-- Nothing wrote the first form of this table, so there is nothing to carry over.
do $$
begin
    if exists (select from audit_event) then
        raise exception 'audit_event holds rows that this migration cannot chain';
    end if;
end
$$;
drop table audit_event;

create table audit_event (
    -- 1, 2, 3 without a gap: a missing row shows.
    seq           bigint primary key check (seq > 0),
    id            uuid not null unique,
    at            timestamptz not null,
    -- Who, as they say, and as whom the machine knows them.
    actor         text not null check (actor <> ''),
    -- What, as a verb: `release`, `resend`, `settle`.
    action        text not null,
    -- To what, in words, and to which row.
    subject       text not null,
    subject_id    uuid,
    reason        text not null check (reason <> ''),
    -- The same wish twice is one: what names it, for each subject.
    request       text not null,
    -- Text, not jsonb: its bytes are part of the hash.
    detail        json not null,
    -- SHA-256 of the subject's row without its body, before and after.
    before_sha256 bytea check (octet_length(before_sha256) = 32),
    after_sha256  bytea check (octet_length(after_sha256) = 32),
    -- SHA-256 of all of the above and of the hash before; 32 zeros before the first.
    previous_hash bytea not null check (octet_length(previous_hash) = 32),
    hash          bytea not null unique check (octet_length(hash) = 32)
);

create unique index audit_event_request on audit_event (request, coalesce(subject_id, '00000000-0000-0000-0000-000000000000'));
create index audit_event_subject on audit_event (subject_id, seq desc);

create trigger audit_event_append_only before update or delete on audit_event
    for each row execute function refuse_change();
create trigger audit_event_no_truncate before truncate on audit_event
    for each statement execute function refuse_change();
