/*
 * caller_identity.h - a signed sts:GetCallerIdentity, as a client presents it: taken apart offline
 * and strictly, before anybody is asked. Three forms:
 *
 *   url        k8s-aws-v1.BASE64URL(presigned URL), as `aws eks get-token` makes it, or the bare
 * URL post       sts-post-v1.POST.URL.BODY.HEADERS: the four fields of Vault's login, the last
 * three in base64, HEADERS a JSON object companion  a post whose signed headers carry a second
 * signed request, iam:GetRole, of the same session (Consul's scheme)
 *
 * Nothing here is verified: only STS can do that, and only the agent asks it. What it sends is
 * built from these parts, each of which has passed sg_identity_check() on its own side too.
 */
#ifndef SG_CREDENTIAL_CALLER_IDENTITY_H
#define SG_CREDENTIAL_CALLER_IDENTITY_H

#include "base/buffer.h"
#include "config/config.h"
#include "credential/sts_hosts.h"
#include "session/session.h"

#include <stsgate/stsgate.h>

#define SG_IDENTITY_LIFE_MS  (15 * SG_MINUTE_MS) /* STS takes a signature that long */
#define SG_IDENTITY_AHEAD_MS (5 * SG_MINUTE_MS)  /* of our clock, at most */
#define SG_IDENTITY_ROOM     24576

/* One signed request in its parts. Texts are borrowed from sg_caller_identity.room. */
struct sg_signed_call {
    bool post;
    struct sg_aws_host host;
    struct sg_text region; /* of the credential's scope */
    struct sg_text access_key_id;
    struct sg_text date;           /* 20261124T100000Z */
    struct sg_text expires;        /* url: as written */
    struct sg_text signed_headers; /* as written: sorted, lower case, ';' between */
    struct sg_text token;          /* the session token */
    struct sg_text signature;      /* 64 hex digits */
    struct sg_text content_type;   /* post: as signed; empty: not signed */
    struct sg_text body;           /* post */
    struct sg_text role_name;      /* of the companion */
    int64_t date_ms;
};

enum sg_companion_part {
    SG_COMPANION_METHOD,
    SG_COMPANION_URL,
    SG_COMPANION_HEADERS,
    SG_COMPANION_BODY,
    SG_COMPANION_PARTS,
};

struct sg_caller_identity {
    const struct sg_issuer *issuer;
    char account[13]; /* that the access key id encodes */
    struct sg_signed_call sts;
    bool has_companion;
    struct sg_text companion_text[SG_COMPANION_PARTS]; /* as they stand in the signed headers */
    struct sg_signed_call companion;
    const char *why; /* what is wrong with it, in words; never any of its bytes */

    /* The rest is caller_identity*.c's: everything decoded. */
    size_t used;
    char room[SG_IDENTITY_ROOM];
};

/* Has `credential` the look of any of the forms? Then it is nothing else. */
bool sg_identity_presented(struct sg_text credential);

/*
 * Reads `credential` for `service` at `now_ms`. STSGATE_REASON_NONE, or why not: malformed,
 * unknown-issuer (no accepted issuer is of the account that the access key id encodes),
 * long-term-key (which its issuer does not allow),
 * wrong-audience (not bound to this gateway), expired, not-yet-valid. *identity holds secrets
 * either way: sg_identity_wipe(). No allocation.
 */
enum stsgate_reason sg_identity_read(struct sg_caller_identity *identity, struct sg_text credential,
                                     const struct sg_service *service, int64_t now_ms);
void sg_identity_wipe(struct sg_caller_identity *identity);

bool sg_identity_long_term(struct sg_text access_key_id); /* "AKIA..." */
/* The account that an access key id of today's form encodes: "ASIA" of a session, "AKIA" of a
 * user's own key, and 16 base32 digits. */
bool sg_identity_account(char account[static 13], struct sg_text access_key_id);

/*
 * The parts as one text, for the agent: the same request makes the same text, however it was
 * presented. sg_identity_unpack() takes one apart that came from anybody and checks it for
 * `issuer` as sg_identity_read() does, all but the times.
 */
#define SG_IDENTITY_PACKED_MAX 8192
bool sg_identity_pack(struct sg_buffer *out, const struct sg_caller_identity *identity);
enum stsgate_reason sg_identity_unpack(struct sg_caller_identity *identity, struct sg_text packed,
                                       const struct sg_issuer *issuer);

/* ---- private to caller_identity*.c ---- */

/* Room for `length` bytes and a NUL, or NULL. */
char *sg_identity_room(struct sg_caller_identity *identity, size_t length);
/* Says why, and STSGATE_REASON_MALFORMED. */
enum stsgate_reason sg_identity_malformed(struct sg_caller_identity *identity, const char *why);
enum stsgate_reason sg_identity_read_url(struct sg_caller_identity *identity, struct sg_text url);
/* credential: what follows "sts-post-v1.". Companion headers are those of the issuer that the
 * account picks among `service`'s. */
enum stsgate_reason sg_identity_read_post(struct sg_caller_identity *identity,
                                          struct sg_text credential,
                                          const struct sg_service *service);
/* companion_text[] into companion. */
enum stsgate_reason sg_identity_read_companion(struct sg_caller_identity *identity);
/* A body of GetCallerIdentity, and a content type that is known or none. */
bool sg_identity_post_content(const struct sg_signed_call *call);
/* Printable ASCII as SigV4 would leave it: no blank at an end, none twice; not empty. */
bool sg_identity_value_plain(struct sg_text value);
/* identity->sts' account, and the issuer of `service` that is of it. unknown-issuer, malformed. */
enum stsgate_reason sg_identity_find_issuer(struct sg_caller_identity *identity,
                                            const struct sg_service *service);
/* Everything that must hold of the parts together, for identity->issuer. */
enum stsgate_reason sg_identity_check(struct sg_caller_identity *identity);
/* AKID/20261124/REGION/SERVICE/aws4_request; the day goes to *day. */
bool sg_identity_scope(struct sg_signed_call *call, struct sg_text *day, struct sg_text scope,
                       const char *service);
/* A scope's day is its date's, and the date is one. */
bool sg_identity_date(struct sg_signed_call *call, struct sg_text day);
bool sg_identity_signs(const struct sg_signed_call *call, struct sg_text name);

#endif
