-- Decisions about differences of invoices, as ERPs are told of them.
create table invoice_decision (
    document_id    uuid primary key,
    partner_id     text not null,
    received_at    timestamptz not null,
    decision_id    text,
    invoice_number text,
    record         text not null
);

-- Those that nobody was told of yet.
create table decision_due (
    exception_id uuid primary key references exception (id),
    decided_at   timestamptz not null
);
