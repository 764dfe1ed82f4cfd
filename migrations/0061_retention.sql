-- Retention: bytes leave when their time is over; hashes, numbers, records and what people did stay.

-- Until when its bytes are kept; null while nobody has counted, because it is young or the rules have changed.
alter table file add column keep_until timestamptz;
create index file_keep_unknown on file (received_at)
where keep_until is null and body_left_at is null and (body is not null or archived);
create index file_keep_until on file (keep_until)
where keep_until is not null and body_left_at is null and (body is not null or archived);
create index file_sha256_archived on file (sha256) where archived;

-- The rules by which `keep_until` was counted, so that changed ones count anew.
create table retention_rules (
    partner_id text primary key,
    rules      text not null,
    counted_at timestamptz not null default now()
);
