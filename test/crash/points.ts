/** Where Node is killed by itself (victim.ts), and between which two things that is. */
export const POINTS = {
  written: 'after journal write, before sync',
  synced: 'after sync, before PUBACK',
  tickets: 'after tickets, before COMMIT',
  committed: 'after COMMIT of tickets, unheard',
  telemetry: 'after telemetry, before COMMIT',
  offset: 'after telemetry, before its offset',
  checkpoint: 'inside checkpoint',
  migration: 'inside migration, first start'
} as const
export type Point = keyof typeof POINTS

export type Part = 'node' | 'postgres' | 'influx'

/** What one round does: kills parts at a moment of chance, or Node at a point. */
export type Fault = { kill: Part[] } | { at: Point }
export type Store = 'postgres' | 'influx'

/** Each at least once before any comes a second time. */
export function faultsOn(store: Store): Fault[] {
  const influx = store === 'influx'
  return [
    { kill: ['node'] },
    { at: 'written' },
    { kill: ['postgres'] },
    { at: 'synced' },
    { kill: ['node', 'postgres'] },
    { at: 'tickets' },
    ...(influx ? [{ kill: ['influx'] } as Fault] : []),
    { at: 'committed' },
    ...(influx ? [{ kill: ['node', 'influx'] } as Fault] : []),
    { at: influx ? 'offset' : 'telemetry' },
    ...(influx ? [{ kill: ['node', 'postgres', 'influx'] } as Fault] : []),
    { at: 'checkpoint' },
    { at: 'migration' }
  ]
}

const NAMES: Record<Part, string> = { node: 'Node', postgres: 'Postgres', influx: 'InfluxDB' }

export const nameOf = (fault: Fault): string =>
  'at' in fault ? POINTS[fault.at] : `${fault.kill.map(part => NAMES[part]).join(' + ')} at random`
