import type { Knex } from 'knex'

/** Fills in what 0156 has added, for people who were there before: the same choice as the triggers of 0158 make. */
export async function up(knex: Knex) {
  await knex.raw(
    `update people set job_id = (
       select e.id from employments e where e.person_id = people.id
       order by e.live desc, e.state = 'left', e.starts_on desc, e.id desc limit 1)`,
  )
  await knex.raw(
    `update people join employments on employments.id = people.job_id
     set people.job_post = employments.post, people.job_state = employments.state`,
  )
}

/** The columns go with 0156. */
export async function down() {}
