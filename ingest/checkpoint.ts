import { gunzip, gzip } from 'node:zlib'
import { promisify } from 'node:util'
import type { EvidenceRow } from '#db/schema'
import type { Subject } from '#model/ids'
import type { MetricId } from '#model/metrics'
import type { Millis } from '#model/time'
import type { Engine, EngineTime } from './rules/engine.ts'
import type { EpisodeState } from './rules/episode.ts'
import type { SavedLamp } from './rules/lamp-groups.ts'
import type { Level } from './rules/picture.ts'
import type { OpenTicket, TicketDesk } from './tickets/desk.ts'

/** Raise it with every change of what a checkpoint holds: an older one is then not read but replayed past. */
export const CHECKPOINT_VERSION = 1

interface SavedDevice {
  id: string
  last: Millis
  from: Millis
  silent: boolean
  presence: 'online' | 'offline' | null
  levels: [MetricId, Level][]
}

interface SavedInstance {
  rule: string
  subject: Subject
  state: EpisodeState
  at: Millis
  expiresAt: Millis | null
  lagMs: Millis
  evidence: EvidenceRow[]
}

interface Saved {
  time: EngineTime
  devices: SavedDevice[]
  instances: SavedInstance[]
  lamps: SavedLamp[]
  tickets: OpenTicket[]
}

/** All rule state as one value; the registry is not in it, changes rebuild that. */
export function saveState(engine: Engine, desk: TicketDesk): string {
  const saved: Saved = {
    time: engine.time,
    devices: [...engine.devices.values()]
      .filter(device => device.lastReceivedAt > 0 || device.presence !== null || device.silenceFrom > 0)
      .map(device => ({
        id: device.device.id,
        last: device.lastReceivedAt,
        from: device.silenceFrom,
        silent: device.silent,
        presence: device.presence,
        levels: [...device.levels]
      })),
    instances: engine.instances().map(instance => ({
      rule: instance.compiled.rule.id,
      subject: instance.subject,
      state: instance.state,
      at: instance.at,
      expiresAt: Number.isFinite(instance.expiresAt) ? instance.expiresAt : null,
      lagMs: instance.lagMs,
      evidence: instance.evidence
    })),
    lamps: engine.groups.save(),
    tickets: [...desk.all()]
  }
  return JSON.stringify(saved)
}

/** Into an engine whose registry was rebuilt already. */
export function loadState(text: string, engine: Engine, desk: TicketDesk): void {
  const saved = JSON.parse(text) as Saved
  for (const one of saved.devices) {
    const device = engine.devices.get(one.id)
    if (!device) continue
    Object.assign(device, {
      lastReceivedAt: one.last,
      silenceFrom: one.from,
      silent: one.silent,
      presence: one.presence,
      levels: new Map(one.levels)
    })
  }
  for (const lamp of saved.lamps) {
    const facility = engine.facilities.get(lamp.facility)
    if (facility) engine.groups.restore(facility, lamp)
  }
  for (const one of saved.instances) {
    const instance = engine.instanceFor(one.rule, one.subject, true)
    if (!instance) continue
    const { state, at, lagMs, evidence } = one
    Object.assign(instance, { state, at, lagMs, evidence, expiresAt: one.expiresAt ?? Infinity })
  }
  for (const ticket of saved.tickets) desk.restore(ticket)
  engine.resume(saved.time)
}

const zip = promisify(gzip)
const unzip = promisify(gunzip)
export const packState = (text: string): Promise<Buffer> => zip(text, { level: 1 })
export const unpackState = async (blob: Uint8Array): Promise<string> => (await unzip(blob)).toString('utf8')
