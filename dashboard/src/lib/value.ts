import { metricDefinition, type MetricId, type RawValue } from '#model/metrics'
import type { Words } from './i18n/words.svelte.ts'

/** Two digits for small values, none for large ones: what a person can read from across the room. */
const digitsFor = (value: number) => (Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0)

/** A value as people read it: `93 %`, `压缩中`, `yes`. */
export function valueText(metric: MetricId, value: RawValue, words: Words): string {
  const definition = metricDefinition(metric)
  if (typeof value === 'string') {
    const label = definition.valueLabels?.[definition.values?.indexOf(value) ?? -1]
    return label ? words.of(label) : value
  }
  if (definition.kind === 'flag') return value ? words.t.yes : words.t.no
  const number = words.number(Number(value), digitsFor(Number(value)))
  return definition.unit ? `${number}\u00a0${definition.unit}` : number
}

/** Share of a bar, 0–100, for values that are a percentage. */
export const percentOf = (metric: MetricId, value: RawValue): number | undefined =>
  metricDefinition(metric).unit === '%' && typeof value === 'number' ? value : undefined
