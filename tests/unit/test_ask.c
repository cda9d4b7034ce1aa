/*
 * test_ask.c - the agent's socket: what comes over it is hostile until it has been checked, and a
 * gateway talks to nobody but the agent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- questions ---- */

static struct sg_question role_question(void)
{
    return (struct sg_question){
        .magic = SG_ASK_MAGIC,
        .kind = SG_ASK_ROLE,
        .id = 42,
        .label = "prod",
        .partition = "aws",
        .account = "123456789012",
        .role_name = "payments-writer",
    };
}

static bool valid(const struct sg_question *question)
{
    return sg_question_valid(question, sizeof *question);
}

static void whole_questions_are_valid(void **state)
{
    struct sg_question question = role_question();

    (void)state;
    assert_true(valid(&question));
    memset(question.account, 0, sizeof question.account); /* self-hosted: no account */
    assert_true(valid(&question));
    question = (struct sg_question){.magic = SG_ASK_MAGIC, .kind = SG_ASK_KEYS, .label = "prod"};
    assert_true(valid(&question));
    question = (struct sg_question){.magic = SG_ASK_MAGIC, .kind = SG_ASK_STATUS};
    assert_true(valid(&question));
}

static void question_of_another_size_is_refused(void **state)
{
    const struct sg_question question = role_question();
    char larger[sizeof question + 1] = {0};

    (void)state;
    memcpy(larger, &question, sizeof question);
    assert_false(sg_question_valid(larger, sizeof larger));
    for (size_t length = 0; length < sizeof question; length++) {
        char *exact = malloc(length > 0 ? length : 1);
        assert_non_null(exact);
        memcpy(exact, &question, length);
        assert_false(sg_question_valid(exact, length));
        free(exact);
    }
}

static void question_at_an_odd_address_is_read(void **state)
{
    const struct sg_question question = role_question();
    char moved[sizeof question + 1];

    (void)state;
    memcpy(moved + 1, &question, sizeof question);
    assert_true(sg_question_valid(moved + 1, sizeof question));
}

static void wrong_magic_or_unknown_kind_is_refused(void **state)
{
    struct sg_question question = role_question();

    (void)state;
    question.magic ^= 1;
    assert_false(valid(&question));
    question = role_question();
    question.kind = 0;
    assert_false(valid(&question));
    question.kind = 4;
    assert_false(valid(&question));
    question.kind = UINT32_MAX;
    assert_false(valid(&question));
}

static void text_without_an_end_is_refused(void **state)
{
    struct sg_question question = role_question();

    (void)state;
    memset(question.label, 'a', sizeof question.label);
    assert_false(valid(&question));
    question = role_question();
    memset(question.partition, 'a', sizeof question.partition);
    assert_false(valid(&question));
    question = role_question();
    memset(question.account, '1', sizeof question.account);
    assert_false(valid(&question));
    question = role_question();
    memset(question.role_name, 'a', sizeof question.role_name);
    assert_false(valid(&question));
    question.role_name[SG_ROLE_NAME_MAX] = '\0';
    assert_true(valid(&question));
}

static void role_is_asked_for_by_its_own_spelling(void **state)
{
    struct sg_question question = role_question();

    (void)state;
    (void)snprintf(question.role_name, sizeof question.role_name, "Payments-Writer");
    assert_true(valid(&question));
}

/* Nothing of the asker's memory, and nothing to smuggle, behind a text. */
static void bytes_behind_the_end_of_a_text_are_refused(void **state)
{
    struct sg_question question = role_question();

    (void)state;
    question.label[sizeof question.label - 1] = 'x';
    assert_false(valid(&question));
    question = role_question();
    question.partition[10] = 'x';
    assert_false(valid(&question));
    question = role_question();
    question.role_name[20] = 'x';
    assert_false(valid(&question));
    question = role_question();
    question.zero = 1;
    assert_false(valid(&question));
}

static void set(char *field, size_t size, const char *text)
{
    memset(field, 0, size);
    (void)snprintf(field, size, "%s", text);
}

static void names_outside_of_their_alphabets_are_refused(void **state)
{
    const char *const labels[] = {"", "../prod", "a b", "pr\nod", "pr\"od", ".x"};
    const char *const partitions[] = {"", "AWS", "aws/cn", "aws*", "1"};
    const char *const accounts[] = {"12345678901", "12345678901x", "*", "-23456789012"};
    const char *const roles[] = {"", "a/b", "a b", "a*", "a\n", "a%2f", "r\xc3\xb6le"};
    struct sg_question question;

    (void)state;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        question = role_question();
        set(question.label, sizeof question.label, labels[i]);
        assert_false(valid(&question));
    }
    for (size_t i = 0; i < sizeof partitions / sizeof partitions[0]; i++) {
        question = role_question();
        set(question.partition, sizeof question.partition, partitions[i]);
        assert_false(valid(&question));
    }
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        question = role_question();
        set(question.account, sizeof question.account, accounts[i]);
        assert_false(valid(&question));
    }
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        question = role_question();
        set(question.role_name, sizeof question.role_name, roles[i]);
        assert_false(valid(&question));
    }
}

