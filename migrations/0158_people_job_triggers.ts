import type { Knex } from 'knex'

const events = { insert: 'new', update: 'new', delete: 'old' } as const

/** Whoever is employed, leaves or waits has it beside the name in the same statement; version and moments of the person stay. */
export async function up(knex: Knex) {
  for (const [event, row] of Object.entries(events)) {
    await knex.raw(`drop trigger if exists employments_job_${event}`)
    await knex.raw(
      `create trigger employments_job_${event} after ${event} on employments for each row begin
         declare job bigint unsigned default (
           select e.id from employments e where e.person_id = ${row}.person_id
           order by e.live desc, e.state = 'left', e.starts_on desc, e.id desc limit 1);
         update people set job_id = job,
           job_post = (select e.post from employments e where e.id = job),
           job_state = (select e.state from employments e where e.id = job)
         where id = ${row}.person_id;
       end`,
    )
  }
}

export async function down(knex: Knex) {
  for (const event of Object.keys(events)) await knex.raw(`drop trigger if exists employments_job_${event}`)
}
