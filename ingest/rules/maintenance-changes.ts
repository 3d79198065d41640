import { parseSubject } from '#model/ids'
import type { MaintenanceWindow } from '#model/maintenance'
import type { Millis } from '#model/time'
import { touch, type Core } from './core.ts'
import { lookAtInstancesAnew, lookAtLamp } from './lamp-rules.ts'
import type { KnownWindow } from './maintenance.ts'
import type { FacilityPicture } from './picture.ts'
import { rehushAll } from './rule-changes.ts'
import { EXPECTATION_GRACE_MS } from './sun.ts'

/** Takes a window over; what is in it now is quiet from now on, what no longer is may begin again. */
export function announce(core: Core, window: MaintenanceWindow): void {
  const known = core.maintenance.put(window, core.time.at)
  for (const facility of facilitiesIn(core, window)) {
    rehushAll(core, facility)
    if (facility.facility.kind === 'light') lookAtInstancesAnew(core, facility)
  }
  look(core, known, core.time.at)
}

/** It begins, ends, or its lamps had their time to follow: they count or not, and pages show it. Holds see to themselves. */
export const windowTurned = (core: Core, known: KnownWindow, at: Millis): void => look(core, known, at)

export function scheduleWindows(core: Core): void {
  for (const known of core.maintenance.all()) schedule(core, known, core.time.at)
}

function look(core: Core, known: KnownWindow, at: Millis): void {
  schedule(core, known, at)
  for (const facility of facilitiesIn(core, known.window)) {
    if (facility.facility.kind === 'light') lookAtLamp(core, facility, at)
    touch(core, facility)
  }
}

function schedule(core: Core, known: KnownWindow, at: Millis): void {
  const { from, window } = known
  known.due = [from, window.to, window.to + EXPECTATION_GRACE_MS].find(edge => at < edge) ?? Infinity
  core.timers.schedule(known)
}

function* facilitiesIn(core: Core, { subject }: MaintenanceWindow): Generator<FacilityPicture> {
  const { type, id } = parseSubject(subject) ?? {}
  if (type === 'facility' || type === 'device') {
    const facility =
      type === 'facility' ? core.facilities.get(id ?? '') : core.devices.get(id ?? '')?.facility
    if (facility) yield facility
    return
  }
  for (const facility of core.facilities.values()) {
    const { parent, attributes } = facility.facility
    const inside = type === 'road' ? attributes.road === id : core.registry.isUnder(parent, id ?? '')
    if (inside) yield facility
  }
}
