-- A key over four columns of text cost more than half the time of a bulk load of 300,000 numbers (6.7 s against 2.4 s, into
-- five million). Numbers come with their record in one statement, each once, and whoever adds them looks whether the
-- document has some.
alter table document_number drop constraint document_number_pkey;
create index document_number_document on document_number (document_id);
