/*
 * stsgate-sandbox: a local IAM and STS for tests and the demo. Options and lifecycle; see
 * README.md.
 *
 * Never anything but loopback, and by default it ends by itself after an hour.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"
#include "queue.h"
#include "sandbox.h"

struct setup {
    int64_t port;
    int64_t max_runtime_s;
    const char *port_file;
    const char *log_file;
    struct sb_form faults;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static int usage(const char *why, const char *what)
{
    fprintf(stderr, "stsgate-sandbox: %s: %s\nOptions are described in tests/sandbox/README.md.\n",
            why, what);
    return -1;
}

static int add_account(struct sb_sandbox *box, const char *id)
{
    if (strlen(id) != 12 || strspn(id, "0123456789") != 12)
        return usage("--account takes twelve digits, not", id);
    if (sb_account_find(box->world, id) == NULL)
        (void)sb_account_add(box->world, id);
    return 0;
}

/* [ACCOUNT/]NAME:ACCESSKEYID:SECRET */
static int add_user(struct sb_sandbox *box, const char *text, bool admin)
{
    char *copy = sb_copy(text);
    char *name = copy;
    char *slash = strchr(copy, '/');
    char *key = strchr(copy, ':');
    char *secret = key != NULL ? strchr(key + 1, ':') : NULL;
    struct sb_account *account = box->world->accounts;
    int result = -1;

    if (secret == NULL || secret[1] == '\0')
        goto out;
    *key++ = '\0';
    *secret++ = '\0';
    if (slash != NULL && slash < key) {
        *slash = '\0';
        name = slash + 1;
        if (add_account(box, copy) != 0)
            goto out;
        account = sb_account_find(box->world, copy);
    }
    if (name[0] == '\0' || key[0] == '\0' || sb_user_by_key(box->world, key) != NULL)
        goto out;
    (void)sb_user_add(box->world, account, name, key, secret, admin);
    result = 0;
out:
    sb_wipe_string(copy);
    /* The text holds a secret: it is not repeated here. */
    return result == 0 ? 0
                       : usage("--user and --plain-user take", "[ACCOUNT/]NAME:KEYID:SECRET, "
                                                               "each KEYID once");
}

enum choice {
    PORT = 1000,
    PORT_FILE,
    ACCOUNT,
    USER,
    PLAIN_USER,
    MAX_RUNTIME,
    LOG_FILE,
    FAULT,
};

static const struct option options[] = {
    {"port", required_argument, NULL, PORT},
    {"port-file", required_argument, NULL, PORT_FILE},
    {"account", required_argument, NULL, ACCOUNT},
    {"user", required_argument, NULL, USER},
    {"plain-user", required_argument, NULL, PLAIN_USER},
    {"max-runtime", required_argument, NULL, MAX_RUNTIME},
    {"log", required_argument, NULL, LOG_FILE},
    {"enforce-delay", required_argument, NULL, FAULT},
    {"throttle", required_argument, NULL, FAULT},
    {"fail-every", required_argument, NULL, FAULT},
    {"fail", required_argument, NULL, FAULT},
    {"latency", required_argument, NULL, FAULT},
    {"drop-every", required_argument, NULL, FAULT},
    {"page-size", required_argument, NULL, FAULT},
    {NULL, 0, NULL, 0},
};

/* The option's name as the control endpoint has it: enforce-delay is enforce_delay_ms. */
static void add_fault(struct setup *setup, const char *option, const char *value)
{
    bool timed = strcmp(option, "enforce-delay") == 0 || strcmp(option, "latency") == 0;
    char *name = sb_format("%s%s", option, timed ? "_ms" : "");
    char *c;

    for (c = name; *c != '\0'; c++)
        *c = *c == '-' ? '_' : *c;
    sb_form_add(&setup->faults, name, value);
    free(name);
}

