-- Documents: the business papers inside files, with their findings and their four statuses.

create table interchange (
    id                 uuid primary key,
    file_id            uuid not null references file (id),
    -- Place in the file, the first is 1.
    ordinal            integer not null,
    direction          text not null check (direction in ('inbound', 'outbound')),
    partner_id         text,
    sender_qualifier   text not null,
    sender_id          text not null,
    receiver_qualifier text not null,
    receiver_id        text not null,
    -- ISA13 as written: partners send what they like.
    control_number     text not null,
    usage              text check (usage in ('P', 'T', 'I')),
    -- ISA09 and ISA10 as written by the partner's clock, which has no zone.
    interchange_date   date,
    interchange_time   time,
    version            text not null default '',
    received_at        timestamptz not null
);

-- Not unique: a second one with a known number is kept too, and judged by the partner's rule.
create index interchange_control on interchange
    (sender_qualifier, sender_id, receiver_qualifier, receiver_id, control_number);
create index interchange_file on interchange (file_id);

create table document (
    id                         uuid primary key,
    file_id                    uuid not null references file (id),
    -- Place in the file, the first is 1.
    ordinal                    integer not null,
    direction                  text not null check (direction in ('inbound', 'outbound')),
    partner_id                 text,
    format                     text not null,
    -- The set or kind: `850`, `997`, `shipping_order`.
    kind                       text not null,
    version                    text not null default '',
    -- GS01.
    functional_id              text,
    interchange_control_number text,
    group_control_number       text,
    set_control_number         text,
    -- Where it lies in the file: segment ordinal of its first segment, and its bytes.
    segment_ordinal            bigint not null default 0,
    byte_start                 bigint not null default 0,
    byte_end                   bigint not null default 0,
    -- What it became: null when it was not translated.
    record_kind                text,
    business_number            text,
    purchase_order_number      text,
    order_number               text,
    validation                 text not null check (validation in ('accepted', 'accepted_with_errors', 'rejected')),
    delivery                   text not null default 'none'
        check (delivery in ('none', 'ready', 'sending', 'delivered', 'unknown', 'held', 'cancelled')),
    acknowledgment             text not null default 'none' check (acknowledgment in
        ('none', 'awaited', 'accepted', 'accepted_with_errors', 'partially_accepted', 'rejected', 'overdue')),
    business                   text not null default 'open' check (business in ('open', 'waiting', 'settled', 'exception')),
    business_reason            text not null default '',
    received_at                timestamptz not null,
    -- The document this one was derived from.
    source_document_id         uuid,
    translator                 text,
    profile_version            uuid references profile_version (id)
);

create index document_file on document (file_id, ordinal);
create index document_received on document (received_at desc, id);
create index document_business_number on document (kind, business_number);
create index document_purchase_order_number on document (purchase_order_number);
create index document_order_number on document (order_number);
create index document_source on document (source_document_id) where source_document_id is not null;
create index document_waiting on document (partner_id) where business = 'waiting';
create index document_rejected on document (received_at desc) where validation <> 'accepted';

-- No foreign keys: a rejected gigabyte has millions of rows, and they come and go with their file.
create table finding (
    file_id          uuid not null,
    ordinal          integer not null,
    document_id      uuid,
    code             text not null,
    severity         text not null check (severity in ('warning', 'accept_with_errors', 'reject')),
    byte             bigint not null,
    line             bigint not null,
    segment          text not null,
    segment_position bigint not null,
    element          integer not null,
    component        integer not null,
    repetition       integer not null,
    path             text not null,
    message          text not null,
    hint             text not null,
    value            text not null,
    ack_code         text not null,
    primary key (file_id, ordinal)
);

create index finding_document on finding (document_id) where document_id is not null;
