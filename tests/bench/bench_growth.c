/*
 * bench_growth.c - what more roles and more processes cost: a check, a lookup
 * and memory at ROLES, beside the same at 1,000 roles in the same seconds.
 *
 *     bench_growth ROLES PROCESSES...
 *
 * Three generations: the first makes both stores and keeps every page of theirs mapped, so that
 * what is private to a worker is its own; the second is this program anew, with nothing but the
 * gates in its memory, as nginx's master; its children are the workers, all at work at once.
 */
#include "bench.h"
#include "bench_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE          1000 /* roles of the store that is the measure */
#define PROCESSES_MAX 64
#define LOOKUPS       4096

/* One side, as a worker sees it. */
struct side {
    struct gate_fixture f; /* conf, state and clock only */
    struct bench_store store;
    struct sg_store *tables;
    struct sg_slot *slots[BENCH_ACCOUNTS];
};

/* What a worker tells, in memory that it shares with its master. */
struct told {
    struct bench_figures check, lookup;
    double private_kib;    /* with every account in use */
    double remembered_kib; /* and with BENCH_TOKENS credentials remembered */
    double shared_kib;
};

static int64_t still_wall(void *context)
{
    (void)context;
    return (JWT_IAT_S + 10) * 1000;
}

static int64_t still_boot(void *context)
{
    (void)context;
    return 1000000;
}

static const struct sg_clock still = {still_wall, still_boot, NULL};

/* KiB of this process in lines that begin with one of two words; `of`: only mappings of files below
 * it. */
static double mapped_kib(const char *one, const char *other, const char *of)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[512];
    bool counted = of == NULL;
    long sum = 0, kib;

    bench_must(file != NULL, "/proc/self/smaps");
    while (fgets(line, sizeof(line), file) != NULL) {
        char *path = strchr(line, '/');
        size_t name = strcspn(line, ":");

        if (line[strcspn(line, "- :")] == '-' && of != NULL)
            counted = path != NULL && strncmp(path, of, strlen(of)) == 0;
        else if (counted && (strncmp(line, one, name) == 0 || strncmp(line, other, name) == 0) &&
                 sscanf(line + name, ": %ld kB", &kib) == 1)
            sum += kib;
    }
    fclose(file);
    return (double)sum;
}

static double private_kib(void)
{
    return mapped_kib("Private_Clean", "Private_Dirty", NULL);
}

/* --- the worker --- */

static void look_up(void *payload, uint64_t i)
{
    struct side *side = payload;
    size_t which = (size_t)(i * 2654435761u);
    size_t account = which % side->store.accounts;
    char id[16], key[32];
    struct sg_record record;

    bench_store_account(id, account);
    bench_store_role(key, (which / 256) % side->store.roles_each);
    bench_must(sg_store_role(side->tables, side->slots[account], SG_TEXT("aws"), sg_text_of(id),
                             sg_text_of(key), &record) == SG_OK,
               "lookup");
}

static void check_each(struct side *side, size_t count)
{
    static struct stsgate_result result;

    for (size_t i = 0; i < count; i++) {
        struct stsgate_request request = {
            .size = sizeof(request),
            .service = {"payments", 8},
            .credential = {side->store.text[i], side->store.length[i]}};

        result.size = sizeof(result);
        bench_must(stsgate_check(&result, side->store.reader, &request) == STSGATE_ALLOW,
                   stsgate_reason_word(result.reason));
    }
}

static void open_reader(struct side *side)
{
    bench_must(stsgate_reader_open(&side->store.reader, side->f.gate, NULL) == 0, "reader");
}

static void open_tables(struct side *side)
{
    struct sg_owners owners = {.uids = {geteuid()}, .count = 1};
    struct sg_problems problems = {0};
    struct sg_stamp stamp;

    bench_must(sg_store_open(&side->tables, side->f.state, &owners, &still, NULL, &problems) ==
                   SG_OK,
               "store");
    for (size_t i = 0; i < side->store.accounts; i++) {
        char label[16];

        bench_store_label(label, "a", i);
        side->slots[i] = sg_store_slot(side->tables, SG_SLOT_ACCOUNT, sg_text_of(label));
        sg_store_refresh(side->tables, side->slots[i], still_boot(NULL), &stamp);
    }
}

