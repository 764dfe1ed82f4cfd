-- Jobs: what is to be done next, committed with the reason for doing it.

create table job (
    id           uuid primary key,
    kind         text not null check (kind in ('process', 'deliver', 'dispose')),
    -- A file for `process` and `dispose`, a delivery for `deliver`.
    subject_id   uuid not null,
    state        text not null default 'ready' check (state in ('ready', 'leased', 'done', 'failed', 'held')),
    priority     smallint not null default 0,
    run_after    timestamptz not null default now(),
    -- Claims so far, counted before the work.
    attempts     integer not null default 0,
    -- Leases in a row that ended without an outcome. Three of them, and the job is poison.
    lost_leases  integer not null default 0,
    -- Times are Postgres's, never a node's.
    lease_until  timestamptz,
    -- Rises with every claim; an update with an old fence hits no row.
    fence        bigint not null default 0,
    worker       text,
    last_error   text,
    created_at   timestamptz not null default now(),
    finished_at  timestamptz,
    unique (kind, subject_id),
    check ((state = 'leased') = (lease_until is not null))
);

create index job_ready on job (kind, priority desc, run_after) where state = 'ready';
create index job_leased on job (kind, lease_until) where state = 'leased';
create index job_stopped on job (state, kind) where state in ('failed', 'held');

-- Rows change several times in a short life; leave room for it beside them.
alter table job set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
