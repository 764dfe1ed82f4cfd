-- Counters of control numbers as people see them, and which numbers were used when: none comes again unnoticed.

-- A counter that was set has not been used yet.
alter table control_number
    alter column used_at drop not null,
    alter column used_at drop default,
    add column created_at timestamptz not null default now(),
    -- How often it went back to numbers that were behind it: from then on each number is looked up before it is used.
    add column laps       integer not null default 0,
    -- The numbers from here to the one before the next were used since then, one after the other.
    add column run_first  bigint,
    add column run_since  timestamptz not null default now();
update control_number set run_first = minimum;
alter table control_number alter column run_first set not null;

-- Numbers that were used one after the other, and when the last of them was: a row a day at most, and one where the
-- counter turned.
create table control_number_run (
    scope   text not null,
    first   bigint not null,
    last    bigint not null,
    used_at timestamptz not null,
    check (first <= last),
    primary key (scope, used_at, first, last)
);
