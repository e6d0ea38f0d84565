import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Knex } from 'knex'
import type { Kind, Place } from '../src/cases/kind.ts'
import { launch, phone, sidewaysScroll, signIn, violations, visit } from './browser.ts'
import { type Agent, type Answer, startPortal, type TestPortal } from './portal.ts'
import { newCompany, plain, press, submitWhole, visit as visitFields } from './qualification.ts'

/** 事项设置: who decides how a kind goes, from which day, what cannot be set, and what never changes any more. */

const { desk, external, party, publicity, allKinds, defineKind, registerKinds, standardOf, variantsOf } = await import(
  '../src/cases/kind.ts'
)
const { shelter } = await import('./given-cases.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { addDays } = await import('../src/calendar.ts')
const { isSameSettings, settingsById, settingsInForce } = await import('../src/cases/settings.ts')
const { readSettings, typedFrom, typedPosted } = await import('../src/admin/kind-forms.ts')
const { settingsChanges } = await import('../src/admin/kind-words.ts')

const standard = standardOf(shelter)
/** A kind with a place of every sort and something in every part. */
const trial = defineKind({
  ...shelter,
  code: 'trial-settings',
  label: '凉亭备案',
  prefix: 'LT',
  parties: ['respondent'],
  thresholds: { seats: { label: '座位不少于', unit: '个' } },
  settings: {
    ...standard,
    chain: [
      desk('district', 'district-clerk', '区县初审', '初审中', { visit: true }),
      party('owner', 'respondent', '业主答复', '待答复', 5),
      external('province', '省住建厅', 'city-clerk', '省厅审批', '省厅审批中'),
      desk('review', 'city-reviewer', '市局复核', '复审中', { limit: 3 }),
      publicity('city-clerk', 5),
    ],
    consults: [{ code: 'street', label: '街道意见', role: 'street-clerk', limit: { limit: 5, unit: 'working-day' } }],
    materials: [
      { code: 'plan', label: '设计图', required: true, original: true, copies: 2, hint: '加盖公章' },
      { code: 'photo', label: '照片', required: false, original: false, copies: 1, expires: true },
    ],
    number: '凉备〔{yyyy}〕{region}-{seq:4}号',
    thresholds: { seats: 6 },
    templates: [{ step: 'pass', label: '同意', text: '同意。' }],
  },
})
const levels = defineKind({
  ...trial,
  code: 'trial-levels',
  label: '凉亭定级',
  prefix: 'LL',
  variants: { two: '二级', one: '一级' },
})

let portal: TestPortal
let db: Knex
let keeper: Agent
let supervisor: Agent
before(async () => {
  registerKinds(trial, levels)
  portal = await startPortal({ demo: true })
  ;({ db } = portal)
  keeper = await portal.as('business-admin')
  supervisor = await portal.as('supervisor')
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

const home = '/desk/admin/kinds/trial-settings'
const rowsOf = (kind = 'trial-settings') => db('kind_settings').where({ kind }).orderBy('id')
const inForceNow = async (day?: string) => (await settingsInForce(db, trial, '', day)).settings
const labels = (settings: { chain: { label: string }[] }) => settings.chain.map(({ label }) => label)

/** What a browser would send of the form on a page. */
function fieldsIn(html: string): Record<string, string> {
  const form = /<form class="stack-y" method="post"[\s\S]*?<\/form>/.exec(html)?.[0] ?? ''
  assert.ok(form, plain(html))
  const decode = (text: string) =>
    text.replace(/&#34;/g, '"').replace(/&#39;/g, "'").replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&')
  const fields: Record<string, string> = {}
  for (const [tag] of form.matchAll(/<input\b[^>]*>/g)) {
    const [, name = ''] = / name="([^"]*)"/.exec(tag) ?? []
    const [, value = ''] = / value="([^"]*)"/.exec(tag) ?? []
    if (name && (!/type="checkbox"/.test(tag) || / checked/.test(tag))) fields[name] = decode(value)
  }
  for (const [, name = '', options = ''] of form.matchAll(/<select\b[^>]* name="([^"]*)"[^>]*>([\s\S]*?)<\/select>/g))
    fields[name] = /<option value="([^"]*)" selected/.exec(options)?.[1] ?? ''
  for (const [, name = '', value = ''] of form.matchAll(/<textarea\b[^>]* name="([^"]*)"[^>]*>([\s\S]*?)<\/textarea>/g))
    fields[name] = decode(value)
  return fields
}

