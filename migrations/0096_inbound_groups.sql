-- Functional groups that came from partners whose group numbers are looked after, by number.
create table inbound_group (
    partner_id     text not null,
    -- GS01, GS02, GS03 and GS06 as written.
    functional_id  text not null,
    sender         text not null,
    receiver       text not null,
    control_number text not null,
    file_id        uuid not null references file (id),
    received_at    timestamptz not null,
    primary key (partner_id, functional_id, sender, receiver, control_number, file_id)
);
create index inbound_group_file on inbound_group (file_id);
