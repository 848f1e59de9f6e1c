/* base/log.h: the program's log, to stderr. Libraries (everything but a program's main and the place that stops an
 * error) do not log. Thread: any; one line is one write.
 *
 * Every registered secret value is replaced by <NAME> at the sink, whoever logged it.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_format { LOG_STANDARD, LOG_JSON, LOG_NONE };

struct log_config {
  enum log_level level;
  enum log_format format;
  bool ansi;          /* colour the level (standard format) */
  bool timestamps;
};

void log_configure(const struct log_config *config);
bool log_level_parse(struct str text, enum log_level *ret);    /* "error" … "trace", any case; also "off" is refused */
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Registers a value to be redacted by <name>; values shorter than 4 bytes are ignored (they would redact everything). */
void log_redact(struct str name, struct str value);
void log_forget_secrets(void);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
