/*
 * policy_decide.c - reads cases (tests/unit/policy_case.h), one JSON object a line, and writes what
 * the compiled evaluator says of each, one word a line. For tests only.
 */
#include "policy_case.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    int status = 0;

    while (getline(&line, &room, stdin) > 0) {
        struct json_object *one = json_tokener_parse(line);
        const char *word = one == NULL ? NULL : policy_case_decide(one, NULL);

        if (word == NULL)
            status = 1;
        puts(word == NULL ? "error: not a case" : word);
        json_object_put(one);
    }
    free(line);
    return status;
}
