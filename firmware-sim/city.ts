import { STREAMS, type DeviceKind, type FacilityKind } from '#model/kinds'
import type { Area, Attributes, Device, Facility, Road } from '#model/registry'
import { minutes } from '#model/time'
import { HALF_NIGHT, HALF_NIGHT_SCHEDULE } from './half-night.ts'
import { CITY, DISTRICT, LANES, ROADS, STREETS, type RoadPlan } from './nanjing.ts'
import { between, randomFor, round, type Random } from './random.ts'

/** A simulated city: plain registry records, parents before children, gateways before what speaks through them. */
export interface City {
  seed: number
  /** 1 is a whole district; 0.1 the demo's part of it. */
  scale: number
  areas: Area[]
  roads: Road[]
  facilities: Facility[]
  devices: Device[]
}

/** What a whole district has ("real-life scale"): streets, grids, roads, facilities. */
const DISTRICT_SIZE = {
  streets: 10,
  grids: 60,
  roads: 120,
  bins: 1200,
  compactors: 8,
  toilets: 60,
  odour: 90
}
const LAMPS = 6000
const LAMPS_PER_CABINET = 48
/** The road whose lamps have a modem each, unless another is named; everywhere else the cabinet's gateway speaks for them. */
const DIRECT_ROAD = 'yihe-lu'
/** A quiet road whose lamps rest in the second half of the night, unless another is named. */
const HALF_NIGHT_ROAD = 'yihe-lu'
const GEOMETRY = { emptyDistanceMm: 1050, fullDistanceMm: 250, deadZoneMm: 200 }

const pad = (n: number, width: number): string => String(n).padStart(width, '0')
const along = (road: RoadPlan, share: number) => ({
  lat: road.from[0] + (road.to[0] - road.from[0]) * share,
  lon: road.from[1] + (road.to[1] - road.from[1]) * share
})
/** A metre is about 9e-6 degrees of latitude; on a map of a district that is near enough for longitude as well. */
const near = (random: Random, at: { lat: number; lon: number }, metres: number) => ({
  lat: round(at.lat + between(random, -metres, metres) * 9e-6, 6),
  lon: round(at.lon + between(random, -metres, metres) * 1.06e-5, 6)
})

