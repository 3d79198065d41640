import { staleAfterMs } from '#model/device-models'
import type { Device, Facility, RegistryRecord } from '#model/registry'
import { touch, type Core } from './core.ts'
import type { DevicePicture, FacilityPicture } from './picture.ts'
import { scheduleSilence } from './silence.ts'
import { createSun } from './sun.ts'

/** Takes a registry record over at the journal time the engine stands at. */
export function place(core: Core, record: RegistryRecord): void {
  core.registry.apply(record, core.time.at)
  if (record.type === 'area') placeSun(core)
  else if (record.type === 'facility') placeFacility(core, record)
  else if (record.type === 'device') placeDevice(core, record)
  else placeRoad(core, record.id)
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
    if (kind === 'light' && attributes.road === id) core.groups.place(facility)
  }
}

function placeFacility(core: Core, facility: Facility): void {
  const known = core.facilities.get(facility.id)
  const picture: FacilityPicture = known ?? { facility, devices: [], instances: new Map(), version: 0 }
  picture.facility = facility
  if (!known) {
    core.facilities.set(facility.id, picture)
    for (const device of core.registry.devicesOf(facility.id)) placeDevice(core, device)
  }
  if (facility.kind === 'light') core.groups.place(picture)
  touch(core, picture)
}

function placeDevice(core: Core, device: Device): void {
  const picture = core.devices.get(device.id) ?? newDevice(core, device)
  picture.device = device
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
    if (facility?.facility.kind === 'light') core.groups.place(facility)
    if (facility) touch(core, facility)
  }
}

function newDevice(core: Core, device: Device): DevicePicture {
  const picture: DevicePicture = {
    device,
    facility: undefined,
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
