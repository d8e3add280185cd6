-- What the law keeps after an account is closed, under keys of its own, and until when. One item is one category of
-- one person; its content is sealed in the row or in a file. The date can only be put off by two people, for one
-- item at a time, and by five years at most.

create schema retention;

create table retention.item (
    item_id bigint generated always as identity primary key,
    subject text not null,
    category text not null check (category in ('identity', 'transactions')),
    case_number text not null,
    law text not null,
    kept_from timestamp not null,
    first_until timestamp not null,
    until timestamp not null,
    sha256 text not null,
    sealed bytea,
    path text not null default '',
    ending_at timestamp,
    erased_at timestamp,
    unique (subject, category),
    check (until >= first_until and first_until > kept_from),
    check (erased_at is null or sealed is null)
);
create index retention_due on retention.item (until) where erased_at is null;

create table retention.extension (
    extension_id bigint generated always as identity primary key,
    item_id bigint not null references retention.item,
    until timestamp not null,
    reason text not null check (reason ~ '^[a-z_]{3,40}$'),
    asked_by text not null,
    asked_at timestamp not null,
    agreed_by text,
    agreed_at timestamp,
    check ((agreed_by is null) = (agreed_at is null)),
    constraint two_people_extend check (agreed_by <> asked_by)
);

create function retention.guard_item() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'what is kept is erased, never deleted' using errcode = 'restrict_violation';
    end if;
    if (new.subject, new.category, new.case_number, new.kept_from, new.first_until, new.sha256)
    <> (old.subject, old.category, old.case_number, old.kept_from, old.first_until, old.sha256) then
        raise exception 'what is kept does not change' using errcode = 'restrict_violation';
    end if;
    if new.until <> old.until and not (
        new.until > old.until and new.until <= old.first_until + interval '5 years' and exists (
            select 1 from retention.extension as e
            where e.item_id = old.item_id and e.until = new.until and e.agreed_by is not null
        )
    ) then
        raise exception 'a date is put off by two people, once each time, by five years at most'
        using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;
create trigger item_is_guarded before update or delete on retention.item
for each row execute function retention.guard_item();

create function retention.guard_extension() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.agreed_by is null and new.agreed_by is not null
    and (new.item_id, new.until, new.reason, new.asked_by, new.asked_at)
    = (old.item_id, old.until, old.reason, old.asked_by, old.asked_at) then
        return new;
    end if;
    raise exception 'an extension is asked for once and agreed to once' using errcode = 'restrict_violation';
end
$$;
create trigger extension_is_guarded before update or delete on retention.extension
for each row execute function retention.guard_extension();
