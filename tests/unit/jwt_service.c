/*
 * jwt_service.c - see jwt_service.h.
 */
#include "jwt_service.h"

#include "config/alg.h"
#include "jwt_maker.h"
#include "session/session.h"

void jwt_service_init(struct jwt_service *all)
{
    *all = (struct jwt_service){
        .account = {.label = "prod", .id = JWT_ACCOUNT, .partition = "aws"},
        .web_identity = {.label = "aws",
                         .kind = SG_ISSUER_WEB_IDENTITY,
                         .url = JWT_ISSUER,
                         .algorithms = SG_ALG_BIT(SG_ALG_RS256) | SG_ALG_BIT(SG_ALG_ES384),
                         .longest_session_ms = 12 * SG_HOUR_MS},
        .own = {.label = "own",
                .kind = SG_ISSUER_JWT,
                .url = JWT_OWN_ISSUER,
                .algorithms = (SG_ALG_BIT(SG_ALG_COUNT) - 1) & ~SG_ALG_BIT(SG_ALG_NONE),
                .longest_session_ms = 12 * SG_HOUR_MS,
                .issue_time = SG_ISSUE_TIME_SESSION,
                .issue_time_claim = "assumed_at",
                .role_claim = "sub",
                .session_name_claim = "snam"},
        .audience = {"https://other.example.com", JWT_AUDIENCE},
        .service = {.name = "payments",
                    .accept_count = 2,
                    .mode = SG_MODE_ENFORCE,
                    .clock_skew_ms = SG_MINUTE_MS,
                    .max_token_age_ms = 15 * SG_MINUTE_MS,
                    .issued_before_ms = INT64_MIN},
    };
    all->web_identity.account = all->own.account = &all->account;
    all->accept[0] = &all->web_identity;
    all->accept[1] = &all->own;
    all->service.accept = all->accept;
    all->service.audience = (struct sg_texts){.items = all->audience, .count = 2};
}
