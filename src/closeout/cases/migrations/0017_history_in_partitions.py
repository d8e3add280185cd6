"""Let history grow in partitions, each of ten million cases; what is there becomes the first of them, uncopied."""

from django.db import migrations

# The partitions lie in a schema that nobody but the owner may enter: every reader comes through the one table and
# its policies. A case's lines lie together, so that one line per revision stays the key.
HISTORY = """
create schema history;
alter table cases_caseevent set schema history;
alter table history.cases_caseevent rename to caseevent_0;
alter table history.caseevent_0 alter column id drop identity;
alter table history.caseevent_0 drop constraint cases_caseevent_pkey;
alter table history.caseevent_0 add constraint one_line_per_revision_0 primary key using index one_line_per_revision;
alter index history.reopened_cases rename to reopened_cases_0;
drop trigger append_only on history.caseevent_0;
drop trigger four_eyes on history.caseevent_0;
drop trigger mandate on history.caseevent_0;
drop policy if exists own on history.caseevent_0;
alter table history.caseevent_0 disable row level security;
do $$
begin
    if exists (select from pg_roles where rolname = 'closeout_portal') then
        revoke all on history.caseevent_0 from closeout_portal;
    end if;
end $$;

create sequence cases_caseevent_id_seq;
select setval('cases_caseevent_id_seq', coalesce(max(id), 0) + 1, false) from history.caseevent_0;
create table cases_caseevent ( -- columns in the order of the old table: otherwise each row would be converted
    id bigint not null default nextval('cases_caseevent_id_seq'),
    revision integer not null constraint cases_caseevent_revision_check check (revision >= 0),
    event varchar(24) not null,
    from_state varchar(16) not null,
    to_state varchar(16) not null,
    actor varchar(64) not null,
    at timestamptz not null,
    detail jsonb not null,
    case_id bigint not null references cases_case deferrable initially deferred,
    constraint one_line_per_revision primary key (case_id, revision)
) partition by range (case_id);
alter sequence cases_caseevent_id_seq owned by cases_caseevent.id;
create index reopened_cases on cases_caseevent (at) where event = 'reopen';
create trigger append_only before update or delete on cases_caseevent
    for each row execute function cases_refuse_change();
create trigger append_only_truncate before truncate on cases_caseevent
    for each statement execute function cases_refuse_change();
create trigger four_eyes before insert on cases_caseevent
    for each row when (new.event in ('approve', 'refuse', 'release')) execute function cases_guard_history();
create trigger mandate before insert on cases_caseevent
    for each row when (new.event in ('approve', 'submit', 'schedule', 'release'))
    execute function cases_guard_mandate();

create function history.add_partitions() returns integer language plpgsql security definer
set search_path = public, pg_temp set lock_timeout = '5s' as $$
declare
    width constant bigint := 10000000;
    least bigint := (select last_value from cases_case_id_seq) + 4 * width;
    next bigint := (
        select coalesce(max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''?(\\d+)'))[1]::bigint), 0)
        from pg_inherits as i inner join pg_class as c on i.inhrelid = c.oid
        where i.inhparent = 'cases_caseevent'::regclass
    );
    made integer := 0;
begin
    while next < least loop
        execute format(
            'create table history.caseevent_%1$s (like cases_caseevent including defaults including constraints, '
            'constraint one_line_per_revision_%1$s primary key (case_id, revision))', next / width
        );
        execute format(
            'create trigger append_only_truncate before truncate on history.caseevent_%s '
            'for each statement execute function cases_refuse_change()', next / width
        );
        execute format(
            'alter table cases_caseevent attach partition history.caseevent_%s for values from (%s) to (%s)',
            next / width, next, next + width
        );
        next := next + width;
        made := made + 1;
    end loop;
    return made;
end $$;
revoke execute on function history.add_partitions() from public;

do $$
begin
    execute format(
        'alter table cases_caseevent attach partition history.caseevent_0 for values from (0) to (%s)',
        10000000 * (1 + (select last_value from cases_case_id_seq) / 10000000)
    );
end $$;
select history.add_partitions();
"""

# Django makes an index for LIKE beside each key that is text. Nobody searches numbers by their beginning, and every
# step of every case had to write them.
LIKE = """
do $$
declare
    unused name;
begin
    for unused in
        select indexname from pg_indexes where tablename = 'cases_case' and indexdef like '%varchar_pattern_ops%'
    loop
        execute format('drop index %I', unused);
    end loop;
end $$;
"""


class Migration(migrations.Migration):
    """The unique key of history is its primary key now, and two indexes of cases are gone."""

    dependencies = [("cases", "0016_inquiries")]
    operations = [
        migrations.RunSQL(
            HISTORY,
            state_operations=[
                migrations.RemoveConstraint(model_name="caseevent", name="one_line_per_revision")
            ],
        ),
        migrations.RunSQL(LIKE, migrations.RunSQL.noop),
    ]