static void work(struct told *told, struct side *many, struct side *base, int start)
{
    double before = private_kib();
    char byte;

    open_reader(many);
    check_each(many, many->store.accounts); /* the first credentials are one an account */
    told->private_kib = private_kib() - before;
    check_each(many, BENCH_TOKENS);
    told->remembered_kib = private_kib() - before;
    open_reader(base);
    check_each(base, BENCH_TOKENS);
    open_tables(many);
    open_tables(base);
    bench_must(read(start, &byte, 1) == 0, "start");
    bench_measure(&told->check, BENCH_TOKENS,
                  (struct bench_work){bench_store_check, &many->store, NULL},
                  &(struct bench_work){bench_store_check, &base->store, NULL});
    bench_measure(&told->lookup, LOOKUPS, (struct bench_work){look_up, many, NULL},
                  &(struct bench_work){look_up, base, NULL});
    told->shared_kib = mapped_kib("Shared_Clean", "Shared_Dirty", many->f.state);
}

/* --- the master --- */

/* A line each, borrowed from the mapped file. */
static void map_tokens(struct bench_store *store, const char *folder)
{
    char path[96], *text;
    struct stat status;
    int file;

    snprintf(path, sizeof(path), "%s/tokens", folder);
    file = open(path, O_RDONLY | O_CLOEXEC);
    bench_must(file >= 0 && fstat(file, &status) == 0, path);
    text = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    bench_must(text != MAP_FAILED, path);
    close(file);
    for (size_t i = 0; i < BENCH_TOKENS; i++) {
        store->text[i] = text;
        store->length[i] = strcspn(text, "\n");
        text += store->length[i] + 1;
    }
}

static void open_side(struct side *side, const char *folder, size_t roles)
{
    struct stsgate_options options = {.size = sizeof(options), .folder = side->f.conf};

    snprintf(side->f.conf, sizeof(side->f.conf), "%s/conf", folder);
    snprintf(side->f.state, sizeof(side->f.state), "%s/state", folder);
    side->store.roles_each = roles < BENCH_ACCOUNT_ROLE ? roles : BENCH_ACCOUNT_ROLE;
    side->store.accounts = roles / side->store.roles_each;
    map_tokens(&side->store, folder);
    bench_must(stsgate_open(&side->f.gate, &options) == 0, "master's gate");
    sg_gate_set_clock(side->f.gate, &still);
}

static double median(const struct told *told, size_t count, size_t member)
{
    double values[PROCESSES_MAX];

    for (size_t i = 0; i < count; i++) {
        double value = *(const double *)(const void *)((const char *)&told[i] + member);
        size_t at = i;

        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    return values[count / 2];
}

#define MEDIAN(member) median(told, count, offsetof(struct told, member))

static void tell(const struct told *told, size_t count, size_t roles)
{
    struct bench_figures check = {MEDIAN(check.product),    MEDIAN(check.product_median),
                                  MEDIAN(check.floor),      MEDIAN(check.floor_median),
                                  MEDIAN(check.ratio),      MEDIAN(check.ratio_least),
                                  MEDIAN(check.ratio_most), MEDIAN(check.added)};
    struct bench_figures lookup = {MEDIAN(lookup.product),    MEDIAN(lookup.product_median),
                                   MEDIAN(lookup.floor),      MEDIAN(lookup.floor_median),
                                   MEDIAN(lookup.ratio),      MEDIAN(lookup.ratio_least),
                                   MEDIAN(lookup.ratio_most), MEDIAN(lookup.added)};
    char name[64];
    double most = 0;

    snprintf(name, sizeof(name), "check_%zu_roles_%zu_processes", roles, count);
    bench_print(name, &check);
    snprintf(name, sizeof(name), "lookup_%zu_roles_%zu_processes", roles, count);
    bench_print(name, &lookup);
    for (size_t i = 0; i < count; i++)
        most = told[i].private_kib > most ? told[i].private_kib : most;
    snprintf(name, sizeof(name), "private_%zu_roles_%zu_processes", roles, count);
    bench_value(name, most, "KiB");
    snprintf(name, sizeof(name), "remembered_%zu_roles_%zu_processes", roles, count);
    bench_value(name, MEDIAN(remembered_kib), "KiB");
    snprintf(name, sizeof(name), "shared_%zu_roles_%zu_processes", roles, count);
    bench_value(name, MEDIAN(shared_kib), "KiB");
}

static int master(char **argv)
{
    static struct side many, base;
    size_t roles = strtoull(argv[4], NULL, 10), count = strtoull(argv[5], NULL, 10);
    struct told *told = mmap(NULL, PROCESSES_MAX * sizeof(*told), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[PROCESSES_MAX];
    int start[2];

    bench_must(told != MAP_FAILED && count >= 1 && count <= PROCESSES_MAX && pipe(start) == 0,
               "master");
    open_side(&many, argv[2], roles);
    open_side(&base, argv[3], BASE);
    for (size_t i = 0; i < count; i++) {
        pids[i] = fork();
        bench_must(pids[i] >= 0, "fork");
        if (pids[i] == 0) {
            close(start[1]);
            work(&told[i], &many, &base, start[0]);
            _exit(0);
        }
    }
    close(start[1]); /* the last holder but workers that are about to close it: off they go */
    for (size_t i = 0; i < count; i++) {
        int status = 1;

        bench_must(waitpid(pids[i], &status, 0) == pids[i] && status == 0, "worker");
    }
    tell(told, count, roles);
    return 0;
}

/* --- who makes the stores --- */

static void write_tokens(const struct bench_store *store)
{
    char path[96];
    FILE *file;

    snprintf(path, sizeof(path), "%s/tokens", store->f.folder);
    file = fopen(path, "w");
    bench_must(file != NULL, path);
    for (size_t i = 0; i < BENCH_TOKENS; i++)
        fprintf(file, "%s\n", store->text[i]);
    bench_must(fclose(file) == 0, path);
}

/* All pages of each table, held here; their size in MB. */
static double hold(const struct bench_store *store)
{
    double sum = 0;

    for (size_t i = 0; i < store->accounts; i++) {
        char path[160];
        struct stat status;
        int file;

        snprintf(path, sizeof(path), "%s/account-a%03zu.cdb", store->f.state, i);
        file = open(path, O_RDONLY | O_CLOEXEC);
        bench_must(file >= 0 && fstat(file, &status) == 0 &&
                       mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE,
                            file, 0) != MAP_FAILED,
                   path);
        close(file);
        sum += (double)status.st_size / 1e6;
    }
    return sum;
}

static void run_master(const struct bench_store *many, const struct bench_store *base,
                       const char *roles, const char *processes)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0) {
        execl("/proc/self/exe", "bench_growth", "--master", many->f.folder, base->f.folder, roles,
              processes, NULL);
        _exit(1);
    }
    bench_must(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "master");
}

