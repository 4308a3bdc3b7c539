-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- The replicated store, sixth version: a database for a set of regions.
--
-- Such a database is there in the regions of its set and in no other, has their
-- partitions alone, and lets nobody else in.  Every state in it may be in all
-- of them, so nothing is filtered where it is published.  Slots are the
-- server's, not the database's: their names say which set they are of.
--
-- A state whose regions change moves from one database to another as it moves
-- from region to region: frozen here, under the next epoch there, and word of
-- it left here.  moving_to is then REGION/SET/REGIONS: the new home, the set of
-- the database ("": the one for all regions), and the regions that may have the
-- state there, in hexadecimal: whoever finds the frozen row may do the rest.

alter table flow.here
  add column set_name text check (set_name ~ '^[a-z][a-z0-9_]*$'),
  add check (set_name is null or not main);

create function flow.suffix() returns text language sql stable
  set search_path = pg_catalog as
  $$ select coalesce('_in_' || h.set_name, '') from flow.here h $$;
grant execute on function flow.suffix() to flow_engine;

-- The engines of another region come as engine_REGION, and are then what
-- flow_engine is in a database that lets them in: being of that role does not
-- open the others, as it is not inherited.
create function flow.admit(p_code text) returns void
language plpgsql as $$
declare
  me text := (select h.code from flow.here h);
  who text := 'engine_' || lower(p_code);
begin
  if p_code = me then
    execute format('grant connect on database %I to flow_engine',
      current_database());
    return;
  end if;
  if not exists (select from pg_roles where rolname = who) then
    execute format('create role %I login noinherit in role flow_engine', who);
    execute format('alter role %I set role = flow_engine', who);
  end if;
  execute format('grant connect on database %I to %I, %I', current_database(),
    who, 'repl_' || lower(p_code));
end $$;

-- Nobody but those who were admitted.
create function flow.close_doors() returns void language plpgsql as $$
begin
  execute format('revoke connect on database %I from public',
    current_database());
end $$;

-- Which roles may come in, and are not of a region of the set: "" where that is
-- as it should be.  A superuser is nobody's guest.
create function flow.strangers() returns text
language sql stable security definer set search_path = pg_catalog as $$
  select case when has_database_privilege('public', current_database(),
    'connect') then 'PUBLIC' else coalesce((select string_agg(r.rolname, ', '
      order by r.rolname) from pg_roles r
    where r.rolname ~ '^(repl|engine)_' and not r.rolsuper
      and has_database_privilege(r.oid, current_database(), 'connect')
      and not exists (select from flow.region g where r.rolname in
        ('repl_' || lower(g.code), 'engine_' || lower(g.code)))), '') end
  from flow.here h where h.set_name is not null
$$;
revoke all on function flow.strangers() from public;
grant execute on function flow.strangers() to flow_engine;

-- In a database of a set there is nothing to filter.
create or replace function flow.publish(p_code text, p_bit bigint) returns void
language plpgsql as $$
declare
  me text := (select code from flow.here);
  t text := flow.partition_of(me);
  who text := 'repl_' || lower(p_code);
  name text := lower(me) || '_to_' || lower(p_code);
begin
  if p_code = me then
    return;
  end if;
  if not exists (select from pg_roles where rolname = who) then
    execute format('create role %I login replication', who);
  end if;
  execute format('grant usage on schema flow to %I', who);
  execute format('grant select on flow.%I to %I', t, who);
  execute format('grant select on flow.meta, flow.meta_rev to %I', who);
  if not exists (select from pg_policy where polname = 'to_' || lower(p_code)
      and polrelid = ('flow.' || t)::regclass) then
    execute format('create policy %I on flow.%I for select to %I
      using (allowed & %s <> 0)', 'to_' || lower(p_code), t, who, p_bit);
  end if;
  if not exists (select from pg_publication where pubname = name) then
    execute format('create publication %I for table flow.%I (id, home, allowed,
      epoch, version, last_op, done, moving_to, base, tenant, flow, created_ms,
      updated_ms, expires_ms, body) %s
      with (publish = ''insert, update, delete'')', name, t,
      case when (select h.set_name from flow.here h) is null
        then format('where (allowed & %s <> 0)', p_bit) else '' end);
  end if;
end $$;

-- The watch on what leaves, by the slots' names.
create or replace function flow.guard() returns table (who text, what text)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me text := (select lower(code) from flow.here);
  wanted text;
  a record;
