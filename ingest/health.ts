import type { HealthReason } from '#model/api'
import { worstHealth, type Health } from '#model/health'
import type { Label } from '#model/label'
import { METRICS } from '#model/metrics'
import { odourLimitPpm } from '#model/odour-limits'
import type { Millis } from '#model/time'
import { decidableLimit } from './rules/condition.ts'
import type { Instance } from './rules/instance.ts'
import type { DevicePicture, FacilityPicture } from './rules/picture.ts'
import type { TicketDesk } from './tickets/desk.ts'

const iso = (at: Millis): string => new Date(at).toISOString()

const NOT_LABELLED = { rule: null, ticket: null, device: null, since: null } as const

/** A pending episode past half its hold shows as a warning before it fires. */
export function isWarning(instance: Instance, at: Millis): boolean {
  const { state, compiled } = instance
  if (state.phase !== 'pending' || state.frozenAt !== null || compiled.rule.forMs === 0) return false
  return at >= state.from + instance.lagMs + compiled.rule.forMs / 2
}

/** Everything that is the matter with a facility at journal time `at`, worst first; empty: all is well. */
export function healthReasons(facility: FacilityPicture, at: Millis, desk: TicketDesk): HealthReason[] {
  if (facility.devices.every(device => device.lastReceivedAt === 0)) return []
  return [
    ...[...facility.instances.values()].flatMap(instance => instanceReason(instance, at, desk)),
    ...facility.devices.filter(device => device.silent).map(device => silentReason(device, desk)),
    ...facility.devices.flatMap(undecidableReasons)
  ]
}

/** The health a facility shows: the worst that applies. One of several devices silent is listed, but does not show. */
export function healthOf(facility: FacilityPicture, reasons: HealthReason[]): Health {
  if (facility.devices.every(device => device.lastReceivedAt === 0)) return 'unknown'
  const allSilent = facility.devices.every(device => device.silent)
  return worstHealth(reasons.map(reason => reason.health).filter(health => health !== 'silent' || allSilent))
}

function instanceReason(instance: Instance, at: Millis, desk: TicketDesk): HealthReason[] {
  const { rule } = instance.compiled
  const { state } = instance
  if (state.phase === 'firing' || state.phase === 'clearing') {
    const health: Health = rule.severity === 'minor' ? 'warning' : 'fault'
    const ticket = desk.open(rule.id, instance.subject)?.row.id ?? null
    const label: Label =
      state.phase === 'firing'
        ? rule.label
        : { en: `${rule.label.en}, clearing`, zh: `${rule.label.zh}（恢复确认中）` }
    return [{ ...NOT_LABELLED, health, label, since: iso(state.startedAt), rule: rule.id, ticket }]
  }
  if (state.phase !== 'pending' || !isWarning(instance, at)) return []
  const label: Label = { en: `${rule.label.en}, not yet for long`, zh: `${rule.label.zh}（尚在观察）` }
  return [{ ...NOT_LABELLED, health: 'warning', label, since: iso(state.startedAt), rule: rule.id }]
}

function silentReason(device: DevicePicture, desk: TicketDesk): HealthReason {
  const { id, name } = device.device
  const shown = name || id
  return {
    health: 'silent',
    label: { en: `${shown} is silent`, zh: `${shown} 失联` },
    since: iso(device.lastReceivedAt),
    rule: 'device-silent',
    ticket: desk.open('device-silent', `device:${id}`)?.row.id ?? null,
    device: id
  }
}

function undecidableReasons(device: DevicePicture): HealthReason[] {
  const facility = device.facility?.facility
  if (!facility) return []
  return [...device.levels.keys()].flatMap(metric => {
    const limit = odourLimitPpm(facility.kind, metric, facility.attributes.toiletClass)
    if (limit === undefined || decidableLimit(device, metric) !== undefined) return []
    const { label } = METRICS[metric]
    const figure = limit.toPrecision(2)
    return [
      {
        ...NOT_LABELLED,
        health: 'undecidable' as const,
        label: {
          en: `${label.en}: the limit of ${figure} ppm is below what its sensor can tell; check by hand once a month`,
          zh: `${label.zh}：限值 ${figure} ppm 低于传感器分辨率，须每月人工检测`
        },
        device: device.device.id
      }
    ]
  })
}
