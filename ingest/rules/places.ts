import { staleAfterMs } from '#model/device-models'
import type { Device, Facility, RegistryRecord } from '#model/registry'
import type { Millis } from '#model/time'
import { lookAnew } from './advance.ts'
import { createCalendar } from './calendar.ts'
import { touch, type Core } from './core.ts'
import {
  judgeCabinet,
  judgeGroup,
  judgeGroupsAndCabinets,
  lookAtInstancesAnew,
  lookAtLamp
} from './lamp-rules.ts'
import { scheduleOf } from './lighting-schedule.ts'
import type { DevicePicture, FacilityPicture } from './picture.ts'
import { rehushAll, rehushDevice, takeRules } from './rule-changes.ts'
import { scheduleSilence } from './silence.ts'

/** Takes a registry record over at the journal time the engine stands at. */
export function place(core: Core, record: RegistryRecord): void {
  const { binding } = core.registry.apply(record, core.time.at)
  core.layout++
  if (record.type === 'area') placeArea(core, record.id)
  else if (record.type === 'facility') placeFacility(core, record)
  else if (record.type === 'device') placeDevice(core, record, binding?.opened?.from)
  else placeRoad(core, record.id)
}

/** A street may have come under another district, and with it the overrides and lamps in it. */
function placeArea(core: Core, id: string): void {
  placeCity(core)
  core.groups.compileAnew()
  for (const picture of core.facilities.values()) {
    const { kind, parent } = picture.facility
    if (!core.registry.isUnder(parent, id)) continue
    takeRules(core, picture)
    if (kind === 'light') placeLamp(core, picture)
    rehushAll(core, picture)
    touch(core, picture)
  }
}

/** The sun is taken at the coordinates of the root area, its clock where the root area names one. */
function placeCity(core: Core): void {
  for (const area of core.registry.areas()) {
    if (area.parent !== null) continue
    const { timeZone } = area.attributes
    if (typeof timeZone === 'string') useTimeZone(core, timeZone)
    if (area.lat === null || area.lon === null) continue
    const place = { lat: area.lat, lon: area.lon }
    if (core.expectations.inCity({ place, calendar: core.calendar }, core.time.at)) expectAnew(core)
    return
  }
}

/** The city's clock from here on; what was decided by another stays decided. */
export function useTimeZone(core: Core, timeZone: string): void {
  if (core.calendar.timeZone === timeZone) return
  core.calendar = createCalendar(timeZone)
  const { place } = core.expectations
  if (core.expectations.inCity({ place, calendar: core.calendar }, core.time.at)) expectAnew(core)
}

/** Day and night, or the clock of schedules, are different for all lamps from now on. */
function expectAnew(core: Core): void {
  if (core.time.at === 0) return
  for (const picture of core.facilities.values())
    if (picture.facility.kind === 'light') lookAtInstancesAnew(core, picture)
  judgeGroupsAndCabinets(core, core.time.at)
}

/** A road's grade may have changed, and with it overrides and the groups its lamps are judged in. */
function placeRoad(core: Core, id: string): void {
  core.groups.compileAnew()
  for (const picture of core.facilities.values()) {
    const { kind, attributes } = picture.facility
    if (attributes.road !== id) continue
    takeRules(core, picture)
    if (kind === 'light') placeLamp(core, picture)
    touch(core, picture)
  }
}

/** The groups and the cabinet it left and those it came to are judged without it and with it. */
function placeLamp(core: Core, lamp: FacilityPicture): void {
  const before = lamp.expected
  const expected = core.expectations.hold(scheduleOf(core.registry, lamp.facility), before, core.time.at)
  if (before) core.expectations.release(before)
  lamp.expected = expected
  const { at } = core.time
  const groups = core.groups.place(lamp, expected)
  const cabinets = core.cabinets.place(lamp, expected)
  if (at > 0) {
    if (before && before !== expected) lookAtInstancesAnew(core, lamp)
    // What was seen of it may be of work it left, or of a controller it had.
    lookAtLamp(core, lamp, at)
  }
  for (const group of groups) judgeGroup(core, group, at)
  for (const cabinet of cabinets) judgeCabinet(core, cabinet, at)
  for (const device of lamp.devices) scheduleSilence(core, device)
}

function placeFacility(core: Core, facility: Facility): void {
  const known = core.facilities.get(facility.id)
  const picture: FacilityPicture = known ?? {
    facility,
    devices: [],
    instances: new Map(),
    rules: [],
    version: 0
  }
  picture.facility = facility
  if (!known) core.facilities.set(facility.id, picture)
  takeRules(core, picture)
  if (!known) for (const device of core.registry.devicesOf(facility.id)) placeDevice(core, device)
  if (facility.kind === 'light') placeLamp(core, picture)
  if (known) rehushAll(core, picture)
  // Its lamps may go by a schedule of its own.
  if (facility.kind === 'cabinet')
    for (const lamp of [...core.cabinets.lampsOf(facility.id)]) placeLamp(core, lamp)
  touch(core, picture)
}

function placeDevice(core: Core, device: Device, fittedAt?: Millis): void {
  const picture = core.devices.get(device.id) ?? newDevice(core, device)
  picture.device = device
  if (fittedAt !== undefined) picture.fittedAt = fittedAt
  picture.staleAfterMs = staleAfterMs(device)
  const facility = device.facility === null ? undefined : core.facilities.get(device.facility)
  if (picture.facility !== facility) move(core, picture, facility)
  else takeRules(core, facility, picture)
  scheduleSilence(core, picture)
  touch(core, facility)
}

function move(core: Core, device: DevicePicture, to: FacilityPicture | undefined): void {
  const from = device.facility
  device.facility = to
  device.heardFrom = 0
  for (const instance of [device.silence, ...(device.own?.instances.values() ?? [])]) {
    if (instance) instance.facility = to
  }
  if (from) from.devices = from.devices.filter(one => one !== device)
  to?.devices.push(device)
  takeRules(core, to, device)
  rehushDevice(core, device)
  for (const facility of [from, to]) {
    if (!facility) continue
    if (facility.facility.kind === 'light') placeLamp(core, facility)
    for (const instance of facility.instances.values()) lookAnew(core, instance)
    touch(core, facility)
  }
}

function newDevice(core: Core, device: Device): DevicePicture {
  const picture: DevicePicture = {
    what: 'silence',
    device,
    facility: undefined,
    fittedAt: 0,
    staleAfterMs: staleAfterMs(device),
    silentAfterMs: 0,
    lastReceivedAt: 0,
    silenceFrom: 0,
    heardFrom: 0,
    silent: false,
    overdue: false,
    presence: null,
    levels: new Map(),
    silence: undefined,
    silenceRule: undefined,
    rules: [],
    own: undefined,
    due: Infinity,
    queuedFor: Infinity,
    // After the rule's own timer of that name: a quiet time that ends with the silence is over first.
    order: `device-silent|device:${device.id}|unheard`
  }
  core.devices.set(device.id, picture)
  return picture
}
