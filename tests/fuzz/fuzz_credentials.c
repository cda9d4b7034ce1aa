/*
 * fuzz_credentials.c - whatever hands out credentials: the JSON of processes and of metadata, STS's
 * answers, AWS's shared files, a credential_process's words. The first byte says which. Nothing
 * that is taken may be without a secret, hold a byte that no header may hold, or leak.
 */
#include "aws/provider.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_keys(struct sg_credentials *keys, bool taken)
{
    const char *const texts[] = {keys->access_key_id, keys->secret_access_key, keys->session_token};

    if (taken && (keys->access_key_id == NULL || keys->secret_access_key == NULL))
        abort();
    for (size_t i = 0; i < 3; i++) {
        if (texts[i] != NULL && (!taken || !sg_key_text_valid(sg_text_of(texts[i]))))
            abort();
    }
    sg_credentials_clear(keys);
}

static void take_json(struct sg_text text, enum sg_key_json kind)
{
    struct sg_credentials keys = {.expires_ms = 0};
    char trouble[200] = "";
    const int error = sg_key_json_read(&keys, trouble, sizeof trouble, text, kind);

    if (error != SG_OK && trouble[0] == '\0')
        abort();
    check_keys(&keys, error == SG_OK);
}

static void take_answer(struct sg_text text, bool assumed)
{
    const struct sg_http_answer http = {.status = 200, .date_ms = 1, .body = text};
    struct sg_sts_answer answer;

    sg_sts_read(&answer, &http, assumed);
    if (answer.outcome == SG_IAM_OK && !assumed && answer.arn[0] == '\0')
        abort();
    if (assumed)
        check_keys(&answer.credentials, answer.outcome == SG_IAM_OK);
    sg_credentials_clear(&answer.credentials);
}

static void take_files(struct sg_text text, bool config)
{
    struct sg_profile *profiles = NULL;

    (void)sg_profiles_parse(&profiles, text, "file", config, NULL);
    for (const struct sg_profile *at = profiles; at != NULL; at = at->next) {
        if (at->name == NULL || (at->aws_secret_access_key != NULL &&
                                 !sg_key_text_valid(sg_text_of(at->aws_secret_access_key))))
            abort();
        if (at->of_services ? !config || at->aws_access_key_id != NULL || at->role_arn != NULL
                            : at->endpoint_urls[SG_AWS_IAM] != NULL)
            abort();
    }
    sg_profiles_free(profiles);
}

static void take_words(struct sg_text text)
{
    char **argv = NULL;

    if (sg_command_split(&argv, text) != SG_OK)
        return;
    size_t bytes = 0;
    for (size_t i = 0; argv[i] != NULL; i++)
        bytes += strlen(argv[i]) + 1;
    if (argv[0] == NULL || argv[0][0] == '\0' || bytes > 2 * text.length + 2)
        abort();
    free(argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct sg_text text = {(const char *)data + 1, size - 1};

    switch (data[0]) {
    case 'p':
        take_json(text, SG_KEY_JSON_PROCESS);
        break;
    case 'm':
        take_json(text, SG_KEY_JSON_METADATA);
        break;
    case 'a':
        take_answer(text, true);
        break;
    case 'i':
        take_answer(text, false);
        break;
    case 'c':
    case 'k':
        take_files(text, data[0] == 'c');
        break;
    case 'w':
        take_words(text);
        break;
    default:
        break;
    }
    return 0;
}
