import type { DeviceKind } from '#model/kinds'
import type { Behaviour } from './behaviour.ts'
import { cabinet } from './cabinet.ts'
import { compactorController } from './compactor-controller.ts'
import { fillSensor } from './fill-sensor.ts'
import { lampController } from './lamp-controller.ts'
import { occupancySensor } from './occupancy-sensor.ts'
import { odourSensor } from './odour-sensor.ts'

/** What each kind of device does. A new kind does not compile without one. */
export const BEHAVIOURS: { [K in DeviceKind]: Behaviour<K> } = {
  'fill-sensor': fillSensor,
  'compactor-controller': compactorController,
  'occupancy-sensor': occupancySensor,
  'odour-sensor': odourSensor,
  'lamp-controller': lampController,
  'cabinet-controller': cabinet,
  gateway: cabinet
}
