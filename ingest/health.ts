import type { HealthReason } from '#model/api'
import { worstHealth, type Health } from '#model/health'
import { parseSubject, subjectOf, type Subject } from '#model/ids'
import type { Label } from '#model/label'
import { METRICS } from '#model/metrics'
import type { Millis } from '#model/time'
import type { Registry } from './registry.ts'
import type { Engine } from './rules/engine.ts'
import type { Quiet } from './rules/episode.ts'
import type { Instance } from './rules/instance.ts'
import { subjectsAround } from './rules/maintenance.ts'
import { undecidable } from './rules/undecidable.ts'
import { isFresh, type DevicePicture, type FacilityPicture } from './rules/picture.ts'
import type { TicketDesk } from './tickets/desk.ts'

/** What reasons are found in. */
export interface HealthView {
  engine: Pick<Engine, 'book' | 'facilities' | 'devices' | 'maintenance' | 'calendar' | 'odour'>
  desk: TicketDesk
  registry: Registry
}

const iso = (at: Millis): string => new Date(at).toISOString()

const NOT_LABELLED = { rule: null, ticket: null, device: null, since: null } as const

/** A pending episode past half its hold shows as a warning before it fires. */
export const isWarning = (instance: Instance, at: Millis): boolean => at >= warnsAt(instance)

function warnsAt({ state, compiled, lagMs }: Instance): Millis {
  if (state.phase !== 'pending' || state.frozenAt !== null || compiled.rule.forMs === 0) return Infinity
  return state.from + lagMs + compiled.rule.forMs / 2
}

/**
 * Journal time after `at` at which a facility's reasons change though nothing comes in: a hold grows into a warning, a
 * quiet time or a deferral ends. Infinity: they do not.
 */
export function changesByTimeAt(facility: FacilityPicture, at: Millis, { desk }: HealthView): Millis {
  let soonest = Infinity
  for (const instance of instancesAt(facility)) {
    const turn = turnsAt(instance, desk)
    if (turn > at && turn < soonest) soonest = turn
  }
  return soonest
}

function* instancesAt(facility: FacilityPicture): Generator<Instance> {
  yield* facility.instances.values()
  for (const { own, silence } of facility.devices) {
    if (own) yield* own.instances.values()
    if (silence) yield silence
  }
}

function turnsAt(instance: Instance, desk: TicketDesk): Millis {
  const { state, compiled, subject } = instance
  switch (state.phase) {
    case 'pending':
      return warnsAt(instance)
    case 'quiet':
      return state.until
    case 'firing':
    case 'clearing':
      return desk.open(compiled.rule.id, subject)?.row.deferredUntil ?? Infinity
    default:
      return Infinity
  }
}

/** Everything that is the matter with a facility at journal time `at`; empty: all is well. */
export function healthReasons(facility: FacilityPicture, at: Millis, view: HealthView): HealthReason[] {
  const announced = maintenanceReasons(facility, at, view)
  if (facility.devices.every(device => device.lastReceivedAt === 0)) return announced
  return [
    ...[...facility.instances.values()].flatMap(instance => instanceReason(instance, at, view)),
    ...facility.devices.flatMap(({ own }) =>
      [...(own?.instances.values() ?? [])].flatMap(instance => instanceReason(instance, at, view))
    ),
    ...facility.devices.filter(device => device.silent).map(device => silentReason(device, at, view)),
    ...facility.devices.flatMap(device => undecidableReasons(device, at, view)),
    ...announced
  ]
}

/** The health a facility shows: the worst that applies. One of several devices silent is listed, but does not show. */
export function healthOf(facility: FacilityPicture, reasons: HealthReason[]): Health {
  const listed = reasons.map(reason => reason.health)
  if (facility.devices.every(device => device.lastReceivedAt === 0)) {
    return listed.includes('maintenance') ? 'maintenance' : 'unknown'
  }
  const allSilent = facility.devices.every(device => device.silent)
  return worstHealth(listed.filter(health => health !== 'silent' || allSilent))
}

function instanceReason(instance: Instance, at: Millis, view: HealthView): HealthReason[] {
  const { compiled, state, subject, device } = instance
  const { rule } = compiled
  const of = { ...NOT_LABELLED, rule: rule.id, device: device?.device.id ?? null }
  const said = (health: Health, words: Label, since: Millis | null, more: Partial<HealthReason> = {}) => [
    { ...of, health, label: joined(rule.label, words), since: since === null ? null : iso(since), ...more }
  ]
  switch (state.phase) {
    case 'firing':
    case 'clearing': {
      const row = view.desk.open(rule.id, subject)?.row
      const worst = row?.severity ?? rule.severity
      const health: Health = worst === 'minor' ? 'warning' : 'fault'
      const ticket = row?.id ?? null
      if (row && row.deferredUntil !== null && row.deferredUntil > at) {
        return said('maintenance', deferred(timeText(row.deferredUntil, view) ?? ''), state.startedAt, {
          ticket
        })
      }
      return said(health, standing(instance, at, view), state.startedAt, { ticket })
    }
    case 'pending':
      // A gap proves nothing: it is listed, and no health comes of it.
      if (state.frozenAt !== null) return said('silent', FROZEN, state.startedAt)
      return isWarning(instance, at) ? said('warning', NOT_YET, state.startedAt) : []
    case 'quiet':
      if (!state.met || state.until <= at) return []
      return said(
        state.why === 'maintenance' ? 'maintenance' : 'ok',
        quiet(state.why, timeText(state.until, view)),
        null
      )
    default:
      return []
  }
}

