import { crc32, deflateRawSync } from 'node:zlib'
import ExcelJS from 'exceljs'

/** Workbooks for the tests of imports: honest ones, and such as nobody should send. */

type Value = ExcelJS.CellValue

/** A workbook of sheets of rows; `more` is done with each sheet before it is written. */
export async function book(
  sheets: Record<string, Value[][]>,
  more: (sheet: ExcelJS.Worksheet) => void = () => undefined,
): Promise<Buffer> {
  const made = new ExcelJS.Workbook()
  for (const [name, rows] of Object.entries(sheets)) {
    const sheet = made.addWorksheet(name)
    for (const row of rows) sheet.addRow(row)
    more(sheet)
  }
  return Buffer.from(await made.xlsx.writeBuffer())
}

export interface Part {
  name: string
  content: string | Buffer
  /** What the archive states of it, where that is a lie. */
  stated?: number
}

/** An archive of parts. */
export function zip(parts: Part[]): Buffer {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let offset = 0
  for (const { name, content, stated } of parts) {
    const plain = Buffer.from(content)
    const packed = deflateRawSync(plain, { level: 9 })
    const title = Buffer.from(name)
    const facts = Buffer.alloc(26)
    facts.writeUInt16LE(20, 0)
    facts.writeUInt16LE(8, 4)
    facts.writeUInt32LE(crc32(plain), 10)
    facts.writeUInt32LE(packed.length, 14)
    facts.writeUInt32LE(stated ?? plain.length, 18)
    facts.writeUInt16LE(title.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), facts, title, packed])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    entries.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), facts, tail, title]))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(parts.length, 4)
  end.writeUInt16LE(parts.length, 6)
  end.writeUInt32LE(directory.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06', 'latin1'), end])
}

const types =
  '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const relations = (...targets: [type: string, target: string][]) =>
  `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${targets
    .map(([type, target], at) => `<Relationship Id="rId${at + 1}" Type="${office}/${type}" Target="${target}"/>`)
    .join('')}</Relationships>`

export interface Raw {
  /** What stands between the tags of the sheet. */
  sheet: string
  /** What stands between the tags of the shared texts. */
  texts?: string
  /** What stands in the workbook beside its sheets. */
  workbook?: string
  /** What stands before the root of the sheet. */
  prolog?: string
  more?: Part[]
  change?: (part: Part) => Part
}

/** A workbook of one sheet, written by hand. */
export function rawBook({ sheet, texts, workbook = '', prolog = '', more = [], change = part => part }: Raw): Buffer {
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
  const parts: Part[] = [
    { name: '[Content_Types].xml', content: types },
    { name: '_rels/.rels', content: relations(['officeDocument', 'xl/workbook.xml']) },
    {
      name: 'xl/workbook.xml',
      content: `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="资料" sheetId="1" r:id="rId1"/></sheets>${workbook}</workbook>`,
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      content: relations(['worksheet', 'worksheets/sheet1.xml'], ['sharedStrings', 'sharedStrings.xml']),
    },
    {
      name: 'xl/worksheets/sheet1.xml',
      content: `<?xml version="1.0"?>${prolog}<worksheet xmlns="${main}">${sheet}</worksheet>`,
    },
    { name: 'xl/sharedStrings.xml', content: `<sst xmlns="${main}">${texts ?? '<si><t>名称</t></si>'}</sst>` },
    ...more,
  ]
  return zip(parts.map(change))
}

const inline = (text: string) => `<c t="inlineStr"><is><t>${text}</t></is></c>`
const rowsOf = (count: number, cells: string) =>
  Array.from({ length: count }, (_, at) => `<row r="${at + 1}">${cells}</row>`).join('')
const small = `<sheetData><row r="1">${inline('名称')}</row><row r="2">${inline('历下')}</row></sheetData>`

