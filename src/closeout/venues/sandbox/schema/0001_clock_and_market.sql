-- The clock, the assets with their fixed prices, and what is traded.
create schema if not exists sandbox;

create table sandbox.clock (
    only_row boolean primary key default true check (only_row),
    instant timestamp not null
);
insert into sandbox.clock (instant) values (timestamp '2026-01-05 08:00:00');

create function sandbox.now() returns timestamp
language sql stable as 'select instant from sandbox.clock';

create table sandbox.asset (
    asset varchar primary key,
    name varchar not null,
    kind varchar not null check (kind in ('coin', 'fiat')),
    scale smallint not null check (scale between 0 and 18),
    price numeric(36, 18) check (price > 0), -- in USDT; null: nobody quotes a price
    priced_at timestamp not null default sandbox.now(),
    convertible boolean not null default true,
    convert_min numeric(36, 18) not null default 0,
    delisted boolean not null default false,
    withdrawn_daily_max numeric(36, 18) -- units that one account may withdraw in 24 hours; null: no limit
);

create table sandbox.network (
    asset varchar not null references sandbox.asset,
    network varchar not null,
    withdraw_min numeric(36, 18) not null check (withdraw_min > 0),
    fee numeric(36, 18) not null check (fee >= 0),
    confirmations integer not null check (confirmations > 0),
    minutes integer not null check (minutes > 0), -- until final
    address_pattern varchar not null,
    memo_required boolean not null default false,
    primary key (asset, network)
);

create table sandbox.instrument (
    instrument varchar primary key,
    kind varchar not null check (kind in ('spot', 'margin', 'swap', 'futures', 'option')),
    base varchar not null references sandbox.asset,
    quote varchar not null references sandbox.asset,
    mark numeric(36, 18) not null check (mark > 0), -- in quote
    spread numeric(36, 18) not null default 0.0005, -- share of the mark that a market order loses
    depth numeric(36, 18) not null, -- quantity that moves the price by one per cent
    settlement_minutes integer not null default 0 -- between closing a position and posting its profit or loss
);

create table sandbox.product (
    product varchar primary key,
    kind varchar not null
    check (kind in ('flexible', 'fixed', 'staking', 'lending', 'defi', 'launchpool', 'structured')),
    asset varchar not null references sandbox.asset,
    daily_rate numeric(36, 18) not null default 0,
    term_days integer, -- null: runs until redeemed
    early boolean not null, -- may be redeemed before it matures
    penalty_rate numeric(36, 18) not null default 0, -- share of the amount, when redeemed early
    unbonding_minutes integer not null default 0 -- between asking and paying out
);

insert into sandbox.asset
(asset, name, kind, scale, price, convertible, convert_min, delisted, withdrawn_daily_max)
values
('USDT', 'Tether', 'coin', 6, 1, true, 0.000001, false, 100000),
('USDC', 'USD Coin', 'coin', 6, 1, true, 0.000001, false, 100000),
('BTC', 'Bitcoin', 'coin', 8, 60000, true, 0.00000002, false, 2),
('ETH', 'Ether', 'coin', 18, 3000, true, 0.0000000001, false, 40),
('OKB', 'Platform coin', 'coin', 8, 50, true, 0.00000001, false, 2000),
('SOL', 'Solana', 'coin', 9, 150, true, 0.000000001, false, 700),
('XRP', 'Ripple', 'coin', 6, 0.5, true, 0.000001, false, 200000),
('TRX', 'Tron', 'coin', 6, 0.1, true, 0.00001, false, 1000000),
('DOGE', 'Dogecoin', 'coin', 8, 0.08, true, 0.0001, false, 1000000),
('ADA', 'Cardano', 'coin', 6, 0.4, true, 0.000003, false, 250000),
('DOT', 'Polkadot', 'coin', 10, 5, true, 0.0000002, false, 20000),
('LINK', 'Chainlink', 'coin', 18, 12, true, 0.0000001, false, 8000),
('LTC', 'Litecoin', 'coin', 8, 70, true, 0.00000002, false, 1500),
('AVAX', 'Avalanche', 'coin', 9, 25, true, 0.00000004, false, 4000),
('UNI', 'Uniswap', 'coin', 18, 6, true, 0.0000002, false, 16000),
('ATOM', 'Cosmos', 'coin', 6, 8, true, 0.000001, false, 12000),
('FIL', 'Filecoin', 'coin', 18, 4, true, 0.0000003, false, 25000),
('SHIB', 'Shiba Inu', 'coin', 8, 0.00001, true, 0.1, false, 10000000000),
('LUNC', 'Terra Classic', 'coin', 6, 0.0001, false, 0, true, null),
('GHOST', 'Ghost token', 'coin', 8, null, false, 0, false, null),
('EUR', 'Euro', 'fiat', 2, 1.1, true, 0.01, false, 50000),
('CNY', 'Renminbi', 'fiat', 2, 0.14, true, 0.10, false, 350000);

