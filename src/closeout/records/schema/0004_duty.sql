-- What the house does at intervals by itself: when each duty was last begun, by whichever worker came first, and
-- what it found.

create table audit.duty (
    name text primary key,
    begun_at timestamp not null,
    ended_at timestamp,
    found text not null default ''
);