/** Files that were made to take all memory or time (security.md F1), and what is said of them; '' where they are read. */
export const hostile: Record<string, { bytes: () => Buffer; says: RegExp | '' }> = {
  'a merged range over the whole sheet': {
    bytes: () => rawBook({ sheet: `${small}<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>` }),
    says: '',
  },
  'a validation over the whole sheet': {
    bytes: () =>
      rawBook({
        sheet: `${small}<dataValidations count="1"><dataValidation type="list" sqref="A1:XFD1048576"><formula1>"a,b"</formula1></dataValidation></dataValidations>`,
      }),
    says: '',
  },
  'a name over the whole sheet': {
    bytes: () =>
      rawBook({
        sheet: small,
        workbook: '<definedNames><definedName name="all">资料!$A$1:$XFD$1048576</definedName></definedNames>',
      }),
    says: '',
  },
  'a part that unpacks to more than it says': {
    bytes: () =>
      rawBook({
        sheet: small + ' '.repeat(300_000_000),
        change: part => (part.name.includes('sheet1') ? { ...part, stated: 1000 } : part),
      }),
    says: /解压后超过 50 MB/,
  },
  'a part of 300 MB that says so': { bytes: () => rawBook({ sheet: small + ' '.repeat(300_000_000) }), says: /解压后超过 50 MB/ },
  'parts at addresses that are none': {
    bytes: () =>
      rawBook({
        sheet: small,
        change: part =>
          part.name === 'xl/_rels/workbook.xml.rels' ? { ...part, content: relations(['worksheet', '%E0%A4%A']) } : part,
      }),
    says: /文件已损坏/,
  },
  'parts on another host that is none': {
    bytes: () =>
      rawBook({
        sheet: small,
        change: part =>
          part.name === 'xl/_rels/workbook.xml.rels' ? { ...part, content: relations(['worksheet', 'http://[::bad']) } : part,
      }),
    says: /文件已损坏/,
  },
  'more parts than a workbook has': {
    bytes: () =>
      rawBook({ sheet: small, more: Array.from({ length: 300 }, (_, at) => ({ name: `xl/media/${at}.png`, content: '' })) }),
    says: /200 个部分/,
  },
  'a long shared text in every cell': {
    bytes: () =>
      rawBook({
        texts: `<si><t>${'字'.repeat(4900)}</t></si>`,
        sheet: `<sheetData>${rowsOf(20_000, '<c t="s"><v>0</v></c>'.repeat(20))}</sheetData>`,
      }),
    says: /超过 1000 万字/,
  },
  'a million shared texts': {
    bytes: () => rawBook({ texts: '<si><t>一二三四五六七八九十甲乙</t></si>'.repeat(900_000), sheet: small }),
    says: /超过 1000 万字/,
  },
  'a text of 40 MB in one cell': {
    bytes: () => rawBook({ sheet: `<sheetData><row r="1">${inline('x'.repeat(40_000_000))}</row></sheetData>` }),
    says: '',
  },
  'an attribute of 40 MB': {
    bytes: () => rawBook({ sheet: `<sheetData><row r="1"><c r="${'A'.repeat(40_000_000)}1"><v>1</v></c></row></sheetData>` }),
    says: /损坏|太大/,
  },
  'elements in elements ten million deep': {
    bytes: () => rawBook({ sheet: '<a>'.repeat(10_000_000) }),
    says: /损坏|太大/,
  },
  'a million rows': {
    bytes: () => rawBook({ sheet: `<sheetData>${rowsOf(1_000_000, '<c><v>1</v></c>')}</sheetData>` }),
    says: /超过 20,020 行/,
  },
  'a million empty rows with a format': {
    bytes: () => rawBook({ sheet: `<sheetData>${rowsOf(1_000_000, '<c s="1"/>')}</sheetData>` }),
    says: '',
  },
  '16,384 columns': {
    bytes: () => rawBook({ sheet: `<sheetData>${rowsOf(100, '<c><v>1</v></c>'.repeat(16_384))}</sheetData>` }),
    says: /第 1 行的 CW 列有内容，最多 100 列/,
  },
  'two cells at opposite corners': {
    bytes: () =>
      rawBook({ sheet: '<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>' }), // biome-ignore format: one line of XML
    says: /第 1048576 行的 XFD 列/,
  },
  'an external entity': {
    bytes: () =>
      rawBook({
        prolog: '<!DOCTYPE worksheet [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
        sheet: `<sheetData><row r="1">${inline('&secret;')}</row></sheetData>`,
      }),
    says: /外部实体声明/,
  },
  'entities that grow': {
    bytes: () =>
      rawBook({
        prolog: '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        sheet: `<sheetData><row r="1">${inline('&b;')}</row></sheetData>`,
      }),
    says: /外部实体声明/,
  },
  'a sheet that breaks off': {
    bytes: () => rawBook({ sheet: '', change: part => (part.name.includes('sheet1') ? { ...part, content: '<worksheet><sheetData><row' } : part) }), // biome-ignore format: one thing
    says: /已损坏/,
  },
  'bytes that are no UTF-8': {
    bytes: () => rawBook({ sheet: '', change: part => (part.name.includes('sheet1') ? { ...part, content: Buffer.from('<a>\xff\xfe</a>', 'latin1') } : part) }), // biome-ignore format: one thing
    says: /已损坏/,
  },
  'an archive that is no workbook': { bytes: () => zip([{ name: 'a.txt', content: 'a' }]), says: /不是 Excel 表格/ },
  'half an archive': { bytes: () => rawBook({ sheet: small }).subarray(0, 900), says: /已损坏/ },
  'no archive at all': { bytes: () => Buffer.from('姓名,电话\n张三,138'), says: /已损坏/ },
}