begin
  if not pg_try_advisory_xact_lock(7067, 1) then
    return;
  end if;
  for a in
    select p.pid, p.usename::text as usename, p.query
    from pg_stat_activity p join pg_stat_replication r on r.pid = p.pid
    where p.datname = current_database() and p.query ilike 'START_REPLICATION%'
  loop
    wanted := substring(a.query from $q$publication_names '([^']*)'$q$);
    if not exists (select from flow.region g
        where a.usename = 'repl_' || lower(g.code) and lower(g.code) <> me
          and wanted in (
            format('"%s_to_%s"', me, lower(g.code)),
            format('"%s_to_%s","pub_meta"', me, lower(g.code)))) then
      perform pg_terminate_backend(a.pid);
      return query select a.usename, coalesce(wanted, a.query);
    end if;
  end loop;
  for a in
    select s.slot_name::text as slot_name, s.plugin::text as plugin,
      s.active_pid
    from pg_replication_slots s
    where s.database = current_database() and not s.temporary and not (
      s.plugin = 'pgoutput' and (s.slot_name ~ '^pg_[0-9]+_sync_[0-9]+_[0-9]+$'
        or exists (select from flow.region g
          where s.slot_name = lower(g.code) || '_from_' || me ||
            flow.suffix())))
  loop
    if a.active_pid is not null then
      perform pg_terminate_backend(a.active_pid);
    else
      perform pg_drop_replication_slot(a.slot_name);
    end if;
    return query select 'slot ' || a.slot_name, a.plugin;
  end loop;
end $$;

-- How replication stands, by the same names; a subscription has its own
-- without the set, being of the database.
create or replace function flow.pairs(p_others text) returns table (
  name text, outgoing bool, there bool, enabled bool, running bool,
  waiting bigint, errors bigint, failing bool, silent_ms bigint,
  lag_ms bigint, wal text, kept bigint, behind bigint, room bigint,
  growth bigint)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me text := (select lower(h.code) from flow.here h);
  others text[] := string_to_array(lower(p_others), ',');
  log pg_lsn := pg_current_wal_lsn();
  tail text := flow.suffix();
begin
  insert into flow.pace (name)
    select o || '_from_' || me || tail from unnest(others) o
    union all select me || '_from_' || o || tail from unnest(others) o
    on conflict do nothing;
  -- Another engine's look at the same moment does as well.
  update flow.pace p set
    mark = case when p.mark is null or s.confirmed_flush_lsn >= p.mark
      then log else p.mark end,
    since = case when p.mark is null or s.confirmed_flush_lsn >= p.mark
      then clock_timestamp() else p.since end,
    growth = case when p.kept_at > clock_timestamp() - interval '10 s'
      then p.growth else ((log - s.restart_lsn - p.kept) / extract(epoch from
      clock_timestamp() - p.kept_at))::bigint end,
    kept = case when p.kept_at > clock_timestamp() - interval '10 s'
      then p.kept else log - s.restart_lsn end,
    kept_at = case when p.kept_at > clock_timestamp() - interval '10 s'
      then p.kept_at else clock_timestamp() end
    from pg_replication_slots s
    where s.slot_name = p.name and s.database = current_database()
      and s.restart_lsn is not null and p.name in
      (select q.name from flow.pace q for update skip locked);
  update flow.pace p set errors = e.n,
    erred_at = case when e.n > p.errors then clock_timestamp() end,
    erred_before = case when e.n > p.errors then p.erred_at end
    from (select t.subname || tail as subname,
        t.apply_error_count + t.sync_error_count as n
      from pg_stat_subscription_stats t join pg_subscription u
        on u.oid = t.subid
      where u.subdbid = (select d.oid from pg_database d
        where d.datname = current_database())) e
    where e.subname = p.name and e.n <> p.errors and p.name in
      (select q.name from flow.pace q for update skip locked);
  return query
    select p.name, true, s.slot_name is not null, true,
      coalesce(s.active, false), 0::bigint, 0::bigint, false,
      flow.ms_since(r.reply_time),
      greatest(case when s.confirmed_flush_lsn < p.mark
        then flow.ms_since(p.since) else 0 end,
        (extract(epoch from r.replay_lag) * 1000)::bigint, 0),
      coalesce(s.wal_status, ''),
      coalesce(greatest(log - s.restart_lsn, 0), 0)::bigint,
      coalesce(greatest(log - s.confirmed_flush_lsn, 0), 0)::bigint,
      s.safe_wal_size, p.growth
    from unnest(others) o join flow.pace p on p.name =
        o || '_from_' || me || tail
      left join pg_replication_slots s on s.slot_name = p.name
        and s.database = current_database()
      left join pg_stat_replication r on r.pid = s.active_pid
    order by 1;
  return query
    select p.name, false, s.oid is not null, coalesce(s.subenabled, false),
      a.pid is not null,
      (select count(*) from pg_subscription_rel r where r.srsubid = s.oid
        and r.srsubstate <> 'r'), p.errors,
      -- Again and again; a connection that broke is an error, too, but one.
      coalesce(p.erred_at > clock_timestamp() - interval '15 s' and
        p.erred_before > clock_timestamp() - interval '30 s', false),
      flow.ms_since(a.last_msg_receipt_time), 0::bigint, '', 0::bigint,
      0::bigint, null::bigint, 0::bigint
    from unnest(others) o join flow.pace p on p.name =
        me || '_from_' || o || tail
      left join pg_subscription s on s.subname = me || '_from_' || o
        and s.subdbid =
        (select d.oid from pg_database d where d.datname = current_database())
      left join pg_stat_subscription a on a.subid = s.oid and a.relid is null
        and a.pid is not null
    order by 1;
end $$;
