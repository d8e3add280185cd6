-- The clock can stand still (tests, the demonstration) or run with the machine's (the site).
alter table sandbox.clock add column runs_since timestamp;

create or replace function sandbox.now() returns timestamp
language sql stable as $$
select case
    when runs_since is null then instant
    else instant + (transaction_timestamp() at time zone 'UTC' - runs_since)
end
from sandbox.clock
$$;
