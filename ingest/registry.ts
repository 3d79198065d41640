import type { Area, Device, Facility, RegistryRecord, Road } from '#model/registry'
import type { Millis } from '#model/time'

/** A device was fitted to a facility from `from` until before `to`; without `to` it still is. Journal time. */
export interface Binding {
  device: string
  facility: string
  from: Millis
  to?: Millis
}

/** What became of a device's fitting by one change; as stored in `bindings`. */
export interface BindingChange {
  closed?: Required<Binding>
  opened?: Binding
}

/** Areas, roads, facilities and devices as of one moment: a fold of changes, without I/O or a clock. */
export interface Registry {
  /**
   * Takes one record over whatever it said before, at journal time `at`; `binding` is there when the device moved.
   * The first binding of a device reaches back to 0, so that what it measured before it was registered is shown
   * too. A binding closed at the moment it began never held: it is closed with `from` = `to` and forgotten.
   */
  apply(record: RegistryRecord, at: Millis): { previous?: RegistryRecord; binding?: BindingChange }

  area(id: string): Area | undefined
  road(id: string): Road | undefined
  facility(id: string): Facility | undefined
  device(id: string): Device | undefined
  areas(): IterableIterator<Area>
  roads(): IterableIterator<Road>
  facilities(): IterableIterator<Facility>
  devices(): IterableIterator<Device>

  /** Devices fitted to a facility now. */
  devicesOf(facility: string): Device[]
  /** Devices a gateway speaks for. */
  childrenOf(gateway: string): Device[]
  /** Every binding a facility ever had, oldest first. */
  bindingsOf(facility: string): readonly Readonly<Binding>[]

  /** The area and those above it, the root last; empty for an area nobody registered. */
  areaPath(area: string): Area[]
  /** The district an area lies in, or is. */
  districtOf(area: string): Area | undefined
  /** Whether an area lies in another, or is it. */
  isUnder(area: string, ancestor: string): boolean
}

export function createRegistry(): Registry {
  const areas = new Map<string, Area>()
  const roads = new Map<string, Road>()
  const facilities = new Map<string, Facility>()
  const devices = new Map<string, Device>()
  const children = new Map<string, Set<string>>()
  const bindings = new Map<string, Binding[]>()
  /** By device: the last it had, open or closed. */
  const lastBinding = new Map<string, Binding>()

  function rebind(device: Device, at: Millis): BindingChange | undefined {
    const last = lastBinding.get(device.id)
    const open = last?.to === undefined ? last : undefined
    if ((open?.facility ?? null) === device.facility) return undefined
    const change: BindingChange = {}
    if (open) {
      // Replaced, not altered: whoever was handed the open one keeps what they saw.
      const closed = { ...open, to: at }
      const others = (bindings.get(open.facility) ?? []).filter(binding => binding !== open)
      bindings.set(open.facility, closed.from < at ? [...others, closed].sort(byFrom) : others)
      lastBinding.set(device.id, closed)
      change.closed = closed
    }
    if (device.facility !== null) {
      const opened = { device: device.id, facility: device.facility, from: last ? at : 0 }
      bindings.set(opened.facility, [...(bindings.get(opened.facility) ?? []), opened].sort(byFrom))
      lastBinding.set(device.id, opened)
      change.opened = opened
    }
    return change
  }

  function adopt(device: Device, previous: Device | undefined) {
    if (previous?.gateway === device.gateway) return
    if (previous?.gateway) children.get(previous.gateway)?.delete(device.id)
    if (device.gateway === null) return
    const siblings = children.get(device.gateway)
    if (siblings) siblings.add(device.id)
    else children.set(device.gateway, new Set([device.id]))
  }

  function applyDevice(device: Device, at: Millis) {
    const previous = replace(devices, device)
    adopt(device, previous)
    const binding = rebind(device, at)
    return { ...(previous && { previous }), ...(binding && { binding }) }
  }

  function applyPlace(record: Exclude<RegistryRecord, Device>) {
    const previous =
      record.type === 'area'
        ? replace(areas, record)
        : record.type === 'road'
          ? replace(roads, record)
          : replace(facilities, record)
    return previous ? { previous } : {}
  }

  function areaPath(id: string): Area[] {
    const path: Area[] = []
    for (let area = areas.get(id); area; area = area.parent === null ? undefined : areas.get(area.parent)) {
      // Areas that contain each other would never end.
      if (path.includes(area)) break
      path.push(area)
    }
    return path
  }

  const known = (ids: Iterable<string>): Device[] =>
    Array.from(ids, id => devices.get(id)).filter(device => device !== undefined)

  return {
    apply: (record, at) => (record.type === 'device' ? applyDevice(record, at) : applyPlace(record)),
    area: id => areas.get(id),
    road: id => roads.get(id),
    facility: id => facilities.get(id),
    device: id => devices.get(id),
    areas: () => areas.values(),
    roads: () => roads.values(),
    facilities: () => facilities.values(),
    devices: () => devices.values(),
    devicesOf: facility =>
      known((bindings.get(facility) ?? []).filter(({ to }) => to === undefined).map(({ device }) => device)),
    childrenOf: gateway => known(children.get(gateway) ?? []),
    bindingsOf: facility => bindings.get(facility) ?? [],
    areaPath,
    districtOf: id => areaPath(id).find(area => area.kind === 'district'),
    isUnder: (id, ancestor) => areaPath(id).some(area => area.id === ancestor)
  }
}

const byFrom = (a: Binding, b: Binding) => a.from - b.from

function replace<T extends { id: string }>(map: Map<string, T>, record: T): T | undefined {
  const previous = map.get(record.id)
  map.set(record.id, record)
  return previous
}
