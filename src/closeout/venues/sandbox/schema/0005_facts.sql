-- The facts: what is true of each account, in the columns and types that every venue shares. Each view reads
-- its tables through an index on account_id; a filter on account_id reaches the tables.
create schema if not exists facts;

create view facts.account as
select
    account_id,
    parent_id,
    state,
    jurisdiction,
    opened_at,
    posted_at
from sandbox.account;

create view facts.balance as
select
    l.account_id,
    l.wallet,
    l.asset,
    sum(case when l.bucket = 'available' then l.balance else 0 end)::numeric(36, 18) as available,
    sum(case when l.bucket = 'available' then 0 else l.balance end)::numeric(36, 18) as locked,
    (
        select min(n.withdraw_min) from sandbox.network as n where n.asset = l.asset
    )::numeric(36, 18) as withdraw_min,
    (
        sum(l.balance) * (select a.price from sandbox.asset as a where a.asset = l.asset)
    )::numeric(36, 18) as value
from sandbox.ledger as l
where l.owner = 'holder' and l.balance <> 0
group by l.account_id, l.wallet, l.asset;

create view facts.open_order as
select
    account_id,
    order_id::varchar as order_id,
    kind,
    instrument,
    asset,
    locked,
    placed_at
from sandbox.trade_order
where state = 'open';

create view facts.position as
select
    p.account_id,
    p.position_id::varchar as position_id,
    p.kind,
    p.instrument,
    p.quantity,
    p.state = 'settling' as settlement_pending,
    p.settles_at,
    p.asset,
    (
        case when p.state = 'settling' then p.pending else (i.mark - p.entry_price) * p.quantity end
    )::numeric(36, 18) as unrealised
from sandbox.position as p
inner join sandbox.instrument as i on p.instrument = i.instrument
where p.state <> 'settled';

create view facts.loan as
select
    l.account_id,
    l.loan_id::varchar as loan_id,
    l.asset,
    l.principal,
    sandbox.interest(l)::numeric(36, 18) as interest,
    l.collateral_asset,
    l.collateral
from sandbox.loan as l
where l.state = 'open';

create view facts.earn as
select
    e.account_id,
    e.earn_id::varchar as earn_id,
    p.kind,
    e.product,
    e.asset,
    e.amount,
    (
        e.state = 'active' and (p.early or e.matures_at <= sandbox.now())
    ) as redeemable,
    case when e.state = 'redeeming' then e.redeem_at else e.matures_at end as matures_at,
    e.state = 'redeeming' as redeeming,
    e.auto_renew
from sandbox.earn as e
inner join sandbox.product as p on e.product = p.product
where e.state <> 'paid';

create view facts.p2p_order as
select
    account_id,
    p2p_id::varchar as p2p_id,
    state,
    appeal,
    asset,
    amount,
    expires_at
from sandbox.p2p_order;

create view facts.sub_account as
select
    a.parent_id as account_id,
    a.account_id::varchar as sub_account_id,
    coalesce(a.label, '')::varchar as label,
    a.state,
    (
        (
            select count(*) from sandbox.ledger as l
            where l.account_id = a.account_id and l.owner = 'holder' and l.balance <> 0
        )
        + (
            select count(*) from sandbox.trade_order as l
            where l.account_id = a.account_id and l.state = 'open'
        )
        + (
            select count(*) from sandbox.position as l
            where l.account_id = a.account_id and l.state <> 'settled'
        )
        + (
            select count(*) from sandbox.loan as l
            where l.account_id = a.account_id and l.state = 'open'
        )
        + (
            select count(*) from sandbox.earn as l
            where l.account_id = a.account_id and l.state <> 'paid'
        )
        + (
            select count(*) from sandbox.movement as l
            where l.account_id = a.account_id and l.state = 'pending'
        )
    )::bigint as holdings,
    case when a.state <> 'closed' then a.closable_at end as closable_at
from sandbox.account as a
where a.parent_id is not null;

create view facts.payment_method as
select
    account_id,
    method_id::varchar as method_id,
    kind,
    label
from sandbox.payment_method
where unbound_at is null;

create view facts.api_key as
select
    account_id,
    key_id::varchar as key_id,
    kind,
    label,
    can_trade
from sandbox.api_key
where revoked_at is null;

create view facts.security_event as
select
    account_id,
    event_id::varchar as event_id,
    kind,
    happened_at
from sandbox.security_event;

create view facts.identity as
select
    account_id,
    state,
    valid_until,
    is_applicant,
    was_required
from sandbox.identity;

create view facts.contact as
select
    account_id,
    kind,
    reachable
from sandbox.contact;

create view facts.dispute as
select
    account_id,
    dispute_id::varchar as dispute_id,
    kind,
    state
from sandbox.dispute;

create view facts.hold as
select
    account_id,
    hold_id::varchar as hold_id,
    kind,
    scope,
    placed_at,
    released_at
from sandbox.hold;

create view facts.rebate as
select
    account_id,
    rebate_id::varchar as rebate_id,
    kind,
    state,
    asset,
    amount
from sandbox.rebate;

create view facts.transfer as
select
    account_id,
    movement_id::varchar as transfer_id,
    kind,
    asset,
    amount,
    state <> 'pending' as final,
    disputed,
    case when state = 'pending' then expected_at end as expected_at
from sandbox.movement
where state = 'pending' or disputed;

create view facts.source_state as
select
    relation,
    state,
    sandbox.now() - age as as_of
from sandbox.source;
