-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- The replicated store, seventh version: a save that arrives late.

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
