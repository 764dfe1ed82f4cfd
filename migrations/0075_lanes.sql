-- Lanes: jobs that share a limit of how many run at once, and may go one after the other.

-- The channel of a delivery, or of a file where the profile keeps the order; else empty.
alter table job add column lane text not null default '';

-- The place of a job that waits for those of its lane before it; none for all others.
alter table job add column place bigint;
create sequence job_place;
create index job_in_order on job (kind, lane, place) where place is not null and state not in ('done', 'failed');

update job j set lane = d.channel
from delivery d where j.kind = 'deliver' and d.id = j.subject_id and j.state not in ('done', 'failed');
