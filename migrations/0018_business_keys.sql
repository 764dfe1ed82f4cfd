-- What names a document in business, so that one that says the same again is found: order and depositor, invoice and
-- purchase order, … Null where a kind of document may come any number of times, or changes an earlier one.
alter table document add column business_key text;
create index document_business_key on document (partner_id, record_kind, business_key, received_at)
where business_key is not null and direction = 'inbound';
