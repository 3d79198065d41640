import { describe, expect, it } from 'vitest'
import type { NormalisedRecord } from '#ingest/reading'
import { quarantineBasket, ROWS_A_DEVICE } from '#ingest/quarantine-rows'

const bad = (seq: number, device: string, rejects = 1): NormalisedRecord => ({
  seq,
  receivedAt: 0,
  kind: 'telemetry',
  deviceId: device,
  reports: [],
  rejects: Array.from({ length: rejects }, () => ({
    device,
    reason: 'not-json',
    path: '',
    detail: 'broken'
  })),
  payload: Buffer.alloc(10_000, 'x')
})

describe('the quarantine', () => {
  it('keeps all bytes of a message once, and excerpts beside', () => {
    const basket = quarantineBasket()
    basket.add(bad(1, 'a', 2))
    expect(basket.rows().map(row => row.payload.length)).toEqual([10_000, 4096])
  })

  it('is bounded per device and says how much it left out, without touching others', () => {
    const basket = quarantineBasket()
    for (let seq = 1; seq <= ROWS_A_DEVICE + 7; seq++) basket.add(bad(seq, 'noisy'))
    basket.add(bad(500, 'quiet'))
    const rows = basket.rows()
    expect(rows.filter(row => row.device === 'noisy')).toHaveLength(ROWS_A_DEVICE)
    expect(rows[ROWS_A_DEVICE - 1]?.detail).toContain('7 more')
    expect(rows.at(-1)).toMatchObject({ device: 'quiet', detail: 'broken' })
    expect(basket.leftOut()).toBe(7)
    basket.empty()
    expect(basket.rows()).toEqual([])
  })
})
