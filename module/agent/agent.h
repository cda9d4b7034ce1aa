/*
 * agent.h - stsgated's parts and how they hang together. One thread, one loop; whatever takes time
 * is a transfer, a timer or a descriptor. The agent alone writes the store.
 *
 *   account  one [account]: rounds of reading, by sweep, by single roles or from files
 *   issuer   one [issuer] whose keys come over the network
 *   client   one connection of a gateway
 */
#ifndef SG_AGENT_AGENT_H
#define SG_AGENT_AGENT_H

#include "agent/budget.h"
#include "agent/extras.h"
#include "agent/hung.h"
#include "agent/lift.h"
#include "agent/managed.h"
#include "agent/merge.h"
#include "agent/roles.h"
#include "agent/timer.h"
#include "aws/endpoints.h"
#include "aws/iam.h"
#include "base/log.h"
#include "config/config.h"
#include "store/ask.h"
#include "store/store.h"

struct sg_agent;
struct sg_callers;
struct sg_sweep;
struct sg_files;
struct sg_events;

/* Who waits for an answer. The serial tells whether the client is still the one that asked. */
struct sg_waiter {
    size_t client;
    uint64_t serial, id;
    struct sg_question question;
};

struct sg_waiters {
    struct sg_waiter *items;
    size_t count, size;
};

/* How the last round or fetch went, for status and for --once. */
struct sg_health {
    bool tried, good;
    unsigned failures; /* in a row */
    char trouble[400]; /* of the last failure; empty after a good one */
};

/* A line of the log that anybody on this machine could have written again and again. */
struct sg_rated {
    int64_t told_boot_ms;
    unsigned left_out;
};

#define SG_KEY_ID_MAX 128

struct sg_agent_account {
    struct sg_agent *agent;
    const struct sg_account *config;
    struct sg_iam iam, sts; /* keys are copied into them for each call */
    struct sg_endpoint_place iam_place, sts_place;
    struct sg_provider *provider; /* of its keys */
    bool own_provider;            /* else it is one that accounts share */
    struct sg_budget budget;
    char own_key[SG_KEY_ID_MAX + 1];   /* id of keys that are known to be of this account */
    char wrong_key[SG_KEY_ID_MAX + 1]; /* and of some that were told to be of another */
    struct sg_roles roles;
    struct sg_managed_set managed; /* for roles that are read by themselves */
    struct sg_managed_set told;    /* what policies deny, by the last word; see hung.h */
    struct sg_sweep *sweep;        /* under way */
    struct sg_files *files;        /* source = file */
    struct sg_extras *extras;      /* policies of one's own; NULL: none */
    struct sg_fetch *fetches;      /* running and queued */
    size_t fetch_count, running;
    struct sg_timer timer;     /* the next round */
    struct sg_waiters waiters; /* for the round under way */
    struct sg_health health;
    uint64_t round;        /* number of the round */
    int64_t round_boot_ms; /* when it began, or a read that it joined */
    bool in_round;
    size_t round_pending; /* on-demand: roles of this round still to be read */
    size_t round_good, round_bad;
    int64_t round_aws_ms;                      /* Date of the round's first answer */
    bool dirty;                                /* something is not published yet */
    bool published;                            /* there is a table in the store */
    bool loosening;                            /* a statement is kept for one more read */
    int64_t complete_boot_ms, complete_aws_ms; /* when it began; 0: none in this run */
    int64_t ended_boot_ms;                     /* when the last round ended, good or not */
    int64_t skew_told_ms;                      /* 0: our clock was not said to be wrong */
    uint64_t round_calls;
};

struct sg_agent_issuer {
    struct sg_agent *agent;
    const struct sg_issuer *config;
    struct sg_http_transfer *transfer;
    struct sg_timer timer;
    struct sg_buffer keys; /* canonical: what was published last */
    size_t key_count;
    int64_t tried_boot_ms, complete_boot_ms;
    struct sg_health health;
    uint64_t fetches;
};

struct sg_client {
    int fd; /* -1: free */
    uint64_t serial;
    unsigned uid;
    size_t waiting;
};

/* The credentials that accounts with the same profile start from. */
struct sg_signer {
    struct sg_signer *next;
    const struct sg_account *config; /* of the account that it was opened for */
    struct sg_provider *provider;
};

