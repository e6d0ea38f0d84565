import assert from 'node:assert/strict'
import type ExcelJS from 'exceljs'
import type { Agent } from './portal.ts'
import { book } from './workbooks.ts'

/** 批量导入 as somebody does it: a workbook handed in, what the page says of it, and the confirmation. */

export type Line = Record<string, ExcelJS.CellValue>

export interface Shown {
  address: string
  words: string
  mistakes: string[]
  version: string
}

/** A sheet as somebody fills it in: only the columns that are used. */
export async function handIn(agent: Agent, code: string, name: string, lines: readonly Line[]): Promise<Shown> {
  const { workRuns } = await import('../src/imports/runs.ts')
  const heads = [...new Set(lines.flatMap(line => Object.keys(line)))]
  const file = await book({ [name]: [heads, ...lines.map(line => heads.map(head => line[head] ?? null))] })
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(file)]), '资料.xlsx')
  const answer = await agent.raw(`/desk/imports/${code}`, { method: 'POST', body: form, headers: { origin: agent.base } })
  assert.equal(answer.status, 303, await answer.text())
  await workRuns()
  return await lookAt(agent, answer.headers.get('location') ?? '')
}

/** What the page of a run says. */
export async function lookAt(agent: Agent, address: string): Promise<Shown> {
  const { text } = await agent.get(address)
  const plain = (html = '') =>
    html.replace(/<svg[\s\S]*?<\/svg>|<[^>]+>/g, ' ').replace(/\s+/g, ' ').trim() // biome-ignore format: one step
  const table = /<table class="table cards import-mistakes">[\s\S]*?<tbody>([\s\S]*?)<\/tbody>/.exec(text)?.[1] ?? ''
  return {
    address,
    words: plain(/<main[\s\S]*<\/main>/.exec(text)?.[0]),
    mistakes: [...table.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row]) => plain(row)),
    version: /name="version" value="(\d+)"/.exec(text)?.[1] ?? '',
  }
}

/** Confirms what the check has found right, and sees it written. */
export async function confirmRun(agent: Agent, { address, version, words, mistakes }: Shown): Promise<Shown> {
  const { workRuns } = await import('../src/imports/runs.ts')
  assert.ok(version, `${words} ${mistakes.join(' ')}`)
  assert.equal((await agent.post(`${address}/confirm`, { version })).status, 303)
  await workRuns()
  const done = await lookAt(agent, address)
  assert.match(done.words, /已全部写入/)
  return done
}
