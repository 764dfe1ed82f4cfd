-- Files that were made of others: unpacked from what was received, or packed from what was composed.

-- The file that this one's bytes were unpacked from, or packed from.
alter table file add column origin_id uuid references file (id);
-- What an archive calls it, as data; nothing is ever written under it.
alter table file add column entry text not null default '';
create index file_origin on file (origin_id) where origin_id is not null;
