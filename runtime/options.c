/* The command line of the program: one table, from which --help is printed too. */
#include "rt_internal.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_STEPS = 256,
    OPTION_SEED,
    OPTION_DATA,
    OPTION_LOAD,
    OPTION_SAVE,
    OPTION_RESUME,
    OPTION_EVERY,
    OPTION_DIR,
    OPTION_EVAL,
    OPTION_METRICS,
    OPTION_PROFILE,
    OPTION_DUMP,
    OPTION_VERIFY,
    OPTION_THREADS,
    OPTION_QUIET,
    OPTION_HELP
};

static const struct {
    const char *name, *argument, *help;
    int code;
} rows[] = {
    {"steps", "N", "train until step N (0: none)", OPTION_STEPS},
    {"seed", "S", "of initial weights, dropout, synthetic data, order of data", OPTION_SEED},
    {"data", "PATH", "where the data source reads from", OPTION_DATA},
    {"load", "FILE.safetensors", "start from these weights", OPTION_LOAD},
    {"save", "FILE.safetensors", "write the weights after the last step", OPTION_SAVE},
    {"checkpoint-every", "N", "write weights and states to resume from", OPTION_EVERY},
    {"checkpoint-dir", "DIR", "where to (default: checkpoints)", OPTION_DIR},
    {"resume", "DIR", "go on from a checkpoint", OPTION_RESUME},
    {"eval", NULL, "only forward passes: no dropout, nothing is changed", OPTION_EVAL},
    {"metrics", "FILE.jsonl", "one JSON object a step (- for standard output)", OPTION_METRICS},
    {"profile", "FILE.json", "seconds of each row of the schedule", OPTION_PROFILE},
    {"dump", "FILE.safetensors", "parameters, gradients, inputs, outputs of the last step",
     OPTION_DUMP},
    {"verify", NULL, "compare what is recomputed with what was dropped, bit by bit", OPTION_VERIFY},
    {"threads", "N", "default: one a processor", OPTION_THREADS},
    {"quiet", NULL, "no progress", OPTION_QUIET},
    {"help", NULL, "this", OPTION_HELP},
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

static void print_help(void)
{
    printf("usage: %s [options]\n"
           "Trains the model %s (target %s, strategy %s; %lld steps unless --steps says else).\n",
           rt_program.name, rt_program.name, rt_program.target, rt_program.strategy,
           (long long)rt_program.steps);
    for (int i = 0; i < N_ROWS; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", rows[i].name,
                 rows[i].argument ? rows[i].argument : "");
        printf("  %-28s %s\n", left, rows[i].help);
    }
}

static uint64_t number(const char *option, const char *text, uint64_t most)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value > most)
        rt_fail(RT_EXIT_USAGE, "--%s needs a whole number from 0 to %llu, not '%s'", option,
                (unsigned long long)most, text);
    return value;
}

static void set_option(RtOptions *options, int code, const char *value)
{
    switch (code) {
    case OPTION_STEPS: options->steps = (int64_t)number("steps", value, INT32_MAX); break;
    case OPTION_SEED: options->seed = number("seed", value, UINT64_MAX); break;
    case OPTION_DATA: options->data = value; break;
    case OPTION_LOAD: options->load = value; break;
    case OPTION_SAVE: options->save = value; break;
    case OPTION_RESUME: options->resume = value; break;
    case OPTION_EVERY:
        options->checkpoint_every = (int64_t)number("checkpoint-every", value, INT32_MAX);
        break;
    case OPTION_DIR: options->checkpoint_dir = value; break;
    case OPTION_EVAL: options->eval = true; break;
    case OPTION_METRICS: options->metrics = value; break;
    case OPTION_PROFILE: options->profile = value; break;
    case OPTION_DUMP: options->dump = value; break;
    case OPTION_VERIFY: options->verify = true; break;
    case OPTION_THREADS: options->threads = (int)number("threads", value, 4096); break;
    case OPTION_QUIET: options->quiet = true; break;
    case OPTION_HELP: print_help(); exit(0);
    default: fprintf(stderr, "%s --help lists the options\n", rt_program.name); exit(RT_EXIT_USAGE);
    }
}

RtOptions rt_options_parse(int argc, char **argv)
{
    RtOptions options = {
        .steps = rt_program.steps, .seed = rt_program.seed, .checkpoint_dir = "checkpoints"};
    struct option table[N_ROWS + 1];
    memset(table, 0, sizeof table);
    for (int i = 0; i < N_ROWS; i++) {
        table[i].name = rows[i].name;
        table[i].has_arg = rows[i].argument ? required_argument : no_argument;
        table[i].val = rows[i].code;
    }
    for (int code; (code = getopt_long(argc, argv, "", table, NULL)) != -1;)
        set_option(&options, code, optarg);
    if (optind < argc)
        rt_fail(RT_EXIT_USAGE, "'%s' is no option; --help lists them", argv[optind]);
    if (options.load && options.resume)
        rt_fail(RT_EXIT_USAGE, "--load and --resume exclude each other");
    return options;
}
