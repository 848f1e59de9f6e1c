/* auth/validate.h: what names and secrets may look like (spec auth.md 1.8).
 *
 * ERR_INVALID with the message of the spec ("Failed to validate username") and the reason as its trace. Lengths are in
 * bytes of UTF-8. Values that are or may be secret are never repeated. Thread: any.
 */
#ifndef AUTH_VALIDATE_H
#define AUTH_VALIDATE_H

#include "base/err.h"
#include "base/str.h"

NODISCARD Err validate_username(struct str text, struct diag *reterr);
NODISCARD Err validate_password(struct str text, size_t min_length, struct diag *reterr);
NODISCARD Err validate_api_key_name(struct str text, struct diag *reterr);
NODISCARD Err validate_variable_name(struct str text, struct diag *reterr);
NODISCARD Err validate_variable_value(struct str text, struct diag *reterr);
/* Komodo takes any name but a 24-hex id; an empty one is refused here, since nothing could refer to it. */
NODISCARD Err validate_tag_name(struct str text, struct diag *reterr);

#endif
