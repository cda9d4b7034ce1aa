/*
 * jwt_service.h - a service that takes the tokens of jwt_maker.h, made without
 * a configuration file: both kinds of issuer, each algorithm that may be.
 */
#ifndef SG_TESTS_JWT_SERVICE_H
#define SG_TESTS_JWT_SERVICE_H

#include "config/config.h"

struct jwt_service {
    struct sg_account account;
    struct sg_issuer web_identity; /* JWT_ISSUER */
    struct sg_issuer own;          /* JWT_OWN_ISSUER: session:assumed_at, name in snam */
    const struct sg_issuer *accept[2];
    const char *audience[2];
    struct sg_service service;
};

/* Fills *all, which must stay where it is; tests then change what they like. */
void jwt_service_init(struct jwt_service *all);

#endif
