-- The audit log: append-only entries, sealed in batches into one Merkle tree (RFC 6962).

create schema if not exists audit;

-- Transaction ids start again after a logical restore; a new epoch keeps the order of entries right.
create table audit.epoch (
    number integer primary key,
    opened_at timestamp
);
insert into audit.epoch (number) values (1);

create table audit.entry (
    number bigint generated always as identity primary key,
    epoch integer not null references audit.epoch,
    xid xid8 not null default pg_current_xact_id(),
    subject text not null,
    event text not null check (event ~ '^[a-z_]+:[a-z_]+$'),
    rec bytea not null
);
create index entry_order on audit.entry (epoch, xid, number);
create index entry_subject on audit.entry (subject, number);

-- One checkpoint is one sealed window of transactions: entries of (from) to (until), in the order of entry_order.
create table audit.checkpoint (
    size bigint primary key check (size > 0),
    entries bigint not null check (entries > 0),
    root bytea not null,
    epoch integer not null references audit.epoch,
    until xid8 not null,
    sealed_at timestamp not null,
    note text not null
);

-- Hashes of the tree, 256 a row; a row that is not full yet is replaced. Can be made again from the entries.
-- numbers: which entries the leaves of level 0 are.
create table audit.tile (
    level integer not null,
    index bigint not null,
    hashes bytea not null,
    numbers bigint[],
    primary key (level, index)
);

create function audit.refuse() returns trigger language plpgsql as $$
begin
    raise exception 'audit.% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger entry_stays before update or delete on audit.entry
for each row execute function audit.refuse();
create trigger entry_is_not_emptied before truncate on audit.entry
for each statement execute function audit.refuse();
create trigger checkpoint_stays before update or delete on audit.checkpoint
for each row execute function audit.refuse();
create trigger checkpoint_is_not_emptied before truncate on audit.checkpoint
for each statement execute function audit.refuse();
create trigger epoch_stays before delete on audit.epoch
for each row execute function audit.refuse();
create trigger epoch_is_not_emptied before truncate on audit.epoch
for each statement execute function audit.refuse();
