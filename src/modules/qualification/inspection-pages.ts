import express from 'express'

/** 年检: the season of a year, and one record. */
export const inspectionPages = express.Router()
