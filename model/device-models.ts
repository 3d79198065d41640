import { DEVICE_KINDS, EVERY_DEVICE, deviceKind, STALE_INTERVALS, type DeviceKind } from './kinds.ts'
import type { Label } from './label.ts'
import type { MetricId } from './metrics.ts'
import type { Device } from './registry.ts'
import { minutes, type Millis } from './time.ts'

/** What a product can do; a device names its model in `attributes.model`, else its kind's generic model counts. */
export interface DeviceModel {
  kind: DeviceKind
  label: Label
  expectedIntervalMs: Millis
  /** Smallest step the sensor can tell, in the metric's unit: a limit below it cannot be decided by this sensor. */
  resolution: Partial<Record<MetricId, number>>
}

/** Common electrochemical cells for public toilets resolve 0.1 ppm, far above the 0.0072 ppm limit of H2S. */
const TOILET_CELL = { nh3Ppm: 0.1, h2sPpm: 0.1 }

export const DEVICE_MODELS: Record<string, DeviceModel> = {
  ...Object.fromEntries(
    Object.entries(DEVICE_KINDS).map(([kind, { label, expectedIntervalMs }]) => [
      kind,
      {
        kind: kind as DeviceKind,
        label,
        expectedIntervalMs,
        resolution: kind === 'odour-sensor' ? TOILET_CELL : {}
      }
    ])
  ),
  'ultrasonic-15min': {
    kind: 'fill-sensor',
    label: { en: 'Ultrasonic fill sensor, 15 min', zh: '超声波满溢传感器 15 分钟' },
    expectedIntervalMs: minutes(15),
    resolution: { distanceMm: 10 }
  }
}

export const deviceModel = (device: Pick<Device, 'kind' | 'attributes'>): DeviceModel => {
  const named = device.attributes.model ? DEVICE_MODELS[device.attributes.model] : undefined
  return named?.kind === device.kind ? named : (DEVICE_MODELS[device.kind] as DeviceModel)
}

/** How often a report is expected: the device's own attribute, else its model's. */
export const expectedIntervalMs = (device: Pick<Device, 'kind' | 'attributes'>): Millis =>
  device.attributes.expectedIntervalMs ?? deviceModel(device).expectedIntervalMs

/** A level is unknown, and a device silent, this long after the last report. */
export const staleAfterMs = (device: Pick<Device, 'kind' | 'attributes'>): Millis =>
  STALE_INTERVALS * expectedIntervalMs(device)

export const canReport = (kind: DeviceKind, metric: MetricId): boolean =>
  deviceKind(kind).metrics.includes(metric) || EVERY_DEVICE.includes(metric)
