/*
 * record.c - the role record's flat form: written by the agent, checked once when a reader opens
 * the table it lies in, and viewed in place from then on. It must never follow an offset that it
 * has not checked, and never read the words of a policy: that is policy/'s.
 */
#include "store/record.h"

#define ROLE_ID_MAX 32

_Static_assert(sizeof(struct sg_record_header) == 48, "the header is a file format");

/* What the header says about the statements, so that a simple role needs no walk. */
struct summary {
    int64_t cutoff_ms;
    uint16_t residual;
};

static bool summarise(struct summary *summary, struct sg_text statements)
{
    const struct sg_statement *statement;
    size_t at = 0;

    *summary = (struct summary){.cutoff_ms = SG_CUTOFF_NONE};
    while ((statement = sg_statement_next(statements, &at)) != NULL) {
        if ((statement->flags & SG_STATEMENT_ENFORCED) == 0)
            continue;
        if ((statement->flags & SG_STATEMENT_SIMPLE) == 0) {
            if (summary->residual == UINT16_MAX)
                return false;
            summary->residual++;
        } else if (statement->cutoff_ms > summary->cutoff_ms) {
            summary->cutoff_ms = statement->cutoff_ms;
        }
    }
    return at == statements.length;
}

/* Role ARNs and ids are printable ASCII without blanks; their grammar is session/'s. */
static bool plain(struct sg_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    return true;
}

static bool state_known(unsigned state)
{
    return state == SG_ROLE_PRESENT || state == SG_ROLE_DELETED;
}

/* A piece of the record behind its header. */
static bool inside(const struct sg_record_header *header, size_t at, size_t length)
{
    return at >= sizeof *header && at <= header->size && length <= header->size - at;
}

bool sg_record_view(struct sg_record *record, struct sg_text bytes)
{
    struct sg_record_header header;

    *record = (struct sg_record){.cutoff_ms = SG_CUTOFF_NONE};
    if (bytes.length < sizeof header || bytes.length > SG_RECORD_MAX_BYTES)
        return false;
    memcpy(&header, bytes.data, sizeof header);
    if (header.size != bytes.length || !state_known(header.state))
        return false;
    if (!inside(&header, header.arn_at, header.arn_length) ||
        !inside(&header, header.role_id_at, header.role_id_length) ||
        !inside(&header, header.statements_at, header.statements_length))
        return false;

    record->state = header.state == SG_ROLE_PRESENT ? SG_ROLE_PRESENT : SG_ROLE_DELETED;
    record->residual = header.residual != 0;
    record->cutoff_ms = header.cutoff_ms;
    record->created_ms = header.created_ms;
    record->stale_since_ms = header.stale_since_ms;
    record->arn = (struct sg_text){bytes.data + header.arn_at, header.arn_length};
    record->role_id = (struct sg_text){bytes.data + header.role_id_at, header.role_id_length};
    record->statements =
        (struct sg_text){bytes.data + header.statements_at, header.statements_length};
    return true;
}

bool sg_record_read(struct sg_record *record, struct sg_text bytes)
{
    struct sg_record_header header;
    struct sg_record view;
    struct summary summary;

    *record = (struct sg_record){.cutoff_ms = SG_CUTOFF_NONE};
    if ((uintptr_t)bytes.data % 8 != 0 || bytes.length % 8 != 0)
        return false;
    if (!sg_record_view(&view, bytes))
        return false;
    if (view.arn.length > SG_ARN_MAX || !plain(view.arn) || view.role_id.length > ROLE_ID_MAX ||
        !plain(view.role_id))
        return false;
    if ((uintptr_t)view.statements.data % 8 != 0 || !sg_statement_run_valid(view.statements))
        return false;

    memcpy(&header, bytes.data, sizeof header);
    if (!summarise(&summary, view.statements) || summary.cutoff_ms != header.cutoff_ms ||
        summary.residual != header.residual)
        return false;
    *record = view;
    return true;
}

bool sg_record_write(struct sg_buffer *out, const struct sg_record *record)
{
    static const char zeros[8] = {0};
    const size_t before = out->length;
    const size_t texts = record->arn.length + record->role_id.length;
    const size_t pad = (8 - (texts % 8)) % 8;
    struct sg_record_header header = {.state = (uint16_t)record->state};
    struct summary summary;

    if (record->arn.length > SG_ARN_MAX || record->role_id.length > ROLE_ID_MAX ||
        !plain(record->arn) || !plain(record->role_id) || !state_known(record->state))
        return false;
    if (record->statements.length > SG_RECORD_MAX_BYTES - sizeof header - texts - pad)
        return false;
    if (!sg_statement_run_valid(record->statements) || !summarise(&summary, record->statements))
        return false;

    header.size = (uint32_t)(sizeof header + texts + pad + record->statements.length);
    header.residual = summary.residual;
    header.cutoff_ms = summary.cutoff_ms;
    header.created_ms = record->created_ms;
    header.stale_since_ms = record->stale_since_ms;
    header.arn_at = (uint16_t)sizeof header;
    header.arn_length = (uint16_t)record->arn.length;
    header.role_id_at = (uint16_t)(sizeof header + record->arn.length);
    header.role_id_length = (uint16_t)record->role_id.length;
    header.statements_at = (uint32_t)(sizeof header + texts + pad);
    header.statements_length = (uint32_t)record->statements.length;
    sg_buffer_add(out, &header, sizeof header);
    sg_buffer_add_text(out, record->arn);
    sg_buffer_add_text(out, record->role_id);
    sg_buffer_add(out, zeros, pad);
    sg_buffer_add_text(out, record->statements);
    if (!out->failed)
        return true;
    if (out->data != NULL) {
        out->length = before;
        out->data[before] = '\0';
    }
    return false;
}
