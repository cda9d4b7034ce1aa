/*
 * fake_gate.c: a FAKE libstsgate, for tests of host modules only. It verifies nothing: the
 * credential is a list of verbs, separated by dots, that says what the gate is to do, so that a
 * test can bring about what the real one does rarely or never. Preloaded, or found before the real
 * library; it must never be installed.
 *
 *   allow                      pass
 *   deny-WORD                  refuse for the reason of that word
 *   observe-WORD               pass, would have been refused for it
 *   undecided-WORD             undecided, whatever the agent says
 *   ask-NAME                   undecided until the agent has answered NAME, then the next verb
 *   lenient                    what stays undecided passes
 *   key-NAME                   undecided with a question that nobody waits for
 *   slow                       deferred where that is asked for, then the next verb
 *   hold                       stsgate_verify() waits while FOLDER/hold is there
 *   forged                     verifies nowhere
 *   broken, bogus              deny without a reason; a verdict that does not exist
 *   exact, open, forever, past, never   other issue times and cutoffs than the usual ones
 *   hostile                    texts that would break a header or a log line
 *   echo                       the request as the gate saw it, in the detail
 *   log                        a line for the operator
 *   xANYTHING                  padding
 *
 * FOLDER/problems holds mistakes to report, a line each. FOLDER/services.d/NAME.conf makes a
 * service. FOLDER/agent.sock takes "NAME\n" and answers "NAME\n", or "NAME?\n" to wake who asked
 * without an answer. FOLDER/trace, where it is there, gets a line for each call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <stsgate/stsgate.h>

#define MAX_KNOWN 4096
#define MAX_NAME  64
#define SEAL      "fake seal, 16 b"

struct stsgate {
    char folder[400];
    void (*log)(void *payload, int level, const char *line);
    void *payload;
};

struct question {
    void *payload; /* NULL: free */
    bool answered;
    char name[MAX_NAME];
};

struct stsgate_reader {
    struct stsgate *gate;
    int fd;
    size_t line_length;
    char line[MAX_NAME + 2];
    struct question question[STSGATE_MAX_WAITING];
    size_t known_count;
    char known[MAX_KNOWN][MAX_NAME];
};

static const struct {
    const char *word, *text;
    int http_status;
} reasons[] = {
#define X(name, word, status, text) {word, text, status},
    STSGATE_REASONS(X)
#undef X
};

/* --- helpers ---------------------------------------------------------------------------------- */

static void path_of(char *path, size_t size, const struct stsgate *gate, const char *name)
{
    int n = snprintf(path, size, "%s/%s", gate->folder, name);
    if (n < 0 || (size_t)n >= size)
        path[0] = '\0';
}

static bool is_there(const struct stsgate *gate, const char *name)
{
    char path[512];
    path_of(path, sizeof path, gate, name);
    return access(path, F_OK) == 0;
}

__attribute__((format(printf, 2, 3))) static void trace(const struct stsgate *gate,
                                                        const char *format, ...)
{
    char path[512], line[256];
    path_of(path, sizeof path, gate, "trace");
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd == -1)
        return;
    int start = snprintf(line, sizeof line, "%d ", (int)getpid());
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line + start, sizeof line - (size_t)start - 1, format, list);
    va_end(list);
    if (n > 0 && (size_t)(start + n) < sizeof line - 1) {
        line[start + n] = '\n';
        if (write(fd, line, (size_t)(start + n) + 1) == -1)
            abort();
    }
    close(fd);
}

static bool known(const struct stsgate_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->known_count; i++)
        if (strcmp(reader->known[i], name) == 0)
            return true;
    return false;
}

static enum stsgate_reason reason_of(const char *word)
{
    for (unsigned i = 0; i < STSGATE_REASON_COUNT; i++)
        if (strcmp(reasons[i].word, word) == 0)
            return (enum stsgate_reason)i;
    return STSGATE_REASON_INTERNAL_ERROR;
}

/* --- the gate --------------------------------------------------------------------------------- */

int stsgate_open(struct stsgate **out, const struct stsgate_options *options)
{
    *out = NULL;
    struct stsgate *gate = calloc(1, sizeof *gate);
    if (gate == NULL)
        return STSGATE_E_MEMORY;
    snprintf(gate->folder, sizeof gate->folder, "%s", options->folder);
    gate->log = options->log;
    gate->payload = options->payload;

    int mistakes = 0;
    char path[512], line[512];
    path_of(path, sizeof path, gate, "problems");
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        options->problem(options->payload, line);
        mistakes++;
    }
    if (file != NULL)
        fclose(file);
    if (mistakes > 0 || !is_there(gate, "services.d")) {
        free(gate);
        return STSGATE_E_CONFIG;
    }
    trace(gate, "open");
    *out = gate;
    return 0;
}

