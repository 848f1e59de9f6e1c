/* conf/toml.h: TOML 1.1 text to a JSON document.
 *
 * Wire     TOML 1.1 (a superset of 1.0: line breaks and a trailing comma in inline tables, \e, \xHH, times without seconds).
 * Thread   any.
 *
 * Dates and times become text as they were written; inf and nan are refused, since JSON has no form for them. A line
 * break inside a multi-line string is always one "\n".
 *
 * Why our own: toml++ brings the C++ runtime, which costs the agent 1.1 MB of resident memory linked statically and
 * 2.0 MB shared (measured on Debian 12 against a 1.2 MB empty program), out of the 4 MB it may use.
 */
#ifndef CONF_TOML_H
#define CONF_TOML_H

#include <yyjson.h>

#include "base/err.h"
#include "base/str.h"

enum { TOML_TEXT_MAX = 16 * 1024 * 1024, TOML_DEPTH_MAX = 64 };

/* The root of the new document is an object; free it with yyjson_mut_doc_free. Untouched on failure.
 * ERR_INVALID: the message begins with "line L, column C: "; ERR_TOOBIG; ERR_NOMEM. */
NODISCARD Err toml_parse(struct str text, yyjson_mut_doc **ret_doc, struct diag *reterr);

#endif
