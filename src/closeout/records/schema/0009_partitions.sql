-- Entries lie in partitions of fifty million: an old one is never written again, and can be moved or dumped alone.
-- What was there before becomes the first partition as it is; nothing is copied.

alter table audit.entry rename to entry_0;
alter index audit.entry_pkey rename to entry_0_pkey;
alter index audit.entry_order rename to entry_0_order;
alter index audit.entry_subject rename to entry_0_subject;
alter table audit.entry_0 alter column number drop identity;
drop trigger entry_stays on audit.entry_0;

create sequence audit.entry_number;
select setval('audit.entry_number', coalesce(max(number), 0) + 1, false) from audit.entry_0;
create table audit.entry (
    number bigint default nextval('audit.entry_number') primary key,
    epoch integer not null references audit.epoch,
    xid xid8 not null default pg_current_xact_id(),
    subject text not null,
    event text not null constraint entry_event_check check (event ~ '^[a-z_]+:[a-z_]+$'),
    rec bytea not null,
    leaf bytea not null generated always as (sha256('\x00'::bytea || rec)) stored
) partition by range (number);
alter sequence audit.entry_number owned by audit.entry.number;
create index entry_order on audit.entry (epoch, xid, number);
create index entry_subject on audit.entry (subject, number);
create trigger entry_stays before update or delete on audit.entry
for each row execute function audit.refuse();
create trigger entry_is_not_emptied before truncate on audit.entry
for each statement execute function audit.refuse();

-- Where the partitions of a table end: the first number that has no place yet.
create function audit.partitions_end(parent regclass) returns bigint language sql stable as $$
    select coalesce(max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(\d+)'))[1]::bigint), 0)
    from pg_inherits as i inner join pg_class as c on i.inhrelid = c.oid
    where i.inhparent = parent
$$;

-- Make partitions until four are empty beyond the newest number; return how many were made. Writers do not wait for
-- it, and it does not wait long for them: it is called again.
create function audit.add_partitions() returns integer language plpgsql security definer
set search_path = audit, pg_temp set lock_timeout = '5s' as $$
declare
    width constant bigint := 50000000;
    least bigint := (select last_value from audit.entry_number) + 4 * width;
    next bigint := audit.partitions_end('audit.entry');
    made integer := 0;
begin
    while next < least loop
        execute format('create table audit.entry_%s (like audit.entry including all)', next / width);
        execute format(
            'create trigger entry_is_not_emptied before truncate on audit.entry_%s '
            'for each statement execute function audit.refuse()', next / width
        );
        execute format(
            'alter table audit.entry attach partition audit.entry_%s for values from (%s) to (%s)',
            next / width, next, next + width
        );
        next := next + width;
        made := made + 1;
    end loop;
    return made;
end
$$;
revoke execute on function audit.add_partitions() from public;

do $$
begin
    execute format(
        'alter table audit.entry attach partition audit.entry_0 for values from (0) to (%s)',
        50000000 * (1 + (select last_value from audit.entry_number) / 50000000)
    );
end
$$;
select audit.add_partitions();
