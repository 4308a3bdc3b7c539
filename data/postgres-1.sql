-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- The replicated store, first version: the same in every region, since what
-- defines tables is not replicated.  Run as a superuser in a database of its
-- own by `portolan store init`, in one transaction.

create schema flow;
revoke all on schema flow from public;
grant usage on schema flow to flow_engine;

create table flow.schema_version (version int not null);
insert into flow.schema_version values (1);

-- Which regions there are, by the bits that their numbers give, and which of
-- them this is.
create table flow.region (
  code text primary key check (code ~ '^[A-Z][A-Z0-9]{0,14}$'),
  bit  bigint not null unique check (bit > 0 and bit & (bit - 1) = 0)
);
create table flow.here (
  one  bool primary key default true check (one),
  code text not null references flow.region,
  main bool not null default false      -- metadata is written here
);

-- States.  A row is written in its home region alone, into that partition;
-- the others have it by replication.
create table flow.state (
  id         uuid   not null,
  home       text   not null,
  allowed    bigint not null check (allowed <> 0),  -- -1: all, those to come too
  epoch      int    not null,                       -- raised by each change of home
  version    bigint not null,
  last_op    uuid,                                  -- who wrote this version
  done       bool   not null,
  moving_to  text,                                  -- frozen: being handed over
  base       bigint not null default 0,             -- the version it had then
  tenant     uuid   not null,
  flow       uuid   not null,
  created_ms bigint not null,
  updated_ms bigint not null,
  expires_ms bigint not null,                       -- 0: never
  body       bytea  not null
) partition by list (home);
-- What is compressed, the engine has compressed.
alter table flow.state alter column body set storage external;

-- An update that makes a row visible to another region is an insert there, but
-- a large body that did not change is not in the log: the receiver would get
-- none, and stop.  So the body is written anew.
create function flow.widen() returns trigger language plpgsql as $$
begin
  if new.allowed <> old.allowed then
    new.body := new.body || ''::bytea;
  end if;
  return new;
end $$;

create function flow.partition_of(code text) returns text
language sql immutable as $$ select 'state_' || lower(code) $$;

-- A partition for the states at home in this region; called in every region,
-- and again when one is added.
create function flow.add_region(p_code text, p_bit bigint) returns void
language plpgsql as $$
declare
  t text := flow.partition_of(p_code);
  me flow.region;
