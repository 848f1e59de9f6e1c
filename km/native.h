/* km/native.h: what the commands of km need of C: configuration, HTTP, time.  Thread: the only one. */
#ifndef KM_NATIVE_H
#define KM_NATIVE_H

#include <lua.h>

#include "conf/conf.h"

/* Preloads require("km.native"); `args` must outlive the state.                  [-0, +0, m]
 *   api_version, version -> texts       options() -> the list of options in front of the command
 *   config(key) -> text of that setting, "" when it is not set | nil, message: the configuration is wrong
 *   config_text{ profiles =, secrets = } -> all settings as JSON | nil, message
 *   post(url, headers, body) -> status, text | nil, message: no answer. TLS is verified, redirects are not followed;
 *     10 s to connect, 60 s in all, at most NATIVE_ANSWER_MAX bytes.
 *   sleep(ms)       mono() -> ms that never go back
 * The configuration is loaded when it is first asked for; files that were skipped are warned about on stdout then. */
void native_open(lua_State *L, const struct conf_args *args);
void native_close(void);

#endif