void stsgate_close(struct stsgate *gate)
{
    if (gate != NULL)
        trace(gate, "close");
    free(gate);
}

bool stsgate_has_service(const struct stsgate *gate, struct stsgate_text name)
{
    char file[256];
    snprintf(file, sizeof file, "services.d/%.*s.conf", (int)name.length, name.data);
    return is_there(gate, file);
}

int stsgate_reader_open(struct stsgate_reader **out, struct stsgate *gate,
                        const struct stsgate_reader *sibling)
{
    *out = NULL;
    if (is_there(gate, "no-readers"))
        return STSGATE_E_SYSTEM;
    struct stsgate_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return STSGATE_E_MEMORY;
    reader->gate = gate;
    reader->fd = -1;
    trace(gate, "reader-open %s", sibling == NULL ? "first" : "sibling");
    *out = reader;
    return 0;
}

void stsgate_reader_close(struct stsgate_reader *reader)
{
    if (reader == NULL)
        return;
    trace(reader->gate, "reader-close");
    if (reader->fd != -1)
        close(reader->fd);
    free(reader);
}

/* --- deciding --------------------------------------------------------------------------------- */

static void describe_session(struct stsgate_result *result)
{
    snprintf(result->role, sizeof result->role, "arn:aws:iam::123456789012:role/payments");
    snprintf(result->account, sizeof result->account, "123456789012");
    snprintf(result->session_name, sizeof result->session_name, "julie");
    result->issued_earliest_ms = 1700000000000;
    result->issued_latest_ms = 1700003600500;
    result->cutoff_ms = 1700000000000 - 3600000;
    result->expires_ms = 1800000000000;
}

static void decide(struct stsgate_result *result, enum stsgate_verdict verdict,
                   enum stsgate_reason reason)
{
    result->verdict = verdict;
    result->would_be = verdict;
    result->reason = reason;
    if (verdict == STSGATE_UNDECIDED)
        result->retry_after_s = 7;
    snprintf(result->description, sizeof result->description, "%s", stsgate_reason_text(reason));
    snprintf(result->detail, sizeof result->detail, "fake detail");
}

static void echo(struct stsgate_result *result, const struct stsgate_request *request)
{
    snprintf(result->detail, sizeof result->detail, "ip=%.*s ua=%.*s referer=%.*s secure=%d",
             (int)request->source_ip.length, request->source_ip.data,
             (int)request->user_agent.length, request->user_agent.data,
             (int)request->referer.length, request->referer.data, request->secure_transport);
}

/* True once the verb has decided. */
static bool obey(struct stsgate_result *result, struct stsgate_reader *reader,
                 const struct stsgate_request *request, const char *verb)
{
    bool sealed = request->seal != NULL && memcmp(request->seal->bytes, SEAL, sizeof SEAL) == 0;

    if (strncmp(verb, "deny-", 5) == 0)
        return decide(result, STSGATE_DENY, reason_of(verb + 5)), true;
    if (strncmp(verb, "observe-", 8) == 0) {
        decide(result, STSGATE_ALLOW, reason_of(verb + 8));
        return result->would_be = STSGATE_DENY, true;
    }
    if (strncmp(verb, "undecided-", 10) == 0) {
        decide(result, STSGATE_UNDECIDED, reason_of(verb + 10));
        return snprintf((char *)result->want, MAX_NAME, "%s", verb), true;
    }
    if (strncmp(verb, "ask-", 4) == 0 || strncmp(verb, "key-", 4) == 0) {
        if (known(reader, verb))
            return false;
        decide(result, STSGATE_UNDECIDED,
               verb[0] == 'a' ? STSGATE_REASON_ROLE_PENDING : STSGATE_REASON_UNKNOWN_KEY);
        return snprintf((char *)result->want, MAX_NAME, "%s", verb), true;
    }
    if (strcmp(verb, "slow") == 0) {
        if (request->defer_slow && !sealed)
            return decide(result, STSGATE_UNDECIDED, STSGATE_REASON_SLOW_SIGNATURE), true;
        if (!sealed)
            trace(reader->gate, "slow-inline");
        return false;
    }
    if (strcmp(verb, "allow") == 0)
        return decide(result, STSGATE_ALLOW, STSGATE_REASON_NONE), true;
    if (strcmp(verb, "forged") == 0)
        return decide(result, STSGATE_DENY, STSGATE_REASON_BAD_SIGNATURE), true;
    if (strcmp(verb, "broken") == 0)
        return decide(result, STSGATE_DENY, STSGATE_REASON_NONE), true;
    if (strcmp(verb, "bogus") == 0)
        return decide(result, (enum stsgate_verdict)7, STSGATE_REASON_NONE), true;

    if (strcmp(verb, "exact") == 0)
        result->issued_earliest_ms = result->issued_latest_ms = 1700000000000;
    else if (strcmp(verb, "open") == 0)
        result->issued_earliest_ms = INT64_MIN;
    else if (strcmp(verb, "never") == 0)
        result->cutoff_ms = INT64_MIN;
    else if (strcmp(verb, "forever") == 0)
        result->cutoff_ms = INT64_MAX;
    else if (strcmp(verb, "past") == 0)
        result->cutoff_ms = -86400000;
    else if (strcmp(verb, "log") == 0)
        reader->gate->log(reader->gate->payload, 4, "a line for the operator");
    else if (strcmp(verb, "hold") != 0 && strcmp(verb, "echo") != 0 &&
             strcmp(verb, "hostile") != 0 && strcmp(verb, "lenient") != 0 && verb[0] != 'x')
        return decide(result, STSGATE_DENY, STSGATE_REASON_MALFORMED), true;
    return false;
}

