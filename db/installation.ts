import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { eq } from 'drizzle-orm'
import { codeFrom } from '#model/report-follow'
import type { Database } from './database.ts'
import { installation } from './schema.ts'

/** Proves that somebody stands before a facility: what its printed QR code says, and nobody can make up. */
export interface FacilityCodes {
  /** 128 bits, the same for ever. */
  codeOf(facility: string): string
  isCodeOf(facility: string, code: string): boolean
}

/** The secret is made at the first start and kept in the database: printed codes live as long as it does. */
export async function facilityCodes(db: Database): Promise<FacilityCodes> {
  const secret = await secretOf(db, 'facility-codes')
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

/** By what a reporter follows a report: 60 bits nobody can guess, the same whenever somebody asks who may see it. */
export interface ReportCodes {
  codeOf(report: string): string
  /** What is kept of a code where reports are looked up. */
  hashOf(code: string): string
}

export async function reportCodes(db: Database): Promise<ReportCodes> {
  const secret = await secretOf(db, 'report-codes')
  return {
    codeOf: report => codeFrom(createHmac('sha256', secret).update(`report:${report}`).digest()),
    hashOf: code => createHash('sha256').update(code).digest('hex')
  }
}

/** 256 random bits under a name, made when they are first asked for and kept. */
async function secretOf(db: Database, name: string): Promise<Buffer> {
  const value = randomBytes(32).toString('base64url')
  await db.insert(installation).values({ name, value }).onConflictDoNothing()
  const [row] = await db.select().from(installation).where(eq(installation.name, name))
  const secret = Buffer.from(row?.value ?? '', 'base64url')
  if (secret.length !== 32) throw new Error(`the secret of the ${name} is damaged`)
  return secret
}