/* Tells when it sees each generation of the account, till `rounds` are past. */
static void watch(const struct gate_fixture *f, size_t account, int rounds, int out)
{
    struct sg_owners owners = {.uids = {geteuid()}, .count = 1};
    struct sg_problems problems = {0};
    struct sg_store *store = NULL;
    struct sg_slot *slot;
    struct sg_stamp stamp;
    uint64_t last = 0;
    char label[16];

    bench_store_label(label, "a", account);
    bench_must(sg_store_open(&store, f->state, &owners, &f->clock, NULL, &problems) == SG_OK, "");
    slot = sg_store_slot(store, SG_SLOT_ACCOUNT, sg_text_of(label));
    for (int round = 0; round <= rounds; round++) {
        int64_t now;

        do
            sg_store_refresh(store, slot, f->boot_ms, &stamp);
        while (stamp.generation == last);
        last = stamp.generation;
        now = bench_now_ns();
        bench_must(write(out, &now, sizeof(now)) == sizeof(now), "write");
    }
}

/* One role's change: from the first byte written to the moment another process reads it. */
static void bench_publish(struct bench_store *store, size_t roles)
{
    enum { ROUNDS = 20 };
    size_t account = store->accounts / 2;
    double worst = 0;
    char name[64];
    int seen[2];
    pid_t pid;

    bench_must(pipe(seen) == 0, "pipe");
    pid = fork();
    if (pid == 0) {
        watch(&store->f, account, ROUNDS, seen[1]);
        _exit(0);
    }
    for (int round = 0; round <= ROUNDS; round++) {
        int64_t began = bench_now_ns(), saw;

        if (round > 0)
            bench_store_publish(store, account);
        bench_must(read(seen[0], &saw, sizeof(saw)) == sizeof(saw), "read");
        if (round > 0 && (double)(saw - began) / 1e6 > worst)
            worst = (double)(saw - began) / 1e6;
    }
    waitpid(pid, NULL, 0);
    snprintf(name, sizeof(name), "publish_%zu_roles", roles);
    bench_value(name, worst, "ms");
}

int main(int argc, char **argv)
{
    static struct bench_store many, base;
    size_t roles = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
    char name[64];

    if (argc == 6 && strcmp(argv[1], "--master") == 0)
        return master(argv);
    if (roles == 0)
        return 2;
    bench_store_make(&base, BASE);
    bench_store_make(&many, roles);
    write_tokens(&base);
    write_tokens(&many);
    (void)hold(&base);
    snprintf(name, sizeof(name), "store_%zu_roles", roles);
    bench_value(name, hold(&many), "MB");
    for (int i = 2; i < argc; i++)
        run_master(&many, &base, argv[1], argv[i]);
    bench_publish(&many, roles);
    bench_store_clear(&many);
    bench_store_clear(&base);
    return 0;
}
