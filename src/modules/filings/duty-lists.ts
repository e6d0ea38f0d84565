import { defineList, type List } from '../../lists/list.ts'
import { regionFilters } from '../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../lists/regions.ts'
import { stepCodes } from '../archives/project-life.ts'
import { archiveOffices, archiveReaders } from '../archives/visible.ts'
import { stages } from '../archives/words.ts'
import { type DutyLight, leftInWords, narrowToOwn, visibleDuties } from './duties.ts'

/** 项目下一步: what every project waits for, and who owes it. */

const lights: Readonly<Record<DutyLight, string>> = { red: '逾期或应立即办', yellow: '临近期限', green: '正常' }

const away = { shown: false, phone: false } as const

const duties = defineList({
  code: 'duties',
  label: '项目下一步',
  about: '每个项目现在等着办什么、该谁办、到哪天；事实变化时当即重算，每天夜里再算一遍',
  roles: archiveReaders,
  from: visibleDuties,
  key: 'duties.id',
  columns: [
    { name: 'project', label: '项目', source: 'projects.name' },
    { name: 'title', label: '下一步', source: 'duties.title' },
    {
      name: 'light',
      label: '剩余时间',
      type: 'state',
      source: 'duties.light',
      look: async () => row => {
        const light = String(row.light) as DutyLight // written by the portal alone
        const until = typeof row.until === 'string' ? row.until : null
        return { text: leftInWords(light, until), light }
      },
    },
    { name: 'until', label: '最后一天', type: 'date', source: 'duties.until_on' },
    { name: 'who', label: '应由谁办', source: 'duties.who' },
    { name: 'step', label: '环节', source: 'duties.code', words: stepCodes, phone: false },
    { name: 'stage', label: '项目阶段', source: 'projects.stage', words: stages, phone: false },
    { name: 'since', label: '开始等待', type: 'date', source: 'duties.since_on', phone: false },
    { name: 'district', label: '区县', source: 'duties.district_code', words: districtNames, phone: false },
    { name: 'street', label: '街道', source: 'duties.street_code', words: regionNames, ...away },
    { name: 'words', label: '说明', source: 'duties.words', ...away },
    { name: 'law', label: '依据', source: 'duties.law', ...away },
    { name: 'rank', label: '紧急程度', source: 'duties.rank', sort: true, ...away },
  ],
  heading: 'project',
  sort: 'rank',
  filters: [
    {
      name: 'mine',
      label: '经办',
      type: 'select',
      options: { yes: '由我办理' },
      where: (query, _code, user) => narrowToOwn(query, user),
    },
    { name: 'step', label: '环节', type: 'select', options: stepCodes, where: 'duties.code' },
    { name: 'light', label: '剩余时间', type: 'select', options: lights, where: 'duties.light' },
    ...regionFilters({ district: 'duties.district_code', street: 'duties.street_code' }),
    { name: 'until', label: '最后一天', type: 'period', of: 'date', where: 'duties.until_on' },
  ],
  search: {
    about: '项目名称、项目编号，拼音或拼音首字母也行',
    through: [
      {
        source: 'duties.project_id',
        terms: 'projects',
        texts: ['projects.name', 'projects.former_name', 'projects.code'],
      },
    ],
  },
  href: ({ key }) => `/desk/filings/steps/${key}`,
  actions: user => (archiveOffices.includes(user.role) ? [{ href: '/desk/filings', label: '项目看板', icon: 'chart-bar' }] : []),
  empty: { title: '没有要办的下一步', text: '项目到了该招标、备案、续签、换届的时候，应办的一步列在这里。' },
})

export const dutyLists: readonly List[] = [duties]
