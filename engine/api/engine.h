/* api/engine.h: the one engine of the process: started from a configuration, stopped in order. */
#ifndef API_ENGINE_H
#define API_ENGINE_H

#include "conf/conf.h"
#include "net/op.h"

struct engine;
typedef void engine_stopped_fn(const struct diag *failure, void *data);

/* Opens everything (blocking: the loop does not run yet) and begins to listen once the start-up tasks are done. When they
 * fail the engine stops by itself and calls on_stopped. A failure here still gives an engine, for engine_stop. */
NODISCARD Err engine_start(struct op_loop *loop, const struct conf *conf, engine_stopped_fn *on_stopped, void *data,
                           struct engine **ret_engine, struct diag *reterr);
/* Refuses new work, drains, closes; the engine is gone when on_stopped is called. `failure` says why it could not go on
 * after it was started (its start-up tasks failed); its err is OK otherwise. Also takes apart what engine_start left half
 * done. A second call does nothing. */
void engine_stop(struct engine *engine);
void engine_reload_tls(struct engine *engine);

#endif
