import express, { type Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import { type Limit, limitTo } from '../accounts/limits.ts'
import { now } from '../clock.ts'
import { db } from '../db.ts'
import { certificateFacts, certificatePapers, isCertificatePaper } from '../documents/certificate.ts'
import {
  type Document,
  findDocument,
  isIntact,
  isVerificationCode,
  normaliseVerificationCode,
  type Standing,
  shownCode,
  statusOf,
} from '../documents/documents.ts'
import { letterOf } from '../documents/letter.ts'
import { onPaper } from '../documents/printing.ts'
import { readForm, text } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { addressOf } from '../http.ts'

/** 证书核验: what a paper is worth now. Anybody may ask; nobody can go through the codes. */
export const verifyPages = express.Router()

const form = z.object({
  code: text({
    label: '证书或文书上的核验码',
    max: 60,
    placeholder: '如 Q7MD-4KTX-92HP',
    autocomplete: 'off',
    normalise: normaliseVerificationCode,
    rule: codeMistake,
  }),
})

/** A code has 60 random bits; with this, guessing one takes longer than certificates have existed. */
const tries: Limit = { name: 'verify', points: 60, seconds: 600 }

/** Why a text is no code, as a sentence that says what to do. */
function codeMistake(code: string): string | undefined {
  if (isVerificationCode(code)) return undefined
  if (/[01OI]/.test(code)) return '核验码里没有数字 0、1 和字母 O、I，请对照纸面改正。'
  const length = [...code].length
  if (length !== 12) return `核验码是 12 位字母和数字，现为 ${length} 位，请对照纸面改正。`
  return '核验码只有字母和数字，请对照纸面改正。'
}

verifyPages.get('/verify', (_req, res) => renderForm(hidden(res), 'site/verify', { form }))

verifyPages.post('/verify', (req, res) => {
  const read = readForm(form, req.body)
  if (!read.ok) return renderForm(hidden(res), 'site/verify', { form, ...read })
  res.redirect(303, `/verify/${shownCode(read.data.code)}`)
})

verifyPages.get('/verify/:code', async (req, res) => {
  await limitTo(tries, addressOf(req), '同一网络核验太频繁')
  const code = normaliseVerificationCode(req.params.code)
  const document = await findDocument(db, code)
  if (!document) {
    const known = /^[\p{L}\p{N}]{1,20}$/u.test(code) ? shownCode(code) : ''
    return renderForm(hidden(res.status(404)), 'site/verify-none', { form, code: known, mistake: codeMistake(code) })
  }
  const standing = isIntact(document) ? await statusOf(db, document) : doubtful
  if (standing.code === 'doubtful') req.log.error({ document: document.id }, 'issued paper was altered')
  const sure = standing.code !== 'doubtful'
  renderForm(hidden(sure ? res : res.status(409)), 'site/verify-result', {
    form,
    // Nothing of a paper that may have been altered is repeated.
    facts: sure ? await publicFacts(db, document, standing) : [],
    certificate: isCertificatePaper(document.paper),
    at: now(),
    ...wordsFor(document, standing),
  })
})

const doubtful: Standing = {
  code: 'doubtful',
  label: '不能确认',
  good: false,
  until: null,
  ended_on: null,
  reason: null,
  newer: null,
}

/** Neither kept nor found by a search engine. */
function hidden(res: Response): Response {
  res.locals.hidden = true
  return res.set('Cache-Control', 'no-store').set('X-Robots-Tag', 'noindex')
}

interface PublicFact {
  label: string
  value: string
  code?: boolean
  /** No longer holds: struck, and why beside it. */
  struck?: string
}

/** What anybody may read of a paper: of the holder the unit, never a person. */
async function publicFacts(db: Knex, document: Document, standing: Standing): Promise<PublicFact[]> {
  if (isCertificatePaper(document.paper)) {
    const facts = certificateFacts(document)
    const ended = !standing.good && standing.code !== 'expired' && standing.ended_on
    return [
      { label: '证书', value: `物业服务企业资质证书（${facts.level}）${certificatePapers[document.paper].label}` },
      { label: '编号', value: facts.number, code: true },
      { label: '持有单位', value: facts.company_name },
      { label: '信用代码', value: facts.credit_code, code: true },
      { label: '批准日期', value: onPaper(facts.approved_on) },
      {
        label: '有效期至',
        value: facts.valid_until ? onPaper(facts.valid_until) : '长期',
        ...(ended ? { struck: `${onPaper(ended)}${standing.label.replace(/^已/, '')}` } : {}),
      },
      { label: '发证机关', value: facts.issuer },
      { label: '发证日期', value: onPaper(facts.issued_on) },
    ]
  }
  const { title, number, matter, issuer, on } = letterOf(document)
  const holder: { name: string; kind: string } | undefined = await db('organisations')
    .where({ id: document.organisation_id })
    .first('name', 'kind')
  return [
    { label: '文书', value: title },
    { label: '文号', value: number, code: true },
    { label: '事项', value: matter },
    ...(holder && holder.kind !== 'owners' ? [{ label: '发给', value: holder.name }] : []),
    { label: '发出单位', value: issuer },
    { label: '发出日期', value: onPaper(on) },
  ]
}

interface Words {
  headline: string
  tone: 'ok' | 'warn' | 'bad'
  sentence: string
  reason?: string
}

const useless = '请不要据此签约、投标或验收。'

/** The answer in large letters and the sentence under it. */
function wordsFor(document: Document, { code, label, until, ended_on, reason, newer }: Standing): Words {
  const on = ended_on ? `${onPaper(ended_on)}起` : ''
  switch (code) {
    case 'valid': {
      const certificate = isCertificatePaper(document.paper)
      const { issuer } = certificate ? certificateFacts(document) : letterOf(document)
      const sentence = `${certificate ? '本证书' : '本文书'}由${issuer}发出，内容与登记一致。`
      return { headline: '有效', tone: 'ok', sentence }
    }
    case 'expiring':
      return {
        headline: '有效，即将到期',
        tone: 'warn',
        sentence: `内容与登记一致。${until ? onPaper(until) : ''}到期，到期后失效。`,
      }
    case 'expired':
      return { headline: '已过期', tone: 'bad', sentence: `有效期到${until ? onPaper(until) : ''}为止，已经失效。${useless}` }
    case 'replaced':
      return {
        headline: '已换发，不能再使用',
        tone: 'bad',
        sentence: `${on}由新证书代替${newer ? `，新证书编号 ${newer}` : ''}。请对方出示新证书。`,
      }
    case 'superseded':
      return { headline: '已由新文书代替', tone: 'bad', sentence: `${on}以新发出的同名文书为准。请对方出示新文书。` }
    case 'doubtful':
      return {
        headline: '不能确认',
        tone: 'bad',
        sentence: '登记内容与发出时的签名对不上，核对清楚之前，请不要依据这份文书办事。',
      }
    default:
      return {
        headline: `${label}，不能再使用`,
        tone: 'bad',
        sentence: `${on}失效。${useless}`,
        ...(reason ? { reason } : {}),
      }
  }
}
