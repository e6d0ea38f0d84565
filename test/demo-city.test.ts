import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Knex } from 'knex'
import { PDFParse } from 'pdf-parse'
import { type Agent, openSchema, startPortal, type TestPortal } from './portal.ts'
import { plain, startCase } from './qualification.ts'

type Schema = Awaited<ReturnType<typeof openSchema>>
type Count = { n: number }

let city: Schema
let again: Schema
let portal: TestPortal
let today: string
/** What there was after the stop within a case. */
let stopped: { cases: string[]; files: number; progress: string }

before(async () => {
  portal = await startPortal({ demo: true, name: 'demo_city_portal' })
  city = await openSchema('demo_city')
  again = await openSchema('demo_city_again')
  const { loadDemoCity } = await import('../seeds/city.ts')
  today = (await import('../src/clock.ts')).today()

  // Stopped after the desks, then within a case, then taken up by two processes at once.
  const stop = () => {
    throw new Error('stopped')
  }
  await assert.rejects(loadDemoCity(city.db, { size: 1, onProgress: stop }), /stopped/)
  await city.db.raw("create trigger no_objections before insert on objections for each row signal sqlstate '45000'")
  await assert.rejects(loadDemoCity(city.db, { size: 1 }), /45000|objections/)
  stopped = {
    cases: await city.db('cases').orderBy('id').pluck('subject_name'),
    files: await count(city.db, 'files'),
    progress: (await city.db('settings').where({ code: 'demo-city' }).first()).value,
  }
  await city.db.raw('drop trigger no_objections')
  await Promise.all([loadDemoCity(city.db, { size: 1 }), loadDemoCity(city.db, { size: 1 })])
})

after(async () => {
  await city?.close()
  await again?.close()
  await portal?.stop()
})

async function count(db: Knex, table: string, where: object = {}): Promise<number> {
  const [row] = await db<Count>(table).where(where).count({ n: '*' })
  return Number(row?.n)
}

/** The ids of rows that break a rule; a rule is a query that finds them. */
async function offenders(sql: string, bindings: Knex.RawBinding[] = []): Promise<unknown[]> {
  const [rows]: object[][] = await city.db.raw(sql, bindings)
  return rows?.slice(0, 5) ?? []
}

for (const [what, table, where, expected] of [
  ['one bureau', 'organisations', { kind: 'city', name: '济南市住房和城乡建设局' }, 1],
  ['13 districts', 'organisations', { kind: 'district' }, 13],
  ['164 streets', 'organisations', { kind: 'street' }, 164],
  ['80 property companies', 'companies', {}, 80],
  ['25 developers', 'developers', {}, 25],
  ['243 projects', 'projects', {}, 243],
  ['10,108 houses', 'houses', {}, 10_108],
  ['10,108 owners', 'owners', {}, 10_108],
  ['1,748 practitioners', 'people', {}, 1748],
  ['90 committees', 'committees', {}, 90],
  ['some 1,200 users', 'users', {}, 1247],
  ['26 cases', 'cases', {}, 26],
] as const)
  test(`the city has ${what}`, async () => assert.equal(await count(city.db, table, where), expected))

