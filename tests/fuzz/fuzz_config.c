/*
 * fuzz_config.c - both configuration files in one text, the service's after a line "%%". A
 * configuration that is handed out has all that the gate relies on, and nothing was reported.
 */
#include "base/buffer.h"
#include "config/reading.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
    if (!good)
        abort();
}

static void check(const struct sg_config *config)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        const struct sg_issuer *issuer = &config->issuers[i];

        require(issuer->url != NULL && issuer->algorithms != 0 && issuer->longest_session_ms > 0);
        require(issuer->kind == SG_ISSUER_JWT ? issuer->issue_time_claim != NULL
                                              : issuer->account != NULL);
    }
    for (size_t i = 0; i < config->account_count; i++)
        require(config->accounts[i].id != NULL && config->accounts[i].refresh_ms >= 1000);
    for (size_t i = 0; i < config->service_count; i++) {
        const struct sg_service *service = &config->services[i];

        require(service->accept_count > 0 && service->audience.count > 0 &&
                service->allow_roles.count > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separator[] = "\n%%\n";
    struct sg_text host = {(const char *)data, size}, service = {NULL, 0};
    struct sg_problems problems = {0};
    struct sg_config *config = NULL;
    struct sg_reading reading;
    const char *cut = size == 0 ? NULL : memmem(data, size, separator, sizeof(separator) - 1);

    if (cut != NULL) {
        host.length = (size_t)(cut - host.data);
        service.data = cut + sizeof(separator) - 1;
        service.length = size - host.length - (sizeof(separator) - 1);
    }
    if (sg_reading_begin(&reading, "/etc/stsgate", &problems) != SG_OK)
        return 0;
    reading.file = "stsgate.conf";
    (void)sg_config_read_host(&reading, host);
    reading.file = "fuzz.conf";
    (void)sg_config_read_service(&reading, "fuzz", service);
    if (sg_reading_end(&config, &reading) == SG_OK) {
        require(problems.count == 0);
        check(config);
    }
    sg_config_free(config);
    sg_problems_clear(&problems);
    return 0;
}