static bool has_verb(const struct stsgate_request *request, const char *verb)
{
    return memmem(request->credential.data, request->credential.length, verb, strlen(verb)) != NULL;
}

enum stsgate_verdict stsgate_check(struct stsgate_result *result, struct stsgate_reader *reader,
                                   const struct stsgate_request *request)
{
    char text[STSGATE_CREDENTIAL_MAX + 1], *rest = text;
    size_t size = result->size;
    memset(result, 0, sizeof *result);
    result->size = size;
    result->cutoff_ms = INT64_MIN;

    if (request->credential.length == 0) {
        decide(result, STSGATE_DENY, STSGATE_REASON_NO_CREDENTIAL);
    } else if (request->credential.length > STSGATE_CREDENTIAL_MAX) {
        decide(result, STSGATE_DENY, STSGATE_REASON_MALFORMED);
    } else {
        memcpy(text, request->credential.data, request->credential.length);
        text[request->credential.length] = '\0';
        describe_session(result);
        bool decided = false;
        while (!decided && rest != NULL)
            decided = obey(result, reader, request, strsep(&rest, "."));
        if (!decided)
            decide(result, STSGATE_DENY, STSGATE_REASON_MALFORMED);
    }
    if (has_verb(request, "lenient") && request->last && result->verdict == STSGATE_UNDECIDED)
        result->verdict = STSGATE_ALLOW;
    if (has_verb(request, "echo"))
        echo(result, request);
    if (has_verb(request, "hostile")) {
        snprintf(result->role, sizeof result->role, "arn:\r\nX-Injected: role");
        snprintf(result->description, sizeof result->description, "a \"b\"\r\nX-Injected: c\\");
        snprintf(result->detail, sizeof result->detail, "a \"b\"\nforged line\x1b[0m");
    }
    trace(reader->gate, "check %.*s %s", (int)request->service.length, request->service.data,
          stsgate_reason_word(result->reason));
    return result->verdict;
}