/** The same seed and scale give the same city, to the byte, on every machine. */
export function makeCity({
  seed,
  scale,
  lampsPerCabinet,
  least = {},
  directRoad = DIRECT_ROAD,
  halfNightRoad = HALF_NIGHT_ROAD
}: {
  seed: number
  scale: number
  /** Fills each cabinet up to this; default about 48, alike on a road. */
  lampsPerCabinet?: number
  /** More than the scale gives, where every kind of trouble must find its place. */
  least?: { compactors?: number; toilets?: number }
  directRoad?: string
  halfNightRoad?: string
}): City {
  const random = randomFor(seed, 'city')
  const many = (full: number, least: number) => Math.max(least, Math.round(full * scale))
  const streets = STREETS.slice(0, many(DISTRICT_SIZE.streets, 3))
  const gridsPerStreet = Math.ceil(many(DISTRICT_SIZE.grids, 6) / streets.length)
  const plans = roadPlans(random, many(DISTRICT_SIZE.roads, 4), streets)
  const city: City = {
    seed,
    scale,
    areas: areasOf(streets, gridsPerStreet),
    roads: [],
    facilities: [],
    devices: []
  }

  city.roads = plans.map(plan => ({
    type: 'road',
    id: plan.id,
    parent: plan.street,
    name: plan.name,
    ...near(random, along(plan, 0.5), 0),
    attributes: {
      lightingGrade: plan.lighting,
      cleaningGrade: plan.cleaning,
      ...(plan.id === halfNightRoad && { lightingSchedule: HALF_NIGHT_SCHEDULE })
    }
  }))

  const gridOn = (plan: RoadPlan, share: number) =>
    `${plan.street}-${1 + Math.min(gridsPerStreet - 1, Math.floor(share * gridsPerStreet))}`
  const facility = (
    kind: FacilityKind,
    id: string,
    place: { plan: RoadPlan; share: number; metres: number; name: string; attributes?: Attributes }
  ): Facility => {
    const { plan, share, metres, name, attributes } = place
    const made: Facility = {
      type: 'facility',
      kind,
      id,
      parent: gridOn(plan, share),
      name,
      ...near(random, along(plan, share), metres),
      attributes: { road: plan.id, ...attributes }
    }
    city.facilities.push(made)
    return made
  }
  const device = (kind: DeviceKind, id: string, on: Facility | null, attributes: Attributes = {}): Device => {
    const made: Device = {
      type: 'device',
      kind,
      id,
      facility: on?.id ?? null,
      gateway: typeof attributes.gateway === 'string' ? attributes.gateway : null,
      name: on ? on.name : '备用满溢传感器',
      lat: null,
      lon: null,
      attributes
    }
    city.devices.push(made)
    return made
  }
  const spread = (count: number, index: number) => {
    const plan = plans[index % plans.length] as RoadPlan
    const onRoad = Math.ceil(count / plans.length)
    return { plan, share: (Math.floor(index / plans.length) + between(random, 0.2, 0.8)) / onRoad }
  }

  const bins = many(DISTRICT_SIZE.bins, 10)
  for (let i = 0; i < bins; i++) {
    const place = spread(bins, i)
    const ultrasonic = random() < 0.2
    const stream = STREAMS[Math.floor(random() ** 2 * STREAMS.length)] as string
    const bin = facility('bin', `bin-${pad(i + 1, 4)}`, {
      ...place,
      metres: 8,
      name: `${place.plan.name}${1 + Math.floor(place.share * 200)}号${STREAM_NAMES[stream]}桶`,
      attributes: { stream, ...(ultrasonic && { geometry: GEOMETRY }) }
    })
    const slow = !ultrasonic && random() < 0.2
    device('fill-sensor', `fs-${pad(i + 1, 4)}`, bin, {
      ...(ultrasonic && { model: 'ultrasonic-15min' }),
      ...(slow && { expectedIntervalMs: minutes(60) })
    })
  }

  const compactors = many(DISTRICT_SIZE.compactors, least.compactors ?? 2)
  for (let i = 0; i < compactors; i++) {
    const place = spread(compactors, i + 2)
    const station = facility('compactor', `station-${pad(i + 1, 2)}`, {
      ...place,
      metres: 60,
      name: `${place.plan.name}压缩站`,
      attributes: { toiletClass: 2 }
    })
    device('compactor-controller', `cc-${pad(i + 1, 2)}`, station)
    device('odour-sensor', `od-s${pad(i + 1, 2)}`, station)
  }

  const toilets = many(DISTRICT_SIZE.toilets, least.toilets ?? 4)
  const secondSensors = Math.max(0, many(DISTRICT_SIZE.odour, 0) - compactors - toilets)
  for (let i = 0; i < toilets; i++) {
    const place = spread(toilets, i)
    const toilet = facility('toilet', `toilet-${pad(i + 1, 2)}`, {
      ...place,
      metres: 40,
      name: `${place.plan.name}公厕${i < plans.length ? '' : Math.floor(i / plans.length) + 1}`,
      attributes: {
        toiletClass: (1 + Math.floor(random() * 3)) as 1 | 2 | 3,
        stalls: 2 + Math.floor(random() * 11)
      }
    })
    device('occupancy-sensor', `os-${pad(i + 1, 2)}`, toilet)
    device('odour-sensor', `od-${pad(i + 1, 2)}a`, toilet)
    if (i < secondSensors) device('odour-sensor', `od-${pad(i + 1, 2)}b`, toilet)
  }

  const lampsOn = lampCounts(plans, scale)
  let lampNumber = 0
  let cabinetNumber = 0
  for (const plan of plans) {
    const lamps = lampsOn.get(plan.id) ?? 0
    const cabinets = Math.ceil(lamps / (lampsPerCabinet ?? LAMPS_PER_CABINET))
    const upTo = (c: number) =>
      lampsPerCabinet ? Math.min(lamps, c * lampsPerCabinet) : Math.floor((lamps * c) / cabinets)
    for (let c = 0; c < cabinets; c++) {
      const number = pad(++cabinetNumber, 3)
      const cabinet = facility('cabinet', `cabinet-${number}`, {
        plan,
        share: (c + 0.5) / cabinets,
        metres: 5,
        name: `${plan.name}${c + 1}号配电柜`
      })
      const direct = plan.id === directRoad
      const controller = direct
        ? device('cabinet-controller', `cab-${number}`, cabinet)
        : device('gateway', `gw-${number}`, cabinet)
      for (let l = upTo(c); l < upTo(c + 1); l++) {
        const lamp = facility('light', `light-${pad(++lampNumber, 4)}`, {
          plan,
          share: (l + 0.5) / lamps,
          metres: 3,
          name: `${plan.name}${pad(l + 1, 3)}号路灯`,
          attributes: { cabinet: cabinet.id, lightingGrade: plan.lighting }
        })
        device('lamp-controller', `lc-${pad(lampNumber, 4)}`, lamp, {
          ...(!direct && { gateway: controller.id }),
          ...(plan.id === halfNightRoad && { programme: HALF_NIGHT })
        })
      }
    }
  }

  device('fill-sensor', 'fs-spare', null)
  return city
}

