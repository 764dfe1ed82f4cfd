-- What the address and the headers of a call take of the document in it, as it was when it was composed: a try is made to the
-- same place as the one before.
alter table delivery add column fields jsonb;
