import { z } from 'zod'
import { pledgeField } from '../../cases/standards.ts'
import { choice, date, optionalDecimal, optionalInteger, optionalText, rows, text } from '../../forms/form.ts'
import { creditCode } from '../archives/fields.ts'
import { optionsOf } from '../archives/words.ts'
import { lateField } from './contract-form.ts'
import { projectFields } from './project.ts'
import { priceField } from './tender-form.ts'
import { judgeSorts } from './words.ts'

/** 中标备案 (domain.md §5.3): what the developer fills in. */

const register = { label: '招标备案' }

/** 投标 as the opening and the evaluation left it. */
export const bidOutcomes = { valid: '有效', rejected: '否决' } as const

export const awardForm = z.object({
  developer: text({ label: '招标人', section: '招标', archive: { label: '单位档案' }, wide: true }),
  ...projectFields,
  tender_number: text({ label: '招标备案编号', archive: register }),
  tender_closing: text({ label: '投标截止日期', archive: register }),
  tender_valid: text({ label: '投标有效期至', archive: register }),
  opened_on: date({ label: '开标日期', section: '开标和评标' }),
  bids: rows({
    label: '投标人',
    section: '投标人',
    hint: '全部投标人，一家一行；排名只填中标候选人，不超过三名',
    rowLabel: '投标人',
    min: 1,
    max: 50,
    of: z.object({
      name: text({ label: '企业名称', max: 200 }),
      code: creditCode('统一社会信用代码'),
      state: choice({ label: '投标', options: optionsOf(bidOutcomes) }),
      price: priceField('报价'),
      score: optionalDecimal({ label: '得分', digits: 2, min: 0, max: 100 }),
      standing: optionalInteger({ label: '候选人排名', min: 1, max: 50 }),
    }),
  }),
  judges: rows({
    label: '评标委员会',
    section: '评标委员会',
    hint: '已经抽取的专家自动带出；招标人代表请增加',
    rowLabel: '成员',
    min: 1,
    max: 99,
    of: z.object({
      name: text({ label: '姓名', max: 60, personal: 'name' }),
      sort: choice({ label: '身份', options: optionsOf(judgeSorts) }),
      employer: optionalText({ label: '工作单位', max: 200 }),
    }),
  }),
  winner: text({ label: '中标人', section: '中标', max: 200, wide: true, hint: '与投标人中的企业名称一致' }),
  price: priceField('中标价'),
  fixed_on: date({ label: '确定中标人的日期' }),
  noticed_on: date({ label: '中标通知书日期' }),
  manager: text({ label: '项目负责人', max: 60 }),
  choice_reason: text({
    label: '确定中标人的方式及理由',
    type: 'textarea',
    max: 2000,
    wide: true,
    hint: '不是第一名的，写明排在前面的候选人放弃或者不能履约的情况',
  }),
  ...lateField,
  ...pledgeField,
})
