import { expect, it } from 'vitest'
import { VISIBLE, written } from '#model/written'

it.each([
  [undefined, null],
  ['', null],
  [' \n\t', null],
  ['\u200b\u200d', null],
  [' \u200b wrong sensor\u200b\n', 'wrong sensor'],
  ['误报', '误报'],
  ['two  words', 'two  words']
])('keeps of %j what can be read', (text, kept) => {
  expect(written(text)).toBe(kept)
  expect(new RegExp(VISIBLE, 'u').test(text ?? '')).toBe(kept !== null)
})
