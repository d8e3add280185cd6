-- What a market exit leaves an account: each level allows less than the one before. Kept by account, so that a
-- jurisdiction that is decided wrongly for one person can be put right for that person alone.
create table sandbox.restriction (
    account_id bigint primary key references sandbox.account,
    level smallint not null check (level between 1 and 4),
    -- 1: no new accounts under this one, 2: and no deposits, 3: and orders only reduce, 4: only withdrawals
    since timestamp not null
);
