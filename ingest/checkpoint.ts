import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip, gunzip } from 'node:zlib'
import type { EvidenceRow } from '#db/schema'
import { AppError } from '#model/errors'
import { parseSubject, subjectOf, type Subject } from '#model/ids'
import type { MetricId } from '#model/metrics'
import type { Millis } from '#model/time'
import type { Engine, EngineTime } from './rules/engine.ts'
import type { EpisodeState } from './rules/episode.ts'
import type { SavedGone } from './rules/cabinets.ts'
import { isFiring, type Instance } from './rules/instance.ts'
import type { SavedLamp } from './rules/lamp-groups.ts'
import type { FacilityPicture, Level } from './rules/picture.ts'
import { seatOf } from './rules/seat-rules.ts'
import type { SavedItem, TicketDesk } from './tickets/desk.ts'

/**
 * Raise it with every change of what a checkpoint holds, and teach `loadState` to read the one before: the journal
 * under a checkpoint is gone, so one that cannot be read is the end of the rules' memory.
 */
export const CHECKPOINT_VERSION = 3
/**
 * The oldest this build can read: what version 1 did not have, nothing had come to yet; 2 did not say which lamps are lit,
 * which they say again.
 */
const OLDEST_VERSION = 1
const PIECE_ITEMS = 200
/** Handed over at once by what packs. */
const PACKED_BYTES = 65_536

interface SavedDevice {
  id: string
  last: Millis
  from: Millis
  heard?: Millis
  silent: boolean
  overdue?: boolean
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
  rung?: Instance['rung']
  held?: Instance['held']
  waitUntil?: Millis
  suppressedBy?: string
  covers?: true
}

/** What a place remembers when nothing goes on. */
interface SavedPlace {
  subject: Subject
  ended?: [rule: string, at: Millis][]
  events?: FacilityPicture['events']
  service?: FacilityPicture['service']
}

interface Saved {
  time: EngineTime
  devices: SavedDevice[]
  instances: SavedInstance[]
  lamps: SavedLamp[]
  gone?: SavedGone[]
  places?: SavedPlace[]
  /** Of each facility that had one: when the last episode of a rule was over; in version 1. */
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
  yield* listPieces('gone', engine.cabinets.save())
  yield* listPieces('places', savedPlaces(engine))
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

function* savedPlaces(engine: Engine): Generator<SavedPlace> {
  for (const { facility, endedAt, events, service } of engine.facilities.values()) {
    if (!endedAt && !events && !service) continue
    yield {
      subject: subjectOf('facility', facility.id),
      ...(endedAt && { ended: [...endedAt] }),
      ...(events && { events }),
      ...(service && { service })
    }
  }
  for (const { device, own } of engine.devices.values()) {
    if (own?.endedAt) yield { subject: subjectOf('device', device.id), ended: [...own.endedAt] }
  }
}

function* savedDevices(engine: Engine): Generator<SavedDevice> {
  for (const device of engine.devices.values()) {
    const { lastReceivedAt, silenceFrom, heardFrom, silent, overdue, presence, levels } = device
    if (lastReceivedAt === 0 && presence === null && silenceFrom === 0) continue
    yield {
      id: device.device.id,
      last: lastReceivedAt,
      from: silenceFrom,
      heard: heardFrom,
      silent,
      overdue,
      presence,
      levels: [...levels]
    }
  }
}

function* savedInstances(engine: Engine): Generator<SavedInstance> {
  for (const instance of engine.instances()) {
    const { compiled, subject, state, at, expiresAt, lagMs, evidence } = instance
    const { rung, held, waitUntil, suppressedBy, covers } = instance
    yield {
      rule: compiled.rule.id,
      subject,
      state,
      at,
      expiresAt: Number.isFinite(expiresAt) ? expiresAt : null,
      lagMs,
      evidence,
      ...(rung && { rung }),
      ...(held && { held }),
      ...(Number.isFinite(waitUntil) && { waitUntil }),
      ...(suppressedBy !== undefined && { suppressedBy }),
      ...(covers && { covers })
    }
  }
}

/** Into an engine whose registry was rebuilt already. */
export function loadState(
  { text, version }: { text: string; version: number },
  engine: Engine,
  desk: TicketDesk
): void {
  if (version < OLDEST_VERSION || version > CHECKPOINT_VERSION) {
    throw new AppError(
      'config-invalid',
      `The rules' state was written in version ${version}; this build reads versions ${OLDEST_VERSION} to ${CHECKPOINT_VERSION}. Start the build that wrote it, or a newer one.`
    )
  }
  const saved = JSON.parse(text) as Saved
  for (const one of saved.devices) {
    const device = engine.devices.get(one.id)
    if (!device) continue
    Object.assign(device, {
      lastReceivedAt: one.last,
      silenceFrom: one.from,
      heardFrom: one.heard ?? one.last,
      silent: one.silent,
      overdue: one.overdue ?? one.silent,
      presence: one.presence,
      levels: new Map(one.levels)
    })
  }
  engine.groups.restore(known(engine, saved.lamps))
  engine.cabinets.restore(known(engine, saved.gone ?? []))
  for (const [id, ended] of saved.ended ?? [])
    loadPlace(engine, { subject: subjectOf('facility', id), ended })
  for (const place of saved.places ?? []) loadPlace(engine, place)
  for (const one of saved.instances) {
    const instance = engine.instanceFor(one.rule, one.subject, true)
    if (!instance) continue
    const { state, at, lagMs, evidence, rung, held, suppressedBy } = one
    Object.assign(instance, {
      // JSON has no Infinity: quiet for as long as its rule is switched off.
      state: state.phase === 'quiet' ? { ...state, until: state.until ?? Infinity } : state,
      at,
      lagMs,
      evidence,
      expiresAt: one.expiresAt ?? Infinity,
      rung,
      held,
      waitUntil: one.waitUntil ?? Infinity,
      suppressedBy,
      // In version 1 nothing had parents: what fires there and is one now speaks for its children from here on.
      covers: one.covers ?? (version === 1 && isFiring(one) && engine.book.isParent(one.rule))
    })
  }
  for (const item of saved.tickets) desk.restore(item)
  engine.resume(saved.time)
}

function* known<T extends { facility: string }>(
  engine: Engine,
  saved: readonly T[]
): Generator<[FacilityPicture, T]> {
  for (const one of saved) {
    const facility = engine.facilities.get(one.facility)
    if (facility) yield [facility, one]
  }
}

function loadPlace(engine: Engine, { subject, ended, events, service }: SavedPlace): void {
  const { type, id } = parseSubject(subject) ?? { type: undefined, id: '' }
  const endedAt = ended && { endedAt: new Map(ended) }
  if (type === 'device') {
    const device = engine.devices.get(id)
    if (device) Object.assign(seatOf(device), endedAt)
    return
  }
  const facility = engine.facilities.get(id)
  if (facility)
    Object.assign(facility, { ...endedAt, ...(events && { events }), ...(service && { service }) })
}

const unzip = promisify(gunzip)

/** Takes a piece when the one before is packed: a city's state as one text would be half a second of copying. */
export const packState = (pieces: Iterable<string> | AsyncIterable<string>): Promise<Buffer> =>
  pipeline(pieces, createGzip({ level: 1, chunkSize: PACKED_BYTES }), packed => buffer(packed))
export const unpackState = async (blob: Uint8Array): Promise<string> => (await unzip(blob)).toString('utf8')