int stsgate_verify(struct stsgate_seal *seal, struct stsgate_reader *reader,
                   const struct stsgate_request *request)
{
    memset(seal, 0, sizeof *seal);
    trace(reader->gate, "verify");
    for (int i = 0; i < 20000 && has_verb(request, "hold") && is_there(reader->gate, "hold"); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (has_verb(request, "forged"))
        return STSGATE_E_ARGUMENT;
    memcpy(seal->bytes, SEAL, sizeof SEAL);
    return 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void lose(struct stsgate_reader *reader)
{
    if (reader->fd != -1)
        close(reader->fd);
    reader->fd = -1;
    reader->line_length = 0;
    for (size_t i = 0; i < STSGATE_MAX_WAITING; i++)
        reader->question[i].answered = true;
}

static int connect_agent(struct stsgate_reader *reader)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[512];
    path_of(path, sizeof path, reader->gate, "agent.sock");
    if (strlen(path) >= sizeof address.sun_path)
        return STSGATE_E_AGENT;
    memcpy(address.sun_path, path, strlen(path));
    reader->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (reader->fd == -1)
        return STSGATE_E_AGENT;
    if (connect(reader->fd, (struct sockaddr *)&address, sizeof address) == 0)
        return 0;
    close(reader->fd);
    reader->fd = -1;
    return STSGATE_E_AGENT;
}

static int send_question(struct stsgate_reader *reader, const char *line)
{
    if (reader->fd == -1 && connect_agent(reader) != 0)
        return STSGATE_E_AGENT;
    if (send(reader->fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line))
        return 0;
    /* A new connection within one call, and likely of the same number as the lost one. */
    lose(reader);
    if (connect_agent(reader) != 0)
        return STSGATE_E_AGENT;
    return send(reader->fd, line, strlen(line), MSG_NOSIGNAL) == -1 ? STSGATE_E_AGENT : 0;
}

int stsgate_ask(struct stsgate_reader *reader, const struct stsgate_result *result, void *payload)
{
    const char *name = (const char *)result->want;
    char line[MAX_NAME + 2];
    trace(reader->gate, "ask %s", name);
    if (result->verdict != STSGATE_UNDECIDED || name[0] == '\0' || payload == NULL)
        return STSGATE_E_ARGUMENT;
    snprintf(line, sizeof line, "%.*s\n", MAX_NAME - 1, name);
    if (name[0] == 'k')
        return send_question(reader, line) == 0 ? 1 : STSGATE_E_AGENT;

    struct question *place = NULL;
    for (size_t i = 0; i < STSGATE_MAX_WAITING && place == NULL; i++)
        if (reader->question[i].payload == NULL)
            place = &reader->question[i];
    if (place == NULL)
        return STSGATE_E_BUSY;
    int rc = send_question(reader, line);
    if (rc != 0)
        return rc;
    *place = (struct question){.payload = payload};
    snprintf(place->name, sizeof place->name, "%.*s", MAX_NAME - 1, name);
    return 0;
}

int stsgate_fd(const struct stsgate_reader *reader)
{
    return reader->fd;
}

static void take_line(struct stsgate_reader *reader)
{
    bool told = reader->line_length > 0 && reader->line[reader->line_length - 1] != '?';
    reader->line[told ? reader->line_length : reader->line_length - 1] = '\0';
    reader->line_length = 0;
    if (told && reader->known_count < MAX_KNOWN)
        snprintf(reader->known[reader->known_count++], MAX_NAME, "%.*s", MAX_NAME - 1,
                 reader->line);
    for (size_t i = 0; i < STSGATE_MAX_WAITING; i++)
        if (strcmp(reader->question[i].name, reader->line) == 0)
            reader->question[i].answered = true;
}

/* One byte at a time, and no more than up to one answer: the host has to come back by itself. */
void *stsgate_answered(struct stsgate_reader *reader)
{
    for (;;) {
        for (size_t i = 0; i < STSGATE_MAX_WAITING; i++) {
            struct question *question = &reader->question[i];
            if (question->payload != NULL && question->answered) {
                void *payload = question->payload;
                *question = (struct question){0};
                return payload;
            }
        }
        char byte;
        ssize_t n = reader->fd == -1 ? -1 : recv(reader->fd, &byte, 1, 0);
        if (n == 1 && byte == '\n') {
            take_line(reader);
        } else if (n == 1 && reader->line_length < sizeof reader->line - 1) {
            reader->line[reader->line_length++] = byte;
        } else if (n == -1 && (reader->fd == -1 || errno == EAGAIN)) {
            return NULL;
        } else {
            lose(reader);
        }
    }
}

void stsgate_forget(struct stsgate_reader *reader, const void *payload)
{
    trace(reader->gate, "forget");
    for (size_t i = 0; i < STSGATE_MAX_WAITING; i++)
        if (reader->question[i].payload == payload)
            reader->question[i] = (struct question){0};
}

enum stsgate_verdict stsgate_wait(struct stsgate_result *result, struct stsgate_reader *reader,
                                  const struct stsgate_request *request, unsigned timeout_ms)
{
    (void)timeout_ms;
    return stsgate_check(result, reader, request);
}

/* --- words ------------------------------------------------------------------------------------ */

const char *stsgate_reason_word(enum stsgate_reason reason)
{
    return reasons[(unsigned)reason < STSGATE_REASON_COUNT ? reason : STSGATE_REASON_INTERNAL_ERROR]
        .word;
}

const char *stsgate_reason_text(enum stsgate_reason reason)
{
    return reasons[(unsigned)reason < STSGATE_REASON_COUNT ? reason : STSGATE_REASON_INTERNAL_ERROR]
        .text;
}

int stsgate_reason_http_status(enum stsgate_reason reason)
{
    return reasons[(unsigned)reason < STSGATE_REASON_COUNT ? reason : STSGATE_REASON_INTERNAL_ERROR]
        .http_status;
}

const char *stsgate_version(void)
{
    return "fake";
}
