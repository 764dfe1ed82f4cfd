-- The agreement of the partner's profile that a document falls under: which depositor's it is. Null where none is.
alter table document add column agreement text;
create index document_agreement on document (partner_id, agreement, received_at desc) where agreement is not null;

-- Group numbers of agreements with application codes of their own overlap; an answer is looked for under its own first.
alter table expected_acknowledgment add column agreement text;
