/*
 * log.c - one line an event. It formats and hands on; it never decides what is
 * worth a line, and it must never be handed a credential.
 */
#include "base/log.h"
#include "base/clock.h"
#include "base/date.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINE 2048

void sg_log(const struct sg_log *log, enum sg_log_level level, const char *format, ...)
{
    const int saved = errno;
    char line[MAX_LINE];
    va_list arguments;

    if (log == NULL || log->write == NULL || level > log->most)
        return;
    va_start(arguments, format);
    int written = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (written < 0)
        return;

    size_t length = (size_t)written;
    if (length >= sizeof line) {
        length = sizeof line - 1;
        memcpy(line + length - 3, "...", 3);
    }
    sg_text_make_printable(line, length);
    log->write(log->context, level, line);
    errno = saved;
}

/* One write a line, so that lines of several processes don't mix. */
static void put_line(const char *head, const char *line)
{
    char whole[MAX_LINE + 64];

    int length = snprintf(whole, sizeof whole, "%s%s\n", head, line);
    if (length <= 0)
        return;
    if ((size_t)length >= sizeof whole)
        length = (int)sizeof whole - 1;
    ssize_t done = write(STDERR_FILENO, whole, (size_t)length);
    (void)done; /* there is nowhere to report it */
}

static void write_journal(void *context, enum sg_log_level level, const char *line)
{
    char head[8];

    (void)context;
    (void)snprintf(head, sizeof head, "<%d>", (int)level);
    put_line(head, line);
}

static const char *level_word(enum sg_log_level level)
{
    switch (level) {
    case SG_LOG_ERROR:
        return "error";
    case SG_LOG_WARNING:
        return "warning";
    case SG_LOG_NOTICE:
        return "notice";
    case SG_LOG_INFO:
        return "info";
    case SG_LOG_DEBUG:
        return "debug";
    }
    return "error";
}

static void write_plain(void *context, enum sg_log_level level, const char *line)
{
    char date[SG_DATE_SIZE], head[SG_DATE_SIZE + 16];

    (void)context;
    (void)snprintf(head, sizeof head,
                   "%s %s: ", sg_date_format(date, sg_clock_wall_ms(&sg_clock_system)),
                   level_word(level));
    put_line(head, line);
}

/* systemd.exec(5): the variable is inherited, so stderr must be the very stream that it names. */
static bool journal_reads_stderr(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char mine[64];
    struct stat info;

    if (stream == NULL || fstat(STDERR_FILENO, &info) != 0)
        return false;
    (void)snprintf(mine, sizeof mine, "%ju:%ju", (uintmax_t)info.st_dev, (uintmax_t)info.st_ino);
    return strcmp(stream, mine) == 0;
}

struct sg_log sg_log_stderr(enum sg_log_level most)
{
    return (struct sg_log){journal_reads_stderr() ? write_journal : write_plain, NULL, most};
}
