-- Which erasures of the keyring this database has seen. A restored backup lacks the newest: it must not serve
-- before they are applied again.

create table audit.erasure_applied (
    number bigint primary key,
    applied_at timestamp not null
);