const opened = async (path = home) => fieldsIn((await keeper.get(path)).text)
/** Opens the form, changes some fields, and saves. */
async function save(changes: Record<string, string | undefined>, path = home, query = ''): Promise<Answer> {
  const fields = { ...(await opened(path + query)), ...changes, do: 'save' }
  return await keeper.post(path + query, JSON.parse(JSON.stringify(fields)))
}
const mistakesIn = (html: string) =>
  [...html.matchAll(/class="mistake"[^>]*>(?:<svg[\s\S]*?<\/svg>)?([^<]*)</g)].map(([, text = '']) => text)

// ── Who ────────────────────────────────────────────────────────────────────────────────────────

test('the business administrator changes, the supervisor reads, nobody else comes in', async () => {
  const { id } = await settingsInForce(db, trial)
  for (const path of ['/desk/admin/kinds', `${home}/history`, `${home}/editions/${id}`]) {
    assert.equal((await keeper.get(path)).status, 200, path)
    assert.equal((await supervisor.get(path)).status, 200, path)
  }
  assert.equal((await supervisor.get(home)).status, 403)
  const before = (await rowsOf()).length
  assert.equal((await supervisor.post(home, { ...(await opened()), do: 'save', corrections: '0' })).status, 403)
  for (const name of ['city-approver', 'district-clerk', 'company', 'system-admin', 'audit-admin']) {
    const agent = await portal.as(name)
    for (const path of ['/desk/admin/kinds', home, `${home}/history`, `${home}/editions/${id}`])
      assert.equal((await agent.get(path)).status, 403, `${name} ${path}`)
    assert.equal((await agent.post(home, { do: 'save' })).status, 403, name)
    assert.equal((await agent.post(`${home}/editions/${id}/withdraw`)).status, 403, name)
  }
  assert.equal((await rowsOf()).length, before)
  assert.doesNotMatch((await supervisor.get('/desk/admin/kinds')).text, />修改</)
})

// ── What comes in goes out ─────────────────────────────────────────────────────────────────────

test('the settings of every kind go through their own form unchanged', () => {
  for (const kind of allKinds())
    for (const variant of Object.keys(variantsOf(kind))) {
      const base = standardOf(kind, variant)
      const read = readSettings(typedFrom(base, today()), { kind, variant, base })
      assert.ok(read.ok, `${kind.code} ${JSON.stringify(!read.ok && read.mistakes)}`)
      assert.ok(
        isSameSettings(read.settings, base),
        `${kind.code}: ${JSON.stringify(settingsChanges(base, read.settings, kind))}`,
      )
    }
})

test('a form that is saved as it was opened changes nothing', async () => {
  const before = await rowsOf()

  const saved = await save({})

  assert.equal(saved.status, 303, plain(saved.text))
  assert.deepEqual(await rowsOf(), before)
  assert.match((await keeper.get(saved.location ?? '')).text, /没有改动，设置照旧/)
})

test('names of properties and other strange keys are dropped', () => {
  const typed = typedPosted(
    JSON.parse(
      '{"__proto__.0.label":"x","places.0.label":"甲","places.9.label":"乙","constructor":"y","places.0.__proto__":"z","threshold-a":["1","2"]}',
    ),
  )

  assert.deepEqual(typed.places, [{ label: '甲' }, { label: '乙' }])
  assert.deepEqual(typed.single, { 'threshold-a': '1' })
})

// ── Saving ─────────────────────────────────────────────────────────────────────────────────────

