-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- The replicated store, seventh version: a save that arrives late, and a region
-- whose server is in somebody else's hands.

-- The second step of a move, as in the fourth version, but for this: one who
-- brings a save along may have waited here for another who brought the row
-- without one.  That row he has not locked: others may have saved it, frozen
-- it or removed it before he comes to write.  So the write itself says that
-- the row still is what was brought, and where it is not, the save is none.
-- Two who wait for each other in doing so are told apart by the server, and
-- who is turned away asks again.
create or replace function flow.place(p_id uuid, p_epoch int, p_base bigint,
  p_version bigint, p_op uuid, p_done bool, p_allowed bigint, p_tenant uuid,
  p_flow uuid, p_created_ms bigint, p_updated_ms bigint, p_expires_ms bigint,
  p_moves int, p_since_ms bigint, p_body bytea, out now_epoch int,
  out now_version bigint, out written bool, out now_moving text)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me flow.here;
  mine record;
begin
  select h.* into me from flow.here h;
  if me.successor is not null then
    raise exception 'region % was given over to %', me.code, me.successor
      using errcode = 'PT002';
  end if;
  if not exists (select from flow.region r where r.code = me.code
      and r.bit & p_allowed <> 0) then
    raise exception 'a state that must not be in region %', me.code
      using errcode = 'PT003';
  end if;
  perform from flow.state s where s.id = p_id and s.home = me.code for update;
  perform flow.one_by_one(p_id);
  if p_version > p_base then
    -- Somebody else brought it here, without the save.
    update flow.state s set version = p_version, last_op = p_op,
      done = p_done, updated_ms = p_updated_ms, expires_ms = p_expires_ms,
      body = p_body where s.id = p_id and s.home = me.code
      and s.epoch = p_epoch and s.version = p_base and s.base = p_base
      and s.moving_to is null;
    if found then
      now_epoch := p_epoch;
      now_version := p_version;
      written := true;
      return;
    end if;
  end if;
  select s.epoch, s.version, s.last_op, s.moving_to into mine
    from flow.state s where s.id = p_id and s.home = me.code;
  written := false;
  if found and mine.epoch >= p_epoch then
    now_epoch := mine.epoch;
    now_version := mine.version;
    now_moving := mine.moving_to;
    -- Asked again.
    written := mine.epoch = p_epoch and mine.version = p_version
      and coalesce(mine.last_op = p_op, false);
    return;
  end if;
  if exists (select from flow.moved m where m.id = p_id and m.epoch >= p_epoch)
      or exists (select from flow.state s where s.id = p_id
        and s.home <> me.code and s.epoch >= p_epoch) then
    return;
  end if;
  perform flow.give_way(p_id, me.code, p_epoch, p_version, p_base, p_body);
  insert into flow.state (id, home, allowed, epoch, version, last_op, done,
    base, tenant, flow, created_ms, updated_ms, expires_ms, moves,
    moves_since_ms, body)
  values (p_id, me.code, p_allowed, p_epoch, p_version, p_op, p_done, p_base,
    p_tenant, p_flow, p_created_ms, p_updated_ms, p_expires_ms, p_moves,
    p_since_ms, p_body);
  now_epoch := p_epoch;
  now_version := p_version;
  written := true;
end $$;

-- What comes from another region is written here by a superuser's process, and
-- a state that it may hold it may claim, change and end: all that share a
-- database trust each other with what is in it.  But none of its rows makes
-- anything here fail that is about others, or takes the place of another
-- tenant's.

-- Rows that were not taken, by who sent them; for the log.
create table flow.refused (
  home  text   primary key,
  count bigint not null,
  told  bigint not null default 0,
  id    uuid   not null,               -- of the last one
  why   text   not null
);

