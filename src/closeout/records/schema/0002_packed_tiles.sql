-- Numbers of entries packed as eight bytes each: an array of them cost as much to write as all hashing together.

alter table audit.tile
add column packed bytea,
add column least bigint,
add column most bigint;
update audit.tile as t set
    packed = p.packed,
    least = p.least,
    most = p.most
from (
    select
        level, index, min(n) as least, max(n) as most,
        string_agg(int8send(n), ''::bytea order by place) as packed
    from audit.tile, unnest(numbers) with ordinality as listed (n, place)
    where level = 0
    group by level, index
) as p
where t.level = p.level and t.index = p.index;
alter table audit.tile drop column numbers;
alter table audit.tile rename column packed to numbers;
