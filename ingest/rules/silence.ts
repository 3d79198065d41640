import type { EvidenceRow } from '#db/schema'
import { expectedIntervalMs } from '#model/device-models'
import { subjectOf } from '#model/ids'
import { STALE_INTERVALS } from '#model/kinds'
import type { Millis } from '#model/time'
import { advance } from './advance.ts'
import { claimOf, hearClaim } from './claims.ts'
import { touch, type Core } from './core.ts'
import { createInstance, type Instance } from './instance.ts'
import { lookAtLamp } from './lamp-rules.ts'
import type { DevicePicture } from './picture.ts'

const READINGS_AS_EVIDENCE = 3
/** One lamp unheard for so long is nothing; four fifths of a cabinet's are a cabinet without power. */
const OVERDUE_INTERVALS = 2

/**
 * A report came in, whatever it said and however old it was: silence is a matter of arrival. Answers whether it was missed:
 * then `heardAgain` looks at its lamps once all of the message is taken, because one that is dark was gone all the time.
 */
export function arrived(core: Core, device: DevicePicture, receivedAt: Millis): boolean {
  const wasOverdue = device.overdue
  if (device.lastReceivedAt === 0) touch(core, device.facility)
  if (device.heardFrom === 0) device.heardFrom = receivedAt
  device.lastReceivedAt = receivedAt
  device.overdue = false
  if (device.silent) {
    device.silent = false
    touch(core, device.facility)
    const { silence } = device
    const heard = { verdict: 'cleared', at: receivedAt, knownAt: receivedAt } as const
    if (silence) {
      advance(core, silence, heard)
      const { compiled, subject } = silence
      const claimed = { compiled, subject, instance: silence }
      if (claimOf(core, claimed)) hearClaim(core, claimed, heard)
    }
  }
  scheduleSilence(core, device)
  return wasOverdue
}

/** A device is not overdue any more, and what it had to say is taken. */
export const heardAgain = (core: Core, device: DevicePicture, at: Millis): void =>
  lookAtThoseBehind(core, device, at)

/** How long after the last report it is silent. */
export function silentAfterMs({ device, silenceRule }: DevicePicture): Millis {
  const when = silenceRule?.rule.when
  const intervals = when && 'silentIntervals' in when ? when.silentIntervals : STALE_INTERVALS
  return intervals * expectedIntervalMs(device)
}

/** A device that never reported is not silent: it is unknown. */
export function scheduleSilence(core: Core, device: DevicePicture): void {
  if (device.lastReceivedAt === 0 || device.silent) return
  const since = Math.max(device.lastReceivedAt, device.silenceFrom)
  let due = since + device.silentAfterMs
  if (!device.overdue && isWatched(core, device)) {
    due = Math.min(due, since + OVERDUE_INTERVALS * expectedIntervalMs(device.device))
  }
  // A shorter interval makes it silent now, not in the past.
  device.due = Math.max(due, core.time.at)
  core.timers.schedule(device)
}

/** Somebody counts those that are not heard: a lamp of a cabinet, or a gateway others speak through. */
function isWatched({ registry }: Core, { device, facility }: DevicePicture): boolean {
  if (device.kind === 'gateway') return registry.childrenOf(device.id).length > 0
  return device.kind === 'lamp-controller' && facility?.facility.attributes.cabinet !== undefined
}

/** A device's timer is due: it is overdue, and then silent. */
export function notHeard(core: Core, device: DevicePicture, at: Millis): void {
  const silentAt = Math.max(device.lastReceivedAt, device.silenceFrom) + device.silentAfterMs
  if (silentAt <= at) return fellSilent(core, device, at)
  // Woken early: as overdue, or as one that nobody counts any more.
  const overdue = !device.overdue && isWatched(core, device)
  if (overdue) device.overdue = true
  scheduleSilence(core, device)
  if (overdue) lookAtThoseBehind(core, device, at)
}

function fellSilent(core: Core, device: DevicePicture, at: Millis): void {
  device.silent = true
  device.overdue = true
  device.due = Infinity
  touch(core, device.facility)
  lookAtThoseBehind(core, device, at)
  const instance = silenceOf(core, device)
  if (!instance) return
  instance.evidence = [...device.levels]
    .slice(0, READINGS_AS_EVIDENCE)
    .map(([metric, level]): EvidenceRow => {
      const { value, measuredAt, receivedAt } = level
      return { device: device.device.id, metric, value, measuredAt, receivedAt }
    })
  advance(core, instance, { verdict: 'met', at, knownAt: at })
}

/** Its lamp, and the lamps a gateway speaks for, count differently now. */
function lookAtThoseBehind(core: Core, device: DevicePicture, at: Millis): void {
  if (device.facility?.facility.kind === 'light') lookAtLamp(core, device.facility, at)
  if (device.device.kind !== 'gateway') return
  for (const { id } of core.registry.childrenOf(device.device.id)) {
    const facility = core.devices.get(id)?.facility
    if (facility?.facility.kind === 'light') lookAtLamp(core, facility, at)
  }
}

export function silenceOf(core: Core, device: DevicePicture): Instance | undefined {
  if (!device.silenceRule) return undefined
  device.silence ??= createInstance(device.silenceRule, subjectOf('device', device.device.id), {
    facility: device.facility,
    device,
    seat: undefined
  })
  return device.silence
}

/** After an outage of ours silence counts from its end, with one interval of grace. */
export function excuseSilence(core: Core, until: Millis): void {
  for (const device of core.devices.values()) {
    device.silenceFrom = until + expectedIntervalMs(device.device)
    scheduleSilence(core, device)
  }
}
