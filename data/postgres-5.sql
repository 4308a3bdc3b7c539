-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- The replicated store, fifth version: regions that are lost, and come back.
--
-- That a region is lost is said in the region map.  Before its successor takes
-- anything over, every region that lives has been told so (flow.lose): from
-- then on nothing arrives there from the lost one, and the successor has heard
-- by replication whatever had.  So no state is at home in two of the living
-- ones.  What the lost one itself may have gone on with, and those that were
-- lost with it, is told apart by its epoch.

-- An epoch is of three numbers, TTT BB SSSSS in decimal: the turn, how many
-- turns back it branched off, and the step.  A move from home to home is the
-- next step, so the steps of a turn are one line, each the past of the next.
-- To take over from a lost home is to begin another turn, as many further as
-- regions are lost: it is later than whatever steps the lost ones take among
-- themselves, and later than what a successor began that was lost then itself.
create function flow.turn(p_epoch int) returns int language sql immutable as
  $$ select p_epoch / 10000000 $$;
create function flow.turn_before(p_epoch int) returns int
language sql immutable as
  $$ select p_epoch / 10000000 - p_epoch / 100000 % 100 $$;
create function flow.begins_turn(p_epoch int) returns bool
language sql immutable as
  $$ select p_epoch >= 10000000 and p_epoch % 100000 = 0 $$;
create function flow.next_turn(p_epoch int, p_by int) returns int
language sql immutable as
  $$ select (p_epoch / 10000000 + p_by) * 10000000 + p_by * 100000 $$;
-- Whether p_later came right after p_epoch, if they are of one line at all.
create function flow.follows(p_later int, p_epoch int) returns bool
language sql immutable as
  $$ select p_later = p_epoch + 1 or (flow.begins_turn(p_later)
    and flow.turn_before(p_later) = flow.turn(p_epoch)) $$;
-- Steps and turns that are left; beyond, a state stays where it is.
create function flow.has_steps(p_epoch int) returns bool
language sql immutable as $$ select p_epoch % 100000 < 99999 $$;
create function flow.has_turns(p_epoch int, p_by int) returns bool
language sql immutable as $$ select p_epoch / 10000000 + p_by <= 213 $$;

-- Whether all that a home had (p_mine) is in the past of what another has
-- under a later epoch, which arrived there with version p_base.  What cannot be
-- told is not.
create function flow.is_past(p_mine flow.state, p_epoch int, p_base bigint)
returns bool language sql immutable as $$
  select case
    when p_mine.epoch >= p_epoch then false
    when flow.turn(p_mine.epoch) = flow.turn(p_epoch) then
      -- A frozen row is final, and bases never go back.
      p_mine.version <= p_base and (p_mine.moving_to is not null
        or p_epoch = p_mine.epoch + 1)
    when not flow.begins_turn(p_epoch) then false
    when flow.turn_before(p_epoch) = flow.turn(p_mine.epoch) then
      p_mine.version <= p_base
    -- Taken over by another, too, and nothing was saved there.
    when flow.turn_before(p_epoch) < flow.turn(p_mine.epoch) then
      flow.begins_turn(p_mine.epoch) and p_mine.version = p_mine.base
        and p_mine.version <= p_base
    else false
  end
$$;

-- Regions that are lost, as this one was told; until they are back and somebody
-- says so (store region return).  Whatever came from there is before lsn in
-- this region's log.
create table flow.lost (
  code      text   primary key,
  successor text   not null,
  lsn       pg_lsn not null
);
grant select on flow.lost to flow_engine;

-- given_lsn: of this region's log, when it was given over.
-- cleared: the start of this server for which another region has said that this
-- one is not lost; before, engines write no states here.  Null: nobody has asked
-- ever, since this database is new or its programs are of the fourth version.
alter table flow.here
  add column given_lsn pg_lsn,
  add column cleared   timestamptz;

