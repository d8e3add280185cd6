-- Keys of the v5 server. A signature can only be checked with the secret itself, so it is kept as it is: this is a
-- sandbox on one computer, and its money is play money.
create schema if not exists okx_server;

create table okx_server.key (
    api_key varchar primary key,
    secret varchar not null,
    passphrase varchar not null,
    account_id bigint not null references sandbox.account,
    key_id bigint not null references sandbox.api_key, -- the same key as the facts show it
    permissions varchar not null, -- read_only, or with trade and withdraw after commas
    addresses varchar not null default '', -- IP addresses that may use it; empty: any
    simulated boolean not null default false
);
create index key_account on okx_server.key (account_id);
