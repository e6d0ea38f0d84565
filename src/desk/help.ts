import type { Request, Response } from 'express'
import { administrators, type Role } from '../accounts/roles.ts'
import { caseDeciders, caseReaders, caseStarters } from '../cases/roles.ts'
import { NotFound } from '../errors.ts'
import { currentUser } from '../http.ts'

interface HelpPage {
  label: string
  text: string
  icon: string
  /** For whom it matters; everybody may read it. */
  roles?: readonly Role[]
}

/** Whom certificates concern. */
const concerned: readonly Role[] = [...caseDeciders, 'company-admin', 'company-clerk']

/** The manual, in reading order. Each page is views/desk/help/<code>.ejs. */
export const helpPages: Record<string, HelpPage> = {
  account: { label: '登录与账号', text: '登录、密码、动态验证码、切换身份、退出', icon: 'lock' },
  workspace: { label: '工作台与窗口', text: '首页看什么，怎样同时打开几页而不丢内容', icon: 'home' },
  lists: { label: '列表与智能搜索', text: '搜索写法、筛选、排序、选列、导出', icon: 'search' },
  archives: {
    label: '档案',
    text: '企业、项目、房屋、业主的档案怎样找、怎样看、怎样改',
    icon: 'building',
    roles: caseReaders,
  },
  staff: {
    label: '从业人员增减',
    text: '新增、减员、一人一企、归属异议、项目经理',
    icon: 'users',
    roles: ['company-admin', 'company-clerk'],
  },
  importing: { label: '批量导入', text: '用 Excel 一次登记许多条，怎样改问题，认领码', icon: 'upload' },
  registration: { label: '单位注册', text: '物业企业、开发企业怎样注册，区县怎样确认', icon: 'user-plus' },
  applying: { label: '申请办件', text: '填报、补正、看进度、催办、撤回、领证', icon: 'clipboard-list', roles: caseStarters },
  deciding: { label: '审核办件', text: '待办、时限、自检、材料、意见、公示与异议', icon: 'rubber-stamp', roles: caseDeciders },
  qualification: {
    label: '资质证书',
    text: '申请、升级、变更、补办、注销，分支机构备案，录入上级决定、撤销、打印、导入、停用',
    icon: 'certificate',
    roles: concerned,
  },
  inspections: {
    label: '资质年检',
    text: '企业怎样申报，结论和整改，窗口怎样开启、延长、截止',
    icon: 'checklist',
    roles: concerned,
  },
  kinds: {
    label: '事项设置',
    text: '流程、时限、材料、编号规则怎样改，何时生效',
    icon: 'adjustments',
    roles: ['business-admin'],
  },
  administration: {
    label: '账号与权限管理',
    text: '系统、安全、审计三员各管什么，怎样开账号、授角色、看日志',
    icon: 'users',
    roles: administrators,
  },
}

/** GET /desk/help */
export function showHelp(_req: Request, res: Response): void {
  const { role } = currentUser(res)
  const pages = Object.entries(helpPages).map(([code, page]) => ({ code, ...page, mine: page.roles?.includes(role) ?? false }))
  res.render('desk/help/index', { pages: pages.sort((a, b) => Number(b.mine) - Number(a.mine)) })
}

/** GET /desk/help/:page */
export function showHelpPage(req: Request, res: Response): void {
  const code = String(req.params.page)
  const page = Object.hasOwn(helpPages, code) ? helpPages[code] : undefined
  if (!page) throw new NotFound('没有这一页说明，请从使用帮助的目录里找。')
  res.render(`desk/help/${code}`, {
    helpPage: page,
    pages: Object.entries(helpPages).map(([other, { label }]) => ({ code: other, label, here: other === code })),
  })
}
