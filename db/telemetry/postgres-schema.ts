import type pg from 'pg'

/** Taken while tables or partitions are made, so that two processes do not make the same one. */
const SCHEMA_LOCK = 0x6d6a7473

/**
 * Columns by falling width, so that no row holds padding: 68 bytes with its pointer. There is no unique index: duplicates
 * are rare, and finding the first of them when reading is cheaper than a look-up for every row written.
 */
const SCHEMA = `
  create table if not exists telemetry_offset (
    one boolean primary key default true check (one),
    seq bigint not null
  );
  insert into telemetry_offset (seq) values (0) on conflict do nothing;
  create table if not exists telemetry_series (
    id integer generated always as identity primary key,
    device text not null,
    metric text not null,
    unique (device, metric)
  );
  create table if not exists telemetry (
    measured_at timestamptz not null,
    received_at timestamptz not null,
    seq bigint not null,
    value double precision not null,
    series integer not null,
    quality smallint not null
  ) partition by range (measured_at);
  create index if not exists telemetry_series_time on telemetry (series, measured_at);
`

/** Makes the telemetry tables; does nothing when they are there. */
export async function ensureSchema(pool: pg.Pool): Promise<void> {
  await underSchemaLock(pool, SCHEMA)
}

/** Runs statements under the schema lock. Sent as one query they are one transaction, so no failure leaves it open. */
export async function underSchemaLock(pool: pg.Pool, statements: string): Promise<void> {
  await pool.query(`select pg_advisory_xact_lock(${SCHEMA_LOCK}); ${statements}`)
}
