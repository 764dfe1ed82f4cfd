-- What goes together: shipping advices of one bill of lading or load, told to a customer in one notice once it is
-- closed.

create table load (
    -- Derived from warehouse, customer, number and generation.
    id          uuid primary key,
    partner_id  text not null,
    to_partner  text not null,
    -- What it is told as, as the profile of the customer names it.
    document    text not null,
    number_kind text not null,
    -- Evened, and as the warehouse writes it.
    number      text not null,
    raw         text not null,
    -- What comes after a load was closed is a load of the same number again.
    generation  integer not null,
    opened_at   timestamptz not null,
    -- When it closes if nothing more comes, and when it closes at last.
    closes_at   timestamptz not null,
    at_most     timestamptz not null,
    closed_at   timestamptz,
    -- Which telling of the number it became part of when it was closed: what replaces an advice is told with those that
    -- went with it.
    telling     integer,
    check ((closed_at is null) = (telling is null)),
    unique (partner_id, to_partner, document, number_kind, number, generation)
);

create index load_due on load (closes_at) where closed_at is null;

create table load_document (
    load_id     uuid not null references load (id),
    document_id uuid not null,
    primary key (load_id, document_id)
);

create index load_document_document on load_document (document_id);
