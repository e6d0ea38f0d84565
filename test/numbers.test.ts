import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Knex } from 'knex'
import { givenOrganisation } from './list-rows.ts'
import { openSchema } from './portal.ts'

/** 编号: what a rule renders to, and that counters give no number twice and leave none out, whoever asks at once. */

let db: Knex
let pool: Knex
let stop: () => Promise<void>
let numbers: typeof import('../src/cases/numbers.ts')
let inTransaction: typeof import('../src/db.ts').inTransaction
before(async () => {
  const opened = await openSchema('numbers')
  const { openPool, useDatabase, ...rest } = await import('../src/db.ts')
  ;({ db } = opened)
  // Twenty officers at once.
  pool = useDatabase(openPool(opened.url, 20))
  numbers = await import('../src/cases/numbers.ts')
  ;({ inTransaction } = rest)
  stop = async () => {
    await pool.destroy()
    await opened.close()
  }
})
after(() => stop())

const rule = '济物合备〔{yyyy}〕{region}-{seq:4}号'
const facts = { year: 2026, region: '370102001' }
const value = async (prefix: string) => (await db('counters').where({ prefix }).first())?.value

test('a rule is rendered with year, region and sequence, and counts by what stands before the sequence', () => {
  assert.equal(numbers.renderNumber(rule, { ...facts, seq: 7 }), '济物合备〔2026〕370102-0007号')
  assert.equal(numbers.prefixOf(rule, facts), '济物合备〔2026〕370102-')
  assert.equal(numbers.renderNumber('鲁济物3-{yyyy}-{seq:4}', { ...facts, seq: 12345 }), '鲁济物3-2026-12345')
  assert.match(numbers.sampleNumber(rule), /^济物合备〔20\d\d〕370102-0012号$/)
})

test('what the demo city counted goes on', async () => {
  const { fileNumber, Ground } = await import('../seeds/ground.ts')
  const prefix = numbers.prefixOf('济业备〔{yyyy}〕{region}-{seq:4}号', facts)
  const ground = new Ground({ size: 1, today: '2026-11-23', before: {} as never }, 0, [], new Map([[prefix, 4]])) // its ids are not asked for

  const last = fileNumber(ground, prefix)

  assert.equal(last, numbers.renderNumber('济业备〔{yyyy}〕{region}-{seq:4}号', { ...facts, seq: 5 }))
})

test('numbers are taken one after the other, each prefix with a counter of its own', async () => {
  const take = (year: number) => inTransaction(trx => numbers.takeNumber(trx, rule, { ...facts, year }))

  assert.deepEqual(
    [await take(2025), await take(2025), await take(2026)],
    ['济物合备〔2025〕370102-0001号', '济物合备〔2025〕370102-0002号', '济物合备〔2026〕370102-0001号'],
  )
  assert.equal(await inTransaction(trx => numbers.takeSerial(trx, 'ZX', '2026-11-23')), 'ZX2026112300001')
  assert.equal(await value('ZX20261123'), 1)
})