for (const [rule, sql] of [
  ['every organisation of a kind has its archive',
    "select o.id from organisations o left join companies c on c.id = o.id left join developers d on d.id = o.id left join committees k on k.id = o.id where (o.kind = 'company') <> (c.id is not null) or (o.kind = 'developer') <> (d.id is not null) or (o.kind = 'committee') <> (k.id is not null)"],
  ['every organisation has somebody with an account',
    'select o.id from organisations o left join users u on u.organisation_id = o.id where u.id is null'],
  ['a project under service has exactly one active link, any other none',
    "select p.id from projects p left join project_links l on l.project_id = p.id and l.live = 1 group by p.id, p.stage having count(l.id) <> (p.stage in ('early', 'selected'))"],
  ['whoever is linked has a filed contract',
    "select l.id from project_links l left join contracts c on c.project_id = l.project_id and c.company_id = l.company_id and c.state = 'filed' where l.live = 1 and c.id is null"],
  ['the manager of a project works for its company',
    "select l.id from project_links l left join employments e on e.person_id = l.manager_id and e.company_id = l.company_id and e.live = 1 and e.post = 'project-manager' where l.live = 1 and e.id is null"],
  ['a manager has three projects at most',
    'select manager_id from project_links where live = 1 group by manager_id having count(*) > 3'],
  ['contracts of a project do not overlap',
    'select a.id from contracts a join contracts b on b.project_id = a.project_id and b.id <> a.id and a.starts_on <= b.starts_on and coalesce(a.ended_on, a.ends_on) >= b.starts_on'],
  ['a contract is signed before it is filed, and both before today',
    'select id from contracts where filed_on < signed_on or filed_on > :today or signed_on > :today or ends_on < starts_on'],
  ['numbers are given with the filing and not before',
    'select id from contracts where (number is null) <> (filed_on is null)'],
  ['nobody serves before being founded',
    'select l.id from project_links l join companies c on c.id = l.company_id where l.starts_on < c.established_on'],
  ['everybody is employed somewhere or was',
    'select p.id from people p left join employments e on e.person_id = p.id where e.id is null'],
  ['people work when they are grown up and their company exists',
    'select e.id from employments e join people p on p.id = e.person_id join companies c on c.id = e.company_id where e.starts_on < c.established_on or year(e.starts_on) - year(p.born_on) < 18 or e.ends_on < e.starts_on or e.ends_on > :today'],
  ['a company with a valid certificate has one',
    "select company_id from certificates where state = 'valid' group by company_id having count(*) > 1"],
  ['what is past its last day has been found so, with a reason',
    "select id from certificates where (state = 'valid' and valid_until < :today) or (state in ('expired', 'revoked', 'cancelled') and (ended_on is null or end_reason is null or end_basis is null))"],
  ['an inspection is of a certificate of the company that it held then, decided in its year and before today',
    "select i.id from inspections i join certificates c on c.id = i.certificate_id join inspection_seasons s on s.year = i.year where c.company_id <> i.company_id or c.approved_on > s.closes_on or coalesce(c.ended_on, c.valid_until) < s.closes_on or i.filed_on not between s.opens_on and s.closes_on or i.decided_on < i.filed_on or i.decided_on > :today"],
  ['only 基本合格 is put right, within its days', "select id from inspections where (result = 'basic') <> (rectify_until is not null) or rectified_on not between decided_on and rectify_until"],
  ['every branch has the filing its archive names', 'select c.id from companies c left join branch_filings f on f.company_id = c.id and f.live = 1 where not (f.number <=> c.branch_filing_number) or f.filed_on > :today'],
  ['a certificate is issued after the foundation',
    'select x.id from certificates x join companies c on c.id = x.company_id where x.approved_on < c.established_on or x.issued_on > :today or x.valid_until < x.issued_on'],
  ['a building is the sum of its houses and its shared rooms',
    'select b.id from buildings b left join houses h on h.building_id = b.id group by b.id, b.floor_area, b.shared_area, b.house_count having b.floor_area <> coalesce(sum(h.floor_area), 0) + b.shared_area or b.house_count <> count(h.id)'],
  ['a project is the sum of its buildings',
    'select p.id from projects p join buildings b on b.project_id = p.id group by p.id, p.floor_area, p.building_count, p.house_count, p.unit_count, p.elevator_count having p.floor_area <> sum(b.floor_area) or p.building_count <> count(*) or p.house_count <> sum(b.house_count) or p.unit_count <> sum(b.unit_count) or p.elevator_count <> sum(b.elevator_count)'],
  ['a project is the sum of its areas by type',
    'select id from projects where floor_area <> multi_storey_area + high_rise_area + villa_area + office_area + commercial_area + industrial_area + school_area + hospital_area + other_area + underground_area'],
  ['a project counts its houses by state',
    "select p.id from projects p join houses h on h.project_id = p.id group by p.id, p.sold_count, p.delivered_count, p.delivered_area, p.residence_count having p.sold_count <> sum(h.state <> 'unsold') or p.delivered_count <> sum(h.state in ('delivered', 'vacant', 'rented')) or p.delivered_area <> sum(if(h.state in ('delivered', 'vacant', 'rented'), h.floor_area, 0)) or p.residence_count <> sum(h.purpose = 'residence')"],
  ['the room for service is part of a building', 'select id from projects where committee_room_area > service_room_area'],
  ['a sold house has owners who share it whole, an unsold one has none',
    "select h.id from houses h left join owners o on o.house_id = h.id group by h.id, h.state having coalesce(sum(o.share), 0) <> if(h.state = 'unsold', 0, 100)"],
  ['rooms lie inside the house', 'select id from houses where inner_area >= floor_area or floor_area <= 0'],
  ['houses are handed over after the project and before today',
    "select h.id from houses h join projects p on p.id = h.project_id where (h.state in ('delivered', 'vacant', 'rented')) <> (h.delivered_on is not null) or h.delivered_on < p.first_delivered_on or h.delivered_on > :today"],
  ['a term lasts five years at most', 'select id from committee_terms where ends_on >= date_add(starts_on, interval 5 year)'],
  ['terms of a committee follow each other',
    'select a.id from committee_terms a join committee_terms b on b.committee_id = a.committee_id and b.sequence = a.sequence + 1 where b.starts_on <= a.ends_on'],
  ['a committee has an odd number of seats from 5 to 11, all elected',
    "select t.id from committee_terms t join committee_members m on m.term_id = t.id and m.office <> 'alternate' group by t.id, t.seats having t.seats not between 5 and 11 or t.seats % 2 = 0 or count(*) <> t.seats or sum(m.office = 'chair') <> 1"],
  ['every committee has terms, and each term members',
    'select c.id from committees c left join committee_terms t on t.committee_id = c.id left join committee_members m on m.term_id = t.id where m.id is null'],
  ['members own a house of the project before they are elected',
    'select m.id from committee_members m join committee_terms t on t.id = m.term_id join committees c on c.id = t.committee_id join owners o on o.id = m.owner_id where o.project_id <> c.project_id or o.starts_on > t.starts_on'],
  ['nobody sits twice in a committee',
    'select m.term_id from committee_members m join owners o on o.id = m.owner_id group by m.term_id, o.id_number_index having count(*) > 1'],
  ['two thirds took part in every vote and more than half of them agreed, by number and by area',
    'select id from committee_terms where voters_present * 3 < voters * 2 or area_present * 3 < voting_area * 2 or voters_for * 2 <= voters_present or area_for * 2 <= area_present or voters_present > voters or area_present > voting_area'],
  ['a project stands in a street of its district',
    'select p.id from projects p join regions r on r.code = p.street_code where r.parent_code <> p.district_code or p.code not like concat(p.district_code, \'%\')'],
  ['a company is seen where it is registered and where it works',
    "select l.id from project_links l join projects p on p.id = l.project_id left join company_areas a on a.company_id = l.company_id and a.basis = 'project' and a.region_code in (p.district_code, p.street_code) where l.live = 1 group by l.id having count(a.company_id) <> 2"],
  ['whoever has a role has it where the organisation is',
    "select u.id from users u join user_roles r on r.user_id = u.id join organisations o on o.id = u.organisation_id where r.region_code <> if(o.kind = 'committee', o.street_code, o.region_code)"],
  ['every user, organisation, project, company and practitioner can be found by a term',
    "select id from users where id not in (select doc_id from search_terms where scope = 'users') union all select id from organisations where id not in (select doc_id from search_terms where scope = 'organisations') union all select id from projects where id not in (select doc_id from search_terms where scope = 'projects') union all select id from companies where id not in (select doc_id from search_terms where scope = 'companies') union all select id from people where id not in (select doc_id from search_terms where scope = 'people')"],
] as const) // biome-ignore format: a rule and the query that finds who breaks it
  test(rule, async () => {
    const parts = sql.split(':today')
    assert.deepEqual(await offenders(parts.join('?'), Array<string>(parts.length - 1).fill(today)), [])
  })

