import type { Request, Response } from 'express'
import { z } from 'zod'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'
import { checkbox, integer, type Mistakes, readForm, text, typed, type Values } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { allow, flash } from '../http.ts'
import { actorOf } from './action-log.ts'
import { markOf } from './changes.ts'
import {
  type Dictionary,
  dictionaryCodes,
  dictionaryLabel,
  forgetDictionaries,
  isDictionary,
  restoreWords,
  saveWords,
  standardWords,
  type Word,
  wordsOf,
} from './dictionaries.ts'
import { markFrom } from './fields.ts'
import { admin } from './router.ts'

// 字典: the words of every dictionary, one row a code.

const keeper = allow('system-admin')

admin.get('/dictionaries', keeper, async (_req, res) => {
  const dictionaries = await Promise.all(
    dictionaryCodes.map(async code => {
      const standard = new Map(standardWords(code).map(word => [word.code, markOf(word)]))
      const words = await wordsOf(db, code)
      return {
        code,
        label: dictionaryLabel(code),
        words: words.filter(word => word.active).map(word => word.label),
        changed: words.filter(word => standard.get(word.code) !== markOf(word)).length,
      }
    }),
  )
  res.render('admin/dictionaries', { dictionaries })
})

admin.get('/dictionaries/:code', keeper, async (req, res) => {
  forgetDictionaries()
  await showWords(res, dictionaryFrom(req))
})

admin.post('/dictionaries/:code', keeper, async (req, res) => {
  const dictionary = dictionaryFrom(req)
  const form = formOf(dictionary)
  const read = readForm(form, req.body)
  const mark = markFrom(req)
  const values = typed(form, req.body)
  if (!read.ok) return showWords(res, dictionary, { values, mark, mistakes: read.mistakes })
  const wanted = wordsFrom(dictionary, read.data)
  const mistakes = mistakesIn(wanted)
  if (Object.keys(mistakes).length) return showWords(res, dictionary, { values, mark, mistakes })
  const saved = await saveWords(actorOf(req, res), dictionary, wanted, mark)
  if (!saved.ok) return showWords(res, dictionary, { values, stale: saved.stale })
  flash(req, {
    tone: 'ok',
    text: saved.changed
      ? `“${dictionaryLabel(dictionary)}”已保存，${saved.changed} 处有变化，5 秒内全部生效。`
      : '没有改动，字典照旧。',
  })
  res.redirect(303, `/desk/admin/dictionaries/${dictionary}`)
})

admin.post('/dictionaries/:code/restore', keeper, async (req, res) => {
  const dictionary = dictionaryFrom(req)
  const saved = await restoreWords(actorOf(req, res), dictionary, markFrom(req))
  if (!saved.ok) return showWords(res, dictionary, { stale: saved.stale })
  flash(req, { tone: 'ok', text: `“${dictionaryLabel(dictionary)}”已恢复默认的名称和顺序。` })
  res.redirect(303, `/desk/admin/dictionaries/${dictionary}`)
})

function dictionaryFrom(req: Request): Dictionary {
  const { code } = req.params
  if (typeof code !== 'string' || !isDictionary(code)) throw new NotFound('没有找到这个字典。')
  return code
}

function formOf(dictionary: Dictionary) {
  const words = standardWords(dictionary)
  return z.object(
    Object.fromEntries(
      words.flatMap(({ code, label }): [string, z.ZodType][] => [
        [`label-${code}`, text({ label: `“${label}”的名称`, max: 30 })],
        [`position-${code}`, integer({ label: `“${label}”的顺序`, min: 1, max: 999 })],
        [`active-${code}`, checkbox({ label: `“${label}”供选用` })],
      ]),
    ),
  )
}

function wordsFrom(dictionary: Dictionary, data: Record<string, unknown>): Word[] {
  return standardWords(dictionary).map(({ code }) => ({
    code,
    label: String(data[`label-${code}`]),
    position: Number(data[`position-${code}`]),
    active: data[`active-${code}`] === true,
  }))
}

function mistakesIn(words: Word[]): Mistakes {
  const mistakes: Mistakes = {}
  const seen = new Set<string>()
  for (const { code, label } of words) {
    if (seen.has(label)) mistakes[`label-${code}`] = `“${label}”出现了两次，请改成不同的名称。`
    seen.add(label)
  }
  const [first] = words
  if (first && words.every(word => !word.active)) mistakes[`active-${first.code}`] = '至少要有一项供选用。'
  return mistakes
}

async function showWords(
  res: Response,
  dictionary: Dictionary,
  {
    values,
    mark,
    mistakes = {},
    stale,
  }: { values?: Values; mark?: string; mistakes?: Mistakes; stale?: string | undefined } = {},
): Promise<void> {
  const words = await wordsOf(db, dictionary)
  const present = Object.fromEntries(
    words.flatMap(({ code, label, position, active }) => [
      [`label-${code}`, label],
      [`position-${code}`, String(position)],
      [`active-${code}`, active ? 'on' : ''],
    ]),
  )
  const boxes = Object.fromEntries(words.map(({ code }) => [`active-${code}`, '']))
  if (stale) res.status(409)
  renderForm(res, 'admin/dictionary', {
    form: formOf(dictionary),
    values: { ...present, ...(values ? { ...boxes, ...values } : {}) },
    mistakes,
    stale,
    mark: mark || markOf(words),
    dictionary,
    label: dictionaryLabel(dictionary),
    words,
    standard: Object.fromEntries(standardWords(dictionary).map(word => [word.code, word.label])),
    changed: markOf(words) !== markOf(standardWords(dictionary)),
  })
}