test('a change is the next row, in force from its day, told in the log', async () => {
  const before = await settingsInForce(db, trial)

  const saved = await save({
    'places.3.label': '市局审核',
    'places.3.role': 'city-approver',
    'materials.1.required': 'on',
    'clocks.1.limit': '15',
    number: '亭备〔{yyyy}〕{seq:5}号',
    corrections: '2',
    'threshold-seats': '8',
  })

  assert.equal(saved.status, 303, plain(saved.text))
  const now = await settingsInForce(db, trial)
  assert.notEqual(now.id, before.id)
  assert.deepEqual(
    settingsChanges(before.settings, now.settings, trial).map(({ label, before, after }) => `${label}：${before} → ${after}`),
    [
      '环节：区县初审 → 业主答复 → 省厅审批 → 市局复核 → 公示 → 区县初审 → 业主答复 → 省厅审批 → 市局审核 → 公示',
      '环节“市局复核”：环节“市局复核”，审核岗位，叫“复审中”，市局复核人，限 3 个工作日 → 环节“市局审核”，审核岗位，叫“复审中”，市局审批人，限 3 个工作日',
      '时限“办结”：自受理起 20 个工作日内作出决定，补正、市外机关办理的时间不计入；— → 自受理起 15 个工作日内作出决定，补正、市外机关办理的时间不计入；—',
      '材料“照片”：选交，1 份，填写有效期 → 必需，1 份，填写有效期',
      '编号规则：凉备〔{yyyy}〕{region}-{seq:4}号 → 亭备〔{yyyy}〕{seq:5}号',
      '补正次数：1 次 → 2 次',
      '座位不少于：6 个 → 8 个',
    ],
  )
  const row = await db('kind_settings').where({ id: now.id }).first()
  const { id: keeperId } = await db('users').where({ username: 'business-admin' }).first()
  assert.deepEqual([row.effective_on, row.revision, row.created_by], [today(), 1, keeperId])
  const log = await db('action_log').where({ action: 'kind.update' }).orderBy('id', 'desc').first()
  assert.deepEqual([log.object_type, log.object_id, log.object_label], ['kind', 'trial-settings', '凉亭备案'])
  assert.deepEqual(JSON.parse(log.detail).changes.补正次数, ['1 次', '2 次'])
  assert.match((await keeper.get('/desk/kinds/trial-settings')).text, /亭备〔\d{4}〕00012号/)
  await assert.rejects(db('kind_settings').where({ id: now.id }).update({ settings: '{}' }), /append-only/)
})

test('a second change of one day is its next revision and is what counts', async () => {
  assert.equal((await save({ corrections: '3' })).status, 303)
  assert.equal((await save({ corrections: '1' })).status, 303)

  const rows = await rowsOf()
  assert.deepEqual(
    rows.slice(-2).map(row => [row.effective_on, row.revision]),
    [
      [today(), 2],
      [today(), 3],
    ],
  )
  assert.equal((await inForceNow()).corrections, 1)
})

test('a change for later is not used before its day, and can be withdrawn', async () => {
  const later = addDays(today(), 10)
  assert.equal((await save({ corrections: '0', effective_on: later })).status, 303)

  assert.equal((await inForceNow()).corrections, 1)
  const catalogue = await keeper.get('/desk/kinds/trial-settings')
  assert.match(catalogue.text, new RegExp(`${later} 起按新的设置办理`))
  assert.match(catalogue.text, /最多 1 次/)
  assert.match((await keeper.get('/desk/admin/kinds')).text, new RegExp(`下次变动">${later}<`))
  assert.match((await keeper.get(home)).text, new RegExp(`${later} 起已排好另一版设置`))
  shiftClock(9 * 86_400_000)
  assert.equal((await inForceNow()).corrections, 1)
  shiftClock(10 * 86_400_000)
  assert.equal((await inForceNow()).corrections, 0)
  // Before the session of nine days ago is found to be idle.
  shiftClock(0)

  const future = (await rowsOf()).at(-1)
  const withdrawn = await keeper.post(`${home}/editions/${future.id}/withdraw`, { opened: String(future.id) })
  assert.equal(withdrawn.status, 303, plain(withdrawn.text))
  assert.equal((await inForceNow(later)).corrections, 1)
  assert.equal((await inForceNow(addDays(later, 400))).corrections, 1)
  assert.equal((await rowsOf()).at(-1).revision, 2)
  const history = await keeper.get(`${home}/history`)
  assert.match(history.text, /已撤回<\/span>/)
  assert.doesNotMatch(history.text, /将生效/)
  assert.doesNotMatch((await keeper.get('/desk/kinds/trial-settings')).text, /起按新的设置办理/)
  assert.match(history.text, /已替换/)
  assert.equal((await keeper.post(`${home}/editions/${future.id}/withdraw`, { opened: '999999' })).status, 409)
})

