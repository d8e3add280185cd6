"""Four eyes in the database: who may approve, when a decision is done, what history may say (R-SUP-7, R-SUP-8)."""

from django.db import migrations

DECISIONS = """
create function cases_owns(staff bigint, of_case bigint) returns boolean language sql stable as $$
    select exists (
        select from cases_staff as s join cases_case as c on c.venue = s.venue and c.account_id = s.account_id
        where s.id = staff and c.id = of_case
    )
$$;

create function cases_changed_by(staff bigint, of_case bigint) returns boolean language sql stable as $$
    select exists (select from cases_evidence as e where e.case_id = of_case and e.judged_by_id = staff)
        or exists (select from cases_finding as f where f.case_id = of_case and f.recorded_by_id = staff)
$$;

create function cases_guard_decision() returns trigger language plpgsql as $$
declare approvals integer;
begin
    if tg_op = 'INSERT' then
        if new.state <> 'open' and (new.state <> 'done' or new.needed > 0) then
            raise exception 'four eyes: a decision begins open' using errcode = 'restrict_violation';
        end if;
        if cases_owns(new.asked_by_id, new.case_id) then
            raise exception 'four eyes: own account' using errcode = 'restrict_violation';
        end if;
        return new;
    end if;
    if tg_op = 'DELETE' or old.state <> 'open'
        or to_jsonb(new) - 'state' - 'ended_at' is distinct from to_jsonb(old) - 'state' - 'ended_at'
    then
        raise exception 'four eyes: a decision is not rewritten' using errcode = 'restrict_violation';
    end if;
    if new.state = 'done' then
        select count(*) into approvals from cases_approval as a
        where a.decision_id = new.id and a.agrees and a.digest = new.digest and a.staff_id <> new.asked_by_id;
        if approvals < new.needed then
            raise exception 'four eyes: % of % approvals', approvals, new.needed
                using errcode = 'restrict_violation';
        end if;
        if new.ended_at > new.expires_at then
            raise exception 'four eyes: expired' using errcode = 'restrict_violation';
        end if;
    end if;
    return new;
end $$;
create trigger four_eyes before insert or update or delete on cases_decision
    for each row execute function cases_guard_decision();

create function cases_guard_approval() returns trigger language plpgsql as $$
declare asked cases_decision; wrong text;
begin
    select * into asked from cases_decision where id = new.decision_id for no key update;
    wrong := case
        when asked.state <> 'open' then 'ended'
        when new.at > asked.expires_at then 'expired'
        when new.digest <> asked.digest then 'changed'
        when new.staff_id = asked.asked_by_id or new.session_id = asked.asked_session_id then 'same person'
        when cases_owns(new.staff_id, asked.case_id) then 'own account'
        when cases_changed_by(new.staff_id, asked.case_id) then 'changed by the same person'
        when not exists (
            select from cases_staffsession as t join cases_staff as s on s.id = t.staff_id
            where t.id = new.session_id and s.id = new.staff_id and s.active and t.ended_at is null
                and (s.role = 'compliance' or (s.role = 'approver' and asked.action <> 'release'))
        ) then 'no right'
    end;
    if wrong is not null then
        raise exception 'four eyes: %', wrong using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger four_eyes before insert on cases_approval
    for each row execute function cases_guard_approval();
create trigger append_only before update or delete on cases_approval
    for each row execute function cases_refuse_change();
create trigger append_only before update or delete on cases_evidenceview
    for each row execute function cases_refuse_change();
create trigger append_only before update or delete on cases_waiver
    for each row execute function cases_refuse_change();
"""
EFFECTIVE = """
create function cases_guard_waiver() returns trigger language plpgsql as $$
begin
    if not exists (
        select from cases_decision as d where d.id = new.decision_id and d.case_id = new.case_id
            and d.state = 'done' and d.action in ('proof', 'waive')
    ) then
        raise exception 'four eyes: nobody decided on this waiver' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger four_eyes before insert on cases_waiver for each row execute function cases_guard_waiver();

create function cases_guard_hold() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' and new.released_at is null then
        return new;
    end if;
    if tg_op = 'UPDATE' and old.released_at is null
        and to_jsonb(new) - 'released_at' - 'released_by_id' = to_jsonb(old) - 'released_at' - 'released_by_id'
        and exists (
            select from cases_decision as d where d.id = new.released_by_id and d.case_id = new.case_id
                and d.state = 'done' and d.action = 'release'
        )
    then
        return new;
    end if;
    raise exception 'four eyes: a hold ends by a decision' using errcode = 'restrict_violation';
end $$;
create trigger four_eyes before insert or update or delete on cases_casehold
    for each row execute function cases_guard_hold();

create function cases_guard_history() returns trigger language plpgsql as $$
begin
    if new.event = 'release' and exists (
        select from cases_casehold as h where h.case_id = new.case_id and h.released_at is null
            and h.scope in (
                'both', case when new.to_state in ('observation', 'erasure', 'erased') then 'erasure' else 'closing' end
            )
    ) then
        raise exception 'four eyes: a hold stands' using errcode = 'restrict_violation';
    end if;
    if new.event in ('approve', 'refuse') and not exists (
        select from cases_decision as d where d.case_id = new.case_id and d.state = 'done'
            and d.id = (new.detail ->> 'decision')::bigint and (d.action = new.event or d.action = 'proof')
    ) then
        raise exception 'four eyes: nobody decided to %', new.event using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger four_eyes before insert on cases_caseevent
    for each row when (new.event in ('approve', 'refuse', 'release')) execute function cases_guard_history();
"""
UNDO = """
drop trigger four_eyes on cases_caseevent;
drop trigger four_eyes on cases_casehold;
drop trigger four_eyes on cases_waiver;
drop trigger four_eyes on cases_approval;
drop trigger four_eyes on cases_decision;
drop trigger append_only on cases_approval;
drop trigger append_only on cases_evidenceview;
drop trigger append_only on cases_waiver;
drop function cases_guard_history();
drop function cases_guard_hold();
drop function cases_guard_waiver();
drop function cases_guard_approval();
drop function cases_guard_decision();
drop function cases_changed_by(bigint, bigint);
drop function cases_owns(bigint, bigint);
"""


class Migration(migrations.Migration):
    """Two people, two sessions, neither the account's owner; a request expires; nobody approves what they changed."""

    dependencies = [("cases", "0009_console_links")]
    operations = [migrations.RunSQL(DECISIONS + EFFECTIVE, UNDO)]
