import { describe, expect, it } from 'vitest'
import { createRegistry } from '#ingest/registry'
import { area, device, facility } from '#test/fixtures/registry-records'

describe('the registry', () => {
  it('hands out the newest record of each and what it replaced', () => {
    const registry = createRegistry()
    const first = facility('BIN-1', { name: 'old' })
    expect(registry.apply(first, 1)).toEqual({})
    expect(registry.apply(facility('BIN-1', { name: 'new' }), 2)).toEqual({ previous: first })
    expect(registry.facility('BIN-1')?.name).toBe('new')
    expect([...registry.facilities()]).toHaveLength(1)
    expect(registry.device('BIN-1')).toBeUndefined()
  })

  it('knows which devices a gateway speaks for, as they move', () => {
    const registry = createRegistry()
    registry.apply(device('S-1', { gateway: 'GW-1' }), 1)
    registry.apply(device('S-2', { gateway: 'GW-1' }), 1)
    registry.apply(device('S-1', { gateway: 'GW-2' }), 2)
    registry.apply(device('S-2', { gateway: null }), 3)
    expect(registry.childrenOf('GW-1')).toEqual([])
    expect(registry.childrenOf('GW-2').map(({ id }) => id)).toEqual(['S-1'])
  })
})

describe('bindings', () => {
  it('reach back to the beginning when they are a device’s first', () => {
    const registry = createRegistry()
    const { binding } = registry.apply(device('S-1', { facility: 'BIN-1' }), 100)
    expect(binding).toEqual({ opened: { device: 'S-1', facility: 'BIN-1', from: 0 } })
    expect(registry.bindingsOf('BIN-1')).toEqual([{ device: 'S-1', facility: 'BIN-1', from: 0 }])
  })

  it('close and open at the same moment when a device moves, and keep the past', () => {
    const registry = createRegistry()
    registry.apply(device('S-1', { facility: 'BIN-1' }), 100)
    const { binding } = registry.apply(device('S-1', { facility: 'BIN-2' }), 200)
    expect(binding).toEqual({
      closed: { device: 'S-1', facility: 'BIN-1', from: 0, to: 200 },
      opened: { device: 'S-1', facility: 'BIN-2', from: 200 }
    })
    expect(registry.bindingsOf('BIN-1')).toEqual([{ device: 'S-1', facility: 'BIN-1', from: 0, to: 200 }])
    expect(registry.devicesOf('BIN-1')).toEqual([])
    expect(registry.devicesOf('BIN-2').map(({ id }) => id)).toEqual(['S-1'])
  })

  it('leave a gap while a device is fitted to nothing', () => {
    const registry = createRegistry()
    registry.apply(device('S-1', { facility: 'BIN-1' }), 100)
    expect(registry.apply(device('S-1', { facility: null }), 200).binding).toEqual({
      closed: { device: 'S-1', facility: 'BIN-1', from: 0, to: 200 }
    })
    registry.apply(device('S-1', { facility: 'BIN-1' }), 300)
    expect(registry.bindingsOf('BIN-1')).toEqual([
      { device: 'S-1', facility: 'BIN-1', from: 0, to: 200 },
      { device: 'S-1', facility: 'BIN-1', from: 300 }
    ])
  })

  it('do not change when only a name or an attribute does', () => {
    const registry = createRegistry()
    registry.apply(device('S-1', { facility: 'BIN-1' }), 100)
    expect(registry.apply(device('S-1', { facility: 'BIN-1', name: 'other' }), 200).binding).toBeUndefined()
  })

  it('that never held are forgotten', () => {
    const registry = createRegistry()
    registry.apply(device('S-1', { facility: 'BIN-1' }), 100)
    registry.apply(device('S-1', { facility: 'BIN-2' }), 200)
    const { binding } = registry.apply(device('S-1', { facility: 'BIN-3' }), 200)
    expect(binding?.closed).toEqual({ device: 'S-1', facility: 'BIN-2', from: 200, to: 200 })
    expect(registry.bindingsOf('BIN-2')).toEqual([])
    expect(registry.bindingsOf('BIN-3')).toEqual([{ device: 'S-1', facility: 'BIN-3', from: 200 }])
  })
})

describe('areas', () => {
  function tree() {
    const registry = createRegistry()
    registry.apply(area('city', { kind: 'city' }), 1)
    registry.apply(area('east', { kind: 'district', parent: 'city' }), 1)
    registry.apply(area('grid-7', { kind: 'grid', parent: 'east' }), 1)
    return registry
  }

  it('lie in all that is above them, and in themselves', () => {
    const registry = tree()
    expect(registry.areaPath('grid-7').map(({ id }) => id)).toEqual(['grid-7', 'east', 'city'])
    expect(registry.isUnder('grid-7', 'city')).toBe(true)
    expect(registry.isUnder('grid-7', 'grid-7')).toBe(true)
    expect(registry.isUnder('city', 'grid-7')).toBe(false)
  })

  it('belong to one district, or to none above it', () => {
    const registry = tree()
    expect(registry.districtOf('grid-7')?.id).toBe('east')
    expect(registry.districtOf('east')?.id).toBe('east')
    expect(registry.districtOf('city')).toBeUndefined()
    expect(registry.districtOf('nowhere')).toBeUndefined()
  })

  it('that contain each other do not hang anything', () => {
    const registry = tree()
    registry.apply(area('city', { kind: 'city', parent: 'grid-7' }), 2)
    expect(registry.areaPath('grid-7').map(({ id }) => id)).toEqual(['grid-7', 'east', 'city'])
  })
})
