-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- How replication stands, for engines and administrators.

-- What the catalogs do not remember: when the log of this region was where,
-- for each who follows it, and what was counted at the last look.  Nothing of
-- it outlives a crash of the server, and nothing has to.
create unlogged table flow.pace (
  name     text primary key,       -- "gb_from_us"
  mark     pg_lsn,                 -- the log's end when it was last looked at
  since    timestamptz,            -- and when that was
  kept     numeric not null default 0,
  kept_at  timestamptz not null default clock_timestamp(),
  growth   bigint not null default 0,
  errors   bigint not null default 0,
  erred_at timestamptz,
  erred_before timestamptz         -- the time before that
);

create function flow.ms_since(p_then timestamptz) returns bigint
language sql volatile set search_path = pg_catalog as $$
  select (extract(epoch from clock_timestamp() - p_then) * 1000)::bigint
$$;

-- Each other region of p_others ("US,AU") twice: the slot by which it follows
-- this one, and the subscription by which this one follows it.
--
-- A follower that does not answer has no lag that the server would know.  So
-- the end of the log is noted at each look, and moved on when the follower has
-- confirmed it: until then it is at least so much behind as that is ago.
create function flow.pairs(p_others text) returns table (
  name text, outgoing bool, there bool, enabled bool, running bool,
  waiting bigint, errors bigint, failing bool, silent_ms bigint,
  lag_ms bigint, wal text, kept bigint, behind bigint, room bigint,
  growth bigint)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me text := (select lower(h.code) from flow.here h);
  others text[] := string_to_array(lower(p_others), ',');
  log pg_lsn := pg_current_wal_lsn();
begin
  insert into flow.pace (name)
    select o || '_from_' || me from unnest(others) o
    union all select me || '_from_' || o from unnest(others) o
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
    from (select t.subname, t.apply_error_count + t.sync_error_count as n
      from pg_stat_subscription_stats t) e
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
    from unnest(others) o join flow.pace p on p.name = o || '_from_' || me
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
    from unnest(others) o join flow.pace p on p.name = me || '_from_' || o
      left join pg_subscription s on s.subname = p.name and s.subdbid =
        (select d.oid from pg_database d where d.datname = current_database())
      left join pg_stat_subscription a on a.subid = s.oid and a.relid is null
        and a.pid is not null
    order by 1;
end $$;
revoke all on function flow.pairs(text) from public;
grant execute on function flow.pairs(text) to flow_engine;

-- Whether this server takes writes: for engines to which a full disk or a
-- server that only reads was told, and who would not know when that is over.
-- More than fits into pages that are there; of what it did nothing stays.
create table flow.scratch (body bytea not null);
alter table flow.scratch alter column body set storage external;
create function flow.try_write() returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
  truncate flow.scratch;
  insert into flow.scratch select string_agg(sha256((g || random()::text)
    ::bytea), ''::bytea) from generate_series(1, 4096) g;
end $$;
revoke all on function flow.try_write() from public;
grant execute on function flow.try_write() to flow_engine;
