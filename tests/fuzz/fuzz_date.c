/*
 * fuzz_date.c - dates and durations. What is read must be written and read back as the same
 * instant, and a form that two readers share must mean the same to both, but for the rounding.
 */
#include "base/date.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(int64_t ms)
{
    char text[SG_DATE_SIZE];
    int64_t back;

    sg_date_format(text, ms);
    if (text[0] < '0' || text[0] > '9')
        return;
    if (!sg_date_parse_rfc3339(&back, sg_text_of(text)) || back != ms)
        abort();
    if (!sg_date_parse_iam(&back, sg_text_of(text)) || back != ms)
        abort();
    if (!sg_date_format_basic(text, ms) || sg_date_parse_iam(&back, sg_text_of(text)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_text text = {(const char *)data, size};
    char written[SG_DATE_SIZE];
    int64_t iam, rfc3339, http, duration, back;

    const bool is_iam = sg_date_parse_iam(&iam, text);
    const bool is_rfc3339 = sg_date_parse_rfc3339(&rfc3339, text);

    if (is_iam)
        check_written(iam);
    if (is_rfc3339)
        check_written(rfc3339);
    if (is_iam && is_rfc3339 && (iam < rfc3339 || iam > rfc3339 + 1))
        abort();
    if (sg_date_parse_http(&http, text)) {
        if (http % 1000 != 0 || is_iam)
            abort();
        check_written(http);
    }
    if (sg_duration_parse(&duration, text)) {
        if (!sg_duration_parse(&back, sg_text_of(sg_duration_format(written, duration))) ||
            back != duration)
            abort();
    }
    return 0;
}