create function flow.is_cleared() returns bool language sql stable
security definer set search_path = pg_catalog as $$
  select h.successor is null
    and coalesce(h.cleared = pg_postmaster_start_time(), true)
  from flow.here h
$$;

-- Another region was asked, and said that this one is not lost (p_known); or
-- none could be asked.  Whether states may be written here.
create function flow.clear(p_known bool) returns bool language plpgsql
security definer set search_path = pg_catalog as $$
begin
  if p_known then
    update flow.here set cleared = pg_postmaster_start_time()
      where successor is null
        and cleared is distinct from pg_postmaster_start_time();
  end if;
  return flow.is_cleared();
end $$;
revoke all on function flow.clear(bool) from public;
grant execute on function flow.clear(bool) to flow_engine;

-- What is known here of whether p_code is lost: its successor, or ''; and
-- whether this region knows that of itself.
create function flow.lost_to(p_code text, out successor text, out sure bool)
language sql stable security definer set search_path = pg_catalog as $$
  select coalesce((select l.successor from flow.lost l where l.code = p_code),
    ''), h.successor is null
    and coalesce(h.cleared = pg_postmaster_start_time(), false)
  from flow.here h
$$;
revoke all on function flow.lost_to(text) from public;
grant execute on function flow.lost_to(text) to flow_engine;

create function flow.may_write() returns trigger
language plpgsql set search_path = pg_catalog as $$
begin
  if current_user = 'flow_engine' and not flow.is_cleared() then
    raise exception 'region % was away, and no other region has said yet that '
      'it was not given over', (select h.code from flow.here h)
      using errcode = 'PT005';
  end if;
  return null;
end $$;

-- Who goes on from p_said may be told more of: names are added at the end.
create function flow.goes_on(p_said text, p_successor text) returns bool
language sql immutable as
  $$ select p_said is null or starts_with(p_successor, p_said || ',') $$;

-- How what is said of it elsewhere fits to that: the same, as far as it goes.
create function flow.agrees(p_said text, p_successor text) returns bool
language sql immutable as
  $$ select starts_with(p_said || ',', p_successor || ',')
    or starts_with(p_successor || ',', p_said || ',') $$;

-- p_for has got all that this region had to say before p_lsn.
create function flow.has_heard(p_for text, p_lsn pg_lsn) returns bool
language sql stable security definer set search_path = pg_catalog as $$
  select exists (select from pg_replication_slots s, flow.here h
    where s.slot_name = lower(p_for) || '_from_' || lower(h.code)
      and s.database = current_database()
      and s.confirmed_flush_lsn >= p_lsn)
$$;
revoke all on function flow.has_heard(text, pg_lsn) from public;

-- Whoever's map says that p_code is lost tells it here.  Whether p_for, one of
-- its successors, has heard what had arrived from there by then.  said: what
-- was said first, by which it stays.
create function flow.lose(p_code text, p_successor text, p_for text,
  out said text, out heard bool)
language plpgsql security definer set search_path = pg_catalog as $$
begin
  select l.successor into said from flow.lost l where l.code = p_code;
  if flow.goes_on(said, p_successor) then
    -- What is arriving from there has arrived.
    perform pg_advisory_xact_lock(7069, hashtext(p_code));
    insert into flow.lost as l
      values (p_code, p_successor, pg_current_wal_insert_lsn())
      on conflict (code) do update set successor = excluded.successor
      where flow.goes_on(l.successor, excluded.successor);
    select l.successor into said from flow.lost l where l.code = p_code;
  end if;
  heard := flow.agrees(said, p_successor) and exists (select from flow.lost l
    where l.code = p_code and flow.has_heard(p_for, l.lsn));
end $$;
revoke all on function flow.lose(text, text, text) from public;
grant execute on function flow.lose(text, text, text) to flow_engine;

-- It is back, and one like the others.
create function flow.found(p_code text) returns void language sql
security definer set search_path = pg_catalog as
  $$ delete from flow.lost l where l.code = p_code $$;
