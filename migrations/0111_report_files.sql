-- Files of scheduled reports leave with their retention; that the report was made, its figures and hashes stay.
create table report_left (
    run_id  uuid primary key references report_run (id),
    left_at timestamptz not null
);
create index report_run_folder on report_run (folder);
