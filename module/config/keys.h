/*
 * keys.h - every key of the configuration: the one table that the reader, the
 * manual's test and `stsgatectl check` share.
 *
 * X(name, TYPE, member, default, expected): TYPE names a setter of values.c; member is one of the
 * draft structs of reading.h; default is written as an operator would write it, NULL for none,
 * SG_REQUIRED where there must be one.
 */
#ifndef SG_CONFIG_KEYS_H
#define SG_CONFIG_KEYS_H

#define SG_REQUIRED "\001"

#define SG_AGENT_KEYS(X)                                                                           \
    X(state, PATH, state, "/var/lib/stsgate", "an absolute path")                                  \
    X(socket, PATH, socket, "/run/stsgate/agent.sock", "an absolute path")                         \
    X(user, WORD, user, "stsgate", "the agent's user, a name or a number")                         \
    X(environment_endpoints, ON_OFF, environment_endpoints, "off", "on or off")                    \
    X(proxy, PROXY, proxy, NULL, "environment, or a URL such as http://proxy.example.com:3128")    \
    X(ca_bundle, PATH, ca_bundle, NULL, "an absolute path")

#define SG_ACCOUNT_KEYS(X)                                                                         \
    X(id, ACCOUNT_ID, it.id, SG_REQUIRED,                                                          \
      "12 digits, or empty for a self-hosted IAM without accounts")                                \
    X(partition, PARTITION, it.partition, "aws", "a partition such as aws, aws-cn or aws-us-gov")  \
    X(source, SOURCE, it.source, "iam", "iam or file")                                             \
    X(folder, PATH, it.folder, NULL, "an absolute path")                                           \
    X(discover, DISCOVER, it.discover, "sweep", "sweep or on-demand")                              \
    X(policies, POLICIES, it.policies, "all", "all or inline")                                     \
    X(refresh, SECONDS, it.refresh_ms, "15s", "a time of at least 1s, such as 15s")                \
    X(max_stale, SECONDS, it.max_stale_ms, "10m", "a time of at least 1s, such as 10m")            \
    X(settle, DURATION, it.settle_ms, "60s", "a time such as 60s")                                 \
    X(settled, DURATION, it.settled_ms, "300s", "a time such as 300s")                             \
    X(extra_policies, PATH, it.extra_policies, NULL, "an absolute path")                           \
    X(ratchet, ON_OFF, it.ratchet, "off", "on or off")                                             \
    X(endpoint, URL, it.endpoint, NULL, "an https URL (http for a loopback address only)")         \
    X(region, WORD, it.region, NULL, "a region such as us-east-1")                                 \
    X(sts_endpoint, URL, it.sts_endpoint, NULL, "an https URL (http for a loopback address only)") \
    X(fips, ON_OFF, it.fips, "off", "on or off")                                                   \
    X(dual_stack, ON_OFF, it.dual_stack, "off", "on or off")                                       \
    X(profile, WORD, it.profile, NULL, "a profile of AWS's shared files")                          \
    X(assume_role, ROLE_ARN, it.assume_role, NULL, "the ARN of a role")                            \
    X(external_id, EXTERNAL_ID, it.external_id, NULL, "2 to 1224 letters, digits and +=,.@:/-_")   \
    X(session_name, SESSION_NAME, it.session_name, "stsgate",                                      \
      "2 to 64 letters, digits and +=,.@-_")                                                       \
    X(calls_per_second, RATE, it.calls_per_second, "10", "a whole number from 1 to 1000")          \
    X(events_queue, URL, it.events_queue, NULL, "the URL of an SQS queue")

#define SG_ISSUER_KEYS(X)                                                                          \
    X(kind, ISSUER_KIND, it.kind, SG_REQUIRED, "aws-web-identity, jwt or aws-caller-identity")     \
    X(url, TEXT, it.url, NULL, "the issuer's iss, byte for byte")                                  \
    X(account, LABEL, account, NULL, "the label of an [account]")                                  \
    X(jwks, URL, it.jwks, NULL, "an https URL (http for a loopback address only)")                 \
    X(keys, PATH, it.keys, NULL, "an absolute path")                                               \
    X(algorithms, ALGORITHMS, it.algorithms, NULL, "algorithms such as RS256 ES384")               \
    X(longest_session, LONGEST, it.longest_session_ms, "12h", "a time from 15m to 36h")            \
    X(issue_time, ISSUE_TIME, it.issue_time, NULL,                                                 \
      "session:CLAIM (exact) or token:CLAIM (latest only)")                                        \
    X(issuer_skew, DURATION, it.issuer_skew_ms, "0", "a time such as 2s")                          \
    X(role_claim, WORD, it.role_claim, "sub", "the name of a claim")                               \
    X(session_name_claim, WORD, it.session_name_claim, NULL, "the name of a claim")                \
    X(bind_header, HEADER, it.bind_header, NULL, "the name of a header, such as X-K8s-Aws-Id")     \
    X(bind_value, PLAIN, it.bind_value, NULL, "printable ASCII with single blanks at most")        \
    X(forms, FORMS, it.forms, NULL, "one or more of url, post and companion")                      \
    X(companion_header, HEADER, it.companion_header, "X-Stsgate-GetRole", "the name of a header")  \
    X(allow_long_term, ON_OFF, it.allow_long_term, "off", "on or off")                             \
    X(opaque_time, OPAQUE_TIME, it.opaque_time, "off", "off or probed")

#define SG_SERVICE_KEYS(X)                                                                         \
    X(accept, LABELS, accept, SG_REQUIRED, "labels of [issuer]s")                                  \
    X(audience, TEXTS, it.audience, NULL, "one or more values of aud")                             \
    X(allow_roles, PATTERNS, it.allow_roles, NULL,                                                 \
      "ARN patterns of roles or users; * does not cross /")                                        \
    X(permission_set, PERMISSION_SETS, it.allow_roles, NULL,                                       \
      "names of Identity Center permission sets")                                                  \
    X(mode, MODE, it.mode, "enforce", "enforce or observe")                                        \
    X(uncertain, DENY_ALLOW, it.allow_uncertain, "deny", "deny or allow")                          \
    X(undecided, DENY_ALLOW, it.allow_undecided, "deny", "deny or allow")                          \
    X(deny, DENY_WHAT, it.deny_all, "revocation", "revocation or all")                             \
    X(indeterminate, DENY_ALLOW, it.allow_indeterminate, "deny", "deny or allow")                  \
    X(action, ACTION, it.action, "execute-api:Invoke", "an action such as execute-api:Invoke")     \
    X(resource, RESOURCE, it.resource, NULL, "an ARN of six parts without wildcards")              \
    X(clock_skew, SKEW, it.clock_skew_ms, "60s", "a time of at most 5m")                           \
    X(max_token_age, DURATION, it.max_token_age_ms, "15m", "a time such as 15m; 0 for none")       \
    X(max_session_age, DURATION, it.max_session_age_ms, "0", "a time such as 1h; 0 for none")      \
    X(issued_before, DATE, it.issued_before_ms, NULL, "a time such as 2026-11-20T08:00:00Z")

#define SG_CUTOFF_KEYS(X)                                                                          \
    X(issued_before, DATE, it.issued_before_ms, SG_REQUIRED, "a time such as 2026-11-20T08:00:00Z")

#endif
