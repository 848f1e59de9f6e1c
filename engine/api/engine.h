/* api/engine.h: the one engine of the process: started from a configuration, stopped in order. */
#ifndef API_ENGINE_H
#define API_ENGINE_H

#include "conf/conf.h"
#include "net/op.h"

struct engine;

/* Opens everything (blocking: the loop does not run yet) and begins to listen once the start-up tasks are done. */
NODISCARD Err engine_start(struct op_loop *loop, const struct conf *conf, struct engine **ret_engine, struct diag *reterr);
/* Refuses new work, drains, closes; the engine is gone when on_stopped is called. Safe to call twice. */
void engine_stop(struct engine *engine, void (*on_stopped)(void *data), void *data);
void engine_reload_tls(struct engine *engine);
/* Why it could not go on after it was started (start-up tasks failed); OK: it is fine. */
Err engine_failed(const struct engine *engine, struct diag *ret);

#endif
