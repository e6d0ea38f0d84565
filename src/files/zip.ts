import { Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'

/** What is wrong with an archive. */
export class ZipFault extends Error {
  /** `locked`: it wants a password; `bomb`: it unpacks to more than it may; `broken`: anything else. */
  fault: 'locked' | 'bomb' | 'broken'
  constructor(fault: ZipFault['fault']) {
    super(fault)
    this.name = 'ZipFault'
    this.fault = fault
  }
}

export interface ZipEntry {
  name: string
  method: number
  packed: number
  unpacked: number
  offset: number
}

const endSignature = 0x06054b50
const entrySignature = 0x02014b50
const localSignature = 0x04034b50
const endLength = 22
const longestComment = 0xffff

/** How many entries an archive may have and how many bytes they may unpack to, all together. */
export interface ZipLimits {
  entries: number
  unpacked: number
}

/**
 * The entries of an archive, read off its central directory. Archives in several parts, in the format for more than 4 GB, with a
 * password, or with something before or between their parts are refused: documents have none of these.
 * @throws ZipFault
 */
export function zipEntries(bytes: Buffer, limits: ZipLimits): ZipEntry[] {
  const end = endOf(bytes)
  const count = bytes.readUInt16LE(end + 10)
  const length = bytes.readUInt32LE(end + 12)
  const start = bytes.readUInt32LE(end + 16)
  const inOnePart = bytes.readUInt32LE(end + 4) === 0 && bytes.readUInt16LE(end + 8) === count
  if (!inOnePart || start + length !== end) throw new ZipFault('broken')
  if (count > limits.entries) throw new ZipFault('bomb')
  const entries: ZipEntry[] = []
  let at = start
  while (at < end) {
    if (at + 46 > end || bytes.readUInt32LE(at) !== entrySignature) throw new ZipFault('broken')
    const nameLength = bytes.readUInt16LE(at + 28)
    const restLength = bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
    if (bytes.readUInt16LE(at + 8) & 1) throw new ZipFault('locked')
    entries.push({
      name: bytes.toString('utf8', at + 46, at + 46 + nameLength),
      method: bytes.readUInt16LE(at + 10),
      packed: bytes.readUInt32LE(at + 20),
      unpacked: bytes.readUInt32LE(at + 24),
      offset: bytes.readUInt32LE(at + 42),
    })
    at += 46 + nameLength + restLength
  }
  if (at !== end || entries.length !== count) throw new ZipFault('broken')
  if (entries.reduce((sum, entry) => sum + entry.unpacked, 0) > limits.unpacked) throw new ZipFault('bomb')
  return entries
}

function endOf(bytes: Buffer): number {
  const from = Math.max(0, bytes.length - endLength - longestComment)
  for (let at = bytes.length - endLength; at >= from; at--)
    if (bytes.readUInt32LE(at) === endSignature && at + endLength + bytes.readUInt16LE(at + 20) === bytes.length) return at
  throw new ZipFault('broken')
}

/**
 * Unpacks an entry and throws it away but for its beginning.
 * @param keep how many bytes of the beginning are wanted
 * @throws ZipFault
 */
export async function beginningOf(bytes: Buffer, entry: ZipEntry, keep: number): Promise<Buffer> {
  const kept: Buffer[] = []
  let room = keep
  for await (const piece of contentOf(bytes, entry)) {
    if (room > 0) kept.push(Buffer.from(piece.subarray(0, room)))
    room -= piece.length
  }
  return Buffer.concat(kept)
}

/**
 * What an entry unpacks to, piece by piece. The sizes an archive states can lie, so what really comes out is counted, and must be
 * what was stated.
 * @throws ZipFault as soon as more comes than was stated, or at the end
 */
export async function* contentOf(bytes: Buffer, entry: ZipEntry): AsyncGenerator<Buffer> {
  let size = 0
  try {
    for await (const piece of unpackedPieces(packedBytes(bytes, entry), entry)) {
      size += piece.length
      if (size > entry.unpacked) throw new ZipFault('bomb')
      yield piece
    }
  } catch (error) {
    // What zlib says of a damaged stream; a fault of the reader's own passes.
    throw error instanceof Error && 'errno' in error ? new ZipFault('broken') : error
  }
  if (size !== entry.unpacked) throw new ZipFault('broken')
}

function unpackedPieces(packed: Buffer, { method }: ZipEntry): AsyncIterable<Buffer> {
  const packedOnce = Readable.from([packed])
  return method === 0 ? packedOnce : packedOnce.pipe(createInflateRaw())
}

function packedBytes(bytes: Buffer, { name, method, packed, offset }: ZipEntry): Buffer {
  const isThere = offset + 30 <= bytes.length && bytes.readUInt32LE(offset) === localSignature
  if (!isThere || (method !== 0 && method !== 8)) throw new ZipFault('broken')
  const from = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28)
  const localName = bytes.toString('utf8', offset + 30, offset + 30 + bytes.readUInt16LE(offset + 26))
  if (localName !== name || from + packed > bytes.length) throw new ZipFault('broken')
  return bytes.subarray(from, from + packed)
}