/* Users come after all accounts, whatever their order on the command line. */
static int read_options(struct sb_sandbox *box, struct setup *setup, int count, char **words,
                        bool users)
{
    int which;
    int index = 0;
    int result = 0;

    optind = 1;
    while (result == 0 && (which = getopt_long(count, words, "", options, &index)) != -1) {
        switch (which) {
        case PORT:
            if (sb_integer(&setup->port, optarg, 0, 65535) != 0)
                result = usage("--port takes 0 to 65535, not", optarg);
            break;
        case MAX_RUNTIME:
            if (sb_integer(&setup->max_runtime_s, optarg, 0, 1000000) != 0)
                result = usage("--max-runtime takes seconds, not", optarg);
            break;
        case PORT_FILE:
            setup->port_file = optarg;
            break;
        case LOG_FILE:
            setup->log_file = optarg;
            break;
        case ACCOUNT:
            result = add_account(box, optarg);
            break;
        case USER:
        case PLAIN_USER:
            if (users)
                result = add_user(box, optarg, which == USER);
            break;
        case FAULT:
            if (!users)
                add_fault(setup, options[index].name, optarg);
            break;
        default:
            result = usage("unknown option or missing value", words[optind - 1]);
        }
    }
    if (result == 0 && optind < count)
        result = usage("unexpected argument", words[optind]);
    return result;
}

static int configure(struct sb_sandbox *box, struct setup *setup, int count, char **words)
{
    const char *why;

    if (read_options(box, setup, count, words, false) != 0)
        return -1;
    if (box->world->accounts == NULL)
        (void)sb_account_add(box->world, "123456789012");
    if (read_options(box, setup, count, words, true) != 0)
        return -1;
    why = sb_faults_set(&box->faults, &setup->faults);
    if (why != NULL)
        return usage("a fault option is wrong", why);
    if (setup->log_file == NULL)
        return 0;
    box->log = fopen(setup->log_file, "ae");
    return box->log != NULL ? 0 : usage("can't write the log", setup->log_file);
}

static int write_port_file(const char *path, unsigned port)
{
    char *aside = sb_format("%s.new", path);
    FILE *file = fopen(aside, "we");
    int result = -1;

    if (file != NULL) {
        fprintf(file, "%u\n", port);
        if (fclose(file) == 0 && rename(aside, path) == 0)
            result = 0;
    }
    free(aside);
    return result == 0 ? 0 : usage("can't write the port file", path);
}

/* Both signals are blocked but while waiting, so that none is missed between check and wait. */
static void catch_signals(void)
{
    struct sigaction action;
    sigset_t blocked;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static int serve(struct sb_sandbox *box, const struct setup *setup)
{
    unsigned port = 0;
    int64_t until_ms = 0;
    struct sb_http *http;
    int result = 1;

    catch_signals();
    http = sb_http_start(box, (unsigned)setup->port, &port);
    if (http == NULL) {
        fprintf(stderr, "stsgate-sandbox: can't listen on 127.0.0.1:%lld: is the port taken?\n",
                (long long)setup->port);
        return 1;
    }
    if (setup->port_file != NULL && write_port_file(setup->port_file, port) != 0)
        goto out;
    printf("listening on %s\n", box->base_url);
    (void)fflush(stdout);
    if (setup->max_runtime_s > 0)
        until_ms = sb_steady_ms() + setup->max_runtime_s * 1000;
    sb_http_serve(http, &stopping, until_ms);
    result = 0;
out:
    sb_http_stop(http);
    return result;
}

int main(int count, char **words)
{
    struct sb_sandbox box = {0};
    struct setup setup = {.max_runtime_s = 3600};
    int result = 2;

    box.world = sb_world_new();
    box.foreign = sb_keys_new();
    box.actions = json_object_new_object();
    box.paths = json_object_new_object();
    box.codes = json_object_new_object();
    if (configure(&box, &setup, count, words) == 0)
        result = serve(&box, &setup);
    sb_form_free(&setup.faults);
    sb_faults_free(&box.faults);
    sb_keys_free(box.foreign);
    sb_queues_free(&box);
    sb_world_free(box.world);
    json_object_put(box.actions);
    json_object_put(box.paths);
    json_object_put(box.codes);
    if (box.log != NULL)
        (void)fclose(box.log);
    free(box.base_url);
    return result;
}
