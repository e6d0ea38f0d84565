import { promisify } from 'node:util'
import { inflate } from 'node:zlib'

const unpack = promisify(inflate)

// Enough for any honest paper of 20 MB; beyond it the number is simply not known.
const most = { nodes: 2000, streams: 2000, node: 64 * 1024, unpacked: 64 * 1024 * 1024, pages: 100_000 }

/**
 * How many pages a PDF has, or nothing where a light look does not tell. The root of the page tree counts all pages beneath it, so
 * the largest count of any node is the number; newer files hold the tree in packed object streams.
 */
export async function pagesOf(bytes: Buffer): Promise<number | null> {
  const [nodes, streams] = [placesOf(bytes, '/Pages', most.nodes), placesOf(bytes, '/ObjStm', most.streams)]
  if (!nodes || !streams) return null
  let pages = Math.max(0, ...nodes.map(at => countIn(objectAround(bytes, at))))
  let room = most.unpacked
  for (const at of streams) {
    const objects = await objectsPackedAt(bytes, at, room)
    room -= objects.reduce((sum, object) => sum + object.length, 0)
    for (const object of objects) pages = Math.max(pages, countIn(object))
  }
  return pages > 0 && pages <= most.pages ? pages : null
}

/** What a node of the page tree says it counts; 0 for any other object. */
function countIn(object: string): number {
  return /\/Type\s*\/Pages\b/.test(object) ? Number(/\/Count\s+(\d{1,7})\b/.exec(object)?.[1] ?? 0) : 0
}

/** Where a word stands; nothing when it stands in more places than any honest file has it. */
function placesOf(bytes: Buffer, word: string, limit: number): number[] | undefined {
  const places: number[] = []
  for (let at = bytes.indexOf(word, 0, 'latin1'); at >= 0; at = bytes.indexOf(word, at + 1, 'latin1')) {
    if (places.length === limit) return undefined
    places.push(at)
  }
  return places
}

/** The object a place lies in, '' where its ends are not near. */
function objectAround(bytes: Buffer, at: number): string {
  const from = Math.max(0, at - most.node)
  const begin = bytes.subarray(from, at).lastIndexOf(' obj', undefined, 'latin1')
  const end = bytes.subarray(at, at + most.node).indexOf('endobj', 0, 'latin1')
  return begin < 0 || end < 0 ? '' : bytes.toString('latin1', from + begin, at + end)
}

/** The objects of the packed stream whose dictionary holds the place. Its text begins with pairs of number and place. */
async function objectsPackedAt(bytes: Buffer, at: number, room: number): Promise<string[]> {
  const near = bytes.toString('latin1', Math.max(0, at - 512), at + 512)
  const middle = Math.min(at, 512)
  const open = near.indexOf('stream', middle)
  const first = Number(/\/First\s+(\d{1,9})\b/.exec(near.slice(near.lastIndexOf('<<', middle), open))?.[1] ?? 0)
  if (open < 0 || !first || room <= 0) return []
  const from = at - middle + open + (near[open + 6] === '\r' ? 8 : 7)
  const end = bytes.indexOf('endstream', from, 'latin1')
  if (end < 0) return []
  try {
    const text = (await unpack(bytes.subarray(from, end), { maxOutputLength: room })).toString('latin1')
    const places = text
      .slice(0, first)
      .trim()
      .split(/\s+/)
      .filter((_, index) => index % 2 === 1)
      .map(Number)
    return places.map((place, index) => text.slice(first + place, first + (places[index + 1] ?? text.length)))
  } catch {
    // Encrypted, or packed in another way: then the number is not known.
    return []
  }
}