insert into sandbox.network
(asset, network, withdraw_min, fee, confirmations, minutes, address_pattern, memo_required)
values
('USDT', 'TRC20', 2, 1, 20, 20, '^T[1-9A-HJ-NP-Za-km-z]{33}$', false),
('USDT', 'ERC20', 10, 4, 64, 15, '^0x[0-9a-f]{40}$', false),
('USDC', 'ERC20', 10, 4, 64, 15, '^0x[0-9a-f]{40}$', false),
('BTC', 'Bitcoin', 0.001, 0.0002, 3, 30, '^bc1q[02-9ac-hj-np-z]{38}$', false),
('ETH', 'ERC20', 0.01, 0.001, 64, 15, '^0x[0-9a-f]{40}$', false),
('OKB', 'ERC20', 0.2, 0.05, 64, 15, '^0x[0-9a-f]{40}$', false),
('SOL', 'Solana', 0.1, 0.01, 32, 5, '^[1-9A-HJ-NP-Za-km-z]{44}$', false),
('XRP', 'Ripple', 20, 0.2, 1, 5, '^r[1-9A-HJ-NP-Za-km-z]{33}$', true),
('TRX', 'TRC20', 20, 1, 20, 20, '^T[1-9A-HJ-NP-Za-km-z]{33}$', false),
('DOGE', 'Dogecoin', 20, 4, 60, 60, '^D[1-9A-HJ-NP-Za-km-z]{33}$', false),
('ADA', 'Cardano', 10, 1, 15, 20, '^addr1[02-9ac-hj-np-z]{58}$', false),
('DOT', 'Polkadot', 1.1, 0.1, 25, 10, '^1[1-9A-HJ-NP-Za-km-z]{46}$', false),
('LINK', 'ERC20', 1, 0.3, 64, 15, '^0x[0-9a-f]{40}$', false),
('LTC', 'Litecoin', 0.01, 0.001, 6, 30, '^ltc1q[02-9ac-hj-np-z]{38}$', false),
('AVAX', 'Avalanche', 0.1, 0.01, 12, 5, '^0x[0-9a-f]{40}$', false),
('UNI', 'ERC20', 1, 0.5, 64, 15, '^0x[0-9a-f]{40}$', false),
('ATOM', 'Cosmos', 0.1, 0.01, 10, 5, '^cosmos1[02-9ac-hj-np-z]{38}$', true),
('FIL', 'Filecoin', 0.5, 0.01, 30, 30, '^f1[a-z2-7]{39}$', false),
('SHIB', 'ERC20', 200000, 100000, 64, 15, '^0x[0-9a-f]{40}$', false),
('GHOST', 'ERC20', 1000, 10, 64, 15, '^0x[0-9a-f]{40}$', false),
('EUR', 'bank', 10, 1, 1, 2880, '^[0-9]+$', false),
('CNY', 'bank', 100, 2, 1, 1440, '^[0-9]+$', false);

insert into sandbox.instrument (instrument, kind, base, quote, mark, depth, settlement_minutes)
values
('BTC-USDT', 'spot', 'BTC', 'USDT', 60000, 50, 0),
('ETH-USDT', 'spot', 'ETH', 'USDT', 3000, 800, 0),
('OKB-USDT', 'spot', 'OKB', 'USDT', 50, 5000, 0),
('SOL-USDT', 'spot', 'SOL', 'USDT', 150, 9000, 0),
('XRP-USDT', 'spot', 'XRP', 'USDT', 0.5, 900000, 0),
('ETH-USDT-MARGIN', 'margin', 'ETH', 'USDT', 3000, 800, 1),
('BTC-USDT-SWAP', 'swap', 'BTC', 'USDT', 60000, 50, 1),
('ETH-USDT-SWAP', 'swap', 'ETH', 'USDT', 3000, 800, 1),
('BTC-USDT-FUTURES', 'futures', 'BTC', 'USDT', 60300, 30, 5),
('BTC-USD-65000-C', 'option', 'BTC', 'USDT', 1200, 20, 5),
('SHIB-USDT-SWAP', 'swap', 'SHIB', 'USDT', 0.00001, 500000, 1);

insert into sandbox.product
(product, kind, asset, daily_rate, term_days, early, penalty_rate, unbonding_minutes)
values
('Simple Earn USDT', 'flexible', 'USDT', 0.0001, null, true, 0, 0),
('Simple Earn BTC', 'flexible', 'BTC', 0.00002, null, true, 0, 0),
('Simple Earn ETH', 'flexible', 'ETH', 0.00002, null, true, 0, 0),
('Fixed 30 USDT', 'fixed', 'USDT', 0.0002, 30, true, 0.005, 0),
('Fixed 90 ETH', 'fixed', 'ETH', 0.00006, 90, true, 0.01, 0),
('Stake SOL', 'staking', 'SOL', 0.00015, 60, false, 0, 0),
('Stake ETH', 'staking', 'ETH', 0.0001, 120, false, 0, 0),
('Stake ADA', 'staking', 'ADA', 0.0001, null, true, 0, 1440),
('Lend USDC', 'lending', 'USDC', 0.00015, null, true, 0, 60),
('DeFi USDT', 'defi', 'USDT', 0.0003, null, true, 0, 1440),
('Jumpstart OKB', 'launchpool', 'OKB', 0.0001, null, true, 0, 0),
('Dual BTC', 'structured', 'BTC', 0, 7, false, 0, 0);
