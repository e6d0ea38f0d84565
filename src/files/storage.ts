import fs from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { config } from '../config.ts'
import { randomCode } from '../crypto.ts'

/**
 * Where the bytes of files lie. Nothing but this file knows that it is a disk; an object storage would be a second class here,
 * chosen by a setting. Content never changes under its key.
 */
export interface Storage {
  /** Keeps what arrives, whole or not at all. @returns its key @throws when it could not be kept; nothing is left then */
  put(content: AsyncIterable<Uint8Array>): Promise<string>
  /** What lies under a key, or the bytes from `start` to `end`, both included; nothing where there is none. */
  open(key: string, range?: ByteRange): Promise<Readable | undefined>
  /** How many bytes lie under a key, or nothing where there is none. */
  size(key: string): Promise<number | undefined>
  /** Forgets a key; one that is not there is no mistake. */
  remove(key: string): Promise<void>
  /** Every key, with the milliseconds since it was put. */
  list(): AsyncGenerator<{ key: string; age: number }>
  /** Removes what was begun more than `age` milliseconds ago and never finished. @returns how much of it */
  clear(age: number): Promise<number>
}

export interface ByteRange {
  start: number
  end: number
}

const keys = /^[\w-]{32}$/
const unfinished = /^[\w-]{32}\.part$/

/**
 * A folder. Content is written under another name beside its place, flushed and then renamed, so that neither a cut upload nor a
 * full disk leaves half a file. Two letters of the random key make the folder, so none grows too long to read.
 */
export class DiskStorage implements Storage {
  #root: string

  constructor(root: string) {
    this.#root = root
  }

  async put(content: AsyncIterable<Uint8Array>): Promise<string> {
    const key = randomCode(24)
    const file = this.#fileOf(key)
    const part = `${file}.part`
    const made = await fs.mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    if (made) await flushFolder(path.dirname(made))
    try {
      await writeWhole(part, content)
      await fs.rename(part, file)
    } catch (error) {
      // What cannot be removed now is cleared later; the reason that counts is the first.
      await fs.rm(part, { force: true }).catch(() => undefined)
      throw error
    }
    await flushFolder(path.dirname(file))
    return key
  }

  async open(key: string, range?: ByteRange): Promise<Readable | undefined> {
    const handle = await orNothing(fs.open(this.#fileOf(key)))
    return handle?.createReadStream(range)
  }

  async size(key: string): Promise<number | undefined> {
    return (await orNothing(fs.stat(this.#fileOf(key))))?.size
  }

  async remove(key: string): Promise<void> {
    await fs.rm(this.#fileOf(key), { force: true })
  }

  async *list(): AsyncGenerator<{ key: string; age: number }> {
    for await (const { name, age } of this.#files()) if (keys.test(name)) yield { key: name, age }
  }

  async clear(age: number): Promise<number> {
    let cleared = 0
    for await (const found of this.#files()) {
      if (!unfinished.test(found.name) || found.age < age) continue
      await fs.rm(found.file, { force: true })
      cleared++
    }
    return cleared
  }

  async *#files(): AsyncGenerator<{ name: string; file: string; age: number }> {
    for (const folder of (await orNothing(fs.readdir(this.#root))) ?? []) {
      if (!/^[\w-]{2}$/.test(folder)) continue
      for (const name of await fs.readdir(path.join(this.#root, folder))) {
        const file = path.join(this.#root, folder, name)
        const found = await orNothing(fs.stat(file))
        // The file system has its own clock, which nobody shifts.
        if (found) yield { name, file, age: Date.now() - found.mtimeMs }
      }
    }
  }

  #fileOf(key: string): string {
    if (!keys.test(key)) throw new Error('not a storage key')
    return path.join(this.#root, key.slice(0, 2), key)
  }
}

/** The storage of the portal. */
export let storage: Storage = new DiskStorage(path.join(config.dataDir, 'files'))

/** Puts another storage in its place. */
export function useStorage(other: Storage): void {
  storage = other
}

async function writeWhole(file: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await fs.open(file, 'wx', 0o600)
  try {
    await fs.writeFile(handle, content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes the names in a folder survive a power cut. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Nothing instead of an error, where a file or folder is not there. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