test('a variant is set by itself', async () => {
  const path = '/desk/admin/kinds/trial-levels'
  const saved = await save({ corrections: '0' }, path, '?variant=one')

  assert.equal(saved.status, 303, plain(saved.text))
  assert.equal((await settingsInForce(db, levels, 'one')).settings.corrections, 0)
  assert.equal((await settingsInForce(db, levels, 'two')).settings.corrections, 1)
  assert.equal((await keeper.get(`${path}?variant=three`)).status, 404)
  const { id } = await settingsInForce(db, levels, 'one')
  assert.equal((await keeper.get(`${path}/editions/${id}?variant=two`)).status, 404)
})

test('a submitted case keeps its settings, the next one has the new', async () => {
  const path = '/desk/admin/kinds/qualification-new'
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  const { settings_id } = await db('cases').where({ id }).first()
  const running = await db('cases')
    .where({ kind: 'qualification-new' })
    .whereIn('state', ['submitted', 'supplement', 'reviewing', 'waiting'])
  assert.match(
    (await keeper.get(path)).text,
    new RegExp(`已提交、还没有办完的 <b class="num">${running.length}</b> 件仍按提交时的设置办理`),
  )
  const fields = await opened(path)
  const without = await keeper.post(path, { ...fields, do: 'remove:places:1' })
  assert.equal(without.status, 200)
  const saved = await keeper.post(path, { ...fieldsIn(without.text), do: 'save' })
  assert.equal(saved.status, 303, plain(saved.text))

  assert.equal((await db('cases').where({ id }).first()).settings_id, settings_id)
  assert.deepEqual(labels(await settingsById(db, settings_id)), ['区县初审', '市局经办', '市局复核', '市局审批', '公示'])
  const district = await portal.as('district-clerk')
  assert.equal((await press(portal, district, id, 'accept')).status, 303)
  assert.equal((await press(portal, district, id, 'pass', { opinion: '符合。', ...(await visitFields()) })).status, 303)
  assert.equal((await db('cases').where({ id }).first()).place, 'city-clerk')
  assert.match((await keeper.get('/desk/kinds/qualification-new')).text, /其中 1 件按提交时的设置办理/)

  const next = await submitWhole(portal, await newCompany(portal))
  const row = await db('cases').where({ id: next }).first()
  assert.deepEqual(labels(await settingsById(db, row.settings_id)), ['区县初审', '市局复核', '市局审批', '公示'])
})

// ── Somebody was faster ────────────────────────────────────────────────────────────────────────

test('whoever saves second sees what the first changed, keeps what was typed, and may then save', async () => {
  const [mine, theirs] = [await opened(), await opened()]
  assert.equal((await keeper.post(home, { ...theirs, corrections: '4', do: 'save' })).status, 303)
  const rows = (await rowsOf()).length

  const second = await keeper.post(home, { ...mine, 'places.0.label': '区县受理', do: 'save' })

  assert.equal(second.status, 409)
  assert.equal((await rowsOf()).length, rows)
  assert.match(second.text, /石敏之/)
  assert.match(second.text, /补正次数：<span class="was">1 次<\/span> → <span class="now-is">4 次</)
  assert.match(second.text, /value="区县受理"/)
  const again = await keeper.post(home, { ...fieldsIn(second.text), do: 'save' })
  assert.equal(again.status, 303, plain(again.text))
  const now = await inForceNow()
  assert.deepEqual([now.chain[0]?.label, now.corrections], ['区县受理', 1])
})

test('of two who save at the same moment one wins and the other is told', async () => {
  const fields = await opened()
  const before = (await rowsOf()).length

  const answers = await Promise.all(
    ['2', '3', '4', '5'].map(corrections => keeper.post(home, { ...fields, corrections, do: 'save' })),
  )

  assert.deepEqual(answers.map(answer => answer.status).sort(), [303, 409, 409, 409])
  assert.equal((await rowsOf()).length, before + 1)
})

// ── What cannot be set ─────────────────────────────────────────────────────────────────────────