-- Of each row that replication brings, before it is written.  What no region
-- makes is left out: to fail would hold up all that comes behind it, and it may
-- have been forged at a third region, whose own rows are as they should be.
create function flow.screen() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
  reason text := case
    when new.epoch not between 1 and 2139999999
        or new.version not between 0 and 9007199254740991
        or new.base not between 0 and new.version
      then 'its numbers are none that a region gives'
    when octet_length(new.body) > 16777216
      then 'it is longer than any that a region writes'
    when tg_op = 'UPDATE' then case
      when (new.id, new.epoch, new.tenant, new.flow)
          is distinct from (old.id, old.epoch, old.tenant, old.flow)
        then 'another state would stand in its place' end
    when exists (select from flow.here h join flow.state s on s.home = h.code
        where s.id = new.id and (s.tenant, s.flow) <> (new.tenant, new.flow))
      then 'a state of another tenant or flow has this id here' end;
begin
  if reason is null then
    return new;
  end if;
  insert into flow.refused as f (home, count, id, why)
    values (new.home, 1, new.id, reason)
    on conflict (home) do update set count = f.count + 1, id = excluded.id,
      why = excluded.why;
  return null;
end $$;

-- Who replicates is judged by what the server does for him, not by how he
-- spelled it: a copy of the whole server (BASE_BACKUP, which whoever replicates
-- may ask for, also over a connection to one database) ends here, too, as soon
-- as it is seen.
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
    where p.datname = current_database()
      and r.state in ('catchup', 'streaming', 'backup')
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
  return query
    with news as (
      update flow.refused f set told = f.count where f.told < f.count
      returning f.*
    )
    select 'region ' || n.home, format('%s so far, the last of state %s: %s',
      n.count, n.id, n.why) from news n;
end $$;

-- As before, but for rows of which no later epoch can be told.
create or replace function flow.tend(out successor text, out waiting bigint,
  out conflicts bigint)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me text;
  s flow.state;
  week constant bigint := 7 * 86400000::bigint;
begin
  select h.code, h.successor into me, tend.successor from flow.here h;
  waiting := case when tend.successor is null then 0
    else flow.left_to_take() end;
  if flow.is_cleared() and pg_try_advisory_xact_lock(7067, 3) then
    for s in
      select a.* from flow.state a where a.moving_to = me and a.home <> me
        and flow.has_steps(a.epoch) and flow.has_turns(a.epoch, 0)
        and not exists (select from flow.lost l where l.code = a.home)
        and not exists (select from flow.state l where l.id = a.id
          and l.epoch > a.epoch)
        and not exists (select from flow.moved m where m.id = a.id
          and m.epoch > a.epoch)
      limit 500
    loop
      if not flow.is_refused(s.home) then
        perform flow.bring(s, s.epoch + 1);
      end if;
    end loop;
    -- Words are kept longer than this, so nothing that has ended comes back.
    for s in
      delete from flow.state a where a.home = me and a.moving_to is not null
        and a.frozen_ms < flow.now_ms() - week returning a.*
    loop
      if not exists (select from flow.state l where l.id = s.id
          and l.epoch > s.epoch) then
        perform flow.note_conflict(s, null, null, null, null);
      end if;
    end loop;
    delete from flow.moved m where m.id in (select o.id from flow.moved o
      where o.at_ms < flow.now_ms() - week - 86400000 limit 500);
  end if;
  conflicts := (select count(*) from flow.state_conflict);
end $$;

-- What a partition needs for all this; harmless when repeated.
alter function flow.equip(text) rename to equip_writes;
create function flow.equip(p_code text) returns void language plpgsql as $$
declare
  t text := flow.partition_of(p_code);
begin
  perform flow.equip_writes(p_code);
  if p_code <> (select h.code from flow.here h) then
    execute format('create or replace trigger screen before insert on flow.%I
      for each row execute function flow.screen()', t);
    execute format('alter table flow.%I enable always trigger screen', t);
    execute format('create or replace trigger screen_change before update on
      flow.%I for each row when (new.id <> old.id or new.epoch <> old.epoch
      or new.tenant <> old.tenant or new.flow <> old.flow
      or new.version not between 0 and 9007199254740991
      or octet_length(new.body) > 16777216)
      execute function flow.screen()', t);
    execute format('alter table flow.%I enable always trigger screen_change',
      t);
  end if;
end $$;

do $$
declare
  code text;
begin
  for code in select r.code from flow.region r
    where to_regclass('flow.' || flow.partition_of(r.code)) is not null
  loop
    perform flow.equip(code);
  end loop;
end $$;
