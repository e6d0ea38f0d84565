import './portal.ts'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import express from 'express'
import fc from 'fast-check'
import { z } from 'zod'
import {
  type Answers,
  answersFrom,
  canonicalAnswers,
  checkAnswers,
  compareAnswers,
  flatAnswers,
  lockedTo,
  marksOf,
  openAnswers,
  sealAnswers,
  showAnswers,
} from '../src/forms/answers.ts'
import {
  checkbox,
  choice,
  consent,
  date,
  decimal,
  fieldsOf,
  integer,
  mostRows,
  optionalChoice,
  optionalDate,
  optionalDecimal,
  optionalInteger,
  optionalText,
  rows,
  text,
} from '../src/forms/form.ts'
import { answerName, correctionPage, explanationForm, formSections, silentFields } from '../src/forms/sections.ts'
import { useViews } from '../src/views.ts'

const levels = [
  { value: 'none', label: '无' },
  { value: 'middle', label: '中级' },
  { value: 'senior', label: '高级' },
] as const
const person = z.object({
  name: text({ label: '姓名', personal: 'name', max: 30 }),
  id_number: text({ label: '身份证号', personal: 'id' }),
  title: choice({ label: '职称', options: levels }),
  title_number: optionalText({ label: '职称证书号', mark: true }),
})
const form = z.object({
  company: text({ label: '企业名称', section: '企业', archive: { label: '企业档案', href: '/desk/archive' } }),
  capital: decimal({ label: '注册资本', unit: '万元', digits: 2, min: 0, max: 1_000_000 }),
  founded_on: date({ label: '成立日期' }),
  phone: text({ label: '电话', personal: 'phone' }),
  staff: integer({ label: '员工', unit: '人', min: 0, max: 100_000 }),
  licence: optionalText({ label: '证书号', mark: true }),
  branch: checkbox({ label: '有分支机构' }),
  note: optionalText({ label: '说明', type: 'textarea', max: 500 }),
  people: rows({ label: '人员', section: '人员', of: person, min: 1, max: 300, rowLabel: '人员' }),
  pledge: consent({ label: '承诺属实', section: '承诺', message: '请勾选承诺。' }),
})
const zhao = { name: '赵明', id_number: '370102199001010012', title: 'middle', title_number: 'ZC-1' }
const qian = { name: '钱新', id_number: '370102198802020024', title: 'senior', title_number: 'ZC-2' }
const filled: Answers = {
  company: '济南云栖物业管理有限公司',
  capital: '200.00',
  founded_on: '2025-11-03',
  phone: '13812345678',
  staff: '14',
  people: [zhao, qian],
  pledge: 'on',
}
const people = (answers: Answers) => {
  const found = answers.people
  assert.ok(Array.isArray(found), 'there are rows')
  return found
}
/** The sentence for one field of a small form. */
function mistakeOf(schema: z.ZodType, value: unknown): string | undefined {
  return z.object({ it: schema }).safeParse({ it: value }).error?.issues[0]?.message
}
const readOf = (schema: z.ZodType, value: unknown) => z.object({ it: schema }).parse({ it: value }).it