struct sg_agent {
    const char *folder; /* of the configuration */
    struct sg_config *config;
    struct sg_log log;
    const struct sg_clock *clock;
    struct sg_http *http;
    struct sg_timers timers;
    struct sg_store_writer *writer;
    struct sg_callers *callers; /* who signed which request; see caller.h */
    struct sg_signer *signers;
    struct sg_events *events; /* queues; events_queue.h */
    struct sg_agent_account *accounts;
    size_t account_count;
    struct sg_agent_issuer *issuers;
    size_t issuer_count;
    struct sg_client *clients;
    size_t client_count; /* slots */
    uint64_t next_serial;
    size_t waiting; /* questions, all clients */
    int signal_fd, listen_fd, inotify_fd;
    bool once, reload, stop;
    int64_t started_boot_ms;
    struct sg_timer watchdog;
    struct sg_lifts lifts;
    struct sg_timer budget_timer;
    int64_t budget_written_ms;
    struct sg_timer accept_timer; /* set: no descriptors, the listener is not watched */
    struct sg_rated refused, closed, no_descriptor, opaque_off;
};

/* ---- agent.c: the whole ---- */

/* Reads the store, starts every account and issuer. SG_OK, or an error that was logged. */
int sg_agent_load(struct sg_agent *agent);
/* Stops all of it; the store stays as it is. */
void sg_agent_unload(struct sg_agent *agent);
/* --once: every account and issuer was tried; *good: all of them well. */
bool sg_agent_tried_all(const struct sg_agent *agent, bool *good);
void sg_log_problems(const struct sg_agent *agent, enum sg_log_level level, const char *where,
                     struct sg_problems *problems); /* and clears them */
