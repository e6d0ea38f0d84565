import express from 'express'

/** 招标公告 and 中标结果 for anybody. */
export const tenderSite = express.Router()
