-- Keyed hashes of the identifiers of closed accounts: they answer "is it the same?" and nothing else, and each is
-- purged at its date.

create table retention.tombstone (
    kind text not null check (kind in ('email', 'phone', 'claimant')),
    hash bytea not null,
    subject text not null,
    closed_at timestamp not null,
    purge_at timestamp not null,
    primary key (kind, hash, subject),
    check (purge_at > closed_at)
);
create index tombstone_due on retention.tombstone (purge_at);
