import type { RegistryRecord } from '#model/registry'
import type { City } from './city.ts'

const COLUMNS = ['type', 'id', 'parent', 'name', 'kind', 'lat', 'lon', 'attributes'] as const

const cell = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

const parentOf = (record: RegistryRecord): string =>
  (record.type === 'device' ? record.facility : record.parent) ?? ''

const row = (record: RegistryRecord): string =>
  [
    record.type,
    record.id,
    parentOf(record),
    record.name,
    'kind' in record ? record.kind : '',
    record.lat ?? '',
    record.lon ?? '',
    Object.keys(record.attributes).length > 0 ? JSON.stringify(record.attributes) : ''
  ]
    .map(value => cell(String(value)))
    .join(',')

/** The city as `POST /api/import` takes it: areas, roads, facilities, devices, each after what it refers to. */
export const cityCsv = (city: City): string =>
  [
    COLUMNS.join(','),
    ...[...city.areas, ...city.roads, ...city.facilities, ...city.devices].map(row),
    ''
  ].join('\n')
