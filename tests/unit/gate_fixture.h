/*
 * gate_fixture.h - a whole gate for tests: a configuration folder, a store
 * written as the agent writes it, and clocks that stand still until told. Any failure ends the
 * program.
 */
#ifndef SG_TESTS_GATE_FIXTURE_H
#define SG_TESTS_GATE_FIXTURE_H

#include "gate/gate.h"
#include "jwt_maker.h"

struct gate_fixture {
    char folder[64]; /* holds conf/ and state/ */
    char conf[80], state[80];
    int64_t wall_ms, boot_ms; /* what the gate's clock says */
    struct sg_clock clock;
    struct sg_store_writer *writer;
    struct stsgate *gate;
    struct stsgate_reader *reader;
    struct sg_buffer problems; /* what stsgate_open() told, a line each */
    struct sg_buffer log;      /* what readers logged */
};

/* Folders, writer and clock at JWT_IAT_S + 10 s; no configuration, no gate. */
void gate_fixture_init(struct gate_fixture *f);
void gate_fixture_clear(struct gate_fixture *f);

/* conf/NAME; %STATE%, %USER% and %FOLDER% are put in. */
void gate_fixture_write(struct gate_fixture *f, const char *name, const char *text);
/* One account `prod`, one web identity issuer `prod`, service `payments` with `extra` lines. */
void gate_fixture_write_usual(struct gate_fixture *f, const char *extra);
/* stsgate_open()'s answer; a reader is opened when it is 0. */
int gate_fixture_open(struct gate_fixture *f);

/* The keys of `algs` for issuer `label`, fetched now. */
void gate_fixture_publish_keys(struct gate_fixture *f, const char *label, unsigned algs);
/* The whole table of account `label`: JWT_ROLE with one inline policy (NULL: none), first seen at
 * `first_seen_ms`; no role at all when `role` is false. Stamped complete now. */
/* Claims an account's label as the agent would by the configuration in the folder. */
void gate_fixture_claim(struct gate_fixture *f, const char *label);
void gate_fixture_publish_role(struct gate_fixture *f, const char *label, bool role,
                               const char *policy, int64_t first_seen_ms);

/* One check of `token` at service `payments`. */
struct stsgate_result gate_fixture_check(struct gate_fixture *f, const char *token);

#endif
