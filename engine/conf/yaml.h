/* conf/yaml.h: YAML text to a JSON document.
 *
 * Wire     YAML syntax as libyaml reads it, with the words of the YAML 1.2 core schema (`no` is text), anchors and aliases,
 *          no merge key. One document per text.
 * Thread   any.
 *
 * An alias copies what it names. The copies count towards YAML_NODES_MAX, so a short text cannot grow without bound.
 */
#ifndef CONF_YAML_H
#define CONF_YAML_H

#include <yyjson.h>

#include "base/err.h"
#include "base/str.h"

enum { YAML_TEXT_MAX = 16 * 1024 * 1024, YAML_DEPTH_MAX = 64, YAML_NODES_MAX = 200000 };

/* Empty text gives null as root. Free the new document with yyjson_mut_doc_free. Untouched on failure.
 * ERR_INVALID: the message begins with "line L, column C: "; ERR_TOOBIG; ERR_NOMEM. */
NODISCARD Err yaml_parse(struct str text, yyjson_mut_doc **ret_doc, struct diag *reterr);

#endif
