import { METRIC_IDS, metricDefinition, type MetricId } from '#model/metrics'
import { TelemetryMessage } from '#model/telemetry'

const isEntry = (value: unknown): value is { properties: Record<string, unknown> } =>
  (value as { properties?: { values?: { patternProperties?: object } } } | null)?.properties?.values
    ?.patternProperties !== undefined

/** What a device may publish, as JSON Schema for other languages: with every metric's name, type and range. */
export const telemetrySchema = withMetrics({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: '/schemas/telemetry.json',
  title: 'Telemetry report',
  ...TelemetryMessage
})

function withMetrics(schema: object): object {
  const values = {
    type: 'object',
    description: 'metric name → value',
    properties: Object.fromEntries(METRIC_IDS.map(metric => [metric, valueSchema(metric)])),
    additionalProperties: false
  }
  const replaced = (_key: string, value: unknown): unknown =>
    isEntry(value) ? { ...value, properties: { ...value.properties, values } } : value
  return JSON.parse(JSON.stringify(schema, replaced)) as object
}

function valueSchema(metric: MetricId): object {
  const { label, unit, kind, min, max, values } = metricDefinition(metric)
  const description = [label.en, label.zh, unit && `in ${unit}`].filter(Boolean).join(', ')
  if (values) return { enum: values, description }
  if (kind === 'flag') return { enum: [true, false, 0, 1], description }
  return { type: 'number', minimum: min, maximum: max, description }
}
