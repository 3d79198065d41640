import type { EvidenceRow } from '#db/schema'
import { expectedIntervalMs } from '#model/device-models'
import { subjectOf } from '#model/ids'
import type { Millis } from '#model/time'
import { advance } from './advance.ts'
import { touch, type Core } from './core.ts'
import { createInstance, type Instance } from './instance.ts'
import { lookAtLamp } from './lamp-rules.ts'
import type { DevicePicture } from './picture.ts'

const READINGS_AS_EVIDENCE = 3

/** A report came in, whatever it said and however old it was: silence is a matter of arrival. */
export function arrived(core: Core, device: DevicePicture, receivedAt: Millis): void {
  if (device.lastReceivedAt === 0) touch(core, device.facility)
  device.lastReceivedAt = receivedAt
  if (device.silent) {
    device.silent = false
    touch(core, device.facility)
    if (device.silence)
      advance(core, device.silence, { verdict: 'cleared', at: receivedAt, knownAt: receivedAt })
  }
  scheduleSilence(core, device)
}

/** A device that never reported is not silent: it is unknown. */
export function scheduleSilence(core: Core, device: DevicePicture): void {
  if (device.lastReceivedAt === 0 || device.silent) return
  const due = Math.max(device.lastReceivedAt, device.silenceFrom) + device.staleAfterMs
  // A shorter interval makes it silent now, not in the past.
  device.due = Math.max(due, core.time.at)
  core.timers.schedule(device)
}

export function fellSilent(core: Core, device: DevicePicture, at: Millis): void {
  device.silent = true
  device.due = Infinity
  touch(core, device.facility)
  if (device.facility?.facility.kind === 'light') lookAtLamp(core, device.facility, at)
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

export function silenceOf(core: Core, device: DevicePicture): Instance | undefined {
  if (!core.silentRule) return undefined
  device.silence ??= createInstance(core.silentRule, subjectOf('device', device.device.id), device.facility)
  return device.silence
}

/** After an outage of ours silence counts from its end, with one interval of grace. */
export function excuseSilence(core: Core, until: Millis): void {
  for (const device of core.devices.values()) {
    device.silenceFrom = until + expectedIntervalMs(device.device)
    scheduleSilence(core, device)
  }
}
