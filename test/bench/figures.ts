import type { InfluxFixture } from '#test/fixtures/influx-server'

/** What a line is asked to do; with `influx` that one keeps telemetry, without it Postgres. */
export interface LineOptions {
  seconds: number
  influx?: InfluxFixture | undefined
}

/** Everything the bench measures, and what it must be; the budgets stand in docs/performance.md too, by `--write`. */
export interface Figure {
  what: string
  unit: string
  atLeast?: number
  atMost?: number
  /** What we would like beyond the budget. */
  aim?: number
}

const FIGURES = {
  gateRate: { what: 'gate alone, messages acknowledged after sync', unit: 'messages/s' },
  gateCpu: { what: 'gate alone, CPU of our process', unit: 'µs/message' },
  roadRate: {
    what: 'whole road, messages fully handled (acknowledged, all rules run, stored)',
    unit: 'messages/s',
    atLeast: 20_000,
    aim: 40_000
  },
  roadAckRate: { what: 'whole road, messages acknowledged meanwhile', unit: 'messages/s' },
  roadToGate: { what: 'whole road relative to the gate alone in the same run', unit: '%' },
  roadStateLag: { what: 'most records the rules were behind', unit: 'records' },
  roadStoreLag: { what: 'most records the store was behind', unit: 'records' },
  roadDrain: { what: 'from the last PUBACK until all was handled', unit: 's' },
  roadPaused: { what: 'most sockets held back by back-pressure', unit: 'sockets' },
  roadRss: { what: 'memory of the Node process under full load', unit: 'MB' },
  ackP50: { what: 'publish → PUBACK at 5 000/s, half within', unit: 'ms' },
  ackP99: { what: 'publish → PUBACK at 5 000/s, p99', unit: 'ms', atMost: 100 },
  fireP50: { what: 'publish → bin-fire ticket on the WebSocket at 5 000/s, half within', unit: 'ms' },
  fireP99: { what: 'publish → bin-fire ticket on the WebSocket at 5 000/s, p99', unit: 'ms', atMost: 500 },
  largeRss: {
    what: '100 000 facilities reporting and 10 000 connections: memory of the Node process',
    unit: 'MB',
    atMost: 1500
  },
  largeRssIdle: { what: '100 000 facilities, each reported once: memory of the Node process', unit: 'MB' },
  largeImport: { what: 'import of 100 000 facilities and their devices', unit: 's' },
  largeReport: {
    what: 'one report from each of 100 000 devices through 100 gateways, fully handled',
    unit: 's'
  },
  listP50: { what: 'first page of /api/facilities, half within', unit: 'ms' },
  listP99: { what: 'first page of /api/facilities, p99', unit: 'ms', atMost: 50 },
  listNameP99: { what: 'the same looking for a name (q), p99', unit: 'ms', atMost: 50 },
  listAreaP99: { what: 'the same within an area, p99', unit: 'ms', atMost: 50 },
  largeRestart: { what: '100 000 facilities: from start to ready again', unit: 's' },
  checkpointSave: {
    what: 'a checkpoint of 100 000 facilities: the rules stand while it is packed, piece by piece',
    unit: 'ms'
  },
  checkpointSize: { what: 'that checkpoint packed', unit: 'MB' },
  largeStall: { what: 'longest stall of the event loop in 35 quiet seconds with a checkpoint', unit: 'ms' },
  idleRss: { what: '10 000 idle connections: memory for each', unit: 'KB' },
  idleAccept: { what: 'connections accepted, signed in and welcomed', unit: 'connections/s' },
  pageJs: { what: 'JavaScript of the first load, gzipped', unit: 'KB', atMost: 200 },
  dayCost: {
    what: 'a day of 100 000 facilities, every 1 to 30 minutes a report: rules and tickets',
    unit: 'µs/message'
  },
  dayTime: { what: 'that day replayed, the rules’ part', unit: 's' },
  daySlowest: { what: 'of its minutes the one that took longest', unit: 'ms' },
  dayRss: { what: 'memory of that process', unit: 'MB' },
  demoReady: { what: '`npm run demo` on an installed checkout to a populated page', unit: 's', atMost: 20 }
} as const satisfies Record<string, Figure>

export type FigureId = keyof typeof FIGURES
export const FIGURE_IDS = Object.keys(FIGURES) as FigureId[]
export const figure = (id: FigureId): Figure => FIGURES[id]

export type Measured = Partial<Record<FigureId, number>>

/** Undefined where there is no budget. */
export function reached(id: FigureId, value: number): boolean | undefined {
  const { atLeast, atMost } = figure(id)
  if (atLeast !== undefined) return value >= atLeast
  return atMost === undefined ? undefined : value <= atMost
}

/** A line of the bench: what it found and what else is to be said. */
export interface Finding {
  measured: Measured
  /** Sentences and tables in Markdown. */
  notes?: string[]
}
