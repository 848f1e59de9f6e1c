/* agent/do_keys.c: rotation of keys (spec agent.md 3.7, 8.7). */
#include "agent/agent.h"
#include "agent/command.h"
#include "agent/requests.h"

Err do_rotate_private_key(struct job *job)
{
  struct identity *id = &job->agent->identity;
  Err err = identity_rotate(id, &job->diag);
  if (err)
    return err;
  char key[KEY_PUBLIC_LEN + 1];
  identity_public_key(id, key);
  js_open(&job->out, '{');
  js_put_text(&job->out, "public_key", key);
  buf_add_char(&job->out, '}');
  return OK;
}

Err do_rotate_core_public_key(struct job *job)
{
  Err err = identity_pin(&job->agent->identity, job_text(job, "public_key"), &job->diag);
  if (!err)
    buf_add_text(&job->out, "{}");
  return err;
}
