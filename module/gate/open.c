/*
 * open.c - a gate from its configuration folder: everything is read, parsed
 * and checked here, so that a request finds only memory. Immutable afterwards.
 */
#include "base/buffer.h"
#include "gate/gate.h"
#include "store/probe.h"

#include <config.h>
#include <stdlib.h>
#include <sys/stat.h>

static void tell(const struct stsgate_options *options, struct sg_problems *problems)
{
    for (size_t i = 0; options->problem != NULL && i < problems->stored; i++)
        options->problem(options->payload, problems->texts[i]);
    sg_problems_clear(problems);
}

static void host_log(void *context, enum sg_log_level level, const char *line)
{
    const struct stsgate *gate = context;

    gate->host_log(gate->host_payload, (int)level, line);
}

/* Whoever may write a key file, or read a secret, can make tokens of his own. A file that is not
 * there is the reader's to report. */
static bool key_file_safe(const struct sg_issuer *issuer, bool secret, struct sg_problems *problems)
{
    struct stat info;

    if (stat(issuer->keys, &info) != 0)
        return true;
    if ((info.st_mode & S_IWOTH) != 0 || (secret && (info.st_mode & S_IROTH) != 0)) {
        sg_problem(problems, issuer->keys, 0,
                   "may be %s by everybody (mode %04o), who can then make tokens of [issuer %s]; "
                   "expected chmod %s",
                   (info.st_mode & S_IWOTH) != 0 ? "written" : "read",
                   (unsigned)(info.st_mode & 07777), issuer->label, secret ? "o-rwx" : "o-w");
        return false;
    }
    return true;
}

static bool read_key_files(struct stsgate *gate, struct sg_problems *problems)
{
    const struct sg_config *config = gate->config;
    bool good = true;

    for (size_t i = 0; i < config->issuer_count; i++) {
        const struct sg_issuer *issuer = &config->issuers[i];
        const bool secret = (issuer->algorithms & SG_ALGS_SECRET) != 0;

        if (issuer->keys == NULL)
            continue;
        good = key_file_safe(issuer, secret, problems) && good;
        if (sg_keys_read_file(&gate->key_files[i], issuer->keys, issuer->algorithms, secret,
                              problems) != SG_OK) {
            sg_problem(problems, issuer->keys, 0,
                       "holds no key for [issuer %s]; expected a JWKS, PEM public keys%s",
                       issuer->label, secret ? " or the secret" : "");
            good = false;
        }
    }
    return good;
}

/* Says why not, where the configuration wants it to. */
static bool opaque_time_counts(const struct stsgate *gate, const struct sg_issuer *issuer)
{
    const struct sg_config *config = gate->config;
    struct sg_probe_found found;

    if (!issuer->opaque_time)
        return false;
    sg_probe_find(&found, config->state, &config->owners, issuer->account->partition,
                  issuer->account->sts_endpoint, sg_clock_wall_ms(&gate->clock));
    if (found.why != NULL)
        sg_log(&gate->log, SG_LOG_WARNING,
               "[issuer %s] has opaque_time = probed, which counts as off: %s; run `stsgatectl "
               "probe`",
               issuer->label, found.why);
    return found.why == NULL;
}

/*
 * Without evidence and without CloudTrail's events, nobody can tell a new session from an old one
 * until the cutoff is older than any session: an operator should hear that before he revokes.
 */
static void warn_of_plain_forms(const struct stsgate *gate)
{
    const struct sg_config *config = gate->config;
    char longest[SG_DATE_SIZE];

    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].accept_count; j++) {
            const struct sg_issuer *issuer = config->services[i].accept[j];

            if (issuer->kind != SG_ISSUER_CALLER_IDENTITY || issuer->forms == SG_FORM_COMPANION ||
                issuer->account->events_queue != NULL || opaque_time_counts(gate, issuer))
                continue;
            sg_log(&gate->log, SG_LOG_WARNING,
                   "service %s takes signed requests of [issuer %s] without a companion, and "
                   "account %s has no events_queue: after a revocation, whoever sends them is "
                   "refused until the cutoff is %s old; see forms in stsgate.conf(5)",
                   config->services[i].name, issuer->label, issuer->account->label,
                   sg_duration_format(longest, issuer->account->longest_session_ms));
        }
    }
}

int stsgate_open(struct stsgate **gate_out, const struct stsgate_options *options)
{
    struct sg_problems problems = {0};
    struct stsgate *gate;
    int error;

    if (gate_out == NULL)
        return STSGATE_E_ARGUMENT;
    *gate_out = NULL;
    if (options == NULL || options->size < sizeof(*options) || options->folder == NULL)
        return STSGATE_E_ARGUMENT;
    gate = sg_alloc(1, sizeof(*gate));
    if (gate == NULL)
        return STSGATE_E_MEMORY;
    gate->clock = sg_clock_system;
    gate->host_log = options->log;
    gate->host_payload = options->payload;
    gate->log = (struct sg_log){
        .write = options->log == NULL ? NULL : host_log, .context = gate, .most = SG_LOG_INFO};
    error = sg_config_read(&gate->config, options->folder, &problems);
    if (error == SG_OK) {
        gate->key_files = sg_alloc(gate->config->issuer_count + 1, sizeof(*gate->key_files));
        if (gate->key_files == NULL)
            error = SG_E_MEMORY;
        else if (!read_key_files(gate, &problems))
            error = SG_E_INVALID;
    }
    tell(options, &problems);
    /* What libcrypto loads on first use it loads here, before a host forks: workers then share it.
     */
    if (error == SG_OK)
        sg_cache_free(sg_cache_new(NULL));
    if (error == SG_OK) {
        warn_of_plain_forms(gate);
        *gate_out = gate;
        return 0;
    }
    stsgate_close(gate);
    return error == SG_E_MEMORY ? STSGATE_E_MEMORY : STSGATE_E_CONFIG;
}

void stsgate_close(struct stsgate *gate)
{
    if (gate == NULL)
        return;
    for (size_t i = 0; gate->key_files != NULL && i < gate->config->issuer_count; i++)
        sg_jwks_clear(&gate->key_files[i]);
    free(gate->key_files);
    sg_config_free(gate->config);
    free(gate);
}

bool stsgate_has_service(const struct stsgate *gate, struct stsgate_text name)
{
    return gate != NULL &&
           sg_config_service(gate->config, (struct sg_text){name.data, name.length}) != NULL;
}

void sg_gate_set_clock(struct stsgate *gate, const struct sg_clock *clock)
{
    gate->clock = *clock;
}

const struct sg_config *sg_gate_config(const struct stsgate *gate)
{
    return gate->config;
}

const char *stsgate_version(void)
{
    return PACKAGE_VERSION;
}
