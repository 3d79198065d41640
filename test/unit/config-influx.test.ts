import { describe, expect, it } from 'vitest'
import { readConfig } from '../../config.ts'

const faultsOf = (env: Record<string, string>): string => {
  try {
    readConfig(env)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

describe('where telemetry is kept', () => {
  it('is Postgres when nothing is said', () => {
    expect(readConfig({}).influx).toBeUndefined()
  })

  it('is InfluxDB when INFLUX_URL names one, in bucket mingjie unless told', () => {
    expect(readConfig({ INFLUX_URL: 'http://influx:8086/' }).influx).toEqual({
      url: 'http://influx:8086',
      token: undefined,
      org: undefined,
      bucket: 'mingjie'
    })
    const all = { INFLUX_URL: 'https://a/b', INFLUX_TOKEN: 't', INFLUX_ORG: 'o', INFLUX_BUCKET: 'c' }
    expect(readConfig(all).influx).toEqual({ url: 'https://a/b', token: 't', org: 'o', bucket: 'c' })
  })

  it.each(['influx:8086', 'udp://influx:8086', 'http://user:pass@influx', 'http://influx/?db=x'])(
    'is not %s, and the fault says how it must look',
    url => {
      expect(faultsOf({ INFLUX_URL: url })).toContain('INFLUX_URL must be like http://127.0.0.1:8086')
    }
  )

  it('is not said by half, and that is told along with every other fault', () => {
    const faults = faultsOf({ INFLUX_TOKEN: 't', INFLUX_ORG: 'o', HTTP_PORT: 'x' })
    expect(faults).toContain('INFLUX_TOKEN, INFLUX_ORG without INFLUX_URL')
    expect(faults).toContain('HTTP_PORT')
  })
})
