import { describe, expect, it } from 'vitest'
import { AppError } from '#model/errors'
import { failureText } from '../../scripts/open-data.ts'

const ofFile = (code: string, path?: string) => Object.assign(new Error(`${code}: said so`), { code, path })

describe('what a script says of a failure', () => {
  it('is a line where the caller can mend it: their words, their file, their disk', () => {
    expect(failureText(new AppError('not-found', 'There is no x.'))).toBe('There is no x.')
    expect(failureText(ofFile('ERR_PARSE_ARGS_UNKNOWN_OPTION'))).toBe(
      'ERR_PARSE_ARGS_UNKNOWN_OPTION: said so'
    )
    expect(failureText(ofFile('EACCES', '/from/x.mjb'))).toMatch(/^\/from\/x\.mjb may not be opened .*EACCES/)
    expect(failureText(ofFile('ENOSPC'))).toMatch(/disk is full: ENOSPC/)
  })

  it('is the whole of a fault of ours, with its stack', () => {
    const fault = new TypeError('no such thing')
    expect(failureText(fault)).toBe(fault)
    expect(failureText(undefined)).toBe(undefined)
  })
})
