/*
 * replay.c: the main of a fuzz target when it is not built on libFuzzer. Gives the target every
 * file of its corpus, each in memory of exactly its size so that a sanitizer sees a read past the
 * end.
 *
 *     fuzz_NAME [FILE | FOLDER]...      without arguments: $SG_SRCDIR/tests/fuzz/corpus/NAME
 *
 * It must never pass without having replayed anything.
 */
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_INPUT = 4 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer's optional hook, which a target may define. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static unsigned replayed;

static bool replay_file(const char *path, size_t size)
{
    bool done = false;
    uint8_t *data = NULL;
    FILE *file = fopen(path, "rbe");

    if (file == NULL)
        goto out;
    if (size > LARGEST_INPUT)
        goto out;
    data = malloc(size > 0 ? size : 1);
    if (data == NULL || fread(data, 1, size, file) != size)
        goto out;
    LLVMFuzzerTestOneInput(data, size);
    replayed++;
    done = true;
out:
    if (!done)
        fprintf(stderr, "replay: cannot read %s, or it is over %d bytes\n", path, LARGEST_INPUT);
    free(data);
    if (file != NULL)
        fclose(file);
    return done;
}

static bool replay_folder(const char *path)
{
    bool done = true;
    const struct dirent *entry;
    DIR *folder = opendir(path);

    if (folder == NULL) {
        perror(path);
        return false;
    }
    while ((entry = readdir(folder)) != NULL) {
        char inside[PATH_MAX];
        struct stat status;
        int length = snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);

        if (length < 0 || (size_t)length >= sizeof(inside) || stat(inside, &status) != 0)
            done = false;
        else if (S_ISREG(status.st_mode) && !replay_file(inside, (size_t)status.st_size))
            done = false;
    }
    closedir(folder);
    return done;
}

static bool replay(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        perror(path);
        return false;
    }
    if (S_ISDIR(status.st_mode))
        return replay_folder(path);
    return replay_file(path, (size_t)status.st_size);
}

/* tests/fuzz/fuzz_NAME replays corpus/NAME. */
static bool replay_own_corpus(const char *program)
{
    char path[PATH_MAX];
    const char *source = getenv("SG_SRCDIR");
    const char *name = strstr(program, "fuzz_");
    int length;

    while (name != NULL && strstr(name + 1, "fuzz_") != NULL)
        name = strstr(name + 1, "fuzz_");
    if (name == NULL || source == NULL) {
        fprintf(stderr, "replay: give files, or set SG_SRCDIR to the source tree\n");
        return false;
    }
    length =
        snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", source, name + strlen("fuzz_"));
    if (length < 0 || (size_t)length >= sizeof(path))
        return false;
    return replay(path);
}

int main(int argc, char **argv)
{
    bool done = true;

    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    if (argc < 2)
        done = replay_own_corpus(argv[0]);
    for (int i = 1; i < argc; i++)
        done = replay(argv[i]) && done;
    printf("%u inputs replayed\n", replayed);
    return done && replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
