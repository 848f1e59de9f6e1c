/* link/files.h: writing small secret files (keys, certificates) so that a crash leaves the old one or the new one.
 *
 * Thread   any but a loop thread: it waits for the disk.
 */
#ifndef LINK_FILES_H
#define LINK_FILES_H

#include "base/err.h"
#include "base/str.h"

/* Creates the folders above `path`, then writes the file: through a temporary one beside it where that can be renamed over
 * it, in place where it cannot (a mounted single file, a link, a folder that is not ours). A new file gets `mode`, an
 * existing one keeps its own. */
NODISCARD Err files_write(const char *path, struct str content, unsigned mode, struct diag *reterr);

#endif
