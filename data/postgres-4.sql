-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- The replicated store, fourth version: states change their home.
--
-- A change of home is three steps, each of them whole by itself and harmless
-- when repeated:
--   1. at the old home the row is frozen (moving_to); nobody writes it again,
--      and what it holds is final, also in every copy of it;
--   2. at the new home it arrives under the next epoch;
--   3. at the old home the frozen row goes, and leaves word of where.
-- Whoever finds a frozen row may do the second step, by any copy of it: whoever
-- began may have ended in between.  That a late second step (its sender had
-- stopped, the network kept it) does not bring back what has moved on or was
-- removed meanwhile, is what the words in flow.moved are for.

alter table flow.state
  add column moves          int    not null default 0,  -- of late; see freeze
  add column moves_since_ms bigint not null default 0,
  add column frozen_ms      bigint not null default 0;

-- This region was given over to those: nothing is written here until it is
-- taken back.  Set by flow.fence(), also by the successor's engines.
alter table flow.here add column successor text;

create function flow.now_ms() returns bigint language sql volatile as
  $$ select (extract(epoch from clock_timestamp()) * 1000)::bigint $$;

-- States that were at home here: the epoch under which they left, and where to
-- (null: removed).  For those who ask for them here, and against late arrivals.
-- In this region alone, not replicated.
create table flow.moved (
  id        uuid   primary key,
  epoch     int    not null,
  to_region text,
  at_ms     bigint not null
);
create index moved_by_age on flow.moved (at_ms);
grant select on flow.moved to flow_engine;

-- What a home had saved that its successor never saw, beside what the successor
-- had when that was noticed.
alter table flow.state_conflict
  add column number         bigint generated always as identity primary key,
  add column winner         text,
  add column winner_epoch   int,
  add column winner_version bigint,
  add column winner_body    bytea;
create index state_conflict_by_id on flow.state_conflict (id);

-- Two who decide on the same state take turns.  Who holds its row comes first,
-- so a row is locked before this.
create function flow.one_by_one(p_id uuid) returns void language sql as
  $$ select pg_advisory_xact_lock(7068, hashtext(p_id::text)) $$;

-- A state that was born here and ends here without having moved needs no word:
-- no other epoch of it was ever under way.
create function flow.leave() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
  if old.moving_to is not null or old.epoch > 1 then
    perform flow.one_by_one(old.id);
    insert into flow.moved as m values (old.id, old.epoch, old.moving_to,
      flow.now_ms())
      on conflict (id) do update set epoch = excluded.epoch,
        to_region = excluded.to_region, at_ms = excluded.at_ms
      where m.epoch <= excluded.epoch;
  end if;
  return null;
end $$;

-- A later epoch of a state is at home elsewhere: what there is of it here goes.
-- If that was saved after the other branched off, it is kept as a conflict.  A
-- frozen row is part of the other's past, whose version base never goes back;
-- of one that was not, and of which more than one change of home is unknown,
-- nobody can tell any more, and what cannot be told is kept.
--
-- The same epoch in two regions is possible where one claimed a state from a
-- home that was lost then, and another took that over and had not heard of it:
-- the first by name has it, as all of them will see.
create function flow.give_way(p_id uuid, p_home text, p_epoch int,
  p_version bigint, p_base bigint, p_body bytea) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
  mine flow.state;
begin
  delete from flow.state s where s.id = p_id
    and s.home = (select h.code from flow.here h)
    and (s.epoch < p_epoch or (s.epoch = p_epoch and p_home < s.home))
    returning s.* into mine;
  if not found then
    return;
  end if;
  perform flow.one_by_one(p_id);
  insert into flow.moved as m values (p_id, mine.epoch, p_home, flow.now_ms())
    on conflict (id) do update set epoch = excluded.epoch,
      to_region = excluded.to_region, at_ms = excluded.at_ms
    where m.epoch <= excluded.epoch;
  if (mine.epoch = p_epoch and mine.version > mine.base)
      or (mine.epoch < p_epoch and mine.version > p_base)
      or (mine.moving_to is null and p_epoch > mine.epoch + 1) then
    insert into flow.state_conflict (id, home, allowed, epoch, version, last_op,
      done, moving_to, base, tenant, flow, created_ms, updated_ms, expires_ms,
      body, winner, winner_epoch, winner_version, winner_body)
    values (mine.id, mine.home, mine.allowed, mine.epoch, mine.version,
      mine.last_op, mine.done, mine.moving_to, mine.base, mine.tenant,
      mine.flow, mine.created_ms, mine.updated_ms, mine.expires_ms, mine.body,
      p_home, p_epoch, p_version, p_body);
  end if;
