/*
 * sts_hosts.h - the hosts of AWS's STS and IAM, partition by partition, with the region that their
 * requests are signed for: a closed table (CVE-2020-16250: a signed request proves nothing when it
 * is sent where its maker says). A region that AWS opens later is refused until it stands here.
 */
#ifndef SG_CREDENTIAL_STS_HOSTS_H
#define SG_CREDENTIAL_STS_HOSTS_H

#include "base/text.h"

enum sg_signed_service { SG_SIGNED_STS = 1, SG_SIGNED_IAM };

/* The name of one host, as in the table: what a request is sent to. */
struct sg_aws_host {
    const char *partition; /* static */
    char name[64];         /* lower case, terminated */
    char region[24];       /* what its requests are signed for */
};

/* False, and all of *host empty, for whatever is not exactly the name of a host of the table: no
 * port, no trailing dot, no other case. */
bool sg_aws_host_find(struct sg_aws_host *host, enum sg_signed_service service,
                      struct sg_text name);

/* The plain host of a partition: of STS in `region`, of IAM the only one. False when there is none.
 */
bool sg_aws_host_of(struct sg_aws_host *host, enum sg_signed_service service,
                    struct sg_text partition, struct sg_text region);

#endif