int64_t sg_now_ms(const struct sg_agent *agent);    /* CLOCK_BOOTTIME */
/* A random time below `most_ms`: full jitter, so that a fleet does not ask in step. */
int64_t sg_jitter_ms(int64_t most_ms);
/* Whether to write such a line now, at most once a minute; *left_out: how many were not. */
bool sg_rated_tell(struct sg_rated *rated, const struct sg_agent *agent, unsigned *left_out);
void sg_health_good(struct sg_health *health);
void sg_health_bad(struct sg_health *health, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- account.c: rounds ---- */

int sg_account_open(struct sg_agent_account *account, struct sg_agent *agent,
                    const struct sg_account *config);
void sg_account_close(struct sg_agent_account *account);
/* A round now, unless one is under way. */
void sg_account_refresh(struct sg_agent_account *account);
/* The round is over. aws_ms: AWS's Date of its first answer; good: everything was read. Publishes.
 */
void sg_account_round_ended(struct sg_agent_account *account, bool good, int64_t aws_ms);
/* All of it was read; boot_ms, aws_ms: when that began. Stamps the store. */
void sg_account_complete(struct sg_agent_account *account, int64_t boot_ms, int64_t aws_ms);
/* The second look that loosening needs comes soon: for reading files, which costs nobody anything.
 */
void sg_account_hasten(struct sg_agent_account *account);
/* Takes one whole reading of a role. */
int sg_account_take(struct sg_agent_account *account, struct sg_role *role,
                    const struct sg_reading *reading);
/* The role could not be read whole: its last record stays, marked stale. */
void sg_account_take_stale(struct sg_agent_account *account, struct sg_role *role, const char *why);
bool sg_account_fresh(const struct sg_agent_account *account);
/* "account=prod role=app" into a buffer, for the log; "user=bob" where `role` is a user's key. */
const char *sg_account_where(char *buffer, size_t size, const struct sg_agent_account *account,
                             const char *role);
/* A record that is ready, for the role; marks the account as to be published. SG_OK, SG_E_LIMIT. */
int sg_account_take_packed(struct sg_agent_account *account, struct sg_role *role,
                           struct sg_buffer *packed);
/* True and the parts, when the ARN is one of this account. */
bool sg_account_owns_role(const struct sg_agent_account *account, struct sg_role_arn *parts,
                          struct sg_text arn);
bool sg_account_owns_user(const struct sg_agent_account *account, struct sg_role_arn *parts,
                          struct sg_text arn);

/* ---- gone.c: roles that GetRole says do not exist ---- */

void sg_account_take_deleted(struct sg_agent_account *account, struct sg_role *role);
/* Removes it when it was gone for so long that it is no use to anybody. */
bool sg_gone_expire(struct sg_agent_account *account, struct sg_role *role);
/* It never was there, as far as we know: a name that somebody asked for. */
bool sg_gone_never_seen(const struct sg_role *role);

/* ---- identity.c: whose keys these are ---- */

/* Their holder may say that a role of this account is gone. */
bool sg_identity_known(const struct sg_agent_account *account, const char *key_id);
/* They were shown a role of this account, or STS said so. */
void sg_identity_shown(struct sg_agent_account *account, const char *key_id);
/* STS says that they are of `other`: an alarm, once for each. */
void sg_identity_wrong(struct sg_agent_account *account, const char *key_id, const char *other);

/* ---- signers.c: who provides the keys that sign ---- */

/* sts: where roles are assumed. */
int sg_signer_open(struct sg_agent_account *account, const struct sg_endpoint_options *sts);
void sg_signer_close(struct sg_agent_account *account);
void sg_signers_close(struct sg_agent *agent); /* after all accounts */

/* ---- skew.c: AWS's clock and ours ---- */

/* Tells once when they are apart, and again when that changes. sent_ms: our clock's, when the call
 * went out that AWS answered with aws_ms. */
void sg_account_note_date(struct sg_agent_account *account, int64_t aws_ms, int64_t sent_ms);

/* ---- budget_file.c: pauses that outlive a restart ---- */

void sg_budget_load(struct sg_agent *agent);
void sg_budget_keep(struct sg_agent *agent); /* writes them soon */

/* ---- publish.c: the store ---- */

/* Writes the account's table when something changed. SG_OK when the store now tells what we know.
 */
int sg_publish_account(struct sg_agent_account *account);
void sg_publish_stamp(struct sg_agent *agent, enum sg_slot_kind kind, const char *label,
                      const struct sg_complete *complete);
int sg_publish_keys(struct sg_agent *agent, const struct sg_agent_issuer *changed);
/* What the store told before this run. */
void sg_publish_load(struct sg_agent *agent);

/* ---- sources.c: where keys came from ---- */

/* After sg_publish_load(): drops, in memory and in the store, keys of a label that meant another
 * issuer before. An error means that the store may still hold them: do not go on. */
int sg_sources_check(struct sg_agent *agent);

/* ---- call.c: one call of IAM or STS, signed with the account's keys, tried again ---- */

struct sg_call {
    struct sg_agent_account *account;
    enum sg_aws_service service;   /* zero: IAM */
    struct sg_iam_request request; /* its texts stay with the caller until done */
    void (*done)(void *payload, const struct sg_iam_answer *answer);
    void *payload;
    struct sg_iam_call *call;
    struct sg_provider_waiter waiter; /* for keys */
    struct sg_timer timer;
    unsigned attempts;
    bool renewed;                   /* credentials or clock were mended once */
    char key_id[SG_KEY_ID_MAX + 1]; /* that signed the last attempt */
    int64_t sent_ms;                /* and when, by our wall clock */
};

void sg_call_start(struct sg_call *call); /* `done` comes later, never from here */
void sg_call_stop(struct sg_call *call);
/* How far AWS's clock is ahead of ours: what is signed from now on is dated so. */
void sg_account_set_clock_offset(struct sg_agent_account *account, int64_t offset_ms);

/* ---- sweep.c: GetAccountAuthorizationDetails ---- */

int sg_sweep_start(struct sg_agent_account *account);
void sg_sweep_stop(struct sg_agent_account *account);

/* ---- fetch.c: one role or user by itself ---- */

enum sg_fetch_result {
    SG_FETCH_GOOD,    /* read whole, or found to be deleted */
    SG_FETCH_PARTIAL, /* it is there, but can't be read whole: a matter of this role alone */
    SG_FETCH_FAILED,  /* IAM could not be asked */
};

/*
 * Begins to read `role` by itself, or joins the read under way. name: as who asks spells it, or
 * empty; where the role's record tells its ARN, it is that one's that IAM is asked for.
 * `first`: before those that only a round wants. SG_OK, SG_E_BUSY (too many wait), SG_E_MEMORY.
 */
int sg_fetch_start(struct sg_agent_account *account, struct sg_text key, struct sg_text name,
                   bool first, const struct sg_waiter *waiter);
void sg_fetch_stop_all(struct sg_agent_account *account);

/* Who has heard of a change and wants it read. Zero it to start; it stays where it is until called
 * or stopped. */
struct sg_reread {
    struct sg_reread *next, **at; /* at NULL: does not wait */
    /* SG_OK: a read that began after sg_agent_reread_role() was published (that the role is gone is
     * one too). Else nothing new is known; SG_E_BUSY: the account was closed. */
    void (*done)(void *payload, int status);
    void *payload;
};
/* Reads one role (or `user/NAME`) anew, whatever is known of it; a read under way does not count,
 * one that has not begun does. SG_OK and a call to `done` later, never from here; or SG_E_INVALID
 * (no role's name), SG_E_MEMORY, and none. */
int sg_agent_reread_role(struct sg_agent_account *account, struct sg_text name,
                         struct sg_reread *reread);
void sg_reread_stop(struct sg_reread *reread); /* no call will come */

/* ---- tighten.c: what is told before it was read ---- */

/*
 * Adds the compiled Deny statements of one policy to the role's record: at once, on an event's
 * word. Nothing is taken away or dated earlier by it, and no evidence settles such a statement
 * before a read has shown it; to publish it and to ask for the read is the caller's. SG_OK;
 * SG_E_ABSENT: there is no record of that role, so that the next request has it read; SG_E_LIMIT,
 * SG_E_MEMORY.
 */
int sg_account_tighten(struct sg_agent_account *account, struct sg_role *role, struct sg_text told);

/* ---- managed_read.c: one managed policy ---- */

struct sg_managed_read {
    struct sg_managed_read *next, **at; /* of who waits for the policy; at NULL: none of them */
    struct sg_call call;                /* of the first of them */
    struct sg_managed *managed;
    char version[64], policy_id[64]; /* that holds now */
    /* good: managed->known. answer: the last, for its outcome and words */
    void (*done)(void *payload, const struct sg_iam_answer *answer);
    void *payload;
};
/* Joins the read of that policy under way. The document is read once a version. `done` comes later,
 * never from here. */
void sg_managed_read_start(struct sg_managed_read *read, struct sg_agent_account *account,
                           struct sg_managed *managed,
                           void (*done)(void *payload, const struct sg_iam_answer *answer),
                           void *payload);
void sg_managed_read_stop(struct sg_managed_read *read);

/* ---- files.c: source = file ---- */

int sg_files_open(struct sg_agent_account *account);
void sg_files_close(struct sg_agent_account *account);
void sg_files_round(struct sg_agent_account *account);
/* The key of what a folder is named after: a role's name, or `~` and a user's. */
bool sg_files_key(char key[static SG_PRINCIPAL_KEY_MAX + 1], const char *folder);
/* Owner and mode of an open folder; name: below `folder`, or "". */
bool sg_files_folder_trusted(const struct sg_agent_account *account, const char *folder, int fd,
                             const char *name, struct sg_problems *problems);
/* Reads ROOT/NAME and takes it. False: not whole, the role's last record stays. */
bool sg_files_take_role(struct sg_agent_account *account, struct sg_role *role, int root,
                        const char *name);
/* inotify has something to tell. */
void sg_files_changed(struct sg_agent *agent);

/* ---- keys.c: signing keys of issuers ---- */

bool sg_issuer_needs_agent(const struct sg_issuer *config);
int sg_issuer_open(struct sg_agent_issuer *issuer, struct sg_agent *agent,
                   const struct sg_issuer *config);
void sg_issuer_close(struct sg_agent_issuer *issuer);
void sg_issuer_refresh(struct sg_agent_issuer *issuer);
/* Walks issuer->keys. */
bool sg_issuer_next_key(struct sg_text *kid, struct sg_text *key, struct sg_text *rest);
bool sg_issuer_add_key(struct sg_buffer *keys, struct sg_text kid, struct sg_text key);

/* ---- socket.c: questions ---- */

#define SG_CLIENTS_MAX 1024
void sg_socket_accept(struct sg_agent *agent);
void sg_socket_read(struct sg_agent *agent, size_t client);
void sg_socket_close_all(struct sg_agent *agent);
int sg_waiters_add(struct sg_waiters *waiters, const struct sg_waiter *waiter);
/* Answers all and empties the list. */
void sg_waiters_answer(struct sg_agent *agent, struct sg_waiters *waiters, int status);
void sg_waiter_answer(struct sg_agent *agent, const struct sg_waiter *waiter, int status);
/* The same with a packet of one's own, whole. */
void sg_waiter_tell(struct sg_agent *agent, const struct sg_waiter *waiter, const void *packet,
                    size_t length);
void sg_waiters_clear(struct sg_waiters *waiters);

/* ---- ask.c: what a question sets off ---- */

void sg_ask_role(struct sg_agent *agent, const struct sg_waiter *waiter, bool after_round);
void sg_ask_keys(struct sg_agent *agent, const struct sg_waiter *waiter);
/* JSON of the agent's own state. */
void sg_status_write(struct sg_buffer *out, const struct sg_agent *agent);

/* ---- loop.c ---- */

int sg_loop_run(struct sg_agent *agent);

/* ---- drop.c: not as root ---- */

/* Where root has started it: becomes the user of [agent]. An error was logged. */
int sg_drop_root(const struct sg_agent *agent);

/* ---- notify.c: systemd ---- */

void sg_notify(const char *state);   /* "READY=1"; nothing when systemd does not listen */
int64_t sg_notify_watchdog_ms(void); /* how often it wants to hear of us; 0: not */

#endif
