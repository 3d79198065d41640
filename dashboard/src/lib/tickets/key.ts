/** A name for one wish, for the header Idempotency-Key. `randomUUID` is only there over HTTPS; crews also come by plain HTTP. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
