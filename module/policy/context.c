/*
 * context.c - a context written out as a list, for tools and tests. Must never
 * invent a value: what the list does not say is what its owner said of the rest.
 */
#include "policy/context.h"

void sg_context_list_ask(struct sg_key_values *values, const struct sg_policy_request *request,
                         enum sg_key key, struct sg_text name)
{
    const struct sg_context_list *list = request->payload;

    (void)key;
    values->presence = list->otherwise;
    for (size_t i = 0; i < list->count; i++) {
        const struct sg_context_entry *entry = &list->entries[i];

        if (!sg_text_equal_nocase(entry->name, name))
            continue;
        values->presence = entry->presence;
        values->values = entry->values;
        values->count = entry->presence == SG_KEY_PRESENT ? entry->count : 0;
        return;
    }
}
