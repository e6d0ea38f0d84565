import { fileTypeFromBuffer } from 'file-type'
import { extensionOf } from './names.ts'
import { pagesOf } from './pages.ts'
import { beginningOf, type ZipEntry, ZipFault, zipEntries } from './zip.ts'

/**
 * What may be handed in (ASVS 5.2): the extension must be in this list and the content must be what it says; what is stored and
 * sent as Content-Type is decided by the content.
 */
export const fileKinds = {
  pdf: { label: 'PDF', type: 'application/pdf', extensions: ['pdf'], preview: 'pdf' },
  jpg: { label: 'JPG 图片', type: 'image/jpeg', extensions: ['jpg', 'jpeg'], preview: 'image' },
  png: { label: 'PNG 图片', type: 'image/png', extensions: ['png'], preview: 'image' },
  docx: {
    label: 'Word 文档（docx）',
    type: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    extensions: ['docx'],
    preview: undefined,
  },
  xlsx: {
    label: 'Excel 表格（xlsx）',
    type: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    extensions: ['xlsx'],
    preview: undefined,
  },
} as const satisfies Record<string, FileFacts>

interface FileFacts {
  label: string
  type: string
  extensions: readonly string[]
  /** How a page shows it in place; other kinds are only downloaded. */
  preview: 'pdf' | 'image' | undefined
}
export type FileKind = keyof typeof fileKinds

/** The largest file, in bytes. */
export const mostBytes = 20 * 1024 * 1024
export const accepted = Object.values(fileKinds).flatMap(kind => [...kind.extensions])

/** The kind a Content-Type we stored belongs to. */
export function kindOfType(type: string): FileKind | undefined {
  return kindNames.find(kind => fileKinds[kind].type === type)
}

export type Verdict = { ok: true; type: string; extension: string; pages: number | null } | { ok: false; sentence: string }

/**
 * Why a name cannot be accepted whatever is in the file, with the way out; nothing where it can.
 * @param only the one kind that is taken, where it is one
 */
export function nameMistake(name: string, only?: FileKind): string | undefined {
  const extension = extensionOf(name)
  const kind = kindOfExtension(extension)
  if (only && kind !== only) return `“${name}”不是 ${fileKinds[only].label}，请另存为 ${only} 再传。`
  if (kind) return undefined
  if (!extension) return `“${name}”没有扩展名，系统认不出格式。请改成 pdf、jpg、png、docx 或 xlsx 再传。`
  return `“${name}”不是可接受的格式，请${remedies[extension] ?? '转成 pdf、jpg、png、docx 或 xlsx '}再传。`
}

const remedies: Record<string, string> = {
  ...Object.fromEntries(['heic', 'heif', 'webp', 'gif', 'bmp', 'tif', 'tiff'].map(name => [name, '转成 jpg '])),
  ...Object.fromEntries(['doc', 'wps', 'rtf', 'docm', 'odt'].map(name => [name, '另存为 docx 或 pdf '])),
  ...Object.fromEntries(['xls', 'et', 'csv', 'xlsm', 'ods'].map(name => [name, '另存为 xlsx '])),
  ...Object.fromEntries(['ppt', 'pptx', 'ofd'].map(name => [name, '另存为 pdf '])),
  ...Object.fromEntries(['zip', 'rar', '7z', 'gz', 'tar'].map(name => [name, '解压后逐个'])),
}

/** Looks into a whole file and says what it is, or in one sentence why it cannot be accepted and what to do. */
export async function inspect(bytes: Buffer, name: string, only?: FileKind): Promise<Verdict> {
  const extension = extensionOf(name)
  const stated = kindOfExtension(extension)
  const refuse = (text: string): Verdict => ({ ok: false, sentence: `“${name}”${text}` })
  if (!stated) return { ok: false, sentence: nameMistake(name, only) ?? '' }
  if (!bytes.length) return refuse('是空文件（0 字节），请重新导出后上传。')
  try {
    const found = isZip(bytes) ? await officeKind(bytes, only) : await plainKind(bytes)
    const { label } = fileKinds[stated]
    if (found === 'locked') return refuse(`加了打开密码，或是旧格式。请去掉密码，另存为 ${extension} 后上传。`)
    if (!found) return refuse(`的内容不是 ${label}，请重新导出后上传。`)
    if (found !== stated)
      return refuse(`的内容是 ${fileKinds[found].label}，不是 ${label}。请把扩展名改成 ${found}，或重新导出后上传。`)
    return { ok: true, type: fileKinds[found].type, extension, pages: found === 'pdf' ? await pagesOf(bytes) : null }
  } catch (error) {
    if (error instanceof Unfit) return refuse(error.message)
    if (error instanceof ZipFault) return refuse(faults[error.fault](fileKinds[stated].label, extension, only))
    throw error
  }
}

