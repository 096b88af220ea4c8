/* Options of the commands that take a model file, from one table that help is printed from too. */
#ifndef CLI_H
#define CLI_H

#include "base/base.h"

typedef enum {
    COMMAND_CHECK,
    COMMAND_PLAN,
    COMMAND_EMIT,
    COMMAND_BUILD,
    COMMAND_RUN,
    COMMAND_FIT
} CommandKind;

typedef struct {
    CommandKind command;
    const char *file;     /* "-": standard input */
    const char **defines; /* `name=value`, in the order given */
    int n_defines;
    bool has_budget, lift_budget; /* --budget BYTES, --budget none; neither: the file's */
    size_t budget_bytes;
    const char *strategy, *target, *device, *profile; /* NULL: not given */
    size_t alignment;                                 /* 0: the target's */
    uint64_t seed;
    double plan_seconds;
    const char *format, *why, *vary;
    bool compare;
    int pareto; /* points, 0: no */
    const char *output;
    const char *dump; /* a stage, or NULL */
    bool quiet, verbose;
    bool silent;              /* no messages at all: a trial of `fit` */
    char **program_arguments; /* run: what follows `--`, NULL-terminated */
} Options;

/* False where the run is over: after --help (*status 0) or a wrong command line (*status 2, said on
 * standard error). argv[0] is the command's name. */
bool options_parse(Arena *arena, CommandKind command, int argc, char **argv, Options *options,
                   int *status);

#endif
