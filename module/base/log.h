/*
 * log.h - lines for the operator: to stderr with syslog's <N> prefixes when
 * journald reads them, or to a function of the host. key=value, one line an event, no secret.
 */
#ifndef SG_BASE_LOG_H
#define SG_BASE_LOG_H

#include "base/text.h"

enum sg_log_level {
    SG_LOG_ERROR = 3, /* syslog's numbers */
    SG_LOG_WARNING = 4,
    SG_LOG_NOTICE = 5,
    SG_LOG_INFO = 6,
    SG_LOG_DEBUG = 7,
};

struct sg_log {
    void (*write)(void *context, enum sg_log_level level, const char *line);
    void *context;
    enum sg_log_level most; /* lines above this are dropped */
};

/* NULL log: dropped. Control bytes and newlines in the result become '?'. At most 2 KiB a line. */
void sg_log(const struct sg_log *log, enum sg_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A log to stderr; `<N>` prefixes when JOURNAL_STREAM names it, else a timestamp and the level. */
struct sg_log sg_log_stderr(enum sg_log_level most);

#endif
