import express from 'express'

/** 资质证书查询: the public register, decisions and revocations. They know no session. */
export const certificateSite = express.Router()
