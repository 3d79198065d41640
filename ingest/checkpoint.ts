import { gunzip, gzip } from 'node:zlib'
import { promisify } from 'node:util'
import type { EvidenceRow } from '#db/schema'
import { AppError } from '#model/errors'
import type { Subject } from '#model/ids'
import type { MetricId } from '#model/metrics'
import type { Millis } from '#model/time'
import type { Engine, EngineTime } from './rules/engine.ts'
import type { EpisodeState } from './rules/episode.ts'
import type { SavedLamp } from './rules/lamp-groups.ts'
import type { Level } from './rules/picture.ts'
import type { SavedItem, TicketDesk } from './tickets/desk.ts'

/**
 * Raise it with every change of what a checkpoint holds, and teach `loadState` to read the one before: the journal
 * under a checkpoint is gone, so one that cannot be read is the end of the rules' memory.
 */
export const CHECKPOINT_VERSION = 1
const PIECE_ITEMS = 200

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
  /** Of each facility that had one: when the last episode of a rule was over. */
  ended?: [facility: string, [rule: string, at: Millis][]][]
  tickets: SavedItem[]
}

/** All rule state as one value; the registry is not in it, changes rebuild that. */
export const saveState = (engine: Engine, desk: TicketDesk): string => [...statePieces(engine, desk)].join('')

/**
 * The same in pieces of a few milliseconds' work: a city's state is a second of it, in which devices want to be heard.
 * It is one state only if the rules take nothing in between.
 */
export function* statePieces(engine: Engine, desk: TicketDesk): Generator<string> {
  yield `{"time":${JSON.stringify(engine.time)}`
  yield* listPieces('devices', savedDevices(engine))
  yield* listPieces('instances', savedInstances(engine))
  yield* listPieces('lamps', engine.groups.save())
  yield* listPieces('ended', savedEnds(engine))
  yield* listPieces('tickets', desk.saved())
  yield '}'
}

function* listPieces(name: keyof Saved, items: Iterable<unknown>): Generator<string> {
  yield `,"${name}":[`
  let some: unknown[] = []
  let comma = ''
  const piece = () => `${comma}${JSON.stringify(some).slice(1, -1)}`
  for (const item of items) {
    if (some.push(item) < PIECE_ITEMS) continue
    yield piece()
    some = []
    comma = ','
  }
  yield some.length > 0 ? `${piece()}]` : ']'
}

function* savedEnds(engine: Engine): Generator<NonNullable<Saved['ended']>[number]> {
  for (const { facility, endedAt } of engine.facilities.values())
    if (endedAt) yield [facility.id, [...endedAt]]
}

function* savedDevices(engine: Engine): Generator<SavedDevice> {
  for (const device of engine.devices.values()) {
    const { lastReceivedAt, silenceFrom, silent, presence, levels } = device
    if (lastReceivedAt === 0 && presence === null && silenceFrom === 0) continue
    yield {
      id: device.device.id,
      last: lastReceivedAt,
      from: silenceFrom,
      silent,
      presence,
      levels: [...levels]
    }
  }
}

function* savedInstances(engine: Engine): Generator<SavedInstance> {
  for (const { compiled, subject, state, at, expiresAt, lagMs, evidence } of engine.instances()) {
    yield {
      rule: compiled.rule.id,
      subject,
      state,
      at,
      expiresAt: Number.isFinite(expiresAt) ? expiresAt : null,
      lagMs,
      evidence
    }
  }
}

/** Into an engine whose registry was rebuilt already. */
export function loadState(
  { text, version }: { text: string; version: number },
  engine: Engine,
  desk: TicketDesk
): void {
  if (version !== CHECKPOINT_VERSION) {
    throw new AppError(
      'config-invalid',
      `The rules' state was written in version ${version}; this build reads version ${CHECKPOINT_VERSION}. Start the build that wrote it, or a newer one.`
    )
  }
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
  for (const [id, ended] of saved.ended ?? []) {
    const facility = engine.facilities.get(id)
    if (facility) facility.endedAt = new Map(ended)
  }
  for (const one of saved.instances) {
    const instance = engine.instanceFor(one.rule, one.subject, true)
    if (!instance) continue
    const { state, at, lagMs, evidence } = one
    Object.assign(instance, { state, at, lagMs, evidence, expiresAt: one.expiresAt ?? Infinity })
  }
  for (const item of saved.tickets) desk.restore(item)
  engine.resume(saved.time)
}

const zip = promisify(gzip)
const unzip = promisify(gunzip)
export const packState = (text: string): Promise<Buffer> => zip(text, { level: 1 })
export const unpackState = async (blob: Uint8Array): Promise<string> => (await unzip(blob)).toString('utf8')
