import { saveState } from '#ingest/checkpoint'
import { createDecisions } from '#ingest/decisions'
import { noEffects } from '#ingest/effects'
import type { NormalisedRecord } from '#ingest/reading'
import { DEFAULT_RULES } from '#model/default-rules'
import type { DeviceKind, FacilityKind } from '#model/kinds'
import { encodeValue, type MetricId, type RawValue } from '#model/metrics'
import { minutes, type Millis } from '#model/time'

/**
 * A city day of 100 000 facilities through rules and tickets alone, message by message as devices send them: no network, no
 * disk. Prints what it came to as JSON. Run by `npm run bench -- --only 7`, in a process of its own.
 */

/** Midnight in Shanghai, so that a whole night and a whole day are in it. */
const START = Date.parse('2026-01-15T16:00:00Z')
const DAY_MINUTES = Number(process.argv[2] ?? 24 * 60)
const EACH = { bin: 46_900, light: 50_000, cabinet: 1250, toilet: 1500, compactor: 350 } as const
/** Dark from 17:40 to 6:40, as civil dusk and dawn are there then. */
const isNight = (minute: number): boolean => minute < 400 || minute >= 1060
const DEAD_CABINET = { no: 7, from: 20 * 60, to: 22 * 60 }

interface Sender {
  kind: FacilityKind
  no: number
  device: string
  everyMinutes: number
  values: (minute: number) => Partial<Record<MetricId, RawValue>>
}

/** Levels that need no memory: any minute can be asked for. */
const SENDERS: Record<
  FacilityKind,
  {
    device: DeviceKind
    everyMinutes: number
    values: (no: number, minute: number) => Partial<Record<MetricId, RawValue>>
  }
> = {
  bin: {
    device: 'fill-sensor',
    everyMinutes: 30,
    // Emptied at about seven; one in a hundred fills up before the evening.
    values: (no, minute) => ({
      fillPct: Math.min(99, (((minute - 420 + 1440) % 1440) / 1440) * (no % 100 === 0 ? 170 : 60) + 5),
      tempC: 12,
      tiltDeg: 2,
      batteryPct: no % 5000 === 1 ? 12 : 80
    })
  },
  light: {
    device: 'lamp-controller',
    everyMinutes: 5,
    // One in five hundred is dead; a cabinet loses power for two hours.
    values(no, minute) {
      const dead = no % 500 === 3 || (Math.floor(no / 40) === DEAD_CABINET.no && isDown(minute))
      const lit = isNight(minute) && !dead
      return { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0, lampFailure: false }
    }
  },
  cabinet: {
    device: 'cabinet-controller',
    everyMinutes: 5,
    values: (no, minute) => ({ energised: !(no === DEAD_CABINET.no && isDown(minute)), energyKwh: minute })
  },
  toilet: {
    device: 'occupancy-sensor',
    everyMinutes: 1,
    values: (no, minute) => ({
      stallsTotal: 8,
      stallsOccupied: (minute + no) % 8,
      visitsTotal: Math.floor(minute / 3),
      waterFlowLpm: minute % 4 === 0 ? 6 : 0,
      paperPct: 70
    })
  },
  compactor: {
    device: 'compactor-controller',
    everyMinutes: 5,
    values: (no, minute) => ({
      containerFillPct: (minute + no * 7) % 96,
      state: no % 100 === 5 && minute > 600 && minute < 640 ? 'fault' : 'idle',
      faultCode: 0
    })
  }
}
const isDown = (minute: number): boolean => minute >= DEAD_CABINET.from && minute < DEAD_CABINET.to

let effects = noEffects()
const { engine, desk } = createDecisions({ rules: DEFAULT_RULES, effects: () => effects })
engine.inTimeZone('Asia/Shanghai')
const senders = buildCity()

