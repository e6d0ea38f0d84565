import express from 'express'

/** 小区查询: the public page of a project. */
export const projectSite = express.Router()