test('every district and most streets have projects, the inner city most', async () => {
  const rows: { district_code: string; n: number }[] = await city
    .db('projects')
    .groupBy('district_code')
    .select('district_code')
    .count({ n: '*' })
  const projects = new Map(rows.map(row => [row.district_code, Number(row.n)]))

  assert.equal(projects.size, 13)
  assert.ok((projects.get('370102') ?? 0) > 5 * (projects.get('370124') ?? 0))
})

/** In force, or lapsed without another in its place. */
const inUse = (query: Knex.QueryBuilder) => void query.whereIn('state', ['valid', 'expired'])

for (const [what, table, column, where] of [
  ['contracts', 'contracts', 'ends_on', { state: 'filed' }],
  ['certificates', 'certificates', 'valid_until', inUse],
  ['terms', 'committee_terms', 'ends_on', { live: 1 }],
] as const)
  test(`some ${what} have run out, and some do within 30, 60 and 90 days`, async () => {
    const { addDays } = await import('../seeds/days.ts')
    const within = async (from: number, to: number) => {
      const [row] = await city
        .db(table)
        .where(where)
        .whereBetween(column, [addDays(today, from), addDays(today, to)])
        .count({ n: '*' })
      return Number(row?.n)
    }

    for (const [from, to] of [[-500, -1], [1, 30], [31, 60], [61, 90]] as const) assert.ok((await within(from, to)) > 0, `${from} to ${to}`) // biome-ignore format: spans
  })

test('codes, ID numbers and telephone numbers are right by their check signs and nobody’s', async () => {
  const { residentIdMistake, socialCreditCodeMistake, checkSignOfOrganisationCode } = await import('../src/identifiers.ts')
  const { decrypt } = await import('../src/crypto.ts')
  const codes: string[] = await city.db('organisations').whereNotNull('code').pluck('code')
  const humans = await Promise.all([
    city
      .db('people')
      .select('id_number_cipher', 'id_number_last4', 'phone_cipher')
      .then(rows => rows.map(row => ['people', row])),
    city
      .db('owners')
      .where({ id_type: 'resident-id' })
      .select('id_number_cipher', 'id_number_last4', 'phone_cipher')
      .then(rows => rows.map(row => ['owners', row])),
  ])
  const units = await city.db('owners').where({ id_type: 'credit-code' }).pluck('id_number_cipher')

  assert.equal(codes.length, 105)
  for (const code of [...codes, ...units.map(cipher => decrypt('owners.id_number', cipher))]) {
    assert.equal(socialCreditCodeMistake(code), undefined)
    assert.equal(checkSignOfOrganisationCode(code.slice(8, 16)), code.charAt(16))
    assert.match(code, /^91\d{6}DEM/)
  }
  for (const [table, row] of humans.flat()) {
    const id = decrypt(`${table}.id_number`, row.id_number_cipher)
    assert.equal(residentIdMistake(id), undefined)
    assert.match(id, /^370100/)
    assert.equal(id.slice(-4), row.id_number_last4)
    assert.match(decrypt(`${table}.phone`, row.phone_cipher), /^154\d{8}$/)
  }
})

