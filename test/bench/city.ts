/** Import files of a city made for measuring: a district, its streets, and what stands on them. */
const HEADER = 'type,id,parent,name,kind,lat,lon,attributes'

const placeOf = (i: number): string =>
  `${(32 + (i % 1000) / 10_000).toFixed(4)},${(118.7 + i / 1e6).toFixed(6)}`

/** `bench-0…` on `bin-0…`, and `probe-0…` on bins of their own. */
export function binsCsv({ bins, probes = 0 }: { bins: number; probes?: number }): string {
  const rows = [HEADER, 'area,bench,,Bench district,district,32.05,118.78,']
  const add = (device: string, bin: string, i: number) =>
    rows.push(
      `facility,${bin},bench,Bin ${i},bin,${placeOf(i)},`,
      `device,${device},${bin},,fill-sensor,${placeOf(i)},`
    )
  for (let i = 0; i < bins; i++) add(`bench-${i}`, `bin-${i}`, i)
  for (let i = 0; i < probes; i++) add(`probe-${i}`, `probe-bin-${i}`, i)
  return `${rows.join('\n')}\n`
}

/** Facilities of a large city: lights for the most part, spoken for by gateways as lights are. */
export const LARGE = { gateways: 100, perGateway: 1000 } as const

/**
 * In files of a size people send: first areas, roads and gateways, then the facilities and devices of ten gateways at
 * a time, each gateway serving a street. Half are lights, half bins: `f-{gateway}-{i}` with the device `d-{gateway}-{i}`.
 */
export function* largeCityCsv(): Generator<string> {
  const { gateways, perGateway } = LARGE
  const first = [HEADER, 'area,bench,,Bench district,district,32.05,118.78,']
  for (let g = 0; g < gateways; g++) {
    first.push(`area,street-${g},bench,Street ${g},street,,,`, `road,road-${g},street-${g},Road ${g},,,,`)
  }
  for (let g = 0; g < gateways; g++) first.push(`device,bench-${g},,,gateway,,,`)
  yield `${first.join('\n')}\n`
  for (let from = 0; from < gateways; from += 10) {
    const rows = [HEADER]
    for (let g = from; g < from + 10; g++) {
      for (let i = 0; i < perGateway; i++) {
        const [kind, device] = i % 2 === 0 ? ['light', 'lamp-controller'] : ['bin', 'fill-sensor']
        const at = placeOf(g * perGateway + i)
        rows.push(
          `facility,f-${g}-${i},street-${g},No ${i} of street ${g},${kind},${at},"{""road"":""road-${g}""}"`,
          `device,d-${g}-${i},f-${g}-${i},,${device},${at},"{""gateway"":""bench-${g}""}"`
        )
      }
    }
    yield `${rows.join('\n')}\n`
  }
}
