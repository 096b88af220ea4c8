/* Running a command in a test, and looking at what it said. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    int status; /* of exit; 128 + signal where it was killed */
    char *out, *err;
} CommandResult;

/* Runs a shell command line from the repository's root, for at most 10 minutes. The strings live
 * until the next call. */
__attribute__((format(printf, 1, 2))) const CommandResult *run_shell(const char *format, ...);

/* The command under test: $REMATC or build/rematc. */
const char *rematc_path(void);

/* A folder of this test run's own, empty at the first call, removed at exit. */
const char *scratch_folder(void);

/* The contents of a file (malloc'ed, terminated), or NULL. */
char *read_whole_file(const char *path, size_t *n);

/* True where both files are there and have the same bytes. */
bool same_files(const char *a, const char *b);

/* The number after the last `"key":` in text, or NaN. */
double last_number(const char *text, const char *key);

int text_lines(const char *text);

/* Prints that a test is skipped and why. */
__attribute__((format(printf, 1, 2))) void say_skipped(const char *format, ...);

#endif
