/**
 * What this phone keeps in its own database, for where there is no signal: `seen` tickets as they were last read, each under
 * its id, and `photos` that have not been sent. Everything here rejects where a browser keeps nothing.
 */
const NAME = 'mingjie'
const SHELVES = ['seen', 'photos'] as const
type ShelfName = (typeof SHELVES)[number]

let opened: Promise<IDBDatabase> | undefined

const answerOf = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('the database of this phone failed'))
  })

function open(): Promise<IDBDatabase> {
  return (opened ??= (async () => {
    const request = indexedDB.open(NAME, 1)
    request.onupgradeneeded = () => {
      for (const shelf of SHELVES) request.result.createObjectStore(shelf)
    }
    const database = await answerOf(request)
    // The browser took it away, or another tab brings a new shape: it is opened anew when it is needed.
    database.onclose = () => (opened = undefined)
    database.onversionchange = () => {
      database.close()
      opened = undefined
    }
    return database
  })().catch((error: unknown) => {
    opened = undefined
    throw error
  }))
}

async function change(name: ShelfName, work: (shelf: IDBObjectStore) => void): Promise<void> {
  const transaction = (await open()).transaction(name, 'readwrite')
  work(transaction.objectStore(name))
  await new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onerror = transaction.onabort = () =>
      reject(transaction.error ?? new Error('this phone has no room'))
  })
}
const read = async (name: ShelfName): Promise<IDBObjectStore> =>
  (await open()).transaction(name).objectStore(name)

/** Resolves when it is on the phone. */
export const putAway = (shelf: ShelfName, key: string, value: unknown): Promise<void> =>
  change(shelf, store => store.put(value, key))
export const takeOut = async (shelf: ShelfName, key: string): Promise<unknown> =>
  answerOf(await read(shelf).then(store => store.get(key) as IDBRequest<unknown>))
export const takeAll = async (shelf: ShelfName): Promise<unknown[]> =>
  answerOf(await read(shelf).then(store => store.getAll() as IDBRequest<unknown[]>))
export const keysOf = async (shelf: ShelfName): Promise<string[]> =>
  (await answerOf(await read(shelf).then(store => store.getAllKeys()))).map(String)
export const throwAway = (shelf: ShelfName, keys: readonly string[]): Promise<void> =>
  change(shelf, store => keys.forEach(key => store.delete(key)))
export const clearShelf = (shelf: ShelfName): Promise<void> => change(shelf, store => store.clear())
