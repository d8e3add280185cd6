-- The keyring lives in a database of its own: restoring data never restores a key (docs/adr: keyring).

create schema if not exists keyring;

-- One epoch is one key-encryption key. Closing an epoch re-wraps the survivors and destroys that key, so that
-- no copy of a wrapped key in a backup or a log segment can be opened any more.
create table keyring.epoch (
    number integer primary key,
    kek_id text not null unique,
    opened_at timestamp,
    closed_at timestamp,
    destroyed_at timestamp,
    check (destroyed_at is null or closed_at is not null)
);

-- One row is one living key of one person and class. There is no column for a dead one: the row goes.
create table keyring.key (
    subject text not null,
    class text not null check (class in ('operational', 'retention')),
    version integer not null check (version > 0),
    epoch integer not null references keyring.epoch,
    wrapped bytea not null,
    primary key (subject, class, version)
);
create index key_epoch on keyring.key (epoch);

-- What was destroyed, for ever: applied again to any restored database before it serves.
create table keyring.erasure (
    number bigint generated always as identity primary key,
    subject text not null,
    class text not null,
    keys integer not null check (keys >= 0),
    destroyed_at timestamp not null,
    digest text not null,
    unique (subject, class)
);

create function keyring.refuse() returns trigger language plpgsql as $$
begin
    raise exception 'keyring.% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger erasure_stays before update or delete on keyring.erasure
for each row execute function keyring.refuse();
create trigger erasure_is_not_emptied before truncate on keyring.erasure
for each statement execute function keyring.refuse();