test('the database refuses a second employment, link, certificate, committee and term', async () => {
  const { isDuplicate } = await import('../src/db.ts')
  for (const table of ['employments', 'project_links', 'certificates', 'committees', 'committee_terms']) {
    const { id: _, live: __, number: ___, ...row } = await city.db(table).where({ live: 1 }).first()
    const copy = {
      ...row,
      ...(table === 'certificates' && { number: 'x' }),
      ...(table === 'committee_terms' && { sequence: 99 }),
    }
    // A committee shares the id of its organisation: one that has none yet takes the place.
    if (table === 'committees') copy.id = (await city.db('organisations').where({ kind: 'street' }).first('id')).id

    await assert.rejects(city.db(table).insert(copy), error => isDuplicate(error), table)
  }
})

test('every demo account is there with its roles and regions, and its password', async () => {
  const { demoAccounts, demoPassword } = await import('../seeds/city.ts')
  const { isPassword } = await import('../src/accounts/passwords.ts')
  const rows: Record<string, string & number>[] = await city
    .db('users')
    .join('organisations', 'organisations.id', 'users.organisation_id')
    .where({ 'users.demo': true })
    .select(
      'users.id',
      'users.username',
      'users.name',
      'users.password_hash',
      'users.must_change_password',
      'users.totp_secret',
      'organisations.name as organisation',
    )
  const regions: Record<string, string> = {
    'district-clerk': '370102', 'district-reviewer': '370102', 'district2-clerk': '370103',
    'street-clerk': '370102010', 'street-reviewer': '370102010', 'street2-clerk': '370103016',
    company: '370102', company2: '370103', company3: '370102', company4: '370102', developer: '370102', developer2: '370103', committee: '370102010', committee2: '370103016',
  } // biome-ignore format: pairs

  assert.deepEqual(
    rows.map(row => row.username).sort(),
    [
      'city-clerk', 'city-reviewer', 'city-approver', 'district-clerk', 'district-reviewer', 'district2-clerk', 'street-clerk',
      'street-reviewer', 'street2-clerk', 'company', 'company2', 'company3', 'company4', 'developer', 'developer2', 'committee',
      'committee2', 'owner', 'owner2', 'editor', 'editor-reviewer', 'editor-issuer', 'business-admin', 'supervisor', 'system-admin', 'security-admin', 'audit-admin',
    ].sort(),
  ) // biome-ignore format: a list of names
  for (const account of demoAccounts) {
    const row = rows.find(row => row.username === account.username)
    const held = await city.db('user_roles').where({ user_id: row?.id }).orderBy('id').select('role', 'region_code')
    const region_code = regions[account.username] ?? '370100'
    assert.deepEqual(
      held,
      account.roles.map(role => ({ role, region_code })),
    )
    assert.deepEqual(
      [row?.name, row?.organisation, row?.must_change_password, row?.totp_secret],
      [account.name, account.organisation, 0, null],
    )
  }
  assert.ok(await isPassword(demoPassword, rows[0]?.password_hash))
  assert.equal(await count(city.db, 'users', { password_hash: null }), 1247 - rows.length)
})

test('the demo accounts of one project belong together', async () => {
  const [rows] = await city.db.raw(
    `select p.name, k.name as committee, c.name as company, d.name as developer, u.username
     from projects p
     join committees m on m.project_id = p.id join organisations k on k.id = m.id
     join project_links l on l.project_id = p.id and l.live = 1 join organisations c on c.id = l.company_id
     join organisations d on d.id = p.developer_id
     join owners o on o.project_id = p.id join users u on u.id = o.user_id and u.username like 'owner%' and u.demo = 1
     order by p.id`,
  )

  assert.deepEqual(JSON.parse(JSON.stringify(rows)), [
    {
      name: '槿岚花园',
      committee: '历下区槿岚花园业主委员会',
      company: '济南栖禾物业服务有限公司',
      developer: '济南岫澜置业有限公司',
      username: 'owner',
    },
    {
      name: '沐屿家园',
      committee: '市中区沐屿家园业主委员会',
      company: '济南汀棠物业管理有限公司',
      developer: '济南荻桐房地产开发有限公司',
      username: 'owner2',
    },
  ])
})

test('the accounts of committees and owners are those of their people', async () => {
  assert.deepEqual(
    await offenders(
      "select u.id from users u join user_roles r on r.user_id = u.id and r.role = 'owner' left join owners o on o.user_id = u.id and o.name = u.name where o.id is null",
    ),
    [],
  )
  assert.deepEqual(
    await offenders(
      "select u.id from users u join user_roles r on r.user_id = u.id and r.role = 'committee' where not exists (select 1 from committee_terms t join committee_members m on m.term_id = t.id and m.office = 'chair' join owners o on o.id = m.owner_id and o.name = u.name where t.committee_id = u.organisation_id)",
    ),
    [],
  )
})