static void key_and_status_questions_name_no_role(void **state)
{
    struct sg_question question = role_question();

    (void)state;
    question.kind = SG_ASK_KEYS;
    assert_false(valid(&question));
    question.kind = SG_ASK_STATUS;
    assert_false(valid(&question));
    question = (struct sg_question){.magic = SG_ASK_MAGIC, .kind = SG_ASK_STATUS, .label = "prod"};
    assert_false(valid(&question));
    question = (struct sg_question){.magic = SG_ASK_MAGIC, .kind = SG_ASK_KEYS};
    assert_false(valid(&question));
}

static void identity_question_carries_a_request(void **state)
{
    const struct sg_question question = {
        .magic = SG_ASK_MAGIC, .kind = SG_ASK_IDENTITY, .label = "prod"};
    char packet[SG_ASK_PACKET_MAX + 1] = {0};
    struct sg_question other = question;

    (void)state;
    memcpy(packet, &question, sizeof question);
    assert_true(sg_question_head_valid(&question));
    assert_true(sg_question_valid(packet, sizeof question + 9));
    assert_true(sg_question_valid(packet, SG_ASK_PACKET_MAX));
    assert_false(sg_question_valid(packet, SG_ASK_PACKET_MAX + 1));
    assert_false(sg_question_valid(packet, sizeof question + 8)); /* where from, and nothing */
    assert_false(sg_question_valid(packet, sizeof question));
    set(other.role_name, sizeof other.role_name, "app");
    memcpy(packet, &other, sizeof other);
    assert_false(sg_question_valid(packet, sizeof other + 9));
    other = role_question(); /* nothing stands behind other questions */
    memcpy(packet, &other, sizeof other);
    assert_false(sg_question_valid(packet, sizeof other + 9));
}

static void identity_answer_is_whole_or_nothing(void **state)
{
    const struct sg_identity_answer good = {.head = {.magic = SG_ASK_MAGIC},
                                            .date_ms = 1,
                                            .account = "123456789012",
                                            .role_name = "app",
                                            .role_id = "AROAEXAMPLE",
                                            .session_name = "julie"};
    struct sg_identity_answer answer = good;

    (void)state;
    assert_true(sg_identity_answer_valid(&answer));
    answer.head.status = SG_IDENTITY_BAD_SIGNATURE; /* a refusal tells no names */
    assert_false(sg_identity_answer_valid(&answer));
    answer = good;
    answer.role_id[0] = 'a';
    assert_false(sg_identity_answer_valid(&answer));
    answer = good;
    answer.session_name[10] = 'x';
    assert_false(sg_identity_answer_valid(&answer));
    answer = good;
    answer.head.magic++;
    assert_false(sg_identity_answer_valid(&answer));
    answer = good;
    answer.account[11] = 0;
    assert_false(sg_identity_answer_valid(&answer));
    answer = (struct sg_identity_answer){.head = {SG_ASK_MAGIC, SG_E_BUSY, 1}};
    assert_true(sg_identity_answer_valid(&answer));
}

/* ---- the socket ---- */

struct place {
    char root[64], path[96];
    struct sg_owners owners;
    struct sg_problems problems;
    int listener;
};

static int setup(void **state)
{
    struct place *place = sg_alloc(1, sizeof *place);

    if (place == NULL)
        return -1;
    (void)snprintf(place->root, sizeof place->root, "/tmp/stsgate-ask.XXXXXX");
    if (mkdtemp(place->root) == NULL || chmod(place->root, 0755) != 0)
        return -1;
    (void)snprintf(place->path, sizeof place->path, "%s/run/agent.sock", place->root);
    place->owners = (struct sg_owners){{geteuid()}, 1};
    place->listener = -1;
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char folder[96];

    if (place->listener >= 0)
        (void)close(place->listener);
    (void)unlink(place->path);
    (void)snprintf(folder, sizeof folder, "%s/run", place->root);
    (void)rmdir(folder);
    (void)rmdir(place->root);
    sg_problems_clear(&place->problems);
    free(place);
    return 0;
}

