/*
 * test_policy_cases.c - the table of tests/data/policy/cases: what the IAM reference says of each
 * operator, key, date form and wildcard, each case a test of its own.
 */
#include "policy_case.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct entry {
    struct json_object *one, *group;
};

static struct CMUnitTest *tests;
static struct entry *entries;
static size_t count, room;
static struct json_object *files[64];
static size_t file_count;

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

static void run_case(void **state)
{
    const struct entry *entry = *state;
    const char *result = policy_case_decide(entry->one, entry->group);

    assert_non_null(result);
    assert_string_equal(result, json_object_get_string(member(entry->one, "expect")));
}

static bool add_case(struct json_object *one, struct json_object *group)
{
    char name[256];

    if (count == room)
        return false;
    (void)snprintf(name, sizeof name, "%s: %s", json_object_get_string(member(group, "group")),
                   json_object_get_string(member(one, "case")));
    entries[count] = (struct entry){one, group};
    tests[count] = (struct CMUnitTest){
        .name = strdup(name), .test_func = run_case, .initial_state = &entries[count]};
    return tests[count++].name != NULL;
}

static bool add_file(const char *path)
{
    struct json_object *file = json_object_from_file(path);
    struct json_object *groups = member(file, "groups");

    if (file_count == sizeof files / sizeof files[0] || groups == NULL) {
        json_object_put(file);
        return false;
    }
    files[file_count++] = file;
    for (size_t i = 0; i < json_object_array_length(groups); i++) {
        struct json_object *group = json_object_array_get_idx(groups, i);
        struct json_object *cases = member(group, "cases");

        if (member(group, "says") == NULL || cases == NULL)
            return false;
        for (size_t j = 0; j < json_object_array_length(cases); j++) {
            if (!add_case(json_object_array_get_idx(cases, j), group))
                return false;
        }
    }
    return true;
}

/* In the order of their names, so that two runs read alike. */
static bool add_folder(const char *folder)
{
    struct dirent **names = NULL;
    const int found = scandir(folder, &names, NULL, alphasort);
    bool good = found >= 0;

    for (int i = 0; i < found; i++) {
        const char *dot = strrchr(names[i]->d_name, '.');
        char path[4300];

        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (good && dot != NULL && strcmp(dot, ".json") == 0 && !add_file(path)) {
            fprintf(stderr, "test_policy_cases: cannot read %s\n", path);
            good = false;
        }
        free(names[i]);
    }
    free(names);
    return good;
}

int main(void)
{
    const char *source = getenv("SG_SRCDIR");
    char folder[4000];
    int failed = 1;

    room = 4096;
    tests = calloc(room, sizeof *tests);
    entries = calloc(room, sizeof *entries);
    (void)snprintf(folder, sizeof folder, "%s/tests/data/policy/cases",
                   source == NULL ? "." : source);
    if (tests != NULL && entries != NULL && add_folder(folder) && count >= 400)
        failed = _cmocka_run_group_tests("policy cases", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)tests[i].name);
    for (size_t i = 0; i < file_count; i++)
        json_object_put(files[i]);
    free(tests);
    free(entries);
    return failed;
}
