import { minutes } from '#model/time'
import type { FaultKind } from './faults.ts'
import type { Scenario } from './hard-days.ts'
import { between } from './random.ts'

const BIN = ['fill-sensor'] as const
const STATION = ['compactor-controller'] as const
const TOILET = ['occupancy-sensor'] as const

/** One fault of so many minutes, so often. */
const brief = (
  kind: FaultKind,
  [least, most]: readonly [number, number],
  rest: Pick<Scenario, 'tests' | 'times' | 'on'>
): Scenario => ({
  name: kind,
  ...rest,
  lastsMs: () => minutes(most),
  faults: ({ begin, random }) => [
    { kind, from: begin, to: begin + between(random, minutes(least), minutes(most)) }
  ]
})

/** What can go wrong, and be seen to, in a quarter of an hour; `times` is how often, however long the time. */
export const HARD_MINUTES: readonly Scenario[] = [
  brief('bin-fire', [8, 11], { tests: ['bin-fire'], times: 4, on: BIN }),
  brief('bin-tilted', [10, 12], { tests: ['bin-tilted'], times: 6, on: BIN }),
  brief('bin-tilted', [1, 1.5], { tests: ['bin-tilted'], times: 2, on: BIN }),
  brief('bin-overfull', [3, 5], { tests: ['bin-full'], times: 2, on: BIN }),
  brief('bin-overfull', [12, 14], { tests: ['bin-full'], times: 3, on: BIN }),
  brief('compactor-fault', [13, 14], { tests: ['compactor-fault'], times: 2, on: STATION }),
  brief('compactor-flapping', [10, 14], { tests: ['compactor-full'], times: 1, on: STATION }),
  brief('crowd-flapping', [10, 14], { tests: ['toilet-crowded'], times: 1, on: TOILET }),
  brief('water-leak', [8, 12], { tests: ['toilet-leak'], times: 1, on: TOILET }),
  brief('reboots', [10, 14], { tests: ['device-silent'], times: 1, on: TOILET }),
  brief('reordered', [10, 14], { tests: ['device-silent'], times: 1, on: TOILET }),
  brief('duplicates', [10, 14], { tests: ['device-silent'], times: 1, on: TOILET }),
  brief('offline', [11, 13], { tests: ['device-silent'], times: 2, on: TOILET }),
  brief('gone', [11, 13], { tests: ['device-silent'], times: 1, on: TOILET }),
  brief('clock-ahead', [10, 14], { tests: [], times: 1, on: BIN }),
  brief('garbled', [10, 14], { tests: [], times: 1, on: BIN })
]