test('numbers that are there already, by another rule or from before the portal, are passed over and leave no gap', async () => {
  const company = await givenOrganisation(db, '济南号满物业服务有限公司')
  const at = new Date()
  const stamps = { created_at: at, updated_at: at }
  await db('companies').insert({ id: company, origin: 'local', ownership: 'private', legal_person: '卢新立', registered_address: '经十路 1 号', ...stamps }) // biome-ignore format: one row
  const inCase = (number: string) => db('cases').insert({ kind: 'old', title: '老件', subject_type: 'company', subject_id: company, subject_name: '号满', applicant_id: company, state: 'done', number, held_since: at, created_by: 1, ...stamps }) // biome-ignore format: one row
  const other = 'LW〔{yyyy}〕3701{seq:4}'
  await inCase(numbers.renderNumber(other, { ...facts, seq: 20001 }))
  await db('certificates').insert({ company_id: company, number: 'LW〔2026〕370120002', level: 'third', state: 'replaced', issuer: '市局', approved_on: '2020-01-01', issued_on: '2020-01-01', ...stamps }) // biome-ignore format: one row
  // Another spelling is the same number to the unique key.
  await inCase('lw〔2026〕370120003')
  const approve = (fails = false) =>
    inTransaction(async trx => {
      const number = await numbers.takeNumber(trx, 'LW〔{yyyy}〕37012{seq:4}', facts)
      await trx('cases').insert({ kind: 'new', title: '新件', subject_type: 'company', subject_id: company, subject_name: '号满', applicant_id: company, state: 'done', number, held_since: at, created_by: 1, ...stamps }) // biome-ignore format: one row
      if (fails) throw new Error('undone')
      return number
    })

  await assert.rejects(approve(true), /undone/)

  assert.deepEqual(
    [await approve(), await approve(), await approve()],
    ['LW〔2026〕370120004', 'LW〔2026〕370120005', 'LW〔2026〕370120006'],
  )
  assert.equal(await value('LW〔2026〕37012'), 6)
})

test('a transaction that is undone gives its number back', async () => {
  const take = (fails: boolean) =>
    inTransaction(async trx => {
      const number = await numbers.takeSerial(trx, 'QX', '2026-11-23')
      if (fails) throw new Error('undone')
      return number
    })

  await assert.rejects(take(true), /undone/)

  assert.equal(await take(false), 'QX2026112300001')
})

for (const first of ['is there already', 'is made by the first of them, which is undone'])
  test(`two hundred at once on a counter that ${first}: no number twice, none left out, no deadlock`, async () => {
    const { nextValue } = await import('../src/database/counters.ts')
    const prefix = first === 'is there already' ? '同时-' : '同时新-'
    if (first === 'is there already') await db('counters').insert({ prefix, value: 0 })

    const outcomes = await Promise.all(
      Array.from({ length: 200 }, async (_, n) =>
        pool
          .transaction(
            async trx => {
              const value = await nextValue(trx, prefix)
              if (n % 7 === 0) {
                // What else a step writes; meanwhile the others queue up behind this one.
                for (let more = 0; more < 10; more++) await trx.raw('select 1')
                throw new Error('undone')
              }
              return value
            },
            { isolationLevel: 'read committed' },
          )
          .catch((error: Error) => error.message),
      ),
    )

    const taken = outcomes.filter(outcome => typeof outcome === 'number').sort((a, b) => a - b)
    const words = outcomes.filter(outcome => typeof outcome === 'string')
    assert.deepEqual([...new Set(words)], ['undone'])
    assert.equal(words.length, 29)
    assert.deepEqual(
      taken,
      Array.from({ length: 171 }, (_, n) => n + 1),
    )
    assert.equal(await value(prefix), 171)
  })

for (const [wrong, sentence] of [
  ['济物备〔{yyyy}〕号', /要有流水号，写成 \{seq:4\}/],
  ['济物备{seq:0}', /位数是 1 到 9/],
  ['济物备{seq:12}', /位数是 1 到 9/],
  ['济物备{seq}', /位数是 1 到 9/],
  ['济物备{seq:4}{seq:4}', /只能有一个/],
  ['济物备{年}{seq:4}', /\{年\} 系统不认识/],
  ['济物备{yyyy{seq:4}', /大括号不成对/],
  ['{seq:4}号', /前面要有字/],
  [`${'济'.repeat(55)}{seq:4}`, /有 65 个字，最多 60 个/],
] as const)
  test(`a rule like ${wrong.slice(0, 24)} is refused with a sentence`, () => {
    assert.match(numbers.ruleFault(wrong) ?? '', sentence)
  })

test('the rules of the city are in order', () => {
  for (const right of [rule, '济物招备〔{yyyy}〕{seq:4}号', '鲁济物3-{yyyy}-{seq:4}', '{region}{seq:6}'])
    assert.equal(numbers.ruleFault(right), undefined)
})
