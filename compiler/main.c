/* The command: picks the subcommand from the table. */
#include "base/base.h"
#include "commands.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} Command;

static const Command commands[] = {
    {"data", data_command, "vocabularies and token files from text"},
    {"diff", diff_command, "what changed between two plans; exit status 1 if the peak grew"},
    {"pack", pack_command, "offsets for a raw packing instance (CSV in, JSON out)"},
    {"solve", solve_command, "a schedule for a raw recompute instance (.g in, JSON out)"},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out)
{
    fputs("usage: rematc COMMAND ...; rematc COMMAND --help says more\n", out);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        print_usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_DONE;
    }
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "rematc: error: there is no command '%s'\n", argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}
