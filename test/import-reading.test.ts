import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import ExcelJS from 'exceljs'
import { readWorkbook, type Sheet } from '../src/imports/workbook.ts'
import { book, hostile, rawBook } from './workbooks.ts'

/** What is read of a workbook from outside, and what such a file may cost the others. */

const cellsOf = ({ rows }: Sheet) => rows.map(({ cells }) => cells)
async function read(bytes: Buffer): Promise<Sheet> {
  const [sheet] = await readWorkbook(bytes)
  assert.ok(sheet)
  return sheet
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-import-'))
after(() => fs.rmSync(folder, { recursive: true }))

/** 20,000 people, as they should be read, and the file of them. */
const people = Array.from({ length: 20_000 }, (_, n) => [
  `张𠮷${n}`,
  `37010219900101${String(n % 10_000).padStart(4, '0')}`,
  `山东省济南市历下区泉城路${n}号<院>&"${'三'.repeat(n % 60)}"`,
  ['初级', '中级', '高级'][n % 3] ?? '',
  '=1+1',
  '2026-11-23',
  String(n),
  `${n}.25`,
])
const peopleFile = path.join(folder, '从业人员.xlsx')

test('20,000 rows in Chinese are read cell by cell as they were written', async () => {
  const made = new ExcelJS.stream.xlsx.WorkbookWriter({ filename: peopleFile, useSharedStrings: true, useStyles: true })
  const sheet = made.addWorksheet('从业人员')
  for (const [at, line] of people.entries())
    sheet.addRow([...line.slice(0, 5), new Date('2026-11-23T00:00:00Z'), at, at + 0.25]).commit()
  sheet.commit()
  await made.commit()

  assert.deepEqual(cellsOf(await read(fs.readFileSync(peopleFile))), people)
})

test('whatever a file was made for, it is read or refused in little memory while others are served', async t => {
  const small = path.join(folder, 'small.xlsx')
  fs.writeFileSync(small, await book({ 资料: [['名称']] }))
  const cases = [...Object.entries(hostile), ['20,000 people', { bytes: () => fs.readFileSync(peopleFile), says: '' }] as const]
  const files = cases.map(([, { bytes }], at) => {
    const file = path.join(folder, `${at}.xlsx`)
    fs.writeFileSync(file, bytes())
    return file
  })
  const told = execFileSync(process.execPath, ['--import', 'tsx', 'test/read-workbooks.ts', small, ...files], {
    encoding: 'utf8',
  })
  const lines = told.trim().split('\n').map(line => JSON.parse(line) as { said: string; megabytes: number; late: number }) // biome-ignore format: one step
  assert.equal(lines.length, cases.length)
  for (const [at, [name, { says }]] of cases.entries())
    await t.test(name, () => {
      const { said, megabytes, late } = lines[at] ?? { said: 'nothing', megabytes: 0, late: 0 }
      if (says) assert.match(said, says)
      else assert.equal(said, '')
      assert.ok(megabytes < 250, `${Math.round(megabytes)} MB`)
      assert.ok(late < 300, `others waited ${Math.round(late)} ms`)
    })
  t.diagnostic(`most memory ${Math.round(Math.max(...lines.map(({ megabytes }) => megabytes)))} MB above idle`)
})

test('numbers, days, percentages and truths are read as they are seen', async () => {
  const sheet = await read(
    await book({ 资料: [[85.2, 0.1 + 0.2, 0.35, 0.123, 1e-7, -5, 12, new Date('2026-11-23T00:00:00Z'), true, 46349]] }, made => {
      made.getCell('C1').numFmt = '0%'
      made.getCell('D1').numFmt = '0.0%'
      made.getCell('G1').numFmt = '000000'
      made.getCell('H1').numFmt = 'yyyy"年"m"月"d"日"'
    }),
  )
  assert.deepEqual(cellsOf(sheet), [['85.2', '0.3', '35%', '12.3%', '0.0000001', '-5', '000012', '2026-11-23', 'TRUE', '46349']])
})

test('rich texts, line breaks and escaped signs are read whole, the pronunciation is not', async () => {
  const sheet = await read(
    rawBook({
      texts:
        '<si><r><t>物</t></r><r><rPr><b/></rPr><t xml:space="preserve">业 </t></r><rPh sb="0" eb="1"><t>ウー</t></rPh></si><si><t>甲_x000D_乙</t></si>',
      sheet:
        '<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c><c r="D1" t="str"><v>丙&amp;丁</v></c></row></sheetData>',
    }),
  )
  assert.deepEqual(cellsOf(sheet), [['物业 ', '', '甲\r乙', '丙&丁']])
})

test('formulas, errors and numbers that lost digits are marked, not taken', async () => {
  const sheet = await read(
    await book({ 资料: [['名称', { formula: 'A1&"x"', result: '名称x' }, { error: '#REF!' }, Number('370102199001010012'), 'x'.repeat(5001)]] }), // biome-ignore format: one row
  )
  assert.deepEqual(sheet.rows[0]?.faults, { 1: 'formula', 2: 'error', 3: 'digits', 4: 'long' })
})

test('merged and hidden parts are told', async () => {
  const sheet = await read(
    await book({ 资料: [['标题'], ['名称', '地址'], ['一', '二'], ['三', '四']] }, made => {
      made.mergeCells('A1:B1')
      made.mergeCells('A3:A4')
      made.getRow(4).hidden = true
      made.getColumn(2).hidden = true
    }),
  )
  assert.deepEqual(sheet.merged.map(({ top, bottom }) => [top, bottom]), [[1, 1], [3, 4]]) // biome-ignore format: one line
  assert.deepEqual([sheet.hiddenRows, sheet.hiddenColumns], [[4], [1]])
})

test('what other programs write is read: prefixes, places left out, absolute paths', async () => {
  const bytes = rawBook({
    sheet: '',
    change: part => {
      const { name } = part
      if (name === '_rels/.rels') return { ...part, content: String(part.content).replace('"xl/', '"/xl/') }
      if (name.includes('sheet1'))
        return {
          ...part,
          content:
            '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:t>名称</x:t></x:is></x:c><x:c><x:v>3</x:v></x:c></x:row><x:row><x:c t="d"><x:v>2026-11-23T00:00:00</x:v></x:c></x:row></x:sheetData></x:worksheet>',
        }
      return part
    },
  })
  assert.deepEqual(cellsOf(await read(bytes)), [['名称', '3'], ['2026-11-23']])
})

test('a workbook of LibreOffice is read', { skip: !fs.existsSync('/usr/bin/soffice') && 'soffice is not here' }, async () => {
  fs.writeFileSync(path.join(folder, '资料.csv'), '名称,数量\n历下𠮷物业,12.50\n')
  const profile = `-env:UserInstallation=file://${folder}/profile`
  const convert = [
    '--headless',
    '--convert-to',
    'xlsx',
    '--infilter=CSV:44,34,76',
    '--outdir',
    folder,
    path.join(folder, '资料.csv'),
  ]
  execFileSync('/usr/bin/soffice', [profile, ...convert], { stdio: 'ignore' })
  assert.deepEqual(cellsOf(await read(fs.readFileSync(path.join(folder, '资料.xlsx')))), [['名称', '数量'], ['历下𠮷物业', '12.5']]) // biome-ignore format: one line
})