const gone = (prefix: string) => (fields: Record<string, string>) =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !name.startsWith(prefix)))
const set = (changes: Record<string, string>) => (fields: Record<string, string>) => ({ ...fields, ...changes })
const only =
  (...kept: number[]) =>
  (fields: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(fields).filter(([name]) => !name.startsWith('places.') || kept.some(n => name.startsWith(`places.${n}.`))),
    )
const newDesk = {
  code: 'extra',
  sort: 'desk',
  label: '加一审',
  state: '加审中',
  role: 'city-clerk',
  limit: '',
  unit: 'working-day',
}
const row = (part: string, at: number, values: Record<string, string>) =>
  set(Object.fromEntries(Object.entries(values).map(([name, value]) => [`${part}.${at}.${name}`, value])))

for (const [what, change, sentence] of [
  ['no place at all', gone('places.'), /流程里没有审核岗位/],
  ['a chain without a desk', only(1, 2, 4), /流程里没有审核岗位。至少要有一个审核岗位来受理和审核，请加上。/],
  ['a party first', only(1, 3), /第 1 个环节要是审核岗位，由它受理；当事人答复请移到后面。/],
  ['an authority outside first', only(2, 3), /市外机关请移到后面/],
  ['a wait first', (fields: Record<string, string>) => row('places', 0, { ...newDesk, sort: 'wait', limit: '3', public: 'on' })(only(3)(fields)), /公示、等待请移到后面/],
  ['a party last', only(0, 1), /最后一个环节不能是当事人答复/],
  ['one desk left', only(0, 4), /至少要有两个审核环节，由不同的人办理（不得自审）。请加上。/],
  ['publicity taken away', only(0, 1, 2, 3), /这个事项依法要公示，公示环节不能去掉。请加回来。/],
  ['publicity that nobody sees', gone('places.4.public'), /这个事项依法要公示，公示环节不能去掉。请加回来。/],
  ['one desk and no publicity', only(0), /由不同的人办理（不得自审）。请加上。这个事项依法要公示/],
  ['a party its cases never have', set({ 'places.1.party': 'complainant' }), /第 2 个环节：这个事项的办件没有投诉人，到这里没有人答复。请换一个答复人，或去掉这个环节。/],
  ['a street where cases have none', set({ 'places.3.role': 'street-reviewer' }), /第 4 个环节：这个事项的办件不一定有所属街道办，到这里会没有人办。请换市局或区县的角色。/],
  ['a street for objections where cases have none', set({ 'places.4.role': 'street-clerk' }), /第 5 个环节：这个事项的办件不一定有所属街道办/],
  ['an unknown role', set({ 'places.0.role': 'mayor' }), /没有“mayor”这个角色/],
  ['an administrator of the system', set({ 'places.0.role': 'audit-admin' }), /审计管理员只管系统，不办业务/],
  ['somebody of the applicant', set({ 'places.0.role': 'company-admin' }), /物业企业管理员是申请单位的人，不能当审核岗位/],
  ['somebody who only looks', set({ 'places.0.role': 'supervisor' }), /监察审计不审核办件/],
  ['a district for what comes from outside', set({ 'places.2.role': 'district-clerk' }), /市外机关的结果由市局录入，区县经办人不能录入/],
  ['no role', set({ 'places.0.role': '' }), /第 1 个环节：请填写办理人。/],
  ['no name', set({ 'places.3.label': '' }), /第 4 个环节：请填写名称。/],
  ['a name too long', set({ 'places.3.label': '审'.repeat(21) }), /第 4 个环节：名称最多 20 个字，现有 21 个。/],
  ['two places of one code', row('places', 5, { ...newDesk, code: 'district' }), /第 6 个环节：代码“district”已经用过/],
  ['two places of one name', row('places', 5, { ...newDesk, label: '市局审核' }), /第 6 个环节：名称“市局审核”已经用过/],
  ['a code that is none', row('places', 5, { ...newDesk, code: '加审' }), /代码只用小写字母、数字和短横线/],
  ['nine places', (fields: Record<string, string>) => [5, 6, 7, 8].reduce((all, n) => row('places', n, { ...newDesk, code: `extra-${n}`, label: `加审${n}` })(all), fields), /环节最多 8 个，现有 9 个/],
  ['a limit of 0', set({ 'clocks.0.limit': '0' }), /第 1 个时限：时限请填写 1 到 365 之间的整数/],
  ['a limit of 366', set({ 'places.4.limit': '366' }), /第 5 个环节：时限请填写 1 到 365 之间的整数/],
  ['a limit in words', set({ 'places.3.limit': '三天' }), /第 4 个环节：环节时限请填写 1 到 365 之间的整数/],
  ['a clock of the law removed', gone('clocks.0.'), /法定时限“受理”不能删除/],
  ['a promise longer than the law', row('clocks', 4, { code: 'promise-1', label: '承诺办结', from: 'accepted', until: 'decided', limit: '90', unit: 'working-day', law: '本市承诺' }), /承诺的 90 个工作日长于法定的 15 个工作日/],
  ['an end before its beginning', row('clocks', 4, { code: 'promise-1', label: '承诺办结', from: 'decided', until: 'accepted', limit: '3', unit: 'working-day', law: '本市承诺' }), /从作出决定起算的，只能到办结为止/],
  ['a desk nobody sits at asked for its opinion', set({ 'consults.0.role': 'developer' }), /开发企业是申请单位的人/],
  ['a material without a name', set({ 'materials.0.label': ' ' }), /第 1 个材料：请填写材料名称。/],
  ['two materials of one code', row('materials', 2, { code: 'plan', label: '图纸', copies: '1' }), /代码“plan”已经用过/],
  ['a material by a word of the portal', row('materials', 2, { code: 'outcome', label: '图纸', copies: '1' }), /代码“outcome”留给办理中的文件/],
  ['no copies', set({ 'materials.0.copies': '0' }), /第 1 个材料：份数请填写 1 到 20 之间的整数/],
  ['a number without a sequence', set({ number: '凉备〔{yyyy}〕号' }), /编号规则里要有流水号，写成 \{seq:4\}/],
  ['a number of ten digits', set({ number: '凉备{seq:10}' }), /流水号的位数是 1 到 9/],
  ['a number with a token nobody knows', set({ number: '凉备{month}{seq:4}' }), /\{month\} 系统不认识/],
  ['no number', set({ number: '' }), /请填写编号规则/],
  ['six corrections', set({ corrections: '6' }), /补正次数请填写 0 到 5 之间的整数，单位为次/],
  ['a threshold below nothing', set({ 'threshold-seats': '-1' }), /座位不少于请填写 0 到/],
  ['an opinion for no step', set({ 'templates.0.step': 'submit' }), /用于不在可选范围内/],
  ['two opinions of one name', row('templates', 1, { step: 'pass', label: '同意', text: '同意上报。' }), /这一步已有简称“同意”/],
  ['a day that is no day', set({ effective_on: '2026-02-30' }), /生效日期请填写成/],
  ['yesterday', (fields: Record<string, string>) => ({ ...fields, effective_on: addDays(today(), -1) }), /生效日期不能早于今天（\d{4}-\d\d-\d\d）/],
] as const) // biome-ignore format: one mistake a line
  test(`${what} is refused with a sentence, and what was typed stays`, async () => {
    const before = (await rowsOf()).length
    const posted = change(await opened()) as Record<string, string>
    const last: Record<string, string> = 'places.4.label' in posted ? { 'places.4.state': '正在公示' } : {}

    const answer = await keeper.post(home, { ...posted, ...last, do: 'save' })

    assert.equal(answer.status, 422, plain(answer.text))
    assert.match(mistakesIn(answer.text).join('\n'), sentence)
    assert.match(answer.text, /改好后再提交/)
    if ('places.4.state' in last) assert.match(answer.text, /value="正在公示"/)
    assert.equal((await rowsOf()).length, before)
  })

