import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openSchema } from './portal.ts'

const { useDatabase, inTransaction } = await import('../src/db.ts')
const { now, shiftClock, today } = await import('../src/clock.ts')
const { Conflict } = await import('../src/errors.ts')
const { changeRecord, changeRows, createRecord, openPart, readRecord, recordOn, starredPart } = await import(
  '../src/modules/archives/archive.ts'
)
const { companies } = await import('../src/modules/archives/company.ts')
const { people } = await import('../src/modules/archives/person.ts')
const { projects } = await import('../src/modules/archives/project.ts')
const { changesPart } = await import('../src/modules/archives/record-pages.ts')
const { fieldsOf } = await import('../src/forms/form.ts')

const schema = await openSchema('archives')
const { db } = schema
const day = 86_400_000

before(async () => {
  useDatabase(db)
})
after(async () => {
  await schema.close()
})

const nobody = { user_id: null }

/** A project of 历下区 as an office would enter it. */
async function newProject(name: string, more: Record<string, string> = {}): Promise<number> {
  const answers = {
    name,
    address: '历下区试验路1号',
    district_code: '370102',
    street_code: '370102001',
    property_type: 'multi-storey',
    stage: 'early',
    floor_area: '12000.00',
    building_count: '4',
    house_count: '120',
    delivered_count: '60',
    delivered_area: '6000.00',
    ...more,
  }
  return await inTransaction(trx =>
    createRecord(trx, projects, answers, { by: nobody, source: 'office', more: { projects: { code: `T${name}`.slice(0, 20) } } }),
  )
}

const saveProject = (id: number, answers: Record<string, string>, version?: number) =>
  inTransaction(trx => changeRecord(trx, projects, id, { answers, by: nobody, ...(version === undefined ? {} : { version }) }))

test('a new record reads back as it was written, numbers left empty are 0, and it is found by its name', async () => {
  const id = await newProject('A1')
  const { answers, version } = await readRecord(db, projects, id)
  assert.equal(version, 1)
  assert.equal(answers.floor_area, '12000.00')
  assert.equal(answers.office_area, '0.00')
  assert.equal(answers.longitude, '')
  assert.equal(answers.is_old, '')
  const found = await db('search_terms').where({ scope: 'projects', doc_id: id, term: 'wa1' }).first('term')
  assert.ok(found)
})

test('a change says what changed, what did not is not told, and the second of two changes is refused by name', async () => {
  const id = await newProject('B1')
  assert.deepEqual(await saveProject(id, { community: '文化东路社区', heating: 'central', stage: 'early' }, 1), [
    'community',
    'heating',
  ])
  assert.deepEqual(await saveProject(id, { community: '文化东路社区' }), [])
  await assert.rejects(
    () => saveProject(id, { community: '别的社区' }, 1),
    (error: Error) => error instanceof Conflict && /“供暖方式”|“社区居委会”/.test(error.message),
  )
  assert.equal((await readRecord(db, projects, id)).answers.community, '文化东路社区')
  const changes = await changesPart(db, projects, id)
  assert.deepEqual(
    changes.map(({ label, before, after }) => [label, before, after]).sort(),
    [
      ['供暖方式', '—', '集中供暖'],
      ['社区居委会', '—', '文化东路社区'],
    ].sort(),
  )
})

test('a record is read as it was on any past day', async () => {
  const id = await newProject('C1')
  const first = today()
  shiftClock(10 * day)
  await saveProject(id, { name: '新名苑', sold_count: '100' })
  const second = today()
  shiftClock(20 * day)
  await saveProject(id, { name: '再名苑', sold_count: '' })
  try {
    const on = async (day: string) => (await recordOn(db, projects, id, day))?.answers
    assert.deepEqual([(await on(first))?.name, (await on(first))?.sold_count], ['C1', '0'])
    assert.deepEqual([(await on(second))?.name, (await on(second))?.sold_count], ['新名苑', '100'])
    assert.deepEqual([(await on(today()))?.name, (await on(today()))?.sold_count], ['再名苑', '0'])
    assert.equal(await on('2020-01-01'), undefined)
    // Former names lead here too.
    const found = await db('search_terms').where({ scope: 'projects', doc_id: id, term: '新名' }).first('term')
    assert.ok(found)
  } finally {
    shiftClock(0)
  }
})

test('personal data are sealed in the record and in its changes, and masked where changes are shown', async () => {
  const answers = { name: '单小田', id_number: '370100199001010017', phone: '15412345678', title: 'none' }
  const id = await inTransaction(trx =>
    createRecord(trx, people, answers, { by: nobody, more: { people: { gender: 'male', born_on: '1990-01-01' } } }),
  )
  await inTransaction(trx => changeRecord(trx, people, id, { answers: { phone: '15487654321' }, by: nobody }))
  const row = await db('people').where({ id }).first()
  assert.ok(!JSON.stringify(row).includes('15487654321') && !JSON.stringify(row).includes('370100199001010017'))
  assert.equal(row.phone_last4, '4321')
  const [change] = await changeRows(db, people, id)
  assert.ok(change && !`${change.before}${change.after}`.includes('1541') && !`${change.after}`.includes('4321'))
  const [shown] = await changesPart(db, people, id)
  assert.deepEqual([shown?.before, shown?.after], ['154****5678', '154****4321'])
  assert.equal((await readRecord(db, people, id)).answers.phone, '15487654321')
  assert.equal(row.name_key.startsWith('shan'), true)
})

test('★ fields and those that change at once are two forms that share nothing, and the office sets its own', () => {
  for (const archive of [companies, projects, people]) {
    const names = (form: ReturnType<typeof starredPart>) => fieldsOf(form).map(field => field.name)
    const [starred, open, byOffice] = [
      names(starredPart(archive)),
      names(openPart(archive, false)),
      names(openPart(archive, true)),
    ]
    assert.ok(starred.length > 0)
    assert.deepEqual(
      starred.filter(name => byOffice.includes(name)),
      [],
    )
    assert.deepEqual(new Set([...starred, ...byOffice]), new Set(fieldsOf(archive.form).map(field => field.name)))
    for (const name of archive.office ?? []) assert.ok(byOffice.includes(name) && !open.includes(name))
    // Every field on a page stands under a heading.
    assert.ok(fieldsOf(openPart(archive, true))[0]?.section)
  }
})

test('two changes of one record at once: both are kept, one after the other', async () => {
  const id = await newProject('D1')
  await Promise.all([saveProject(id, { community: '一社区' }), saveProject(id, { former_name: '旧名' })])
  const { answers, version } = await readRecord(db, projects, id)
  assert.deepEqual([answers.community, answers.former_name, version], ['一社区', '旧名', 3])
  assert.equal((await changeRows(db, projects, id)).length, 2)
  assert.ok(now())
})
