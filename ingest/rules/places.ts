import { staleAfterMs } from '#model/device-models'
import type { Device, Facility, RegistryRecord } from '#model/registry'
import type { Millis } from '#model/time'
import { reschedule } from './advance.ts'
import { touch, type Core } from './core.ts'
import type { Instance } from './instance.ts'
import { judgeGroup } from './lamp-rules.ts'
import type { DevicePicture, FacilityPicture } from './picture.ts'
import { scheduleSilence } from './silence.ts'
import { createSun } from './sun.ts'

/** Takes a registry record over at the journal time the engine stands at. */
export function place(core: Core, record: RegistryRecord): void {
  const { binding } = core.registry.apply(record, core.time.at)
  if (record.type === 'area') placeArea(core, record.id)
  else if (record.type === 'facility') placeFacility(core, record)
  else if (record.type === 'device') placeDevice(core, record, binding?.opened?.from)
  else placeRoad(core, record.id)
}

/** A street may have come under another district, and with it the lamps in it. */
function placeArea(core: Core, id: string): void {
  placeSun(core)
  for (const facility of core.facilities.values()) {
    const { kind, parent } = facility.facility
    if (kind === 'light' && core.registry.isUnder(parent, id)) placeLamp(core, facility)
  }
}

/** The sun is taken at the coordinates of the root area. */
function placeSun(core: Core): void {
  for (const area of core.registry.areas()) {
    if (area.parent !== null || area.lat === null || area.lon === null) continue
    core.sun = createSun(area.lat, area.lon)
    return
  }
}

/** A road's grade may have changed, and with it the groups its lamps are judged in. */
function placeRoad(core: Core, id: string): void {
  for (const facility of core.facilities.values()) {
    const { kind, attributes } = facility.facility
    if (kind === 'light' && attributes.road === id) placeLamp(core, facility)
  }
}

/** The groups it left and those it came to are judged without it and with it. */
function placeLamp(core: Core, lamp: FacilityPicture): void {
  for (const group of core.groups.place(lamp)) judgeGroup(core, group, core.time.at)
}

function placeFacility(core: Core, facility: Facility): void {
  const known = core.facilities.get(facility.id)
  const picture: FacilityPicture = known ?? { facility, devices: [], instances: new Map(), version: 0 }
  picture.facility = facility
  if (!known) {
    core.facilities.set(facility.id, picture)
    for (const device of core.registry.devicesOf(facility.id)) placeDevice(core, device)
  }
  if (facility.kind === 'light') placeLamp(core, picture)
  touch(core, picture)
}

function placeDevice(core: Core, device: Device, fittedAt?: Millis): void {
  const picture = core.devices.get(device.id) ?? newDevice(core, device)
  picture.device = device
  if (fittedAt !== undefined) picture.fittedAt = fittedAt
  picture.staleAfterMs = staleAfterMs(device)
  const facility = device.facility === null ? undefined : core.facilities.get(device.facility)
  if (picture.facility !== facility) move(core, picture, facility)
  scheduleSilence(core, picture)
  touch(core, facility)
}

function move(core: Core, device: DevicePicture, to: FacilityPicture | undefined): void {
  const from = device.facility
  device.facility = to
  if (device.silence) device.silence.facility = to
  if (from) from.devices = from.devices.filter(one => one !== device)
  to?.devices.push(device)
  for (const facility of [from, to]) {
    if (!facility) continue
    if (facility.facility.kind === 'light') placeLamp(core, facility)
    for (const instance of facility.instances.values()) lookAnew(core, instance)
    touch(core, facility)
  }
}

/** With the next record, as if what it was judged by had just become stale. */
function lookAnew(core: Core, instance: Instance): void {
  instance.expiresAt = Math.min(instance.expiresAt, core.time.at - instance.lagMs)
  reschedule(core, instance)
}

function newDevice(core: Core, device: Device): DevicePicture {
  const picture: DevicePicture = {
    what: 'silence',
    device,
    facility: undefined,
    fittedAt: 0,
    staleAfterMs: staleAfterMs(device),
    lastReceivedAt: 0,
    silenceFrom: 0,
    silent: false,
    presence: null,
    levels: new Map(),
    silence: undefined,
    due: Infinity,
    queuedFor: Infinity,
    order: `${core.silentRule?.rule.id ?? ''}|device:${device.id}`
  }
  core.devices.set(device.id, picture)
  return picture
}