test('counters go on where the city stopped', async () => {
  const prefix = '济业备〔'
  const used: string[] = await city.db('committee_terms').pluck('number')
  const counters: { prefix: string; value: number }[] = await city.db('counters').where('prefix', 'like', `${prefix}%`)

  assert.equal(
    counters.reduce((sum, { value }) => sum + value, 0),
    used.length,
  )
  for (const { prefix, value } of counters) assert.ok(used.includes(`${prefix}${String(value).padStart(4, '0')}号`))
})

test('numbers of certificates go on where the city stopped', async () => {
  const numbers: string[] = await city.db('certificates').where('number', 'like', '鲁济物%').pluck('number')
  const highest = new Map<string, { value: number; n: number }>()
  for (const number of numbers) {
    const [, prefix = '', value] = /^(.+-)(\d{4})$/.exec(number) ?? []
    const known = highest.get(prefix) ?? { value: 0, n: 0 }
    highest.set(prefix, { value: Math.max(known.value, Number(value)), n: known.n + 1 })
  }

  const years = [...highest.keys()]
  assert.ok(years.length > 3)
  for (const prefix of years) {
    const { value } = await city.db('counters').where({ prefix }).first('value')
    assert.deepEqual(highest.get(prefix), { value, n: value }, prefix)
  }
})

const rows = ['organisations', 'users', 'user_roles', 'companies', 'developers', 'company_areas', 'projects', 'buildings', 'houses', 'people', 'employments', 'owners', 'project_links', 'contracts', 'committees', 'committee_terms', 'committee_members', 'certificates', 'inspection_seasons', 'inspections', 'branch_filings', 'search_terms', 'counters'] // biome-ignore format: a list of names
const ofCases = ['cases', 'case_parties', 'case_drafts', 'case_payloads', 'case_history', 'case_corrections', 'case_handlers', 'files', 'case_materials', 'case_marks', 'documents', 'publicities', 'objections', 'messages', 'outbox', 'kind_settings', 'workdays'] // biome-ignore format: a list of names

test('a second run changes nothing, whatever size it asks for', async () => {
  const { loadDemoCity, demoAccounts } = await import('../seeds/city.ts')
  const sums = async () => (await city.db.raw(`checksum table ${[...rows, ...ofCases, 'settings'].join(', ')}`))[0]
  const before = await sums()
  const lines: string[] = []

  assert.deepEqual(await loadDemoCity(city.db, { size: 1 }), [...demoAccounts])
  await loadDemoCity(city.db, { size: 2, onProgress: line => lines.push(line) })

  assert.deepEqual(await sums(), before)
  assert.match(lines.join(), /已按规模 1 装入/)
})

/** Nobody points at their rows. */
const unnumbered = new Set(['user_roles', 'inspection_seasons', 'inspections', 'branch_filings'])

test('a city loaded in one go has the same rows as one that was interrupted', async () => {
  const { loadDemoCity } = await import('../seeds/city.ts')
  await loadDemoCity(again.db, { size: 1 })

  for (const table of rows) {
    const columns = Object.keys(await city.db(table).columnInfo()).filter(
      // Ciphers and salts differ each time; rows that nobody points at are numbered by the database.
      column => !/_cipher$|^password_hash$/.test(column) && !(column === 'id' && unnumbered.has(table)),
    )
    const digest = async (db: Knex) => {
      const list = columns.map(column => `coalesce(\`${column}\`, '')`).join(", '|', ")
      // What a case wrote is numbered by the database, and its moments differ by milliseconds.
      const where =
        {
          certificates: "state = 'valid' and case_id is null",
          employments: 'case_id is null',
          people: "review = 'reviewed'",
          search_terms: "scope <> 'cases'",
        }[table] ?? '1 = 1'
      const [[row]] = await db.raw(`select count(*) as n, sum(crc32(concat(${list}))) as digest from ${table} where ${where}`)
      return row
    }
    assert.deepEqual(await digest(again.db), await digest(city.db), table)
  }
  const told = async (db: Knex) => ({
    cases: await db('cases').orderBy(['subject_name', 'kind']).select('subject_name', 'serial', 'state', 'place', 'holder_role', 'edition', 'due_on', 'paused', 'number', 'late_days'),
    certificates: await db('certificates').orderBy('number').select('number', 'level', 'state', 'approved_on', 'issued_on', 'valid_until', 'ended_on'),
    history: await db('case_history').join('cases', 'cases.id', 'case_history.case_id').orderBy(['subject_name', 'kind', 'sequence']).select('subject_name', 'sequence', 'step', 'user_name', 'place_label', db.raw("date_format(case_history.at, '%Y-%m-%d %H:%i') as at")),
    files: await db('files').join('cases', 'cases.id', 'files.case_id').orderBy(['subject_name', 'kind', 'material', 'from_edition']).select('subject_name', 'material', 'name', 'from_edition', 'until_edition'),
    papers: await db('documents').orderBy(['number', 'paper', 'issued_on', 'id']).select('paper', 'number', 'title', 'issued_on'),
  }) // biome-ignore format: a question a line
  assert.deepEqual(await told(again.db), await told(city.db))
})

