import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPortal, type TestPortal } from './portal.ts'

let portal: TestPortal
before(async () => {
  portal = await startPortal()
})
after(() => portal.stop())

const { runJob } = await import('../src/jobs/jobs.ts')
const { shiftClock } = await import('../src/clock.ts')

test('of several processes one makes the turn of a minute', async () => {
  let turns = 0
  const job = { name: 'counted', at: '* * * * *', run: async () => void turns++ }
  const minute = new Date('2026-11-23T02:00:00Z')

  await Promise.all(Array.from({ length: 8 }, () => runJob(job, minute)))

  assert.equal(turns, 1)
})

test('a turn that failed is tried again later, three times in all', async () => {
  let turns = 0
  const job = {
    name: 'failing',
    at: '* * * * *',
    run: async () => {
      turns++
      throw new Error('not today')
    },
  }
  const minute = new Date('2026-11-23T02:00:00Z')
  try {
    for (let later = 0; later < 6; later++) {
      shiftClock(later * 10 * 60_000)
      await runJob(job, minute).catch(() => undefined)
    }
  } finally {
    shiftClock(0)
  }

  assert.equal(turns, 3)
  const row = await portal.db('jobs').where({ name: 'failing' }).first()
  assert.deepEqual([row.state, row.error], ['failed', 'not today'])
})

test('the turn of a worker that died is taken by another when its lease is over', async () => {
  let turns = 0
  const job = { name: 'orphaned', at: '* * * * *', run: async () => void turns++ }
  const at = new Date('2026-11-23T02:00:00Z')
  await portal.db('jobs').insert({
    name: job.name,
    unique_key: 'orphaned 2026-11-23T02:00',
    state: 'running',
    worker: 'gone:1',
    attempts: 1,
    run_at: at,
    lease_until: new Date(Date.now() + 60_000),
    created_at: at,
  })

  await runJob(job, at)
  assert.equal(turns, 0, 'the lease still holds')
  try {
    shiftClock(120_000)
    await runJob(job, at)
  } finally {
    shiftClock(0)
  }

  assert.equal(turns, 1)
})
