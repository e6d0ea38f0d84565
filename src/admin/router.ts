import express from 'express'

/** `/desk/admin`. Every page is one of its own routes, so that the matrix of roles and pages can be read off it. */
export const admin = express.Router()