let messages = 0
let readings = 0
let busyMs = 0
let slowestMinuteMs = 0
let transitions = 0
let opened = 0
const before = process.cpuUsage()
let generatingMs = 0
for (let minute = 0; minute < DAY_MINUTES; minute++) {
  const at = START + minutes(minute)
  let began = performance.now()
  const batch = messagesOf(minute, at)
  generatingMs += performance.now() - began
  began = performance.now()
  for (const record of batch) engine.record(record)
  const took = performance.now() - began
  busyMs += took
  slowestMinuteMs = Math.max(slowestMinuteMs, took)
  messages += batch.length
  transitions += effects.events.length
  for (const { action } of effects.events) if (action === 'open') opened++
  // As a commit would: what is written is let go.
  effects = noEffects()
}
const { user, system } = process.cpuUsage(before)
const checkpointBytes = saveState(engine, desk).length
console.log(
  JSON.stringify({
    messages,
    readings,
    usPerMessage: (1000 * busyMs) / messages,
    cpuSeconds: (user + system) / 1e6,
    generatingSeconds: generatingMs / 1000,
    slowestMinuteMs,
    opened,
    transitions,
    open: [...desk.all()].length,
    rssMB: process.memoryUsage().rss / 1e6,
    checkpointMB: checkpointBytes / 1e6
  })
)

function buildCity(): Sender[] {
  const place = { lat: null, lon: null, attributes: {} }
  const city = { ...place, lat: 32.06, lon: 118.78 }
  engine.registered({ type: 'area', id: 'city', name: 'City', kind: 'city', parent: null, ...city })
  const districts = Array.from({ length: 10 }, (_, i) => `district-${i}`)
  for (const id of districts)
    engine.registered({ type: 'area', id, name: id, kind: 'district', parent: 'city', ...place })
  for (let i = 0; i < 500; i++) {
    const attributes = { lightingGrade: 'main', cleaningGrade: i % 4 === 0 ? '1' : '2' } as const
    engine.registered({
      type: 'road',
      id: `road-${i}`,
      name: `Road ${i}`,
      parent: `district-${i % 10}`,
      ...place,
      attributes
    })
  }
  return (Object.keys(EACH) as FacilityKind[]).reverse().flatMap(kind =>
    Array.from({ length: EACH[kind] }, (_, no): Sender => {
      const id = `${kind}-${no}`
      const { device, everyMinutes, values } = SENDERS[kind]
      const road = `road-${Math.floor(no / 100) % 500}`
      const attributes = { road, ...(kind === 'light' && { cabinet: `cabinet-${Math.floor(no / 40)}` }) }
      engine.registered({
        type: 'facility',
        id,
        name: id,
        kind,
        parent: `district-${no % 10}`,
        ...place,
        attributes
      })
      engine.registered({
        type: 'device',
        id: `d-${id}`,
        name: '',
        kind: device,
        facility: id,
        gateway: null,
        ...place
      })
      return { kind, no, device: `d-${id}`, everyMinutes, values: minute => values(no, minute) }
    })
  )
}

function messagesOf(minute: number, at: Millis): NormalisedRecord[] {
  const tick: NormalisedRecord = {
    seq: 0,
    receivedAt: at,
    kind: 'tick',
    deviceId: '',
    reports: [],
    rejects: [],
    tickPeriodMs: minutes(1)
  }
  const batch = [tick]
  for (const { device, no, everyMinutes, values } of senders) {
    if ((minute + no) % everyMinutes !== 0) continue
    const said = Object.entries(values(minute)) as [MetricId, RawValue][]
    readings += said.length
    batch.push({
      seq: 0,
      receivedAt: at,
      kind: 'telemetry',
      deviceId: device,
      rejects: [],
      reports: [
        {
          device,
          measuredAt: at,
          quality: 'good',
          metrics: said.map(([metric]) => metric),
          values: said.map(([metric, raw]) => numberOf(metric, raw))
        }
      ]
    })
  }
  return batch
}

function numberOf(metric: MetricId, raw: RawValue): number {
  const encoded = encodeValue(metric, raw)
  if ('expected' in encoded) throw new Error(`${metric}: ${encoded.expected}`)
  return encoded.value
}
