import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import type { StoredFile } from '../cases/case.ts'
import { now } from '../clock.ts'
import type { ReceivedFile } from './receive.ts'

/**
 * Files that belong to an archive and to no case: the photo of a practitioner, the proof of a dismissal. Who may see the record
 * decides who may read them, so each archive says for itself.
 */
export interface SubjectFile extends Omit<StoredFile, 'case_id'> {
  case_id: null
  subject_type: string
  subject_id: number
}

/** Whether a user may read a file; `own` where reading it need not stand in the log. */
type Reader = (db: Knex, user: User, file: SubjectFile) => Promise<{ own: boolean } | undefined>

const readers = new Map<string, Reader>()

/** Says who reads the files of a sort of record. @throws Error when somebody else has said so */
export function registerFileReader(subject_type: string, reader: Reader): void {
  if (readers.has(subject_type)) throw new Error(`files of ${subject_type} have a reader`)
  readers.set(subject_type, reader)
}

/** Whether this user may read a file of an archive; nothing where they may not. */
export async function readerOf(db: Knex, user: User, file: SubjectFile): Promise<{ own: boolean } | undefined> {
  return await readers.get(file.subject_type)?.(db, user, file)
}

/** Gives a received file its row. @returns its id */
export async function addSubjectFile(
  trx: Knex.Transaction,
  { type: subject_type, id: subject_id }: { type: string; id: number },
  user: Pick<User, 'id'>,
  material: string,
  { name, extension, type, size, sha256, pages, key }: ReceivedFile,
): Promise<number> {
  const [id = 0] = await trx('files').insert({
    case_id: null,
    subject_type,
    subject_id,
    material,
    name,
    extension,
    type,
    size,
    sha256,
    pages,
    storage_key: key,
    from_edition: 1,
    until_edition: null,
    uploaded_by: user.id,
    created_at: now(),
  })
  return id
}