describe('exact numbers', () => {
  const money = decimal({ label: '金额', unit: '万元', digits: 2, min: -1_000_000, max: 1_000_000_000 })

  test('any amount comes out with two digits, however it was typed', () => {
    const wide = (text: string) => text.replace(/[0-9.,]/g, sign => String.fromCharCode(sign.charCodeAt(0) + 0xfee0))
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999_999_999 }), fc.boolean(), fc.boolean(), (cents, commas, full) => {
        const exact = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`
        const grouped = commas ? exact.replace(/\B(?=(\d{3})+\.)/g, ',') : exact
        assert.equal(readOf(money, full ? wide(grouped) : grouped), exact)
      }),
    )
  })

  for (const [typed, stored] of [
    ['200', '200.00'],
    ['200.5', '200.50'],
    ['007', '7.00'],
    ['.5', '0.50'],
    ['1。5', '1.50'],
    ['1.500', '1.50'],
    [' 1 200 ', '1200.00'],
    ['-3.1', '-3.10'],
    ['−3', '-3.00'],
    ['-0', '0.00'],
  ] as const)
    test(`“${typed}” is ${stored}`, () => assert.equal(readOf(money, typed), stored))

  for (const typed of [
    '1.234',
    '1,2',
    '12,34',
    '1e3',
    'abc',
    '.',
    '-',
    '1.2.3',
    '٣',
    '1000000000.01',
    '9'.repeat(13),
    ['1', '2'],
  ])
    test(`${JSON.stringify(typed)} is refused with a sentence`, () => {
      assert.match(mistakeOf(money, typed) ?? '', /^金额.*。$/)
    })

  test('the sentence names the range, the digits and the unit', () => {
    assert.equal(mistakeOf(money, '1.234'), '金额请填写 -1,000,000 到 1,000,000,000 之间的数，最多 2 位小数，单位为万元。')
    assert.equal(mistakeOf(money, ''), '请填写金额。')
  })

  test('what may be left out is null then, and checked when it is there', () => {
    const rules = { label: '金额', digits: 2, min: 1, max: 9 }
    assert.equal(readOf(optionalDecimal(rules), ''), null)
    assert.equal(readOf(optionalDecimal(rules), '3'), '3.00')
    assert.match(mistakeOf(optionalDecimal(rules), '10') ?? '', /1 到 9/)
    assert.equal(readOf(optionalInteger({ label: '数', min: 0, max: 9 }), undefined), null)
    assert.equal(readOf(optionalInteger({ label: '数', min: 0, max: 9 }), '０'), 0)
    assert.match(mistakeOf(optionalInteger({ label: '数', min: 1, max: 9 }), '0') ?? '', /1 到 9/)
    assert.equal(readOf(optionalDate({ label: '日期' }), ''), null)
    assert.match(mistakeOf(optionalDate({ label: '日期' }), '2026-02-30') ?? '', /2026-11-23/)
  })
})

describe('repeating rows', () => {
  test('the fields of a form tell what each row asks for', () => {
    const field = fieldsOf(form).find(field => field.name === 'people')
    assert.equal(field?.type, 'rows')
    assert.equal(field?.of, person)
    assert.deepEqual([field?.min, field?.max, field?.required, field?.rowLabel], [1, 300, true, '人员'])
  })

  test('rows that cannot be drawn are refused at start', () => {
    const nested = z.object({ inner: rows({ label: '内', of: person, max: 2 }) })
    assert.throws(() => rows({ label: '外', of: nested, max: 2 }), /inner/)
    assert.throws(() => rows({ label: '外', of: z.object({ a: text({ label: '甲', archive: true }) }), max: 2 }), /a cannot/)
    assert.throws(() => rows({ label: '外', of: person, max: mostRows + 1 }), /1000/)
  })

  test('too few and too many rows are told with the number there is', () => {
    const two = rows({ label: '人员', of: z.object({ name: text({ label: '姓名' }) }), min: 2, max: 3 })
    assert.equal(mistakeOf(two, []), '请填写人员，至少 2 行。')
    assert.equal(mistakeOf(two, [{ name: '甲' }]), '人员至少 2 行，现有 1 行。')
    assert.equal(mistakeOf(two, Array(4).fill({ name: '甲' })), '人员最多 3 行，现有 4 行。')
    for (const odd of ['on', 7, {}]) assert.equal(mistakeOf(two, odd), '人员请按行填写。')
  })
})

describe('what was posted', () => {
  test('comes back the same from its canonical text', () => {
    const plain = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter(text => text.trim() !== '' && text.isWellFormed())
    const row = fc.record({ name: plain, id_number: plain, title: plain, title_number: plain })
    const any = fc.record(
      { capital: plain, note: plain, licence: plain, people: fc.array(row, { maxLength: 6 }) },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(any, answers => {
        const posted = flatAnswers(answers)
        const stored = canonicalAnswers(answersFrom(form, posted))
        assert.equal(stored, canonicalAnswers(answers))
        assert.deepEqual(answersFrom(form, flatAnswers(JSON.parse(stored))), JSON.parse(stored))
      }),
    )
  })

  test('only fields of the form are taken, each as one text', () => {
    const body = { capital: ['1', '2'], unknown: 'x', state: 'done', phone: { a: 1 }, staff: 7, note: null }
    assert.deepEqual(answersFrom(form, body), { capital: '1' })
    for (const odd of [undefined, null, 'x', 3, []]) assert.deepEqual(answersFrom(form, odd), {})
  })

  test('the value of an archive field never comes from the body', () => {
    assert.deepEqual(answersFrom(form, { company: '别人公司' }), {})
    assert.deepEqual(answersFrom(form, { company: '别人公司', fields: 'company' }, { company: '云栖' }), { company: '云栖' })
  })

  test('an unticked box and rows all deleted are empty when the page says it showed them', () => {
    assert.deepEqual(answersFrom(form, { capital: '1' }), { capital: '1' })
    assert.deepEqual(answersFrom(form, { capital: '1', fields: 'branch people pledge' }), {
      capital: '1',
      branch: '',
      people: [],
      pledge: '',
    })
  })

  test('rows come in the order of their numbers, without gaps and without blank ones', () => {
    const body = {
      'people.10.name': '丙',
      'people.2.name': '乙',
      'people.0.name': '甲',
      'people.5.name': '  ',
      'people.5.title': '',
    }
    assert.deepEqual(
      people(answersFrom(form, body)).map(row => row.name),
      ['甲', '乙', '丙'],
    )
  })

  test('names that lead elsewhere lead nowhere', () => {
    const body = JSON.parse(`{
      "__proto__": "x", "constructor": "x", "people.__proto__.name": "x", "people.0.__proto__": "x", "people.0.constructor": "x",
      "people.-1.name": "x", "people.01.name": "x", "people.1e3.name": "x", "people.0.name.x": "x", "people..name": "x",
      "people.9999999999.name": "x", "people.0.unknown": "x", "people": "x", "people[0].name": "x", "fields": "__proto__ constructor"
    }`)
    const answers = answersFrom(form, body)
    assert.deepEqual(answers, {})
    assert.equal(Object.getPrototypeOf(answers), Object.prototype)
    assert.equal(({} as Record<string, unknown>).name, undefined) // nothing reached the prototype of all objects
  })

  test('a huge number is a row like any other', () => {
    assert.deepEqual(answersFrom(form, { 'people.999999999.name': '末' }), { people: [{ name: '末' }] })
  })

  test('10,000 rows are read at once, kept up to one too many, and refused in one sentence', () => {
    const body = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`people.${at}.name`, `人${at}`]))
    const started = performance.now()
    const answers = answersFrom(form, body)
    const checked = checkAnswers(form, { ...filled, people: people(answers) })
    assert.ok(performance.now() - started < 1000, 'within a second')
    assert.equal(people(answers).length, mostRows + 1)
    assert.deepEqual(checked.ok || checked.mistakes, { people: '人员最多 300 行，现有 1001 行。' })
  })

  test('texts are cut at 20,000 signs and are whole signs', () => {
    assert.equal(answersFrom(form, { note: '长'.repeat(30_000) }).note?.length, 20_000)
    const note = answersFrom(form, { note: `${'a'.repeat(19_999)}😀` }).note
    assert.ok(typeof note === 'string' && note.isWellFormed())
  })

  test('增加 brings back the rows as they stood and one more', () => {
    const body = { 'people.0.name': '甲', 'people.1.name': '', rows: 'people+' }
    assert.deepEqual(answersFrom(form, body), { people: [{ name: '甲' }, { name: '' }, {}] })
    assert.deepEqual(answersFrom(form, { rows: 'people+' }), { people: [{}] })
  })

  test('增加 goes no further than the form allows', () => {
    const small = z.object({ people: rows({ label: '人员', of: person, max: 2 }) })
    const body = { 'people.0.name': '甲', 'people.1.name': '乙', rows: 'people+' }
    assert.equal(people(answersFrom(small, body)).length, 2)
  })

  test('删除 takes away the row of that number, and other rows stay', () => {
    const body = { 'people.0.name': '甲', 'people.3.name': '', 'people.7.name': '丙' }
    assert.deepEqual(answersFrom(form, { ...body, rows: 'people-0' }), { people: [{ name: '' }, { name: '丙' }] })
    assert.deepEqual(answersFrom(form, { ...body, rows: 'people-7' }), { people: [{ name: '甲' }, { name: '' }] })
    assert.equal(people(answersFrom(form, { ...body, rows: 'people-9' })).length, 3)
    assert.deepEqual(answersFrom(form, { 'people.0.name': '甲', rows: 'people-0' }), { people: [] })
  })

  test('a press that names no rows changes none', () => {
    for (const press of ['', 'people', 'people-', 'people-x', 'capital+', '__proto__+', 'people+2'])
      assert.equal(people(answersFrom(form, { 'people.0.name': '甲', rows: press })).length, 1, press)
  })
})

describe('checking', () => {
  test('good answers come back in their stored form', () => {
    const typed = { ...filled, capital: '１,２００', staff: ' 014 ', note: 'a\r\nb ', branch: '1', licence: '' }
    const checked = checkAnswers(form, typed)
    assert.ok(checked.ok)
    assert.equal(checked.data.staff, 14)
    assert.equal(checked.data.people[1]?.title, 'senior')
    assert.deepEqual(checked.answers, { ...filled, capital: '1200.00', note: 'a\nb', branch: 'on' })
  })

  test('stored answers stay what they are when they are checked again', () => {
    const checked = checkAnswers(form, filled)
    assert.ok(checked.ok)
    assert.equal(canonicalAnswers(checked.answers), canonicalAnswers(filled))
  })

  test('mistakes are named like the inputs', () => {
    const checked = checkAnswers(form, { ...filled, phone: '', people: [zhao, { ...qian, name: '', title: 'chief' }] })
    assert.ok(!checked.ok)
    assert.deepEqual(checked.mistakes, {
      phone: '请填写电话。',
      'people.1.name': '请填写姓名。',
      'people.1.title': '职称不在可选范围内，请重新选择。',
    })
  })

  test('blank rows do not count, a row partly filled in does', () => {
    const blank = { name: ' ', id_number: '', title: '', title_number: '' }
    const checked = checkAnswers(form, { ...filled, people: [blank, zhao, blank, { name: '钱新' }, blank, {}] })
    assert.ok(!checked.ok)
    assert.equal(people(checked.answers).length, 2)
    assert.deepEqual(Object.keys(checked.mistakes), ['people.1.id_number', 'people.1.title'])
  })

  test('an empty form names every field that must be there', () => {
    const checked = checkAnswers(form, {})
    assert.ok(!checked.ok)
    assert.deepEqual(Object.keys(checked.mistakes).sort(), [
      'capital',
      'company',
      'founded_on',
      'people',
      'phone',
      'pledge',
      'staff',
    ])
    assert.equal(checked.mistakes.people, '请填写人员，至少 1 行。')
  })
})

describe('canonical text', () => {
  test('is the same whatever the order of the keys and whatever is empty', () => {
    const one = canonicalAnswers({ b: '2', a: '1', rows: [{ y: '1', x: '2' }], none: '', gone: [] })
    const other = canonicalAnswers({ rows: [{}, { x: '2', y: '1', z: '' }, { x: ' ' }], a: '1', b: '2' })
    assert.equal(one, '{"a":"1","b":"2","rows":[{"x":"2","y":"1"}]}')
    assert.equal(other, one)
  })

  test('differs when the content or the order of rows does', () => {
    assert.notEqual(canonicalAnswers({ a: '1' }), canonicalAnswers({ a: '2' }))
    assert.notEqual(canonicalAnswers({ r: [zhao, qian] }), canonicalAnswers({ r: [qian, zhao] }))
  })
})

describe('personal data at rest', () => {
  const column = 'cases.answers'

  test('stand in no clear text, and open again', () => {
    const sealed = sealAnswers(form, filled, column)
    for (const secret of ['13812345678', '赵明', '钱新', '370102199001010012']) assert.ok(!sealed.includes(secret), secret)
    assert.match(sealed, /云栖物业/)
    assert.equal(canonicalAnswers(openAnswers(form, sealed, column)), canonicalAnswers(filled))
  })

  test('any answers open as they were sealed', () => {
    const texts = fc.string({ unit: 'grapheme', minLength: 1 }).filter(text => text.trim() !== '' && text.isWellFormed())
    const any = fc.record({
      phone: texts,
      note: texts,
      people: fc.array(fc.record({ name: texts, title: texts }), { maxLength: 4 }),
    })
    fc.assert(
      fc.property(any, answers => {
        assert.equal(canonicalAnswers(openAnswers(form, sealAnswers(form, answers, column), column)), canonicalAnswers(answers))
      }),
      { numRuns: 50 },
    )
  })

  test('do not open in another column or another field', () => {
    const sealed = sealAnswers(form, filled, column)
    assert.throws(() => openAnswers(form, sealed, 'other.answers'))
    const moved = JSON.parse(sealed)
    moved.people[0].name = moved.people[0].id_number
    assert.throws(() => openAnswers(form, JSON.stringify(moved), column))
    moved.people[0].name = moved.phone
    assert.throws(() => openAnswers(form, JSON.stringify(moved), column))
  })

  test('a text typed to look sealed is sealed like any other', () => {
    const sly = { phone: 'v1.k1.abc', note: '{"sealed":"x"}' }
    assert.deepEqual(openAnswers(form, sealAnswers(form, sly, column), column), sly)
  })

  test('what the form no longer knows, or knows otherwise, is left out', () => {
    const old = '{"gone":"x","people":"was a text","note":["x"],"capital":"1","__proto__":"x"}'
    assert.deepEqual(openAnswers(form, old, column), { capital: '1' })
    assert.deepEqual(openAnswers(form, '{"people":[1,null,{"name":"甲","gone":"x"}]}', column), { people: [{ name: '甲' }] })
  })
})

test('certificate numbers are compared in one form, each once', () => {
  const answers = { ...filled, licence: ' ab－12 ', people: [zhao, { ...qian, title_number: 'zc-1' }, { name: '孙' }] }
  assert.deepEqual(marksOf(form, answers), [
    { field: 'licence', value: 'AB-12' },
    { field: 'people.title_number', value: 'ZC-1' },
  ])
})

describe('only what is unlocked changes', () => {
  const unlocked = new Set(['phone', 'people', 'branch'])

  test('unlocked fields come from the page, all else stays', () => {
    const posted = { phone: '13900000000', people: [zhao], branch: '' }
    const { answers, refused } = lockedTo(form, { ...filled, branch: 'on' }, posted, unlocked)
    assert.deepEqual(answers, { ...filled, phone: '13900000000', people: [zhao], branch: '' })
    assert.deepEqual(refused, [])
  })

  test('what the page did not send stays, unlocked or not', () => {
    assert.deepEqual(lockedTo(form, filled, {}, unlocked).answers, filled)
  })

  test('locked fields posted with another value are named, and keep their own', () => {
    const { answers, refused } = lockedTo(form, filled, { capital: '1', licence: 'X', staff: '14' }, unlocked)
    assert.deepEqual(
      refused.map(field => field.name),
      ['capital', 'licence'],
    )
    assert.equal(answers.capital, '200.00')
  })

  test('locked rows are refused when a single cell differs', () => {
    const posted = { people: [zhao, { ...qian, title: 'none' }] }
    assert.equal(lockedTo(form, filled, posted, new Set()).refused[0]?.name, 'people')
    assert.equal(lockedTo(form, filled, { people: [{ ...zhao }, { ...qian }] }, new Set()).refused.length, 0)
  })

  test('line ends and blanks around a locked text are no change, nor is the archive of today', () => {
    const posted = { note: ' a\r\nb\r\n', company: '改名后的公司' }
    const { answers, refused } = lockedTo(form, { ...filled, note: 'a\nb' }, posted, unlocked)
    assert.deepEqual(refused, [])
    assert.equal(answers.company, filled.company)
  })
})

describe('to read', () => {
  test('sections, words, figures and masks', () => {
    const [company, staff] = showAnswers(form, { ...filled, capital: '1234567.50', staff: '12000' }, { masked: true })
    const texts = Object.fromEntries(
      (company?.fields ?? []).map(field => [field.name, `${field.text} ${field.unit ?? ''}`.trim()]),
    )
    assert.deepEqual(texts, {
      company: '济南云栖物业管理有限公司',
      capital: '1,234,567.50 万元',
      founded_on: '2025-11-03',
      phone: '138****5678',
      staff: '12,000 人',
      licence: '—',
      branch: '否',
      note: '—',
    })
    assert.equal(company?.title, '企业')
    assert.deepEqual(
      staff?.tables[0]?.rows.map(row => row.map(cell => cell.text)),
      [
        ['赵*', '370***********0012', '中级', 'ZC-1'],
        ['钱*', '370***********0024', '高级', 'ZC-2'],
      ],
    )
  })

  test('nothing is masked for who may see it, and a draft shows what was typed', () => {
    const sections = showAnswers(form, { phone: '13812345678', capital: '两百', people: [{ title: 'chief' }] }, { masked: false })
    const fields = sections.flatMap(section => section.fields)
    assert.equal(fields.find(field => field.name === 'phone')?.text, '13812345678')
    assert.equal(fields.find(field => field.name === 'capital')?.text, '两百')
    assert.deepEqual(
      sections[1]?.tables[0]?.rows[0]?.map(cell => cell.text),
      ['—', '—', 'chief', '—'],
    )
  })

  test('options that only this visit knows are put in words, in rows too', () => {
    const district = z.object({
      where: choice({ label: '区县', options: [] }),
      people: rows({ label: '人员', of: person, max: 9 }),
    })
    const adjust = {
      where: { options: [{ value: '370102', label: '历下区' }] },
      'people.title': { options: [{ value: 'x', label: '特聘' }] },
    }
    const [section] = showAnswers(district, { where: '370102', people: [{ title: 'x' }] }, { masked: true, adjust })
    assert.equal(section?.fields[0]?.text, '历下区')
    assert.equal(section?.tables[0]?.rows[0]?.[2]?.text, '特聘')
  })

  test('a negative figure has a true minus, and a year no comma', () => {
    const small = z.object({
      profit: decimal({ label: '利润', digits: 2, min: -1e6, max: 1e6 }),
      year: integer({ label: '成立年份', unit: '年', min: 1900, max: 2100 }),
    })
    const [section] = showAnswers(small, { profit: '-1234.00', year: '2016' }, { masked: true })
    assert.deepEqual(
      section?.fields.map(field => field.text),
      ['−1,234.00', '2016'],
    )
  })
})

describe('what differs between two editions', () => {
  const changesOf = (before: Answers, after: Answers) =>
    compareAnswers(form, before, after)[0]?.rows?.map(row => [row.change, row.cells[0]?.after ?? ''])

  test('nothing between equal ones, whatever their line ends', () => {
    assert.deepEqual(compareAnswers(form, { ...filled, note: 'a\nb', licence: '' }, { ...filled, note: 'a\r\nb ' }), [])
  })

  test('fields in words, with the unit, personal ones masked', () => {
    const after = { ...filled, capital: '3000.00', phone: '13900001111', licence: 'L-1' }
    assert.deepEqual(compareAnswers(form, filled, after), [
      { name: 'capital', label: '注册资本', before: '200.00', after: '3,000.00', unit: '万元' },
      { name: 'phone', label: '电话', before: '138****5678', after: '139****1111' },
      { name: 'licence', label: '证书号', before: '—', after: 'L-1' },
    ])
    assert.equal(compareAnswers(form, filled, after, { masked: false })[1]?.after, '13900001111')
  })

  test('a row that moved is the same row, one with the same ID is changed, others are new or gone', () => {
    const sun = { name: '孙立', id_number: '370102197703030036', title: 'none', title_number: '' }
    const after = { ...filled, people: [{ ...qian, title: 'none' }, sun] }
    const [difference] = compareAnswers(form, filled, after)
    assert.equal(difference?.before, '2 行')
    assert.deepEqual(
      difference?.rows?.map(row => row.change),
      ['removed', 'changed', 'added'],
    )
    assert.deepEqual(
      difference?.rows?.[1]?.cells.filter(cell => cell.changed),
      [{ name: 'title', before: '高级', after: '无', changed: true, masked: false }],
    )
    assert.deepEqual(compareAnswers(form, filled, { ...filled, people: [qian, zhao] }), [])
  })

  test('a corrected ID number at the same place is a changed row', () => {
    const after = { ...filled, people: [zhao, { ...qian, id_number: '370102198802020032' }] }
    assert.deepEqual(changesOf(filled, after), [
      ['same', '赵*'],
      ['changed', '钱*'],
    ])
  })

  test('another person at the same place is one gone and one new', () => {
    const li = { name: '李强', id_number: '370102196604040048', title: 'none', title_number: 'ZC-9' }
    assert.deepEqual(
      changesOf(filled, { ...filled, people: [zhao, li] })?.map(([change]) => change),
      ['same', 'removed', 'added'],
    )
  })

  test('an ID that stands in two rows pairs neither of them by it', () => {
    const twin = { ...zhao, name: '赵二', title: 'senior', title_number: 'ZC-8' }
    const changes = changesOf(
      { people: [zhao, twin] },
      {
        people: [
          { ...twin, title: 'none' },
          { ...zhao, title: 'none' },
        ],
      },
    )
    assert.ok(changes?.every(([change]) => change !== 'same'))
  })

  test('all rows gone and all rows new are told', () => {
    assert.deepEqual(
      changesOf(filled, { ...filled, people: [] })?.map(([change]) => change),
      ['removed', 'removed'],
    )
    assert.deepEqual(
      changesOf({}, { people: [zhao] })?.map(([change]) => change),
      ['added'],
    )
  })

  test('300 rows all changed are compared in time', () => {
    const many = (title: string) => Array.from({ length: 300 }, (_, at) => ({ ...zhao, id_number: `${at}`, title }))
    const started = performance.now()
    const [difference] = compareAnswers(form, { people: many('none') }, { people: many('senior').reverse() })
    assert.ok(performance.now() - started < 1000, 'within a second')
    assert.ok(difference?.rows?.every(row => row.change === 'changed'))
  })
})

describe('the sections of the page', () => {
  test('say what is done, what is wrong, and where', () => {
    const answers = { ...filled, phone: '', people: [zhao, { ...qian, name: '' }], pledge: '' }
    const checked = checkAnswers(form, answers)
    const sections = formSections(form, answers, checked.ok ? {} : checked.mistakes)
    assert.deepEqual(
      sections.map(({ id, title, done, closing }) => [id, title, done, closing]),
      [
        ['s1', '企业', false, false],
        ['s2', '人员', false, false],
        ['s3', '承诺', false, true],
      ],
    )
    assert.deepEqual(
      sections.flatMap(section => section.mistakes),
      [
        { href: '#f-phone', text: '请填写电话。' },
        { href: '#f-people.1.name', text: '人员第 2 行：请填写姓名。' },
        { href: '#f-pledge', text: '请勾选承诺。' },
      ],
    )
  })

  test('a section is done when nothing in it would be refused', () => {
    assert.deepEqual(
      formSections(form, filled).map(section => section.done),
      [true, true, true],
    )
    assert.deepEqual(
      formSections(form, {}).map(section => section.done),
      [false, false, false],
    )
  })

  test('a form that asks for rows begins with one, and what the archive lacks says where to add it', () => {
    const [company, staff] = formSections(form, {}, { company: '请填写企业名称。' })
    assert.equal(staff?.fields[0]?.rows?.length, 1)
    assert.equal(staff?.fields[0]?.blank?.[0]?.name, 'people.#.name')
    assert.equal(company?.mistakes[0]?.text, '企业档案里没有企业名称，请先补充企业档案，再回到这一页提交。')
  })

  test('a page tells which silent fields it showed, so that emptying them is understood', () => {
    const fields = formSections(form, filled).flatMap(section => section.fields)
    const body = { fields: silentFields(fields), capital: '1' }
    assert.equal(body.fields, 'branch people pledge')
    assert.deepEqual(lockedTo(form, filled, answersFrom(form, body), new Set(['pledge', 'people'])).answers.people, [])
  })
})

describe('a correction', () => {
  const asked = [
    { target_type: 'field', target: 'people', words: '钱新的职称不符。', answer: null },
    { target_type: 'field', target: 'phone', words: '电话打不通。', answer: '已换号码' },
    { target_type: 'material', target: 'licence-copy', words: '看不清。', answer: null },
  ] as const
  const answers = { ...filled, phone: '13900000000' }

  test('shows each item with the old value, and everything else to read', () => {
    const page = correctionPage(form, asked, { before: filled, answers, materials: { 'licence-copy': '营业执照' } })
    assert.deepEqual(
      page.items.map(({ title, field, material, was, answer }) => [
        title,
        field?.name ?? material,
        was,
        answer.name,
        answer.value,
      ]),
      [
        ['人员', 'people', undefined, 'answer.field.people', ''],
        ['电话', 'phone', '13812345678', 'answer.field.phone', '已换号码'],
        ['营业执照', 'licence-copy', undefined, 'answer.material.licence-copy', ''],
      ],
    )
    assert.equal(page.items[0]?.wasTable?.rows.length, 2)
    assert.equal(page.items[1]?.field?.value, '13900000000')
    assert.equal(page.silent, 'people')
    const locked = page.rest.flatMap(section => [...section.fields, ...section.tables].map(one => one.name))
    assert.deepEqual(locked, ['company', 'capital', 'founded_on', 'staff', 'licence', 'branch', 'note', 'pledge'])
  })

  test('brings back what was typed with the mistakes of fields and explanations', () => {
    const long = { 'answer.field.phone': '长'.repeat(501) }
    const read = explanationForm(asked).safeParse(long)
    const sentence = read.error?.issues[0]?.message ?? ''
    const page = correctionPage(form, asked, {
      before: filled,
      answers,
      mistakes: { phone: '电话的格式不对。', 'answer.field.phone': sentence },
      typed: long,
    })
    assert.deepEqual(page.mistakes, [
      { href: '#f-phone', text: '电话的格式不对。' },
      { href: '#f-answer.field.phone', text: '电话：给审核人员的说明最多 500 个字，现有 501 个。' },
    ])
    assert.equal(page.items[1]?.answer.value.length, 501)
  })

  test('the name of an explanation tells field and material apart', () => {
    assert.notEqual(answerName({ target_type: 'field', target: 'x' }), answerName({ target_type: 'material', target: 'x' }))
  })
})

describe('the pages', () => {
  const app = express()
  useViews(app)
  const page = (view: string, locals: object) =>
    new Promise<string>((resolve, reject) => {
      app.render(view, locals, (error: Error | null, html) => (error ? reject(error) : resolve(html)))
    })
  const common = {
    kase: { id: 7, title: '三级核定 · 云栖', serial: 'ZZ2026112300001' },
    kind: { label: '三级核定', when: '届满前', law: '第八条' },
    state: { label: '未提交', tone: 'rest', icon: 'pencil' },
    savedAt: new Date(),
    draftVersion: 3,
    version: 2,
  }
  const formPage = (answers: Answers, more: object = {}) => {
    const sections = formSections(form, answers)
    const silent = silentFields(sections.flatMap(section => section.fields))
    return page('cases/form', {
      ...common,
      sections,
      silent,
      findings: [],
      submitLabel: '提交',
      after: '',
      mistakes: {},
      ...more,
    })
  }

  test('what was typed is text on the page and nothing else', async () => {
    const sly = '"><script>alert(1)</script>'
    const html = await formPage({ ...filled, note: sly, company: sly, licence: sly, people: [{ ...zhao, name: sly }] })
    assert.ok(!html.includes('<script>alert'))
    assert.equal(html.split('&lt;script&gt;alert(1)').length - 1, 4)
  })

  test('every control belongs to the form, and the archive’s value has no name to be posted under', async () => {
    const html = await formPage(filled)
    const names = [...html.matchAll(/<(?:input|select|textarea)(?![^>]*type="hidden")[^>]* name="([^"]+)"[^>]*>/g)]
    assert.ok(names.length > 10)
    for (const [tag] of names) assert.match(tag, / form="case-form"/)
    assert.ok(names.every(([, name]) => name !== 'company'))
    assert.match(html, /readonly value="济南云栖物业管理有限公司"/)
  })

  test('rows can be added and removed by plain buttons', async () => {
    const html = await formPage(filled)
    for (const value of ['people+', 'people-0', 'people-1'])
      assert.ok(html.includes(`form="case-form" name="rows" value="${value}" formaction="/desk/cases/7/draft#f-people"`), value)
  })

  test('the Enter key saves the draft and deletes no row', async () => {
    const html = await formPage(filled)
    assert.ok(html.indexOf('data-plain-save') < html.indexOf('name="rows"'))
  })

  test('a correction shows locked personal data masked', async () => {
    const asked = [{ target_type: 'field', target: 'capital', words: '与执照不符。', answer: null }] as const
    const shown = correctionPage(form, asked, { before: filled, answers: filled })
    const html = await page('cases/correction', {
      ...common,
      ...shown,
      materials: [],
      story: [],
      missing: [],
      abandonedAfter: '2026-12-24',
    })
    assert.match(html, /到 <strong class="nowrap">2026-12-24<\/strong> 仍没有提交的，逾期未补正视为撤回申请/)
    assert.ok(html.includes('138****5678') && !html.includes('13812345678'))
    assert.match(html, /与执照不符。/)
    assert.match(html, /上一版：200.00 万元/)
  })

  test('differences stand beside the new value, row by row', async () => {
    const after = { ...filled, capital: '300.00', people: [zhao] }
    const sections = showAnswers(form, after, { masked: true })
    const html = await page('partials/answers', { sections, differences: compareAnswers(form, filled, after) })
    assert.match(html, /<span class="now-is">300.00 万元<\/span>/)
    assert.match(html, /class="was small"><span class="visually-hidden">原为<\/span>200.00 万元/)
    assert.match(html, /row-removed/)
  })

  test('the self-check says its verdicts in words', async () => {
    const findings = [{ code: 'a', requirement: '不少于 10 人', actual: '9 人', verdict: 'bad', law: '第五条' }]
    const html = await page('cases/self-check', { findings })
    assert.match(html, /未达标：<\/span>不少于 10 人/)
  })
})

test('a choice may be left out', () => {
  assert.equal(readOf(optionalChoice({ label: '职称', options: levels }), ''), null)
})
