/*
 * trace.c - the steps of a check in words, for `stsgatectl explain`. Called
 * only where somebody looks; sg_trace_step() sees to that.
 */
#include "base/date.h"
#include "gate/check.h"

#include <stdarg.h>
#include <stdio.h>

void sg_reader_set_trace(struct stsgate_reader *reader, const struct sg_trace *trace)
{
    reader->trace = *trace;
}

void sg_trace_tell(const struct sg_trace *trace, const char *name, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* Tokens bring words of their own, and it is a terminal that shows them. */
    sg_text_make_printable(text, strlen(text));
    trace->step(trace->payload, name, text);
}

void sg_trace_session(const struct sg_check *check)
{
    const struct sg_session *session = &check->known.session;
    const struct sg_trace *trace = &check->reader->trace;
    char earliest[SG_DATE_SIZE], latest[SG_DATE_SIZE], expires[SG_DATE_SIZE];

    sg_trace_tell(trace, "session", "%s%s%s", session->role_arn,
                  session->session_name[0] == 0 ? "" : ", session ", session->session_name);
    if (sg_session_is_long_term(session)) {
        sg_trace_tell(trace, "issued", "never: a long-term key; the credential expires %s",
                      sg_date_format(expires, session->expires_ms));
        return;
    }
    sg_trace_tell(trace, "issued", "%s%s%s; the credential expires %s",
                  sg_date_format(earliest, session->issued.earliest_ms),
                  session->issued.earliest_ms == session->issued.latest_ms ? "" : " to ",
                  session->issued.earliest_ms == session->issued.latest_ms
                      ? ""
                      : sg_date_format(latest, session->issued.latest_ms),
                  sg_date_format(expires, session->expires_ms));
}

void sg_trace_record(const struct sg_check *check, const struct sg_record *record,
                     const struct sg_account *account, int64_t aws_now_ms, bool stale)
{
    const struct sg_trace *trace = &check->reader->trace;
    char cutoff[SG_DATE_SIZE], now[SG_DATE_SIZE];

    sg_trace_tell(trace, "record", "account %s, %s at AWS's %s%s%s", account->label,
                  stale ? "stale" : "fresh", sg_date_format(now, aws_now_ms),
                  record->state == 0                    ? ", nothing held of this role"
                  : record->cutoff_ms == SG_CUTOFF_NONE ? ", no unconditional cutoff"
                                                        : ", cutoff ",
                  record->state == 0 || record->cutoff_ms == SG_CUTOFF_NONE
                      ? ""
                      : sg_date_format(cutoff, record->cutoff_ms));
}