test('what lies within the rules is taken: a wait last, a desk added, a limit in days, a promise', async () => {
  const fields = row('places', 5, { ...newDesk, limit: '2', unit: 'calendar-day' })(await opened())
  const more = row('clocks', 4, { code: 'promise-1', label: '承诺办结', from: 'accepted', until: 'decided', limit: '7', unit: 'working-day', law: '本市承诺' })(fields) // biome-ignore format: one row

  const saved = await keeper.post(home, { ...more, do: 'save' })

  assert.equal(saved.status, 303, plain(saved.text))
  const now = await inForceNow()
  assert.deepEqual(now.chain.at(-1), {
    sort: 'desk',
    code: 'extra',
    label: '加一审',
    state: '加审中',
    role: 'city-clerk',
    limit: { limit: 2, unit: 'calendar-day' },
  })
  assert.deepEqual(now.clocks.at(-1)?.limit, 7)
  assert.match((await keeper.get('/desk/kinds/trial-settings')).text, /class="chip">7 个工作日办结/)
})

test('a kind is held to what it was made with: two pairs of eyes where it had them, its parties, its offices', () => {
  const refusalsOf = (kind: Partial<Kind>, chain: Place[], made = chain) => {
    const base = { ...standard, chain }
    const read = readSettings(typedFrom(base, today()), { kind: { ...trial, settings: { ...base, chain: made }, ...kind }, variant: '', base })
    return read.ok ? [] : Object.keys(read.mistakes)
  } // biome-ignore format: one thought
  const [first, second] = [desk('one', 'city-clerk', '受理', '受理中'), desk('two', 'city-reviewer', '审核', '审核中')]
  const outside = external('province', '省住建厅', 'city-clerk', '省厅审批', '省厅审批中')
  const street = desk('street', 'street-clerk', '街道办审核', '街道办审核中')
  const answer = party('owner', 'complainant', '投诉人答复', '待答复', 5)

  assert.deepEqual(refusalsOf({}, [first]), [])
  assert.deepEqual(refusalsOf({}, [first, outside]), [])
  assert.deepEqual(refusalsOf({}, [first], [first, outside]), ['places'])
  assert.deepEqual(refusalsOf({}, [first, outside], [first, second, outside]), [])
  assert.deepEqual(refusalsOf({}, [first, second], [first, second, street]), [])
  assert.deepEqual(refusalsOf({}, [street, second]), ['places.0.role'])
  assert.deepEqual(refusalsOf({ reaches: ['city', 'district', 'street'] }, [street, second]), [])
  assert.deepEqual(refusalsOf({ reaches: ['city'] }, [desk('one', 'district-clerk', '受理', '受理中')]), ['places.0.role'])
  assert.deepEqual(refusalsOf({}, [first, answer, second]), ['places.1.party'])
  assert.deepEqual(refusalsOf({ parties: ['complainant'] }, [first, answer, second]), [])
  assert.deepEqual(refusalsOf({}, [first, party('again', 'applicant', '申请人说明', '待说明', 5), second]), [])
})

