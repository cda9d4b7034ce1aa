/*
 * day_gate.c - a gateway in small for tests: a token a line on standard input, the verdict and its
 * reason on standard output. Argument: the folder of the configuration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stsgate/stsgate.h>

static void tell(void *payload, const char *text)
{
    (void)payload;
    (void)fprintf(stderr, "%s\n", text);
}

static void answer(struct stsgate_reader *reader, const char *token)
{
    static const char *const words[] = {"deny", "allow", "undecided"};
    const struct stsgate_request request = {
        .size = sizeof request,
        .service = {"test", 4},
        .credential = {token, strlen(token)},
    };
    struct stsgate_result result = {.size = sizeof result};
    const enum stsgate_verdict verdict = stsgate_check(&result, reader, &request);

    (void)printf("%s %s\n", words[verdict], stsgate_reason_word(result.reason));
    (void)fflush(stdout);
}

int main(int count, char **arguments)
{
    const struct stsgate_options options = {
        .size = sizeof options, .folder = count > 1 ? arguments[1] : "", .problem = tell};
    struct stsgate_reader *reader = NULL;
    struct stsgate *gate = NULL;
    char line[STSGATE_CREDENTIAL_MAX + 2];

    if (stsgate_open(&gate, &options) != 0 || stsgate_reader_open(&reader, gate, NULL) != 0) {
        stsgate_close(gate);
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        answer(reader, line);
    }
    stsgate_reader_close(reader);
    stsgate_close(gate);
    return EXIT_SUCCESS;
}
