-- Files: the bytes received and to be sent, kept exactly, and what channels were seen to hold.

-- This hub, one row. The archive's marker names it, so that neither is used with another's.
create table hub (
    singleton  boolean primary key default true check (singleton),
    id         uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now()
);

insert into hub default values;

-- A resolved partner profile, by hash. Every file and document names the version that read it.
create table profile_version (
    id         uuid primary key,
    partner_id text not null,
    resolved   text not null,
    created_at timestamptz not null default now()
);

create table file (
    -- Derived: inbound from channel, name, size, mtime and hash; outbound from what it was composed of.
    id              uuid primary key,
    direction       text not null check (direction in ('inbound', 'outbound')),
    partner_id      text,
    channel         text not null,
    name            text not null,
    size_bytes      bigint not null check (size_bytes >= 0),
    modified_at     timestamptz,
    sha256          bytea not null check (octet_length(sha256) = 32),
    -- Up to 1 MiB. Larger bytes lie in the archive under their hash; a duplicate's are its original's.
    body            bytea,
    archived        boolean not null default false,
    received_at     timestamptz not null,
    state           text not null,
    reason          text not null default '',
    hint            text not null default '',
    duplicate_of    uuid references file (id),
    -- When the source was renamed, moved or deleted at the partner's.
    disposed_at     timestamptz,
    dispose_error   text,
    -- ISA15: production, test or information; null until the file is read, and for other formats.
    usage           text check (usage in ('P', 'T', 'I')),
    profile_version uuid references profile_version (id),
    check (
        case direction
            when 'inbound' then state in ('received', 'processed', 'duplicate', 'quarantined', 'waiting', 'rejected')
            else state = 'composed'
        end
    ),
    check ((state = 'duplicate') = (duplicate_of is not null)),
    check (not (archived and body is not null))
);

-- Copies are found by content, for each partner (or channel, when it is nobody's).
create index file_content on file (coalesce(partner_id, channel), sha256, received_at) where direction = 'inbound';
create index file_received on file (received_at desc, id);
create index file_undisposed on file (channel) where direction = 'inbound' and disposed_at is null;
create index file_open on file (state, received_at) where state in ('received', 'quarantined', 'waiting');

-- Bodies are rarely read again and do not compress twice.
alter table file alter column body set storage external;

-- What a listing of a channel showed, so that a file counts as complete when it was seen twice unchanged.
create table sighting (
    channel       text not null,
    name          text not null,
    size_bytes    bigint not null,
    modified_at   timestamptz not null,
    sha256        bytea,
    -- When it was first seen as it is now; starts again when size or mtime change.
    first_seen_at timestamptz not null default now(),
    last_seen_at  timestamptz not null default now(),
    -- Set when it was accepted as this file.
    file_id       uuid references file (id),
    primary key (channel, name)
);
