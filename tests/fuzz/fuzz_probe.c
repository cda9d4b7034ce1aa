/*
 * fuzz_probe.c - the file that the probe leaves. What is taken is, byte for byte, what would be
 * written.
 */
#include "store/probe.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_text content = {(const char *)data, size};
    struct sg_buffer again = {0};
    struct sg_probe probe;

    if (sg_probe_read(&probe, content)) {
        sg_probe_write(&again, &probe);
        if (!sg_text_equal(sg_buffer_text(&again), content))
            abort();
        (void)sg_probe_lacks(&probe, "aws", NULL, probe.date_ms);
    }
    sg_buffer_clear(&again);
    return 0;
}
