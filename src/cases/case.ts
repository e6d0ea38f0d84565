import type { State } from './lifecycle.ts'

/** 办件: one application of a kind. Drafts lie in `case_drafts`, submitted editions and opinions in `case_payloads`. */
export interface Case {
  id: number
  /** 业务流水号, given at the first submission. */
  serial: string | null
  kind: string
  variant: string
  title: string
  subject_type: string
  subject_id: number
  subject_name: string
  applicant_id: number
  district_code: string | null
  street_code: string | null
  state: State
  /** The code of the place it is at, while it is in the chain; kept while the applicant corrects. */
  place: string | null
  /** Who must act: a role (with the case's district or street, or the city) or an organisation; neither while only the clock acts. */
  holder_role: string | null
  holder_id: number | null
  /** Since when. */
  held_since: Date
  settings_id: number | null
  /** Counts every change; the optimistic check. */
  version: number
  /** How often it was submitted; 第 2 版. */
  edition: number
  /** Rounds of correction used. */
  rounds: number
  submitted_at: Date | null
  accepted_at: Date | null
  decided_at: Date | null
  closed_at: Date | null
  /** The earliest open limit, only to sort by; 9999-12-31 while none runs. Never trusted for the light of one case. */
  due_on: string
  paused: number
  /** The number of the proof. */
  number: string | null
  late_days: number
  open_key: string | null
  history_count: number
  history_hash: string
  created_at: Date
  updated_at: Date
  created_by: number
}

/** No limit runs. */
export const noDue = '9999-12-31'

/** One line of the 办理记录. */
export interface HistoryRow {
  id: number
  case_id: number
  sequence: number
  at: Date
  user_id: number | null
  user_name: string
  role: string | null
  organisation_id: number | null
  organisation_name: string
  step: string
  from_state: State
  to_state: State
  /** The place the step was taken at, and the one it led to. */
  place: string | null
  place_label: string
  to_place: string | null
  edition: number
  /** The version of the case the step was taken on: with it a repeated press is known. */
  case_version: number
  /** Whether the applicant sees the line. */
  open: number
  payload_id: number | null
  payload_digest: string | null
  hash: string
}

/** What lies behind a line of the history; may be erased by law, the digest in the history stays. */
export interface StepPayload {
  opinion?: string
  /** 内部备注, never sent to applicants. */
  note?: string
  corrections?: { target: string; words: string }[]
  answers?: { target: string; words: string }[]
  outcome?: { number: string; on: string; file_id?: number }
  /** Papers handed in with an answer. */
  files?: { id: number; name: string }[]
  visit?: { on: string; officers: string[]; finding: string }
  /** 结论, by field of the kind's form. */
  conclusion?: Record<string, string>
}

export interface Correction {
  id: number
  case_id: number
  round: number
  target_type: 'field' | 'material'
  /** The name of the field or the code of the material. */
  target: string
  /** The officer's words. */
  words: string
  answer: string | null
  answered_at: Date | null
}

export interface Consultation {
  id: number
  case_id: number
  code: string
  label: string
  role: string
  question: string
  asked_by: number
  asked_at: Date
  due_on: string
  verdict: 'agree' | 'disagree' | null
  opinion: string | null
  answered_by: number | null
  answered_at: Date | null
}

export interface StoredFile {
  id: number
  case_id: number
  /** Code of the material, or `outcome`, `answer` for papers of steps. */
  material: string
  name: string
  extension: string
  type: string
  size: number
  sha256: string
  pages: number | null
  storage_key: string
  /** First and last edition the file belongs to; the last is empty while it still does. */
  from_edition: number
  until_edition: number | null
  uploaded_by: number
  created_at: Date
}