static void begin_listening(struct place *place)
{
    place->listener = sg_ask_listen(place->path, &place->problems);
    if (place->listener < 0 && place->problems.stored > 0)
        print_error("%s\n", place->problems.texts[0]);
    assert_true(place->listener >= 0);
}

static void question_and_answer_pass_through(void **state)
{
    struct place *place = *state;
    const struct sg_question question = role_question();
    const struct sg_answer answer = {SG_ASK_MAGIC, 0, 42};
    struct sg_question arrived;
    struct sg_answer back;

    begin_listening(place);
    const int reader = sg_ask_connect(place->path, &place->owners);
    assert_true(reader >= 0);
    const int agent = accept4(place->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(agent >= 0);
    assert_int_equal(send(reader, &question, sizeof question, MSG_NOSIGNAL), sizeof question);
    assert_int_equal(recv(agent, &arrived, sizeof arrived, 0), sizeof arrived);
    assert_true(valid(&arrived));
    assert_int_equal(send(agent, &answer, sizeof answer, MSG_NOSIGNAL), sizeof answer);
    assert_int_equal(recv(reader, &back, sizeof back, 0), sizeof back);
    assert_int_equal(back.id, 42);
    (void)close(agent);
    (void)close(reader);
}

static void neither_end_blocks_or_is_inherited(void **state)
{
    struct place *place = *state;
    char byte;

    begin_listening(place);
    const int reader = sg_ask_connect(place->path, &place->owners);
    assert_true(reader >= 0);
    assert_int_equal(recv(reader, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_not_equal(fcntl(reader, F_GETFD) & FD_CLOEXEC, 0);
    assert_int_not_equal(fcntl(place->listener, F_GETFD) & FD_CLOEXEC, 0);
    assert_int_not_equal(fcntl(place->listener, F_GETFL) & O_NONBLOCK, 0);
    (void)close(reader);
}

static void any_user_may_connect_but_not_put_a_socket_there(void **state)
{
    struct place *place = *state;
    char folder[96];
    struct stat info;

    begin_listening(place);
    assert_int_equal(stat(place->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0666);
    (void)snprintf(folder, sizeof folder, "%s/run", place->root);
    assert_int_equal(stat(folder, &info), 0);
    assert_int_equal(info.st_mode & 0022, 0);
}

static void no_agent_is_absent(void **state)
{
    struct place *place = *state;

    assert_int_equal(sg_ask_connect(place->path, &place->owners), SG_E_ABSENT);
    begin_listening(place);
    (void)close(place->listener); /* it died: the socket is still there */
    place->listener = -1;
    assert_int_equal(sg_ask_connect(place->path, &place->owners), SG_E_ABSENT);
}

static void dead_socket_is_replaced(void **state)
{
    struct place *place = *state;

    begin_listening(place);
    (void)close(place->listener);
    begin_listening(place);
    const int reader = sg_ask_connect(place->path, &place->owners);
    assert_true(reader >= 0);
    (void)close(reader);
}

static void live_socket_is_left_alone(void **state)
{
    struct place *place = *state;

    begin_listening(place);
    assert_int_equal(sg_ask_listen(place->path, &place->problems), SG_E_BUSY);
    assert_int_equal(place->problems.count, 1);
    const int reader = sg_ask_connect(place->path, &place->owners);
    assert_true(reader >= 0);
    (void)close(reader);
}

static void file_in_place_of_the_socket_is_not_removed(void **state)
{
    struct place *place = *state;
    char folder[96];

    (void)snprintf(folder, sizeof folder, "%s/run", place->root);
    assert_int_equal(mkdir(folder, 0755), 0);
    const int file = open(place->path, O_CREAT | O_WRONLY, 0644);
    assert_true(file >= 0);
    (void)close(file);
    assert_int_equal(sg_ask_listen(place->path, &place->problems), SG_E_UNTRUSTED);
    assert_int_equal(access(place->path, F_OK), 0);
    assert_int_equal(sg_ask_connect(place->path, &place->owners), SG_E_UNTRUSTED);
}

static void symlinked_socket_is_refused(void **state)
{
    struct place *place = *state;
    char other[160];

    begin_listening(place);
    (void)snprintf(other, sizeof other, "%s.moved", place->path);
    assert_int_equal(rename(place->path, other), 0);
    assert_int_equal(symlink(other, place->path), 0);
    assert_int_equal(sg_ask_connect(place->path, &place->owners), SG_E_UNTRUSTED);
    (void)unlink(other);
}

static void folder_that_others_may_write_is_refused_by_both_sides(void **state)
{
    struct place *place = *state;
    char folder[96];

    begin_listening(place);
    (void)snprintf(folder, sizeof folder, "%s/run", place->root);
    assert_int_equal(chmod(folder, 0775), 0);
    assert_int_equal(sg_ask_connect(place->path, &place->owners), SG_E_UNTRUSTED);
    (void)close(place->listener);
    place->listener = -1;
    assert_int_equal(sg_ask_listen(place->path, &place->problems), SG_E_UNTRUSTED);
    assert_int_equal(chmod(folder, 01777), 0);
    assert_int_equal(sg_ask_listen(place->path, &place->problems), SG_E_UNTRUSTED);
    assert_int_equal(place->problems.count, 2);
}

static void agent_of_another_user_is_refused(void **state)
{
    struct place *place = *state;
    const struct sg_owners root_only = {{0}, 0};
    int ready[2], status;
    char byte;

    if (geteuid() != 0)
        skip();
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(chown(place->root, 4711, 4711), 0);
    const pid_t agent = fork();
    assert_true(agent >= 0);
    if (agent == 0) {
        (void)close(ready[0]);
        if (setgid(4711) != 0 || setuid(4711) != 0 || sg_ask_listen(place->path, NULL) < 0)
            _exit(1);
        (void)!write(ready[1], "r", 1);
        (void)pause();
        _exit(0);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(sg_ask_connect(place->path, &root_only), SG_E_UNTRUSTED);

    /* The socket's files may be put right; who listens is what counts. */
    char folder[96];
    (void)snprintf(folder, sizeof folder, "%s/run", place->root);
    assert_int_equal(chown(folder, 0, 0), 0);
    assert_int_equal(chown(place->path, 0, 0), 0);
    assert_int_equal(sg_ask_connect(place->path, &root_only), SG_E_UNTRUSTED);
    const int reader = sg_ask_connect(place->path, &(struct sg_owners){{4711}, 1});
    assert_true(reader >= 0);
    (void)close(reader);
    (void)close(ready[0]);
    assert_int_equal(kill(agent, SIGKILL), 0);
    assert_int_equal(waitpid(agent, &status, 0), agent);
}

static void full_queue_is_busy_not_a_wait(void **state)
{
    struct place *place = *state;
    int readers[400], count = 0, status = SG_OK;

    begin_listening(place);
    while (count < 400) {
        status = sg_ask_connect(place->path, &place->owners);
        if (status < 0)
            break;
        readers[count++] = status;
    }
    assert_int_equal(status, SG_E_BUSY);
    while (count > 0)
        (void)close(readers[--count]);
}

static void path_that_is_relative_or_too_long_is_refused(void **state)
{
    struct place *place = *state;
    char path[200];

    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_int_equal(sg_ask_listen(path, &place->problems), SG_E_INVALID);
    assert_int_equal(sg_ask_connect(path, &place->owners), SG_E_SYSTEM);
    assert_int_equal(sg_ask_listen("agent.sock", &place->problems), SG_E_INVALID);
    assert_int_equal(place->problems.count, 2);
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_questions_are_valid),
        cmocka_unit_test(question_of_another_size_is_refused),
        cmocka_unit_test(question_at_an_odd_address_is_read),
        cmocka_unit_test(wrong_magic_or_unknown_kind_is_refused),
        cmocka_unit_test(text_without_an_end_is_refused),
        cmocka_unit_test(role_is_asked_for_by_its_own_spelling),
        cmocka_unit_test(bytes_behind_the_end_of_a_text_are_refused),
        cmocka_unit_test(names_outside_of_their_alphabets_are_refused),
        cmocka_unit_test(key_and_status_questions_name_no_role),
        cmocka_unit_test(identity_question_carries_a_request),
        cmocka_unit_test(identity_answer_is_whole_or_nothing),
        PLACE_TEST(question_and_answer_pass_through),
        PLACE_TEST(neither_end_blocks_or_is_inherited),
        PLACE_TEST(any_user_may_connect_but_not_put_a_socket_there),
        PLACE_TEST(no_agent_is_absent),
        PLACE_TEST(dead_socket_is_replaced),
        PLACE_TEST(live_socket_is_left_alone),
        PLACE_TEST(file_in_place_of_the_socket_is_not_removed),
        PLACE_TEST(symlinked_socket_is_refused),
        PLACE_TEST(folder_that_others_may_write_is_refused_by_both_sides),
        PLACE_TEST(agent_of_another_user_is_refused),
        PLACE_TEST(full_queue_is_busy_not_a_wait),
        PLACE_TEST(path_that_is_relative_or_too_long_is_refused),
    };

    return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
