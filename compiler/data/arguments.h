/* The command lines of `rematc data`: options from a table, which is also their help. */
#ifndef DATA_ARGUMENTS_H
#define DATA_ARGUMENTS_H

#include "base/base.h"

typedef struct {
    const char *name;     /* --size, -o */
    const char *argument; /* what it takes, for the help; NULL for a flag */
    bool *flag;           /* exactly one of flag, text and count is set: where the value goes */
    const char **text;
    int *count; /* a whole number, at least 0 */
    const char *help;
} Option;

typedef struct {
    const char *name;  /* rematc data encode */
    const char *files; /* what follows the options, for the help: FILE... */
    const char *help;  /* what the command does, a few lines */
    const Option *options;
    int n_options;
} CommandLine;

typedef ARRAY(const char *) Files;

/* Reads argv[1..]; `--` ends the options. Returns EXIT_DONE; EXIT_USAGE after a message; or, where
 * --help was asked for and printed, ARGUMENTS_HELP. */
enum { ARGUMENTS_HELP = -1 };
int arguments_read(Arena *arena, const CommandLine *line, char **argv, Files *files);

__attribute__((format(printf, 2, 3))) int arguments_error(const CommandLine *line,
                                                          const char *format, ...);

#endif