test('only roles and parties that cases reach are offered, and what stands there', async () => {
  const { text } = await keeper.get(home)
  const offered = (name: string) => {
    const select = new RegExp(`<select[^>]* name="${name}"[^]*?</select>`).exec(text)?.[0] ?? ''
    return [...select.matchAll(/<option value="([^"]+)"/g)].map(([, value]) => value)
  }

  assert.deepEqual(offered('places.1.party'), ['respondent', 'applicant'])
  assert.ok(offered('places.0.role').includes('district-reviewer'))
  assert.ok(!offered('places.0.role').includes('street-clerk'))
  assert.ok(offered('consults.0.role').includes('street-clerk'))
})

test('the sort and the code of a place are fixed once it is there', async () => {
  const saved = await save({ 'places.0.sort': 'wait', 'places.0.limit': '9' })

  assert.equal(saved.status, 303, plain(saved.text))
  const first = (await inForceNow()).chain[0]
  assert.deepEqual([first?.sort, first?.code], ['desk', 'district'])
  assert.doesNotMatch((await keeper.get(home)).text, /id="f-places\.0\.code"/)
})

// ── Rows without script ────────────────────────────────────────────────────────────────────────

test('rows are added, moved and removed by buttons, and nothing is saved by them', async () => {
  const before = (await rowsOf()).length
  const start = await opened()
  const names = (html: string) => Object.entries(fieldsIn(html)).filter(([name]) => /^places\.\d+\.label$/.test(name)).map(([, value]) => value) // biome-ignore format: one thought
  const [first, second] = [start['places.0.label'], start['places.1.label']]

  const down = await keeper.post(home, { ...start, corrections: '没想好', do: 'down:places:0' })
  assert.equal(down.status, 200)
  assert.deepEqual(names(down.text).slice(0, 2), [second, first])
  assert.match(down.text, /value="没想好"/)
  const added = await keeper.post(home, { ...fieldsIn(down.text), do: 'add:places:external' })
  assert.equal(names(added.text).length, names(down.text).length + 1)
  assert.match(added.text, /id="f-places\.6\.authority"/)
  assert.match(added.text, /id="f-places\.6\.code"[^>]*value="external-1"/)
  const removed = await keeper.post(home, { ...fieldsIn(added.text), do: 'remove:places:0' })
  assert.equal(names(removed.text)[0], first)
  const paper = await keeper.post(home, { ...start, do: 'add:materials' })
  assert.match(paper.text, /id="f-materials\.2\.label"/)
  assert.match(paper.text, /id="part-materials" open/)
  for (const odd of ['remove:places:99', 'up:places:0', 'add:places:palace', 'add:__proto__', 'up:places:-1', 'nonsense'])
    assert.equal((await keeper.post(home, { ...start, do: odd })).status, 200, odd)
  assert.equal((await rowsOf()).length, before)
})