test('a stop within a case leaves the cases before it whole and nothing of this one', async () => {
  const { demoCases } = await import('../seeds/cases.ts')
  const { applicants } = await import('../seeds/applicants.ts')
  const names = demoCases.map(({ company }) => (typeof company === 'string' ? applicants[company].name : ''))
  const objected = demoCases.findIndex(({ code }) => code === 'objected')

  assert.deepEqual(stopped.cases, names.slice(0, objected))
  assert.equal(stopped.files, 9 * objected)
  assert.deepEqual(
    JSON.parse(stopped.progress).cases,
    demoCases.slice(0, objected).map(({ code }) => code),
  )
})

test('clock and database of the process are as before', async () => {
  const { now } = await import('../src/clock.ts')
  const database = await import('../src/db.ts')

  assert.ok(Math.abs(now().getTime() - Date.now()) < 50)
  assert.equal(database.db, portal.db)
})

/** Where each case is, as a person of the portal would say it, and its light. */
const story: Record<string, [state: string, light?: string]> = {
  济南枫渡物业服务有限公司: ['已通过'],
  济南桐舟物业服务有限公司: ['已通过'],
  济南麓宁物业管理有限公司: ['不予通过'],
  济南岚亭城市服务有限公司: ['初审中', 'red'],
  济南棠序物业服务有限公司: ['公示中', 'rest'],
  济南鹭屏物业管理有限公司: ['复审中', 'yellow'],
  济南漫川城市服务有限公司: ['不予受理'],
  济南芃岸物业服务有限公司: ['公示中', 'rest'],
  济南柠安物业管理有限公司: ['已撤回'],
  济南樾溪物业服务有限公司: ['审批中', 'green'],
  济南澜庭物业服务有限公司: ['初审中', 'green'],
  济南川禾物业管理有限公司: ['经办审核中', 'green'],
  济南汐岸物业服务有限公司: ['待补正', 'green'],
  济南泠松物业服务有限公司: ['初审中', 'green'],
  济南莳园物业服务有限公司: ['待受理', 'yellow'],
  济南桦宁物业管理有限公司: ['未提交'],
  济南霖语物业管理有限公司: ['待受理', 'green'],
  济南晗光物业服务有限公司: ['未提交'],
}

test('the cases stand in every state, and their lights burn in every colour', async () => {
  const { kindOf } = await import('../src/cases/kind.ts')
  const { settingsById } = await import('../src/cases/settings.ts')
  const { placeOf, stateOf } = await import('../src/cases/steps.ts')
  const { lightOfCase } = await import('../src/cases/light.ts')
  const { workCalendar } = await import('../src/calendar.ts')
  const calendar = await workCalendar(city.db)
  const found: typeof story = {}
  for (const kase of await city.db('cases').whereIn('kind', ['qualification-new', 'qualification-confirm']).orderBy('id')) {
    const settings = kase.settings_id ? await settingsById(city.db, kase.settings_id) : { chain: [] }
    const light = lightOfCase(calendar, today, kase, placeOf({ kase, settings }))
    const state = stateOf({ kase, kind: kindOf(kase), settings }).label
    found[kase.subject_name] = light ? [state, light.light] : [state]
  }

  assert.deepEqual(found, story)
})

test('a certificate is at the province, one changes, one was printed anew, one may be revoked, and a branch files again', async () => {
  const kinds = ['qualification-upgrade', 'qualification-change', 'qualification-reissue', 'certificate-revoke', 'branch-filing']
  const cases = await city.db('cases').whereIn('kind', kinds).orderBy('id').select('kind', 'state', 'place', 'subject_id')
  assert.deepEqual(
    cases.map(({ kind, state, place }) => [kind, state, place]),
    [
      ['qualification-upgrade', 'reviewing', 'province'],
      ['qualification-change', 'reviewing', 'city'],
      ['qualification-reissue', 'done', null],
      ['certificate-revoke', 'reviewing', 'statement'],
      ['branch-filing', 'reviewing', 'city-reviewer'],
    ],
  )
  const reissued = await city.db('certificates').where({ company_id: cases[2].subject_id, live: 1 }).first('edition')
  assert.equal(reissued.edition, 2)
})

test('of the people one waits to be admitted, one to be let go, and one is claimed by a second company', async () => {
  const cases = await city.db('cases').where('kind', 'like', 'staff-%').orderBy('kind').select('id', 'kind', 'state', 'place')
  assert.deepEqual(
    cases.map(({ kind, state, place }) => [kind, state, place]),
    [
      ['staff-add', 'reviewing', 'city'],
      ['staff-dispute', 'reviewing', 'company'],
      ['staff-remove', 'reviewing', 'district'],
    ],
  )
  const states = await city
    .db('employments')
    .whereNotIn('state', ['employed', 'left'])
    .orderBy('case_id')
    .select('case_id', 'state')
  const stateOf = new Map(states.map(({ case_id, state }) => [case_id, state]))
  assert.deepEqual(
    cases.map(({ id }) => stateOf.get(id)),
    ['pending', 'disputed', 'leaving'],
  )
  assert.equal(states.length, 3, 'nobody is in between without a case')
})

