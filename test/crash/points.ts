/** Where Node is killed by itself (victim.ts), and between which two things that is. */
const POINTS = {
  written: 'after journal write, before sync',
  synced: 'after sync, before PUBACK',
  tickets: 'after tickets, before COMMIT',
  committed: 'after COMMIT of tickets, unheard',
  telemetry: 'after telemetry, before COMMIT',
  offset: 'after telemetry, before its offset',
  checkpoint: 'last checkpoint, before COMMIT',
  pieces: 'periodic checkpoint, between its pieces',
  saving: 'periodic checkpoint, before COMMIT',
  saved: 'periodic checkpoint, saved, journal not told',
  trim: 'periodic checkpoint, while the journal trims',
  migration: 'inside migration, first start'
} as const
export type Point = keyof typeof POINTS

/** Of the checkpoint that comes every half minute; the other is that of an end in order. */
const PERIODIC = ['pieces', 'saving', 'saved', 'trim'] as const satisfies Point[]
export const isPeriodic = (at: Point): boolean => (PERIODIC as readonly Point[]).includes(at)

export type Part = 'node' | 'postgres' | 'influx'
export const PARTS: Part[] = ['node', 'postgres', 'influx']

/** What one round does: kills parts at a moment of chance, or Node at a point. */
export type Fault = { kill: Part[] } | { at: Point }
export type Store = 'postgres' | 'influx'

/** Each at least once before any comes a second time. With Postgres as the store, two parts are all there are. */
export function faultsOn(store: Store): Fault[] {
  const influx = store === 'influx'
  const kill = (...parts: Part[]): Fault[] => (influx ? [{ kill: parts }] : [])
  return [
    { kill: ['node'] },
    { at: 'written' },
    { kill: ['postgres'] },
    { at: 'synced' },
    { kill: ['node', 'postgres'] },
    { at: 'tickets' },
    ...kill('influx'),
    { at: 'committed' },
    ...kill('node', 'influx'),
    { at: 'pieces' },
    ...kill('postgres', 'influx'),
    { at: influx ? 'offset' : 'telemetry' },
    { at: 'saving' },
    ...kill('node', 'postgres', 'influx'),
    { at: 'saved' },
    { at: 'checkpoint' },
    { at: 'trim' },
    { at: 'migration' }
  ]
}

export const NAMES: Record<Part, string> = { node: 'Node', postgres: 'Postgres', influx: 'InfluxDB' }

export const nameOf = (fault: Fault): string =>
  'at' in fault ? POINTS[fault.at] : `${fault.kill.map(part => NAMES[part]).join(' + ')} at random`
