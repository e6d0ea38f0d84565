import { z } from 'zod'
import { type Answers, textOf } from '../../forms/answers.ts'
import { choice, type Mistakes, optionalText, text } from '../../forms/form.ts'
import { contractFilings, servicePhases } from '../archives/words.ts'
import { lackingTerms, neededTerms, termFields, termMistakes } from './contract-form.ts'
import type { ProjectRow } from './project.ts'

/** What the two sides fill in when they draft a contract here: the terms that are filed later, and what they agree besides. */

// The day of the second confirmation is the day of signing; nobody fills it in.
const { signed_on: _signedOn, contract_code: _contractCode, ...terms } = termFields

export const signingForm = z.object({
  contract_code: text({ label: '合同编号', section: '合同', max: 60, hint: '双方档案里的编号，可以改成自己的编法' }),
  ...terms,
  special: optionalText({
    label: '特别约定',
    section: '特别约定',
    type: 'textarea',
    max: 5000,
    wide: true,
    hint: '范本没有写到的，一条一行；写进合同第九章，与范本不一致的以这里为准',
  }),
})

/** 阶段 a contract is signed in here; 应急服务 is ordered, not agreed. */
export const signingPhases = { early: servicePhases.early, selected: servicePhases.selected } as const
export type SigningPhase = keyof typeof signingPhases

/** 备案类型 that have a text of their own; a 解除 is an agreement about what there is. */
export const signingFilings = {
  new: contractFilings.new,
  renewal: contractFilings.renewal,
  change: contractFilings.change,
} as const
export type SigningFiling = keyof typeof signingFilings

const options = <Code extends string>(words: Readonly<Record<Code, string>>) =>
  Object.entries<string>(words).map(([value, label]) => ({ value: value as Code, label })) // Object.entries forgets the codes

export const startForm = z.object({
  pair: text({ label: '项目和合同双方', type: 'select', max: 60, hint: '列出本单位现在可以签订合同的项目' }),
  filing: choice({ label: '备案类型', type: 'radio', options: options(signingFilings) }),
})

export const returnForm = z.object({
  words: text({ label: '要改什么', type: 'textarea', max: 500, hint: '对方看到后修改，改好重新发来' }),
})

/** Asked for before a text goes out; the page says so. */
export const neededHere = [...neededTerms.filter(name => name !== 'signed_on'), 'room_area', 'room_place']

/** What is missing or contradicts itself before a text can go to the other side. */
export function signingMistakes(answers: Answers, project: Pick<ProjectRow, 'floor_area'>, today: string): Mistakes {
  const ends_on = textOf(answers, 'ends_on')
  return {
    ...lackingTerms(signingForm, answers, neededHere),
    ...(ends_on && ends_on < today ? { ends_on: `服务期限截止日 ${ends_on} 已经过去，请对照双方的约定改正。` } : {}),
    ...termMistakes(answers, project, today),
  }
}
