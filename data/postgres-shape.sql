-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- What differs between this database's schema and the shape that the files
-- make, which is $1, a line for each thing.  In there HERE and OTHER stand for
-- this region and each other one, BIT for the bit of the one that a line is
-- about.  With an empty $1, all there is comes as unexpected: that is how the
-- shape is made.
--
-- Catalogs are read as they are, not as a version of PostgreSQL prints them.
-- Further indexes that are not unique, tables, views and grants are the
-- administrator's own.
with region as (
  select g.code, lower(g.code) as name, g.bit, g.code = h.code as is_here,
    h.main, m.bit as here_bit
  from flow.region g, flow.here h join flow.region m on m.code = h.code
), rel as (
  select c.oid, c.relkind, c.relreplident, c.relrowsecurity, r.name as other,
    case when r.name is null then c.relname::text
      when r.is_here then 'state_HERE' else 'state_OTHER' end as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
    and n.nspname = 'flow'
  left join region r on c.relname = 'state_' || r.name
  where c.relkind in ('r', 'p')
), part as (
  select rel.*, replace(rel.name, 'state_', '') in ('HERE', 'OTHER') as is_part
  from rel
), found as (
  select p.other, format('table %s column %s %s%s storage %s%s', p.name,
    a.attname, format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then ' not null' else '' end, a.attstorage,
    coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
  from part p join pg_attribute a on a.attrelid = p.oid and a.attnum > 0
    and not a.attisdropped
  left join pg_attrdef d on d.adrelid = p.oid and d.adnum = a.attnum
  union all
  select p.other, format('table %s replica identity %s row security %s',
    p.name, p.relreplident, p.relrowsecurity)
  from part p
  union all
  select p.other, format('table %s constraint %s %s (%s) %s', p.name,
    case when p.is_part then replace(c.conname, 'state_' || p.other, p.name)
      else c.conname end, c.contype,
    (select string_agg(a.attname, ' ' order by k.at) from
      unnest(c.conkey) with ordinality k (num, at) join pg_attribute a
      on a.attrelid = p.oid and a.attnum = k.num),
    case when c.conname = 'residency' then regexp_replace(
      regexp_replace(pg_get_expr(c.conbin, c.conrelid),
        $$[()' ]|::bigint$$, '', 'g'),
      '&' || (select here_bit from region limit 1) || '<', '&BIT<')
    else regexp_replace(coalesce(pg_get_expr(c.conbin, c.conrelid), ''),
      $$[()' ]|::[a-z]+$$, '', 'g') end)
  from part p join pg_constraint c on c.conrelid = p.oid
    and c.contype in ('p', 'u', 'c', 'f')
  union all
  select p.other, format('table %s index %s %s%s(%s)%s', p.name,
    case when p.is_part then replace(c.relname, 'state_' || p.other, p.name)
      else c.relname::text end,
    case when i.indisunique then 'unique ' else '' end,
    case when i.indisreplident then 'identity ' else '' end,
    (select string_agg(a.attname, ' ' order by k.at) from
      unnest(i.indkey) with ordinality k (num, at) join pg_attribute a
      on a.attrelid = p.oid and a.attnum = k.num),
    coalesce(' where ' || pg_get_expr(i.indpred, i.indrelid), ''))
  from part p join pg_index i on i.indrelid = p.oid and i.indisvalid
    join pg_class c on c.oid = i.indexrelid
  union all
  select p.other, format('table %s trigger %s %s enabled %s function %s',
    p.name, t.tgname, t.tgtype, t.tgenabled, f.proname)
  from part p join pg_trigger t on t.tgrelid = p.oid and not t.tgisinternal
    join pg_proc f on f.oid = t.tgfoid
  union all
  select case when o.name is null then p.other else o.name end,
    format('table %s policy %s %s using %s check %s', p.name,
      case when o.name is null then y.polname::text else 'to_OTHER' end,
      y.polcmd, regexp_replace(
        regexp_replace(pg_get_expr(y.polqual, y.polrelid),
          $$[()' ]|::bigint$$, '', 'g'),
        '&' || coalesce(o.bit, 0) || '<', '&BIT<'),
      coalesce(pg_get_expr(y.polwithcheck, y.polrelid), ''))
  from part p join pg_policy y on y.polrelid = p.oid
    left join region o on y.polname = 'to_' || o.name and not o.is_here
  union all
  select null, format('function %s(%s) %s definer %s', f.proname,
    pg_get_function_identity_arguments(f.oid), md5(f.prosrc), f.prosecdef)
  from pg_proc f join pg_namespace n on n.oid = f.pronamespace
    and n.nspname = 'flow'
  union all
  select o.name, format('publication %s table %s (%s) where %s publish %s%s%s%s',
    case when o.name is null then b.pubname::text else 'HERE_to_OTHER' end,
    coalesce(p.name, c.relname::text),
    (select string_agg(a.attname, ' ' order by a.attnum) from pg_attribute a
      where a.attrelid = c.oid and a.attnum = any (x.prattrs::int2[])),
    -- In a database of a set nothing is to be filtered.
    case when s.is_set and o.name is not null then case when x.prqual is null
      then 'allowed&BIT<>0' else 'filtered' end
    else coalesce(regexp_replace(
      regexp_replace(pg_get_expr(x.prqual, x.prrelid),
        $$[()' ]|::bigint$$, '', 'g'),
      '&' || coalesce(o.bit, 0) || '<', '&BIT<'), 'all') end,
    b.pubinsert::int, b.pubupdate::int, b.pubdelete::int, b.pubtruncate::int)
  from (select set_name is not null as is_set from flow.here) s,
    pg_publication b left join pg_publication_rel x on x.prpubid = b.oid
    left join pg_class c on c.oid = x.prrelid
    left join part p on p.oid = c.oid
    left join region o on not o.is_here and b.pubname =
      (select name from region where is_here) || '_to_' || o.name
  where o.name is not null or b.pubname = 'pub_meta'
), thing as (
  -- There are some hundreds.  Without a limit billions are expected, and room
  -- for them to be compared takes a third of a second to prepare.
  select * from found limit 20000
), expected as (
  select line, line ~ 'OTHER' as of_each, line ~ '^publication pub_meta'
    as of_main
  from regexp_split_to_table($1::text, E'\n') line where line <> ''
), missing as (
  select e.line, r.name from expected e join region r on e.of_each
    and not r.is_here
  where not exists (select from thing t where t.line = e.line
    and t.other = r.name)
  union all
  select e.line, null from expected e where not e.of_each
    and (not e.of_main or (select main from region limit 1))
    and not exists (select from thing t where t.line = e.line)
)
select 'missing' as what, replace(replace(line, 'OTHER', coalesce(name, '')),
  'HERE', (select name from region where is_here)) as line from missing
union all
select distinct 'unexpected', case when $1::text = '' then line else
  replace(replace(line, 'OTHER', coalesce(other, '')), 'HERE',
    (select name from region where is_here)) end
from thing t where line not in (select line from expected)
  and ($1::text = '' or line !~ '^table [^ ]+ index [^ ]+ \(')
  and ($1::text = '' or line !~ '^table ' or split_part(line, ' ', 2) in
    (select split_part(e.line, ' ', 2) from expected e))
order by 1, 2;