test('the history of every case is whole and lies on working days, in office hours, before today', async () => {
  const { checkHistory } = await import('../src/cases/check-history.ts')
  const { beijing } = await import('../src/clock.ts')
  const { workCalendar } = await import('../src/calendar.ts')
  const calendar = await workCalendar(city.db)
  const check = await checkHistory(city.db)
  const lines: { at: Date; step: string; subject_name: string }[] = await city
    .db('case_history')
    .join('cases', 'cases.id', 'case_history.case_id')
    .orderBy(['case_id', 'sequence'])
    .select('at', 'step', 'subject_name')

  assert.deepEqual(check.faults, [])
  assert.ok(lines.length > 60)
  for (const [index, line] of lines.entries()) {
    const [day = '', time = ''] = beijing(line.at).split(' ')
    const before = lines[index - 1]
    assert.ok(calendar.isWorkday(day) && day < today, `${line.subject_name} ${line.step} ${day}`)
    assert.ok(
      (time > '08:30' && time < '12:00') || (time > '13:30' && time < '17:30'),
      `${line.subject_name} ${line.step} ${time}`,
    )
    if (before?.subject_name === line.subject_name) assert.ok(before.at < line.at)
  }
})

test('papers lie where uploads lie, say what they are, and show what an officer must notice', async () => {
  const { storage } = await import('../src/files/storage.ts')
  const { materialsOf, sameNumbers } = await import('../src/cases/materials.ts')
  const { settingsById } = await import('../src/cases/settings.ts')
  const files: { storage_key: string; size: number; type: string; pages: number; name: string }[] = await city
    .db('files')
    .orderBy('id')
    .select('storage_key', 'size', 'type', 'pages', 'name')
  const materialOf = async (name: string, code: string) => {
    const kase = await city.db('cases').where({ subject_name: name }).first()
    const materials = await materialsOf(city.db, kase, await settingsById(city.db, kase.settings_id))
    return materials.find(({ material }) => material.code === code)
  }
  const named = (others: { subject_name: string }[] = []) => others.map(({ subject_name }) => subject_name)

  assert.ok(files.length > 140)
  for (const { storage_key, size, type, pages } of files) {
    assert.deepEqual([await storage.size(storage_key), type, pages], [size, 'application/pdf', 1])
    assert.ok(size < 60_000)
  }
  const licence = files.find(({ name }) => name === '营业执照.pdf')
  const content = await storage.open(licence?.storage_key ?? '')
  const bytes = Buffer.concat(await (content ?? assert.fail('no content')).toArray())
  const { text } = await new PDFParse({ data: new Uint8Array(bytes) }).getText()
  assert.match(text, /营业执照[\s\S]*济南枫渡物业服务有限公司[\s\S]*演示材料[\s\S]*不是真实的证照/)

  const office = await materialOf('济南泠松物业服务有限公司', 'office')
  assert.deepEqual(named(office?.duplicates[0]?.others), ['济南澜庭物业服务有限公司'])
  const borrowed = await sameNumbers(city.db, await city.db('cases').where({ subject_name: '济南岚亭城市服务有限公司' }).first())
  assert.deepEqual(named(borrowed[0]?.others), ['济南枫渡物业服务有限公司'])
  const expiring = await materialOf('济南樾溪物业服务有限公司', 'legal-person-id')
  assert.deepEqual([expiring?.expiry?.tone, expiring?.originalSeen?.by], ['warn', '周砚秋'])
})

/** Lets somebody in whose password nobody knows. */
async function signIn(where: object): Promise<Agent> {
  const known = await portal.db('users').where({ username: 'company' }).first('password_hash')
  const user = await portal.db('users').join('user_roles', 'user_roles.user_id', 'users.id').where(where).first('users.*')
  const { password_hash } = known
  await portal.db('users').where({ id: user.id }).update({ password_hash, demo: true })
  return await portal.as(user.username)
}

test('every case opens for its applicant and for the officers of its district and the city', async () => {
  const officers = new Map<string, Agent>()
  const officerOf = async (role: string, region_code: string) => {
    const key = `${role} ${region_code}`
    const officer = officers.get(key) ?? (await signIn({ role, 'user_roles.region_code': region_code }))
    officers.set(key, officer)
    return officer
  }
  const cases: {
    id: number
    kind: string
    serial: string | null
    applicant_id: number
    district_code: string
    subject_name: string
  }[] = await portal.db('cases').select('id', 'kind', 'serial', 'applicant_id', 'district_code', 'subject_name')

  assert.equal(cases.length, 26)
  for (const { id, kind, serial, applicant_id, district_code, subject_name } of cases) {
    // What the city does of its own motion has no applicant but the city.
    const applicant =
      kind === 'certificate-revoke'
        ? await officerOf('city-clerk', '370100')
        : await signIn({ 'users.organisation_id': applicant_id })
    const own = await applicant.get(`/desk/cases/${id}`)
    assert.equal(own.status, 200, plain(own.text))
    for (const officer of [await officerOf('district-clerk', district_code), await officerOf('city-clerk', '370100')]) {
      const page = await officer.get(`/desk/cases/${id}`)
      assert.equal(page.status, serial ? 200 : 404, `${kind} ${subject_name}: ${plain(page.text)}`)
    }
    const file = await portal.db('files').where({ case_id: id }).first('id')
    assert.equal((await applicant.get(`/files/${file.id}`)).headers.get('content-type'), 'application/pdf')
  }
})

