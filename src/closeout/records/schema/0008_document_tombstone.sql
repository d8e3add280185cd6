-- A claimant can also be known by the number of their identity document, with the name, as a keyed hash.

alter table retention.tombstone drop constraint tombstone_kind_check;
alter table retention.tombstone add constraint tombstone_kind_check
check (kind in ('email', 'phone', 'claimant', 'document'));
