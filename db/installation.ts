import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { eq } from 'drizzle-orm'
import type { Database } from './database.ts'
import { installation } from './schema.ts'

/** Proves that somebody stands before a facility: what its printed QR code says, and nobody can make up. */
export interface FacilityCodes {
  /** 128 bits, the same for ever. */
  codeOf(facility: string): string
  isCodeOf(facility: string, code: string): boolean
}

const NAME = 'facility-codes'

/** The secret is made at the first start and kept in the database: printed codes live as long as it does. */
export async function facilityCodes(db: Database): Promise<FacilityCodes> {
  const value = randomBytes(32).toString('base64url')
  await db.insert(installation).values({ name: NAME, value }).onConflictDoNothing()
  const [row] = await db.select().from(installation).where(eq(installation.name, NAME))
  const secret = Buffer.from(row?.value ?? '', 'base64url')
  if (secret.length !== 32) throw new Error('the secret of the facility codes is damaged')
  const digest = (facility: string): Buffer =>
    createHmac('sha256', secret).update(`facility:${facility}`).digest().subarray(0, 16)
  return {
    codeOf: facility => digest(facility).toString('base64url'),
    isCodeOf(facility, code) {
      const given = Buffer.from(code, 'base64url')
      return given.length === 16 && timingSafeEqual(given, digest(facility))
    }
  }
}
