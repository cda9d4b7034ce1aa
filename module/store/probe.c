/*
 * probe.c - the file of a probe: a line each in one order, spelled in one way, nothing behind. Must
 * never take for a probe what was cut short or changed by hand into something else.
 */
#include "store/probe.h"

#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define HEAD     "stsgate probe 1"
#define AHEAD_MS INT64_C(300000) /* AWS's clock and ours */

void sg_probe_write(struct sg_buffer *out, const struct sg_probe *probe)
{
    char date[SG_DATE_SIZE];

    sg_buffer_addf(out, HEAD "\n");
    sg_buffer_addf(out, "partition = %.*s\n", SG_TEXT_ARG(probe->partition));
    sg_buffer_addf(out, "sts_endpoint = %.*s\n", (int)probe->sts_endpoint.length,
                   probe->sts_endpoint.length == 0 ? "" : probe->sts_endpoint.data);
    sg_buffer_addf(out, "token_type = %u\n", probe->token_type);
    sg_buffer_addf(out, "date = %s\n", sg_date_format(date, probe->date_ms));
    sg_buffer_addf(out, "altered = %s\n", probe->refused ? "refused" : "taken");
}

/* What stands behind `name = ` in the next line. */
static bool take_line(struct sg_text *value, struct sg_text *content, const char *name)
{
    const struct sg_text key = sg_text_of(name);

    if (!sg_text_cut(value, content, '\n') || !sg_text_starts(*value, key))
        return false;
    *value = (struct sg_text){value->data + key.length, value->length - key.length};
    return true;
}

bool sg_probe_read(struct sg_probe *probe, struct sg_text content)
{
    struct sg_text head, type, date, altered;
    char again[SG_DATE_SIZE];
    uint64_t number;

    *probe = (struct sg_probe){.refused = false};
    if (content.length == 0 || content.length > SG_PROBE_MAX_BYTES ||
        memchr(content.data, 0, content.length) != NULL || !take_line(&head, &content, HEAD) ||
        head.length != 0 || !take_line(&probe->partition, &content, "partition = ") ||
        !take_line(&probe->sts_endpoint, &content, "sts_endpoint = ") ||
        !take_line(&type, &content, "token_type = ") || !take_line(&date, &content, "date = ") ||
        !take_line(&altered, &content, "altered = ") || content.length != 0)
        return false;
    if (probe->partition.length == 0 || !sg_text_to_uint(&number, type, UINT8_MAX) ||
        !sg_date_parse_rfc3339(&probe->date_ms, date) || probe->date_ms <= 0 ||
        !sg_text_equal(sg_text_of(sg_date_format(again, probe->date_ms)), date))
        return false;
    probe->token_type = (unsigned char)number;
    probe->refused = sg_text_equal(altered, SG_TEXT("refused"));
    return probe->refused || sg_text_equal(altered, SG_TEXT("taken"));
}

const char *sg_probe_lacks(const struct sg_probe *probe, const char *partition,
                           const char *sts_endpoint, int64_t now_ms)
{
    if (!sg_text_equal(probe->partition, sg_text_of(partition)) ||
        !sg_text_equal(probe->sts_endpoint, sg_text_of(sts_endpoint)))
        return "the last probe was of another STS";
    if (!probe->refused)
        return "the last probe saw STS take a session token whose time was altered";
    if (probe->date_ms > now_ms + AHEAD_MS)
        return "the last probe is dated ahead of this host's clock";
    if (now_ms >= probe->date_ms + SG_PROBE_LIFE_MS)
        return "the last probe is over 30 days old";
    return NULL;
}

/* ---- the file ---- */

/* A partition's name has no byte that a file's may not; sg_partition_valid(). */
static void set_name(char name[static 64], const char *partition)
{
    (void)snprintf(name, 64, "probe-%.40s", partition);
}

void sg_probe_find(struct sg_probe_found *found, const char *state, const struct sg_owners *owners,
                   const char *partition, const char *sts_endpoint, int64_t now_ms)
{
    const int folder = sg_folder_open(state, owners, NULL);
    struct sg_buffer content = {0};
    struct sg_probe probe;
    char name[64];
    int error = folder;

    *found = (struct sg_probe_found){.why = "there was no probe yet"};
    set_name(name, partition);
    if (folder >= 0) {
        error = sg_file_read(&content, folder, name, SG_PROBE_MAX_BYTES, owners, NULL);
        (void)close(folder);
    }
    if (error == SG_OK && sg_probe_read(&probe, sg_buffer_text(&content))) {
        found->why = sg_probe_lacks(&probe, partition, sts_endpoint, now_ms);
        found->token_type = probe.token_type;
        found->until_ms = probe.date_ms + SG_PROBE_LIFE_MS;
    } else if (error != SG_E_ABSENT) {
        found->why = "the last probe's file can't be read, or is not what the probe writes";
    }
    sg_buffer_clear(&content);
}

int sg_probe_store(const struct sg_probe *probe, const char *state, const struct sg_owners *owners,
                   struct sg_problems *problems)
{
    const int folder = sg_folder_open(state, owners, problems);
    struct sg_problems inside = {0};
    struct sg_buffer content = {0};
    char partition[41], name[64];
    int error = SG_E_MEMORY;

    if (folder == SG_E_ABSENT)
        sg_problem(problems, state, 0, "is not there; stsgated makes it when it starts");
    if (folder < 0)
        return folder;
    sg_probe_write(&content, probe);
    if (!content.failed && sg_text_copy(partition, sizeof(partition), probe->partition)) {
        set_name(name, partition);
        error = sg_file_replace(folder, name, sg_buffer_text(&content), 0644, &inside);
    }
    sg_folder_name_problems(problems, state, &inside);
    sg_buffer_clear(&content);
    (void)close(folder);
    return error;
}
