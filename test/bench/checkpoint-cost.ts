import { packState, statePieces } from '#ingest/checkpoint'
import { noEffects } from '#ingest/effects'
import { createDecisions } from '#ingest/decisions'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Device, Facility } from '#model/registry'
import { LARGE } from './city.ts'
import type { Measured } from './figures.ts'

/** How long the state of 100 000 bins that reported takes to become text, in pieces; until then the rules stand. */
export async function checkpointCost(): Promise<Measured> {
  const effects = noEffects()
  const { desk, engine } = createDecisions({ rules: DEFAULT_RULES, effects: () => effects })
  const at = Date.UTC(2026, 0, 1)
  const place = { lat: 32, lon: 118, attributes: {} }
  engine.registered({ type: 'area', id: 'bench', name: 'Bench', kind: 'district', parent: null, ...place })
  for (let i = 0; i < LARGE.gateways * LARGE.perGateway; i++) {
    const bin: Facility = {
      type: 'facility',
      id: `bin-${i}`,
      name: `Bin ${i}`,
      kind: 'bin',
      parent: 'bench',
      ...place
    }
    const device: Device = {
      type: 'device',
      id: `d-${i}`,
      name: '',
      kind: 'fill-sensor',
      facility: bin.id,
      gateway: null,
      ...place
    }
    engine.registered(bin)
    engine.registered(device)
    engine.record({
      seq: i + 1,
      receivedAt: at,
      kind: 'telemetry',
      deviceId: device.id,
      rejects: [],
      reports: [
        {
          device: device.id,
          measuredAt: at,
          quality: 'good',
          metrics: ['fillPct', 'tempC', 'batteryPct'],
          values: [i % 80, 20, 90]
        }
      ]
    })
  }
  await packState(statePieces(engine, desk))
  const began = performance.now()
  const packed = await packState(statePieces(engine, desk))
  return { checkpointSave: performance.now() - began, checkpointSize: packed.length / 1e6 }
}
