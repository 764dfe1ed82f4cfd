-- Reports: every run of one, its mails, and the schedules that make them.

-- What is known of a schedule of the settings: nothing was missed before it was first seen.
create table report_schedule (
    -- Derived from all that it says; one that is changed is another.
    id            uuid primary key,
    first_seen_at timestamptz not null
);

-- Once per due time over all nodes: whoever inserts the row makes the report.
create table report_due (
    -- Derived from the schedule and the instant.
    id          uuid primary key,
    schedule_id uuid not null references report_schedule (id),
    due_at      timestamptz not null,
    report      text not null,
    -- What is to be made, as the schedule said then: it may have left the settings since.
    asked       jsonb not null,
    unique (schedule_id, due_at)
);

-- What was made: never changed, so that everybody can see later which figures were handed out.
create table report_run (
    id         uuid primary key,
    report     text not null,
    from_day   date not null,
    to_day     date not null,
    time_zone  text not null,
    partner_id text,
    agreement  text,
    -- The instant whose state it shows.
    as_of      timestamptz not null,
    made_by    text not null,
    due_id     uuid unique references report_due (id),
    folder     text not null,
    -- For each: name, size in bytes, SHA-256.
    files      jsonb not null,
    -- The headlines as text, for mails and lists.
    summary    text not null
);
create index report_run_as_of on report_run (as_of desc, id);
create trigger report_run_append_only before update or delete on report_run
    for each row execute function refuse_change();
create trigger report_run_no_truncate before truncate on report_run
    for each statement execute function refuse_change();

-- A run on its way to one address; the job says how often it was tried, and why it did not go.
create table report_mail (
    id         uuid primary key,
    run_id     uuid not null references report_run (id),
    recipient  text not null,
    -- What the Message-ID is made of: report, period and recipient. A repeat has the same.
    message    uuid not null,
    sent_at    timestamptz,
    -- What the server said when it took it.
    answer     text not null default '',
    unique (run_id, recipient)
);

alter table job drop constraint job_kind_check;
alter table job add constraint job_kind_check check (kind in ('process', 'deliver', 'dispose', 'report', 'mail'));

-- Each shipping order once: told by its number and its depositor (or agreement); of several documents that say it,
-- the latest counts. Refused documents, cancelled orders and tests are left out.
create view shipping_order_in_force as
select *
from (
    select
        o.document_id, o.partner_id, o.order_number, o.purchase_order_number, o.purpose, o.depositor_id, d.agreement,
        coalesce(d.agreement, o.depositor_id) as depositor, coalesce(o.ship_to_name, o.ship_to_id) as ship_to,
        o.ship_on, o.ship_not_after, o.cancel_after, o.received_at,
        min(o.received_at) over same as first_at,
        row_number() over (same order by o.received_at desc, o.document_id) as place
    from shipping_order as o
    inner join document as d on d.id = o.document_id
    inner join file as f on f.id = d.file_id
    where o.order_number is not null and d.validation <> 'rejected' and f.usage is distinct from 'T'
    window same as (partition by coalesce(o.depositor_id, d.agreement, ''), o.order_number)
) as said
where place = 1 and purpose is distinct from 'cancellation';
