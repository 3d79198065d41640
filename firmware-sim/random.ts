/** A stream of numbers in [0, 1), the same for the same seed and name on every machine. */
export type Random = () => number

/** FNV-1a: spreads a name over 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

/**
 * The stream of one thing of a seeded city (mulberry32). Every device has its own, so that what one does never depends
 * on how many others there are or in which order they step.
 */
export function randomFor(seed: number, name: string): Random {
  let state = hash(`${seed}/${name}`)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export const between = (random: Random, min: number, max: number): number => min + (max - min) * random()

export const round = (value: number, decimals = 1): number => Number(value.toFixed(decimals))

export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[result[i], result[j]] = [result[j] as T, result[i] as T]
  }
  return result
}

/** How many of something that happens `mean` times on average did happen; for small means (Knuth). */
export function poisson(random: Random, mean: number): number {
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > limit; product *= random()) count++
  return count
}