for (const [username, names] of [
  ['district-clerk', ['济南岚亭城市服务有限公司', '济南莳园物业服务有限公司']],
  ['district2-clerk', ['济南泠松物业服务有限公司', '济南霖语物业管理有限公司']],
  ['city-clerk', ['济南川禾物业管理有限公司', '济南棠序物业服务有限公司']],
  ['city-reviewer', ['济南鹭屏物业管理有限公司']],
  ['city-approver', ['济南樾溪物业服务有限公司']],
] as const) // biome-ignore format: a desk a line
  test(`${username} finds work on the home page`, async () => {
    const home = await (await portal.as(username)).get('/desk')
    assert.equal(home.status, 200)
    for (const name of names) assert.ok(home.text.includes(name), name)
  })

test('the public site shows the two that are before the public, and the certificates that came out', async () => {
  const stranger = portal.anyone()
  const page = await stranger.get('/publicity')
  const links = [...new Set([...page.text.matchAll(/\/publicity\/(\d+)/g)].map(([link]) => link))]
  const codes: string[] = await portal.db('documents').where({ paper: 'certificate-main' }).orderBy('id').pluck('code')
  const verified = await Promise.all(codes.map(async code => (await stranger.get(`/verify/${code}`)).text))

  assert.match(page.text, /济南棠序物业服务有限公司[\s\S]*济南芃岸物业服务有限公司/)
  for (const link of links) assert.ok([200, 410].includes((await stranger.get(link)).status), link)
  // One of the two was lost, and printed anew.
  assert.deepEqual(
    verified.map(text => /遗失作废|有效/.exec(plain(text.replace(/[\s\S]*<main/, '<main')))?.[0]),
    ['有效', '遗失作废', '有效'],
  )
})

for (const [username, kind] of [
  ['company3', 'qualification-new'],
  ['company4', 'qualification-confirm'],
] as const)
  test(`${username} may file ${kind} at once and meets every condition the portal can check`, async () => {
    const { findingsFor } = await import('../src/cases/findings.ts')
    const { workingAnswers } = await import('../src/cases/drafts.ts')
    const { standingOf } = await import('../src/cases/cases.ts')
    const agent = await portal.as(username)
    const id = await startCase(agent, kind)
    const kase = await portal.db('cases').where({ id }).first()
    const { answers } = await workingAnswers(portal.db, kase)
    const findings = await findingsFor(portal.db, await standingOf(portal.db, kase), answers, today)

    // There are no credit records yet that could be looked at.
    const open = findings.filter(({ code, verdict }) => verdict !== 'ok' && code !== 'behaviours')
    assert.deepEqual(open, [])
    assert.equal(findings.find(({ code }) => code === 'staff')?.actual, '12 人')
    assert.equal((await agent.get(`/desk/cases/${id}`)).status, 200)
  })

test('the demo city is refused in production, in size 0 and beside another city’s regions', async () => {
  const { loadDemoCity } = await import('../seeds/city.ts')
  await assert.rejects(loadDemoCity(city.db, { size: 0 }), /规模应为 1 至 100 的整数/)

  const elsewhere = await city.db.transaction()
  await elsewhere('regions').where({ code: '370100' }).update({ level: 'other' })
  await assert.rejects(loadDemoCity(elsewhere, { size: 1 }), /行政区划不是济南市/)
  await elsewhere.rollback()

  process.env.NODE_ENV = 'production'
  try {
    await assert.rejects(loadDemoCity(city.db, { size: 1 }), /正式环境不能装入/)
  } finally {
    process.env.NODE_ENV = 'test'
  }
})

test('a city that an earlier version built has no company for a new case, and goes without it', async () => {
  const { loadDemoCity } = await import('../seeds/city.ts')
  const row = await again.db('settings').where({ code: 'demo-city' }).first()
  const progress = JSON.parse(row.value)
  const earlier = { ...progress, cases: progress.cases.filter((code: string) => code !== 'upgrade-second') }
  await again
    .db('settings')
    .where({ code: 'demo-city' })
    .update({ value: JSON.stringify(earlier) })
  await again.db('certificates').where({ level: 'second' }).update({ level: 'third' })
  const before = await count(again.db, 'cases')

  await loadDemoCity(again.db, { size: 1 })

  const after = await again.db('settings').where({ code: 'demo-city' }).first()
  assert.ok(JSON.parse(after.value).cases.includes('upgrade-second'))
  assert.equal(await count(again.db, 'cases'), before)
})