end $$;
revoke all on function flow.give_way(uuid, text, int, bigint, bigint, bytea)
  from public;

-- Of each row that replication brings of another region.  In the order of that
-- region's commits, so nothing is missed that was there for a moment only.
create function flow.heed() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
  -- Taken for a conflict while this epoch had not been heard of.
  delete from flow.state_conflict c where c.id = new.id
    and c.epoch = new.epoch - 1 and c.version <= new.base
    and c.winner_epoch > new.epoch;
  perform flow.give_way(new.id, new.home, new.epoch, new.version, new.base,
    new.body);
  return null;
end $$;

-- The second step, to this region.  p_version is p_base, or one more where a
-- save comes along with it.  Nothing in now_epoch: the state has gone on from
-- here already, or is at home elsewhere under a later epoch.
create function flow.arrive(p_id uuid, p_epoch int, p_base bigint,
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
  select s.epoch, s.version, s.base, s.last_op, s.moving_to into mine
    from flow.state s where s.id = p_id and s.home = me.code;
  written := false;
  if found and mine.epoch >= p_epoch then
    now_epoch := mine.epoch;
    now_version := mine.version;
    now_moving := mine.moving_to;
    if mine.epoch = p_epoch and mine.version = p_base and mine.base = p_base
        and mine.moving_to is null and p_version > p_base then
      -- Somebody else brought it here, without the save.
      update flow.state s set version = p_version, last_op = p_op,
        done = p_done, updated_ms = p_updated_ms, expires_ms = p_expires_ms,
        body = p_body where s.id = p_id and s.home = me.code;
      now_version := p_version;
      written := true;
    elsif mine.epoch = p_epoch and mine.version = p_version
        and mine.last_op = p_op then
      written := true;                  -- asked again
    end if;
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
revoke all on function flow.arrive(uuid, int, bigint, bigint, uuid, bool,
  bigint, uuid, uuid, bigint, bigint, bigint, int, bigint, bytea) from public;
grant execute on function flow.arrive(uuid, int, bigint, bigint, uuid, bool,
  bigint, uuid, uuid, bigint, bigint, bigint, int, bigint, bytea)
  to flow_engine;

-- A row as it is, by any copy; false where it is not needed any more.
create function flow.bring(s flow.state, p_epoch int) returns bool
language plpgsql security definer set search_path = pg_catalog as $$
begin
  return (select a.written from flow.arrive(s.id, p_epoch, s.version, s.version,
    s.last_op, s.done, s.allowed, s.tenant, s.flow, s.created_ms, s.updated_ms,
    s.expires_ms, 0, 0, s.body) a);
end $$;
revoke all on function flow.bring(flow.state, int) from public;

-- A lost region's states become this one's, some at a time: those that may be
-- here, and at none of the successors named before (p_before: their bits).
-- Also those that were on their way to it, from wherever: whether they got
-- there nobody knows, so their epoch is later than they would have had there.
-- The copies go: what is left is what cannot be had, and what was not known
-- when the region was lost and comes when it is back.
--
-- Another region may have claimed some of them just before.  So whatever the
-- living ones (all but p_all_lost, "GB,CA") had to say must have been heard:
-- while one of them is not heard, nothing is taken over.  A server that is
-- quiet says so every half minute.
create function flow.adopt(p_lost text, p_before bigint, p_limit int,
  p_all_lost text) returns bigint
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me flow.region;
  s flow.state;
  n bigint := 0;
begin
  if exists (select from flow.here h where h.successor is not null)
      or not pg_try_advisory_xact_lock(7067, 4) then
    return 0;
  end if;
  select r.* into me from flow.region r join flow.here h on h.code = r.code;
  if exists (select from pg_subscription u left join pg_stat_subscription t
        on t.subid = u.oid and t.relid is null and t.pid is not null
      where u.subdbid = (select d.oid from pg_database d
          where d.datname = current_database())
        and u.subname like lower(me.code) || '\_from\_%'
        and upper(substring(u.subname from length(me.code) + 7)) <>
          all (string_to_array(p_all_lost, ','))
        and coalesce(t.last_msg_receipt_time, '-infinity') <
          clock_timestamp() - interval '1 min') then
    return -1;
  end if;
  for s in
    select a.* from flow.state a
    where ((a.home = p_lost and a.home <> me.code and a.moving_to is null)
        or a.moving_to = p_lost)
      and a.allowed & me.bit <> 0 and a.allowed & p_before = 0
      and not exists (select from flow.state l where l.id = a.id
        and l.epoch > a.epoch)
    limit p_limit
  loop
    perform flow.bring(s, s.epoch + case when s.moving_to is null then 1
      else 2 end);
    delete from flow.state a where a.id = s.id and a.home = s.home
      and a.home <> me.code;
    n := n + 1;
  end loop;
  return n;
end $$;
revoke all on function flow.adopt(text, bigint, int, text) from public;
grant execute on function flow.adopt(text, bigint, int, text) to flow_engine;

-- Nothing is written here any more, whoever asks for it.
create function flow.fence(p_successor text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me text := (select h.code from flow.here h);
begin
  if exists (select from flow.here h
      where h.successor is not distinct from p_successor) then
    return;
  end if;
  update flow.here set successor = p_successor;
  execute format('revoke insert, update, delete on flow.%I from flow_engine',
    flow.partition_of(me));
end $$;
revoke all on function flow.fence(text) from public;
grant execute on function flow.fence(text) to flow_engine;

-- How many states the successors have still to take.
create function flow.left_to_take() returns bigint language sql stable as $$
  select count(*) from flow.here h join flow.state s on s.home = h.code
  where h.successor is not null and s.moving_to is null
    and exists (select from flow.region r where s.allowed & r.bit <> 0
      and r.code = any (string_to_array(h.successor, ',')))
$$;
grant execute on function flow.left_to_take() to flow_engine;

-- The end of that, by an administrator.  Not before the successors have taken
-- what they may.
create function flow.take_back() returns void language plpgsql as $$
declare
  me text := (select h.code from flow.here h);
  left_over bigint := flow.left_to_take();
begin
  if left_over > 0 then
    raise exception '% states have still to be taken over by %', left_over,
      (select h.successor from flow.here h);
  end if;
  update flow.here set successor = null;
  execute format('grant insert, update, delete on flow.%I to flow_engine',
    flow.partition_of(me));
end $$;

-- What engines see to every few seconds, one at a time: moves to here that were
-- begun and not ended; moves from here that nobody could end; old words.
create function flow.tend(out successor text, out waiting bigint,
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
  if tend.successor is null and pg_try_advisory_xact_lock(7067, 3) then
    for s in
      select a.* from flow.state a where a.moving_to = me and a.home <> me
        and not exists (select from flow.state l where l.id = a.id
          and l.epoch > a.epoch)
        and not exists (select from flow.moved m where m.id = a.id
          and m.epoch > a.epoch)
      limit 500
    loop
      perform flow.bring(s, s.epoch + 1);
    end loop;
    -- Words are kept longer than this, so nothing that has ended comes back.
    for s in
      delete from flow.state a where a.home = me and a.moving_to is not null
        and a.frozen_ms < flow.now_ms() - week returning a.*
    loop
      if not exists (select from flow.state l where l.id = s.id
          and l.epoch > s.epoch) then
        insert into flow.state_conflict (id, home, allowed, epoch, version,
          last_op, done, moving_to, base, tenant, flow, created_ms, updated_ms,
          expires_ms, body)
        values (s.id, s.home, s.allowed, s.epoch, s.version, s.last_op, s.done,
          s.moving_to, s.base, s.tenant, s.flow, s.created_ms, s.updated_ms,
          s.expires_ms, s.body);
      end if;
    end loop;
    delete from flow.moved m where m.id in (select o.id from flow.moved o
      where o.at_ms < flow.now_ms() - week - 86400000 limit 500);
  end if;
  conflicts := (select count(*) from flow.state_conflict);
end $$;
revoke all on function flow.tend() from public;
grant execute on function flow.tend() to flow_engine;

-- What a partition needs for all this; harmless when repeated.
create function flow.equip(p_code text) returns void language plpgsql as $$
declare
  me text := (select h.code from flow.here h);
  t text := flow.partition_of(p_code);
begin
  execute format('create index if not exists %I on flow.%I (moving_to)
    where moving_to is not null', t || '_moving', t);
  if p_code = me then
    execute format('create or replace trigger leave after delete on flow.%I
      for each row execute function flow.leave()', t);
    execute format('alter table flow.%I enable always trigger leave', t);
  else
    execute format('create or replace trigger heed after insert on flow.%I
      for each row execute function flow.heed()', t);
    execute format('alter table flow.%I enable always trigger heed', t);
  end if;
end $$;

-- In place of the first version's; engines called it nowhere.
drop function flow.reap();

alter function flow.add_region(text, bigint) rename to add_partition;
create function flow.add_region(p_code text, p_bit bigint) returns void
language plpgsql as $$
begin
  perform flow.add_partition(p_code, p_bit);
  perform flow.equip(p_code);
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