const STREAM_NAMES: Record<string, string> = {
  residual: '其他垃圾',
  recyclable: '可回收物',
  food: '厨余垃圾',
  hazardous: '有害垃圾'
}

function areasOf(streets: readonly (typeof STREETS)[number][], gridsPerStreet: number): Area[] {
  const area = (
    kind: Area['kind'],
    id: string,
    parent: string | null,
    rest: Omit<Area, 'type' | 'kind' | 'id' | 'parent'>
  ): Area => ({
    type: 'area',
    kind,
    id,
    parent,
    ...rest
  })
  const { timeZone, ...city } = CITY
  return [
    area('city', city.id, null, { ...city, attributes: { timeZone } }),
    area('district', DISTRICT.id, city.id, { ...DISTRICT, attributes: {} }),
    ...streets.map(street => area('street', street.id, DISTRICT.id, { ...street, attributes: {} })),
    ...streets.flatMap(({ id, name, lat, lon }) =>
      Array.from({ length: gridsPerStreet }, (_, i) =>
        area('grid', `${id}-${i + 1}`, id, { name: `${name}第${i + 1}网格`, lat, lon, attributes: {} })
      )
    )
  ]
}

/** The named roads whose street exists, then numbered lanes around the streets' centres. */
function roadPlans(random: Random, count: number, streets: readonly (typeof STREETS)[number][]): RoadPlan[] {
  const known = ROADS.filter(road => streets.some(street => street.id === road.street)).slice(0, count)
  const lanes = Array.from({ length: count - known.length }, (_, i): RoadPlan => {
    const lane = LANES[i % LANES.length] as (typeof LANES)[number]
    const number = Math.floor(i / LANES.length) + 1
    const street = streets[i % streets.length] as (typeof STREETS)[number]
    const middle = near(random, street, 700)
    const end = near(random, middle, 350)
    return {
      id: `${lane.id}-${number}`,
      name: `${lane.name}${number}巷`,
      street: street.id,
      lighting: 'branch',
      cleaning: '3',
      from: [middle.lat, middle.lon],
      to: [end.lat, end.lon]
    }
  })
  return [...known, ...lanes]
}

/**
 * Lamps by road. The first main road always has 220 (from scale 0.1 up), so that a lighting rate means something there;
 * every other main road too in half a district or more. Lanes share what is left.
 */
function lampCounts(plans: readonly RoadPlan[], scale: number): Map<string, number> {
  const shrink = Math.min(1, scale / 0.1)
  const wanted = (plan: RoadPlan, index: number) => {
    if (plan.lighting === 'main') return index === 0 || scale >= 0.5 ? 220 : 104
    if (plan.lighting === 'secondary') return 70
    return plan.id === DIRECT_ROAD ? 30 : undefined
  }
  const fixed = plans
    .map((plan, index) => wanted(plan, index))
    .map(n => n && Math.max(2, Math.round(n * shrink)))
  const left = Math.round(LAMPS * scale) - fixed.reduce<number>((sum, n) => sum + (n ?? 0), 0)
  const lanes = fixed.filter(n => n === undefined).length
  return new Map(plans.map((plan, i) => [plan.id, fixed[i] ?? Math.max(2, Math.round(left / lanes))]))
}