const kindNames = Object.keys(fileKinds) as FileKind[] // Object.keys forgets the literal types

function kindOfExtension(extension: string): FileKind | undefined {
  return kindNames.find(kind => (fileKinds[kind].extensions as readonly string[]).includes(extension))
}

const isZip = (bytes: Buffer) => bytes.length > 4 && bytes.readUInt32LE(0) === 0x04034b50

/** PDF and pictures by their first bytes. `locked`: the container Office puts around a document with a password, and around old formats. */
async function plainKind(bytes: Buffer): Promise<FileKind | 'locked' | undefined> {
  const found = await fileTypeFromBuffer(bytes.subarray(0, 4100)).catch(() => undefined)
  if (found?.ext === 'cfb') return 'locked'
  return kindNames.find(kind => kind === found?.ext)
}

// ── Documents that are archives ────────────────────────────────────────────────────────────────────

/** The archive is sound, but holds what a document handed in may not hold. The message is the end of the sentence. */
class Unfit extends Error {}

const limits = { entries: 2000, unpacked: 200 * 1024 * 1024 }
const mainParts: readonly [FileKind, string][] = [
  ['docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'],
  ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'],
]
const faults: Record<ZipFault['fault'], (label: string, extension: string, only?: FileKind) => string> = {
  locked: (_label, extension) => `里有加密的内容。请去掉密码，另存为 ${extension} 后上传。`,
  bomb: (_label, _extension, only) =>
    `解压后超过 ${limits.unpacked / 1024 / 1024} MB 或 ${limits.entries} 个部分。请删去多余内容${orPdf(only)}后上传。`,
  broken: label => `已损坏，不是完整的 ${label}。请重新导出后上传。`,
}

/** Paper is a way out, except where only one kind will do. */
const orPdf = (only?: FileKind) => (only ? '' : '，或另存为 pdf ')

const macros = /(^|\/)(vbaProject|vbaData)|macrosheets\//i
const nested = /\.(zip|rar|7z|gz|tar|jar|docx?|docm|xlsx?|xlsm|xlsb|pptx?|exe|dll|com|scr|msi|bat|cmd|ps1|vbs|jse?|wsf|hta|lnk)$/i
/** Archives, programs and the container of embedded objects, by their first bytes, whatever they are called. */
const foreign = ['504b0304', '526172211a07', '377abcaf271c', '4d5a', '7f454c46', 'd0cf11e0a1b11ae1']

/** Which document an archive is, by the type of its main part; nothing where it is another archive. Every part is unpacked once and counted. */
async function officeKind(bytes: Buffer, only?: FileKind): Promise<FileKind | undefined> {
  const entries = zipEntries(bytes, limits)
  const types = entries.find(entry => entry.name === '[Content_Types].xml')
  if (!types) return undefined
  if (entries.some(entry => macros.test(entry.name))) throw new Unfit(withoutMacros(only))
  for (const entry of entries) await assertPlain(bytes, entry, only)
  const stated = typesIn((await beginningOf(bytes, types, 1024 * 1024)).toString('utf8'))
  if ([...stated].some(type => /macro|vbaProject/i.test(type))) throw new Unfit(withoutMacros(only))
  const found = mainParts.filter(([, type]) => stated.has(type))
  return found.length === 1 ? found[0]?.[0] : undefined
}

const withoutMacros = (only?: FileKind) => `含有宏，不能上传。请另存为不含宏的 ${only ?? 'docx、xlsx 或 pdf'} 后上传。`

async function assertPlain(bytes: Buffer, entry: ZipEntry, only?: FileKind): Promise<void> {
  const start = (await beginningOf(bytes, entry, 8)).toString('hex')
  const [last = entry.name] = entry.name.split('/').slice(-1)
  if (nested.test(entry.name) || foreign.some(signature => start.startsWith(signature)))
    throw new Unfit(`里嵌有其他文件（${last.slice(0, 40)}），不能上传。请删去嵌入的内容${orPdf(only)}后上传。`)
}

function typesIn(xml: string): Set<string> {
  return new Set([...xml.matchAll(/\bContentType\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(([, one, other]) => one ?? other ?? ''))
}
