-- What lies in partners' folders and is not taken, and why: the last look at each channel.
create table untaken (
    channel       text not null,
    -- Of the file; empty where the folder itself cannot be looked into.
    name          text not null,
    why           text not null,
    first_seen_at timestamptz not null default now(),
    primary key (channel, name)
);
