import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { holdArea, holdContract, linkTo, newCompany, newDeveloper, newProject } from './filings.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { plain } from './qualification.ts'

/** 小区查询: anybody finds a project and reads who serves it, until when and for what price, now and before. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(() => portal?.stop())

const { addDays } = await import('../src/calendar.ts')
const { now, today } = await import('../src/clock.ts')

async function servedProject() {
  const developer = await newDeveloper(portal)
  const company = await newCompany(portal)
  const project = await newProject(portal, developer.id, { stage: 'early' })
  await holdArea(portal, project.id)
  await linkTo(portal, project.id, company.id)
  const contract_id = await holdContract(portal, project.id, company.id, { ends_on: addDays(today(), 40) })
  const stamps = { created_at: now(), updated_at: now() }
  const fee = { project_id: project.id, contract_id, property_type: 'high-rise', pricing: 'market', ...stamps }
  await portal.db('project_fees').insert([
    { ...fee, price: '1.35', starts_on: '2020-01-01', ends_on: '2024-12-31' },
    { ...fee, price: '1.85', starts_on: '2025-01-01', ends_on: null },
  ])
  return { developer, company, project }
}

test('a citizen finds a project by the beginning of its name and reads company, contract and prices with their history', async () => {
  const { developer, company, project } = await servedProject()
  const anyone = portal.anyone()
  const found = await anyone.get(`/projects?q=${encodeURIComponent(project.name.slice(0, 4))}`)
  assert.match(found.text, new RegExp(`href="/projects/${project.id}"`))
  const page = await anyone.get(`/projects/${project.id}`)
  assert.equal(page.status, 200)
  const text = plain(page.text)
  for (const words of [
    company.name,
    developer.name,
    `至 ${addDays(today(), 40)}，还有 40 日`,
    '1.85',
    '以前的收费标准（1 条）',
    '1.35',
  ])
    assert.ok(text.includes(words), words)
  assert.match(text, /物业服务区域 \S+，\d{4}-\d\d-\d\d 登记/)
  assert.match((await anyone.get('/sitemap')).text, /href="\/projects"/)
})

test('no person stands on it, and what does not exist is not found', async () => {
  const { project_id } = await portal.db('project_links').where({ live: 1 }).whereNotNull('manager_id').first('project_id')
  const page = (await portal.anyone().get(`/projects/${project_id}`)).text
  const people = await portal
    .db('project_links')
    .join('people', 'people.id', 'project_links.manager_id')
    .where({ 'project_links.project_id': project_id })
    .pluck('people.name')
  assert.ok(people.length)
  for (const name of people) assert.ok(!page.includes(name))
  for (const path of ['/projects/999999999', '/projects/x', '/projects?after=x'])
    assert.equal((await portal.anyone().get(path)).status, 404, path)
})

test('pages of the list follow each other without a gap, within a district', async () => {
  const seen: string[] = []
  let next: string | undefined = '/projects?district=370102'
  while (next) {
    const { text } = await portal.anyone().get(next)
    seen.push(...[...text.matchAll(/<th scope="row"><a href="\/projects\/(\d+)"/g)].map(([, id = '']) => id))
    next = /href="([^"]*after=[^"]*)"/.exec(text)?.[1]?.replaceAll('&#38;', '&').replaceAll('&amp;', '&')
  }
  const ids: number[] = await portal.db('projects').where({ district_code: '370102' }).pluck('id')
  assert.deepEqual(
    seen.map(Number).sort((a, b) => a - b),
    ids.sort((a, b) => a - b),
  )
})