test('the number is shown as it would be', async () => {
  const start = await opened()

  assert.match(
    (await keeper.post(home, { ...start, number: '亭〔{yyyy}〕{seq:3}', do: 'preview' })).text,
    /例：<span class="code">亭〔\d{4}〕012</,
  )
  assert.match((await keeper.post(home, { ...start, number: '亭', do: 'preview' })).text, /没有编号规则，或规则有误/)
})

// ── Reading ────────────────────────────────────────────────────────────────────────────────────

test('every earlier row can be read, compared and taken up again', async () => {
  const rows = await rowsOf()
  const [oldest, last] = [rows[0], rows.at(-1)]

  const page = await supervisor.get(`${home}/editions/${oldest.id}`)
  assert.match(page.text, /审核岗位，叫“初审中”，区县经办人，登记实地核查/)
  assert.match(page.text, /只有这一版|对照/)
  const compared = await supervisor.get(`${home}/editions/${last.id}?with=${oldest.id}`)
  assert.match(compared.text, /环节：<span class="was">区县初审 → 业主答复/)
  assert.equal((await supervisor.get(`${home}/editions/${last.id}?with=999999999`)).status, 404)

  const again = await keeper.get(`${home}?edition=${oldest.id}`)
  assert.match(again.text, /从以前的一版开始改/)
  const saved = await keeper.post(home, { ...fieldsIn(again.text), do: 'save' })
  assert.equal(saved.status, 303, plain(saved.text))
  assert.ok(isSameSettings(await inForceNow(), await settingsById(db, oldest.id)))
})

test('what was typed when the session had ended comes back after signing in', async () => {
  const agent = await portal.as('business-admin')
  const fields = fieldsIn((await agent.get(home)).text)
  const { id: user_id } = await db('users').where({ username: 'business-admin' }).first()
  assert.ok(await db('sessions').where({ user_id }).delete())

  const refused = await agent.post(home, { ...fields, 'places.0.label': '重新登录前填的', do: 'save' })
  assert.equal(refused.status, 303)
  const next = new URL(refused.location ?? '', portal.base).searchParams.get('next') ?? ''
  await agent.post('/login', { username: 'business-admin', password: 'Wuye@2026', next })
  assert.match((await agent.get(next)).text, /value="重新登录前填的"/)
  keeper = await portal.as('business-admin')
})

test('the pages are accessible and never wider than a phone', async () => {
  const browser = await launch()
  try {
    const { context, page, problems } = await visit(browser, { base: portal.base, viewport: phone })
    await signIn(page, 'business-admin')
    const last = (await rowsOf()).at(-1)
    for (const path of ['/desk/admin/kinds', home, `${home}/history`, `${home}/editions/${last.id}`]) {
      await page.goto(path)
      assert.deepEqual(await violations(page), [], path)
      assert.equal(await sidewaysScroll(page), 0, path)
    }
    assert.deepEqual(problems, [])
    await context.close()
  } finally {
    await browser.close()
  }
})