const NONE: Label = { en: '', zh: '' }
const NOT_YET: Label = { en: 'not yet for long', zh: '尚在观察' }
const FROZEN: Label = { en: 'no fresh reading, so its time stands still', zh: '没有新读数，计时暂停' }
const CLEARING: Label = { en: 'clearing', zh: '恢复确认中' }
const CLEARING_FROZEN: Label = {
  en: 'clearing, but no fresh reading: its time stands still',
  zh: '恢复确认中，没有新读数，计时暂停'
}
const NOT_FRESH: Label = { en: 'no fresh reading since', zh: '此后没有新读数' }
const WAITING: Label = {
  en: 'waits whether its cabinet or gateway explains it',
  zh: '等待判定是否由配电柜或网关引起'
}
const partOf = (parent: Label): Label => ({
  en: `explained by “${parent.en}”, no ticket of its own`,
  zh: `由“${parent.zh}”引起，不另立工单`
})
const deferred = (until: string): Label => ({ en: `put off until ${until}`, zh: `已缓办至 ${until}` })

const QUIET: Record<Quiet | 'person', Label> = {
  maintenance: { en: 'maintenance', zh: '检修' },
  hours: { en: 'outside its hours', zh: '不在规则时段内' },
  grace: { en: 'starting up', zh: '设备启动期' },
  off: { en: 'the rule is switched off', zh: '规则已停用' },
  person: { en: 'closed by a person', zh: '已由人工结案' }
}

function quiet(why: Quiet | undefined, until: string | null): Label {
  const { en, zh } = QUIET[why ?? 'person']
  return until === null ? { en, zh } : { en: `${en}, quiet until ${until}`, zh: `${zh}，${until} 前不立案` }
}

/** What is to be said of an episode beside its name. */
function standing(instance: Instance, at: Millis, view: HealthView): Label {
  const { state, suppressedBy, held, waitUntil } = instance
  if (suppressedBy !== undefined) return partOf(parentLabel(suppressedBy, view))
  if (state.phase === 'clearing') return state.frozenAt === null ? CLEARING : CLEARING_FROZEN
  if (held && waitUntil !== Infinity) return WAITING
  return isStale(instance, at) ? NOT_FRESH : NONE
}

function parentLabel(order: string, { engine }: HealthView): Label {
  const [rule = '', subject = ''] = order.split('|')
  const { type, id = '' } = parseSubject(subject) ?? {}
  const record = type === 'device' ? engine.devices.get(id)?.device : engine.facilities.get(id)?.facility
  const name = record?.name || id
  const label = engine.book.get(rule)?.label ?? { en: rule, zh: rule }
  return { en: `${label.en}: ${name}`, zh: `${label.zh}：${name}` }
}

/** None of what its rule reads is fresh. Silence and groups of lamps read nothing of one device. */
function isStale({ seat, compiled, lagMs }: Instance, at: Millis): boolean {
  if (!seat || compiled.metrics.length === 0 || seat.devices.length === 0) return false
  return !seat.devices.some(device =>
    compiled.metrics.some(metric => {
      const level = device.levels.get(metric)
      return level !== undefined && isFresh(device, level, at - lagMs)
    })
  )
}

const joined = (name: Label, words: Label): Label =>
  words.en === '' ? name : { en: `${name.en}, ${words.en}`, zh: `${name.zh}（${words.zh}）` }

/** In the city's clock, to the minute; null for what has no end. */
function timeText(at: Millis, { engine }: HealthView): string | null {
  if (at === Infinity) return null
  const { timeZone } = engine.calendar()
  return new Date(at).toLocaleString('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' })
}

function silentReason(device: DevicePicture, at: Millis, view: HealthView): HealthReason {
  const { id, name } = device.device
  const shown = name || id
  const { silence } = device
  const row = view.desk.open('device-silent', `device:${id}`)?.row
  const isQuiet = silence?.state.phase === 'quiet' && silence.state.until > at ? silence.state : undefined
  const words = isQuiet
    ? quiet(isQuiet.why, timeText(isQuiet.until, view))
    : silence
      ? standing(silence, at, view)
      : NONE
  return {
    health: isQuiet?.why === 'maintenance' ? 'maintenance' : 'silent',
    label: joined({ en: `${shown} is silent`, zh: `${shown} 失联` }, words),
    since: iso(device.lastReceivedAt),
    rule: 'device-silent',
    ticket: row?.id ?? null,
    device: id
  }
}

/** Announced work that goes on at it, or at one of its devices. */
function maintenanceReasons(facility: FacilityPicture, at: Millis, view: HealthView): HealthReason[] {
  const { maintenance } = view.engine
  if (maintenance.size === 0) return []
  const around = new Set<Subject>(subjectsAround(view.registry, facility))
  for (const { device } of facility.devices) around.add(subjectOf('device', device.id))
  return [...maintenance.all()].flatMap(({ window, from }) => {
    if (!around.has(window.subject) || from > at || window.to <= at) return []
    const until = timeText(window.to, view)
    return [
      {
        ...NOT_LABELLED,
        health: 'maintenance' as const,
        label: { en: `Maintenance until ${until}: ${window.note}`, zh: `检修至 ${until}：${window.note}` },
        since: iso(from)
      }
    ]
  })
}

function undecidableReasons(device: DevicePicture, at: Millis, { engine }: HealthView): HealthReason[] {
  return undecidable(device, engine.odour, at).map(({ metric, limitPpm }) => {
    const { label } = METRICS[metric]
    const figure = limitPpm.toPrecision(2)
    return {
      ...NOT_LABELLED,
      health: 'undecidable' as const,
      label: {
        en: `${label.en}: the limit of ${figure} ppm is below what its sensor can tell; measured by hand once a month`,
        zh: `${label.zh}：限值 ${figure} ppm 低于传感器分辨率，须每月人工检测`
      },
      device: device.device.id
    }
  })
}