revoke all on function flow.found(text) from public;
grant execute on function flow.found(text) to flow_engine;

-- Nothing is written here any more, whoever asks for it; and whether p_for has
-- heard all that was.
create function flow.fence(p_successor text, p_for text, out said text,
  out heard bool)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me flow.here;
begin
  select h.* into me from flow.here h;
  if flow.goes_on(me.successor, p_successor) then
    perform pg_advisory_xact_lock(7069, hashtext(me.code));
    if me.successor is null then
      -- Whoever writes has ended.
      execute format('lock table flow.%I in share row exclusive mode',
        flow.partition_of(me.code));
      execute format('revoke insert, update, delete on flow.%I
        from flow_engine', flow.partition_of(me.code));
      update flow.here set given_lsn = pg_current_wal_insert_lsn();
    end if;
    update flow.here h set successor = p_successor
      where flow.goes_on(h.successor, p_successor);
    select h.* into me from flow.here h;
  end if;
  said := me.successor;
  heard := flow.agrees(said, p_successor)
    and flow.has_heard(p_for, me.given_lsn);
end $$;
revoke all on function flow.fence(text, text) from public;
grant execute on function flow.fence(text, text) to flow_engine;

-- As programs of the fourth version say it.
create or replace function flow.fence(p_successor text) returns void
language sql security definer set search_path = pg_catalog as
  $$ select flow.fence(p_successor, null) $$;

create or replace function flow.take_back() returns void
language plpgsql as $$
declare
  me text := (select h.code from flow.here h);
  left_over bigint := flow.left_to_take();
begin
  if left_over > 0 then
    raise exception '% states have still to be taken over by %', left_over,
      (select h.successor from flow.here h);
  end if;
  update flow.here set successor = null, given_lsn = null,
    cleared = pg_postmaster_start_time();
  perform flow.found(me);
  execute format('grant insert, update, delete on flow.%I to flow_engine',
    flow.partition_of(me));
end $$;

create function flow.note_conflict(mine flow.state, p_home text, p_epoch int,
  p_version bigint, p_body bytea) returns void
language sql security definer set search_path = pg_catalog as $$
  insert into flow.state_conflict (id, home, allowed, epoch, version, last_op,
    done, moving_to, base, tenant, flow, created_ms, updated_ms, expires_ms,
    body, winner, winner_epoch, winner_version, winner_body)
  values (mine.id, mine.home, mine.allowed, mine.epoch, mine.version,
    mine.last_op, mine.done, mine.moving_to, mine.base, mine.tenant,
    mine.flow, mine.created_ms, mine.updated_ms, mine.expires_ms, mine.body,
    p_home, p_epoch, p_version, p_body)
$$;
revoke all on function flow.note_conflict(flow.state, text, int, bigint, bytea)
  from public;

-- A later epoch of a state is at home elsewhere: what there is of it here goes.
-- What of it is not in the other's past is kept as a conflict.
--
-- The same epoch in two regions is what two regions make that were lost
-- together and one of which was brought back from a backup, say: the first by
-- name has it, as all of them will see, and both keep what the other had.
create or replace function flow.give_way(p_id uuid, p_home text, p_epoch int,
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
  if not flow.is_past(mine, p_epoch, p_base) then
    perform flow.note_conflict(mine, p_home, p_epoch, p_version, p_body);
  end if;
end $$;

-- Of each row that replication brings of another region.
create or replace function flow.heed() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me text := (select h.code from flow.here h);
  mine flow.state;
begin
  -- Taken for a conflict while this epoch had not been heard of.
  delete from flow.state_conflict c where c.id = new.id
    and c.winner_epoch > new.epoch
    and flow.is_past((c.id, c.home, c.allowed, c.epoch, c.version, c.last_op,
      c.done, c.moving_to, c.base, c.tenant, c.flow, c.created_ms,
      c.updated_ms, c.expires_ms, c.body, 0, 0, 0)::flow.state, new.epoch,
      new.base);
  -- The same epoch, and this region has it: what the other had is kept.
  select s.* into mine from flow.state s where s.id = new.id and s.home = me
    and s.epoch = new.epoch and s.home < new.home;
  if found and not exists (select from flow.state_conflict c
      where c.id = new.id and c.home = new.home and c.epoch = new.epoch) then
    perform flow.note_conflict(new, mine.home, mine.epoch, mine.version,
      mine.body);
  end if;
  perform flow.give_way(new.id, new.home, new.epoch, new.version, new.base,
    new.body);
  return null;
end $$;

-- The second step of a move, from p_from; refused where that is lost: its
-- successor, and nobody else, may have the state.
alter function flow.arrive(uuid, int, bigint, bigint, uuid, bool, bigint, uuid,
  uuid, bigint, bigint, bigint, int, bigint, bytea) rename to place;
revoke all on function flow.place(uuid, int, bigint, bigint, uuid, bool,
  bigint, uuid, uuid, bigint, bigint, bigint, int, bigint, bytea)
  from flow_engine;

create function flow.is_refused(p_from text) returns bool
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me text := (select h.code from flow.here h);
begin
  -- In the order of their numbers, for two that do so at once.
  perform pg_advisory_xact_lock_shared(7069, n) from (select distinct
    hashtext(c) as n from unnest(array[me, p_from]) c order by 1) locks;
  return exists (select from flow.lost l where l.code = p_from)
    or not flow.is_cleared();
end $$;
revoke all on function flow.is_refused(text) from public;

create function flow.arrive_from(p_from text, p_id uuid, p_epoch int,
  p_base bigint, p_version bigint, p_op uuid, p_done bool, p_allowed bigint,
  p_tenant uuid, p_flow uuid, p_created_ms bigint, p_updated_ms bigint,
  p_expires_ms bigint, p_moves int, p_since_ms bigint, p_body bytea,
  out now_epoch int, out now_version bigint, out written bool,
  out now_moving text, out refused bool)
language plpgsql security definer set search_path = pg_catalog as $$
begin
  refused := flow.is_refused(p_from);
  written := false;
  if not refused then
    select a.now_epoch, a.now_version, a.written, a.now_moving
      into now_epoch, now_version, written, now_moving
      from flow.place(p_id, p_epoch, p_base, p_version, p_op, p_done,
        p_allowed, p_tenant, p_flow, p_created_ms, p_updated_ms, p_expires_ms,
        p_moves, p_since_ms, p_body) a;
  end if;
end $$;
revoke all on function flow.arrive_from(text, uuid, int, bigint, bigint, uuid,
  bool, bigint, uuid, uuid, bigint, bigint, bigint, int, bigint, bytea)
  from public;
grant execute on function flow.arrive_from(text, uuid, int, bigint, bigint,
  uuid, bool, bigint, uuid, uuid, bigint, bigint, bigint, int, bigint, bytea)
  to flow_engine;

-- As programs of the fourth version say it, who do not say where from.
create function flow.arrive(p_id uuid, p_epoch int, p_base bigint,
  p_version bigint, p_op uuid, p_done bool, p_allowed bigint, p_tenant uuid,
  p_flow uuid, p_created_ms bigint, p_updated_ms bigint, p_expires_ms bigint,
  p_moves int, p_since_ms bigint, p_body bytea, out now_epoch int,
  out now_version bigint, out written bool, out now_moving text)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  code text;
begin
  for code in select r.code from flow.region r order by hashtext(r.code) loop
    if flow.is_refused(code) then
      raise exception 'region % was given over', code using errcode = 'PT004';
    end if;
  end loop;
  select a.now_epoch, a.now_version, a.written, a.now_moving
    into now_epoch, now_version, written, now_moving
    from flow.place(p_id, p_epoch, p_base, p_version, p_op, p_done, p_allowed,
      p_tenant, p_flow, p_created_ms, p_updated_ms, p_expires_ms, p_moves,
      p_since_ms, p_body) a;
end $$;
revoke all on function flow.arrive(uuid, int, bigint, bigint, uuid, bool,
  bigint, uuid, uuid, bigint, bigint, bigint, int, bigint, bytea) from public;
grant execute on function flow.arrive(uuid, int, bigint, bigint, uuid, bool,
  bigint, uuid, uuid, bigint, bigint, bigint, int, bigint, bytea)
  to flow_engine;

create or replace function flow.bring(s flow.state, p_epoch int) returns bool
language plpgsql security definer set search_path = pg_catalog as $$
begin
  return (select a.written from flow.place(s.id, p_epoch, s.version, s.version,
    s.last_op, s.done, s.allowed, s.tenant, s.flow, s.created_ms, s.updated_ms,
    s.expires_ms, 0, 0, s.body) a);
end $$;

-- A lost region's states become this one's, some at a time: those that may be
-- here, and at none of the successors named before (p_before: their bits).
-- Also those that were on their way to it, or from it to one that lives: what
-- had arrived there has been heard of, and nothing arrives there any more.
-- The copies go: what is left is what cannot be had, and what was not known
-- when the region was lost and comes when it is back.
--
-- p_all_lost: all that are, by the map.  p_heard: those that live and were told
-- so, and all of whose words of before are here; -1 while one is missing, -2 if
-- another successor was named here before.
create function flow.adopt(p_lost text, p_successor text, p_before bigint,
  p_limit int, p_all_lost text, p_heard text) returns bigint
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me flow.region;
  s flow.state;
  all_lost text[] := string_to_array(p_all_lost, ',');
  n bigint := 0;
begin
  if not flow.is_cleared() or not pg_try_advisory_xact_lock(7067, 4) then
    return 0;
  end if;
  if not flow.agrees((flow.lose(p_lost, p_successor, null)).said,
      p_successor) then
    return -2;
  end if;
  select r.* into me from flow.region r join flow.here h on h.code = r.code;
  if exists (select from pg_subscription u
      where u.subdbid = (select d.oid from pg_database d
          where d.datname = current_database())
        and u.subname like lower(me.code) || '\_from\_%'
        and upper(substring(u.subname from length(me.code) + 7)) <>
          all (all_lost || string_to_array(p_heard, ','))) then
    return -1;
  end if;
  for s in
    select a.* from flow.state a
    where (a.moving_to = p_lost or (a.home = p_lost and a.home <> me.code
        and (a.moving_to is null or (a.moving_to <> all (all_lost)
          and exists (select from flow.region r where r.code = a.moving_to)))))
      and a.allowed & me.bit <> 0 and a.allowed & p_before = 0
      and flow.has_turns(a.epoch, cardinality(all_lost))
      and not exists (select from flow.state l where l.id = a.id
        and l.epoch > a.epoch)
    limit p_limit
  loop
    perform flow.bring(s, flow.next_turn(s.epoch, cardinality(all_lost)));
    delete from flow.state a where a.id = s.id and a.home = s.home
      and a.home <> me.code;
    n := n + 1;
  end loop;
  return n;
end $$;
revoke all on function flow.adopt(text, text, bigint, int, text, text)
  from public;
grant execute on function flow.adopt(text, text, bigint, int, text, text)
  to flow_engine;

-- Programs of the fourth version do not know who was heard: they wait.
create or replace function flow.adopt(p_lost text, p_before bigint,
  p_limit int, p_all_lost text) returns bigint
language sql security definer set search_path = pg_catalog as
  $$ select -1::bigint $$;

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
alter function flow.equip(text) rename to equip_moves;
create function flow.equip(p_code text) returns void language plpgsql as $$
declare
  t text := flow.partition_of(p_code);
begin
  perform flow.equip_moves(p_code);
  if p_code = (select h.code from flow.here h) then
    execute format('create or replace trigger may_write before insert or update
      or delete on flow.%I for each statement execute function
      flow.may_write()', t);
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