begin
  insert into flow.region values (p_code, p_bit)
    on conflict (code) do nothing;
  if to_regclass('flow.' || t) is not null then
    return;
  end if;
  select r.* into me from flow.region r join flow.here h on h.code = r.code;
  execute format('create table flow.%I partition of flow.state for values in (%L)
    with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)', t, p_code);
  execute format('alter table flow.%I add primary key (id)', t);
  -- The replica identity has to hold the column that is filtered by.
  execute format('create unique index %I on flow.%I (id, allowed)',
    t || '_identity', t);
  execute format('alter table flow.%I replica identity using index %I',
    t, t || '_identity');
  execute format('create index %I on flow.%I (tenant, flow, created_ms, id)',
    t || '_list', t);
  -- Row security holds the copy that a subscriber begins with, too.
  execute format('alter table flow.%I enable row level security', t);
  execute format('create policy engine on flow.%I to flow_engine
    using (true) with check (true)', t);
  if p_code = me.code then
    execute format('create index %I on flow.%I (expires_ms)
      where expires_ms > 0', t || '_expiry', t);
    execute format('grant select, insert, update, delete on flow.%I
      to flow_engine', t);
    execute format('create trigger widen before update of allowed on flow.%I
      for each row execute function flow.widen()', t);
  else
    execute format('grant select on flow.%I to flow_engine', t);
    -- The second net: what must not be here stops the receiver, loudly.
    execute format('alter table flow.%I add constraint residency
      check (allowed & %s <> 0)', t, me.bit);
  end if;
end $$;

-- What a home had saved that its successor never saw: kept, and reported.
create table flow.state_conflict (
  like flow.state,
  noted_at timestamptz not null default now()
);

-- Own rows that live elsewhere by now, under a later epoch.
create function flow.reap() returns table (dropped bigint, conflicts bigint)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  me text := (select code from flow.here);
begin
  return query execute format($q$
    with newer as (
      select g.id, max(o.base) filter (where o.epoch = g.epoch + 1) as base
      from flow.%1$I g join flow.state o on o.id = g.id
      where o.home <> g.home and o.epoch > g.epoch group by g.id
    ), gone as (
      delete from flow.%1$I g using newer n where g.id = n.id
      returning g.*, n.base as taken_at
    ), kept as (
      insert into flow.state_conflict (id, home, allowed, epoch, version,
        last_op, done, moving_to, base, tenant, flow, created_ms, updated_ms,
        expires_ms, body)
      select id, home, allowed, epoch, version, last_op, done, moving_to, base,
        tenant, flow, created_ms, updated_ms, expires_ms, body
      from gone where version > coalesce(taken_at, 0) returning 1
    )
    select (select count(*) from gone), (select count(*) from kept) $q$,
    flow.partition_of(me));
end $$;
revoke all on function flow.reap() from public;
grant execute on function flow.reap() to flow_engine;

-- What another region gets of the states at home here: those that it may hold,
-- and row security says so once more, since the copy that a subscription begins
-- with is made by a query of the subscriber's.  No TRUNCATE: it knows no filter.
-- The list of columns lets regions get new ones in any order.
create function flow.publish(p_code text, p_bit bigint) returns void
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
      updated_ms, expires_ms, body) where (allowed & %s <> 0)
      with (publish = ''insert, update, delete'')', name, t, p_bit);
  end if;
end $$;

-- Build-time metadata: written in the main region alone, small, everywhere.
create table flow.meta_rev (
  one bool primary key default true check (one),
  rev bigint not null
);
create table flow.meta (
  kind    text   not null,
  key     text   not null,
  rev     bigint not null,
  deleted bool   not null,
  body    bytea  not null,
  primary key (kind, key)
);
create index meta_by_rev on flow.meta (rev);

-- The lock on the one row of meta_rev makes the order of revisions that of the
-- commits.  Answers the new revision, or that which was in the way.
create function flow.put(p_kind text, p_key text, p_expect bigint,
  p_deleted bool, p_body bytea, out done bool, out rev bigint)
language plpgsql security definer set search_path = pg_catalog as $$
declare
  there bigint;
begin
  -- The others have the row of meta_rev, too, once it was replicated.
  if not (select h.main from flow.here h) then
    raise exception 'metadata is written in the main region alone'
      using errcode = 'PT001';
  end if;
  select r.rev + 1 into rev from flow.meta_rev r for update;
  select m.rev into there from flow.meta m
    where m.kind = p_kind and m.key = p_key and not m.deleted;
  done := p_expect = -1 or p_expect = coalesce(there, 0);
  if not done then
    rev := coalesce(there, 0);
    return;
  end if;
  insert into flow.meta values (p_kind, p_key, rev, p_deleted, p_body)
    on conflict (kind, key) do update
    set rev = excluded.rev, deleted = excluded.deleted, body = excluded.body;
  update flow.meta_rev r set rev = put.rev;
end $$;
revoke all on function flow.put(text, text, bigint, bool, bytea) from public;
grant execute on function flow.put(text, text, bigint, bool, bytea)
  to flow_engine;

create function flow.note() returns trigger language plpgsql as $$
begin
  perform pg_notify('flow_meta', new.rev::text);
  return null;
end $$;
create trigger note after insert or update on flow.meta_rev
  for each row execute function flow.note();
-- Also where replication writes it.
alter table flow.meta_rev enable always trigger note;

grant select on flow.schema_version, flow.state, flow.state_conflict,
  flow.here, flow.region, flow.meta, flow.meta_rev to flow_engine;

-- In the main region: metadata begins here, and goes from here to all.
create function flow.become_main() returns void language plpgsql as $$
begin
  update flow.here set main = true;
  insert into flow.meta_rev values (true, 0) on conflict do nothing;
  if not exists (select from pg_publication where pubname = 'pub_meta') then
    create publication pub_meta for table flow.meta, flow.meta_rev
      with (publish = 'insert, update, delete');
  end if;
end $$;

-- The watch on what leaves: who replicates from this database must be another
-- region's role, and ask for what is published for that region and nothing
-- else.  Who does not is cut off, and the slot dropped.  Engines call it every
-- few seconds; one at a time does it.  Answers what was cut.
create function flow.guard() returns table (who text, what text)
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
          where s.slot_name = lower(g.code) || '_from_' || me)))
  loop
    if a.active_pid is not null then
      perform pg_terminate_backend(a.active_pid);
    else
      perform pg_drop_replication_slot(a.slot_name);
    end if;
    return query select 'slot ' || a.slot_name, a.plugin;
  end loop;
end $$;
revoke all on function flow.guard() from public;
grant execute on function flow.guard() to flow_engine;
