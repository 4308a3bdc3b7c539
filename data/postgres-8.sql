-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- The replicated store, eighth version: regions with a database for each set of
-- regions are lost.

-- As in the fifth version; but slots are the server's, and say which set's
-- database they are of.
create or replace function flow.has_heard(p_for text, p_lsn pg_lsn) returns bool
language sql stable security definer set search_path = pg_catalog as $$
  select exists (select from pg_replication_slots s, flow.here h
    where s.slot_name = lower(p_for) || '_from_' || lower(h.code) ||
        flow.suffix()
      and s.database = current_database()
      and s.confirmed_flush_lsn >= p_lsn)
$$;

-- A state in two databases.  Each replicates by itself.  So of a state that
-- moved from one to another just before its region was lost, the successor may
-- have got the row that arrived there, and not that the first was frozen: it
-- takes over both, and nobody who sees one of them knows of the other.  They
-- meet here, when the look at a flow's states moves that which is not where the
-- flow's regions say to where the other is.
--
-- Only of databases whose regions are all of this one's, too (p_database = 2):
-- they may do here what they like.  What comes from any other (1) may have been
-- made up by who may not come in here, and takes no row's place (stands).
--
-- That of the later epoch stays, of one epoch that of the later version, else
-- that which is here; under the arriving epoch, so that whoever comes again
-- finds it done, and who has a token of it goes on.  The other is a conflict,
-- if it is any different, written in the same transaction: nothing that was
-- acknowledged is in neither.  The frozen row in the other database goes after
-- that, or when somebody finds it.  A save that comes along is turned away
-- where its row would not stay: that one's body is not at hand.
--
-- The order of locks is that of flow.place(): who waited for the row's and does
-- not find it any more finds there what became of it.
create function flow.arrive_between(p_from text, p_id uuid, p_epoch int,
  p_base bigint, p_version bigint, p_op uuid, p_done bool, p_allowed bigint,
  p_tenant uuid, p_flow uuid, p_created_ms bigint, p_updated_ms bigint,
  p_expires_ms bigint, p_moves int, p_since_ms bigint, p_body bytea,
  p_database int, out now_epoch int, out now_version bigint, out written bool,
  out now_moving text, out refused bool, out stands bool)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me text := (select h.code from flow.here h);
  other flow.state;
  mine flow.state;
begin
  refused := flow.is_refused(p_from);
  written := false;
  stands := false;
  if refused then
    return;
  end if;
  if p_database > 0 then
    select s.* into other from flow.state s where s.id = p_id
      and s.moving_to is null and s.epoch < p_epoch and not exists
        (select from flow.lost l where l.code = s.home)
      order by s.home = me limit 1;
    if found and (p_database = 1 or other.home <> me
        or (other.tenant, other.flow) <> (p_tenant, p_flow)) then
      now_epoch := other.epoch;
      now_version := other.version;
      stands := true;
      return;
    end if;
    select s.* into mine from flow.state s where s.id = p_id and s.home = me
      and s.moving_to is null and s.epoch < p_epoch for update;
  end if;
  if mine.id is not null then
    perform flow.one_by_one(p_id);
    -- Where flow.place() would not write, nothing goes.
    if exists (select from flow.moved m where m.id = p_id
        and m.epoch >= p_epoch) or exists (select from flow.state s
        where s.id = p_id and s.home <> me and s.epoch >= p_epoch) then
      return;
    end if;
    if (p_epoch - 1, p_base) > (mine.epoch, mine.version) then
      perform flow.note_conflict(mine, me, p_epoch, p_version, p_body);
    elsif p_version > p_base then
      now_epoch := mine.epoch;
      now_version := mine.version;
      stands := true;
      return;
    else
      if (p_base, p_done, p_expires_ms, p_body) is distinct from
          (mine.version, mine.done, mine.expires_ms, mine.body) then
        perform flow.note_conflict((p_id, me, p_allowed, p_epoch - 1, p_base,
          p_op, p_done, null, p_base, p_tenant, p_flow, p_created_ms,
          p_updated_ms, p_expires_ms, p_body, 0, 0, 0)::flow.state, me,
          p_epoch, mine.version, mine.body);
      end if;
      p_base := mine.version;
      p_version := mine.version;
      p_op := mine.last_op;
      p_done := mine.done;
      p_created_ms := mine.created_ms;
      p_updated_ms := mine.updated_ms;
      p_expires_ms := mine.expires_ms;
      p_body := mine.body;
    end if;
    delete from flow.state s where s.id = p_id and s.home = me;
  end if;
  select a.now_epoch, a.now_version, a.written, a.now_moving
    into now_epoch, now_version, written, now_moving
    from flow.place(p_id, p_epoch, p_base, p_version, p_op, p_done, p_allowed,
      p_tenant, p_flow, p_created_ms, p_updated_ms, p_expires_ms, p_moves,
      p_since_ms, p_body) a;
end $$;
revoke all on function flow.arrive_between(text, uuid, int, bigint, bigint,
  uuid, bool, bigint, uuid, uuid, bigint, bigint, bigint, int, bigint, bytea,
  int) from public;
grant execute on function flow.arrive_between(text, uuid, int, bigint, bigint,
  uuid, bool, bigint, uuid, uuid, bigint, bigint, bigint, int, bigint, bytea,
  int) to flow_engine;

-- The third step between databases, where that is not whoever did the second:
-- the state is at home elsewhere.  What of the frozen row is not in that one's
-- past is kept.  Not the winner's body: it may be for fewer than may come in
-- here.
create function flow.yield(p_id uuid, p_epoch int, p_word text, p_home text,
  p_at_epoch int, p_at_version bigint, p_at_base bigint) returns bool
language plpgsql security definer set search_path = pg_catalog as $$
declare
  mine flow.state;
begin
  delete from flow.state s where s.id = p_id and s.epoch = p_epoch
    and s.home = (select h.code from flow.here h) and s.moving_to = p_word
    and flow.is_cleared() returning s.* into mine;
  if found and not flow.is_past(mine, p_at_epoch, p_at_base) then
    perform flow.note_conflict(mine, p_home, p_at_epoch, p_at_version, null);
  end if;
  return found;
end $$;
revoke all on function flow.yield(uuid, int, text, text, int, bigint, bigint)
  from public;
grant execute on function flow.yield(uuid, int, text, text, int, bigint, bigint)
  to flow_engine;

-- How often something was taken over here: whoever looks at the states' regions
-- looks again then, since some of them may be in two databases.
alter table flow.here add column taken bigint not null default 0;

create function flow.take_over(p_lost text, p_successor text, p_before bigint,
  p_limit int, p_all_lost text, p_heard text) returns bigint
language plpgsql security definer set search_path = pg_catalog as $$
declare
  n bigint := flow.adopt(p_lost, p_successor, p_before, p_limit, p_all_lost,
    p_heard);
begin
  if n > 0 then
    update flow.here set taken = taken + 1;
  end if;
  return n;
end $$;
revoke all on function flow.take_over(text, text, bigint, int, text, text)
  from public;
grant execute on function flow.take_over(text, text, bigint, int, text, text)
  to flow_engine;
