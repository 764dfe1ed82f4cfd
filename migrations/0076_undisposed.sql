-- Files whose sources are still there are listed the oldest first: without the order in the index, that of all files was
-- walked instead.
drop index file_undisposed;
create index file_undisposed on file (channel, received_at, id) where direction = 'inbound' and disposed_at is null;
