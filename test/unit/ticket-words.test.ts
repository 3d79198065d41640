import { expect, it } from 'vitest'
import { createRegistry } from '#ingest/registry'
import { subjectName } from '#ingest/ticket-words'
import { device, facility } from '#test/fixtures/registry-records'

/** What a ticket about a device of this name at a facility of that name calls it. */
function called(name: string, place: string): string {
  const registry = createRegistry()
  registry.apply(facility('bin-1', { name: place }), 0)
  registry.apply(device('d-1', { name, facility: 'bin-1' }), 0)
  return subjectName('device:d-1', registry)
}

it('names a device by what it is fitted to and itself', () => {
  expect(called('Fill sensor 7', 'Market bin')).toBe('Market bin · Fill sensor 7')
  expect(called('', 'Market bin')).toBe('Market bin · d-1')
})

it('says a name once where the device is called like its facility, or that and a word more', () => {
  expect(called('马家街149号可回收物桶', '马家街149号可回收物桶')).toBe('马家街149号可回收物桶')
  expect(called('马家街149号桶满溢传感器', '马家街149号桶')).toBe('马家街149号桶满溢传感器')
  expect(called('Market bin, lid', 'Market bin')).toBe('Market bin, lid')
})

it('says both names where one only begins like the other', () => {
  expect(called('Bin 12', 'Bin 1')).toBe('Bin 1 · Bin 12')
  expect(called('Binder', 'Bin')).toBe('Bin · Binder')
})
