/* The table of options: what each is called, takes and means, and which commands know it. */
#include "cli.h"

#include "base/size.h"
#include "report/report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHECK = 1 << COMMAND_CHECK,
    PLAN = 1 << COMMAND_PLAN,
    EMIT = 1 << COMMAND_EMIT,
    BUILD = 1 << COMMAND_BUILD,
    RUN = 1 << COMMAND_RUN,
    FIT = 1 << COMMAND_FIT,
    PLANNED = PLAN | EMIT | BUILD | RUN | FIT,
    ALL = CHECK | PLANNED
};

/* Long names that have no letter are told apart by these. */
enum {
    OPTION_BUDGET = 256,
    OPTION_STRATEGY,
    OPTION_TARGET,
    OPTION_DEVICE,
    OPTION_PROFILE,
    OPTION_ALIGNMENT,
    OPTION_SEED,
    OPTION_PLAN_SECONDS,
    OPTION_FORMAT,
    OPTION_COMPARE,
    OPTION_PARETO,
    OPTION_WHY,
    OPTION_VARY
};

typedef struct {
    int key;
    const char *name, *argument; /* argument: NULL none, "[N]" may be left out */
    int commands;
    const char *help;
} OptionRow;

static const OptionRow rows[] = {
    {'D', "define", "NAME=VALUE", ALL, "override a const of the model; repeatable"},
    {OPTION_BUDGET, "budget", "BYTES", PLANNED,
     "most bytes of everything, as 6GiB or 500M; `none` lifts the file's"},
    {OPTION_STRATEGY, "strategy", "NAME", PLANNED, "how to plan: see `rematc strategies`"},
    {OPTION_TARGET, "target", "cpu|cuda", PLANNED, "what to emit for: see `rematc targets`"},
    {OPTION_DEVICE, "device", "NAME", PLANNED, "time model: see `rematc devices`, or a file"},
    {OPTION_PROFILE, "profile", "FILE", PLANNED, "times measured by a program's --profile"},
    {OPTION_ALIGNMENT, "alignment", "N", PLANNED, "bytes that every offset is a multiple of"},
    {OPTION_SEED, "seed", "N", PLANNED, "of the planner's search"},
    {OPTION_PLAN_SECONDS, "plan-seconds", "S", PLANNED,
     "how long to search, counted in work: the same answer on every machine"},
    {OPTION_FORMAT, "format", "FORM", PLAN, "text, json, html, svg or perfetto"},
    {OPTION_COMPARE, "compare", NULL, PLAN, "all strategies in one table"},
    {OPTION_PARETO, "pareto", "[N]", PLAN, "peak and time over N budgets (default 10)"},
    {OPTION_WHY, "why", "TENSOR", PLAN, "why it is kept, recomputed or freed"},
    {OPTION_VARY, "vary", "NAME", FIT, "the const to enlarge (default batch)"},
    {'o', "output", "PATH", PLAN | EMIT | BUILD, "where to write (a file for plan, else a folder)"},
    {'d', "dump", "STAGE", ALL,
     "print what a stage made: parse, expand, fuse, differentiate, measure, plan or layout"},
    {'q', "quiet", NULL, ALL, "no progress, no remarks"},
    {'v', "verbose", NULL, ALL, "say more"},
    {'h', "help", NULL, ALL, "this text"},
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

static const struct {
    const char *name, *operands, *help;
} texts[] = {
    [COMMAND_CHECK] = {"check", "FILE.net", "Parses and checks a model."},
    [COMMAND_PLAN] = {"plan", "FILE.net", "Solves and shows the plan; nothing is compiled."},
    [COMMAND_EMIT] = {"emit", "FILE.net -o DIR", "Writes the standalone program and its plan."},
    [COMMAND_BUILD] = {"build", "FILE.net -o DIR", "Writes the program and compiles it."},
    [COMMAND_RUN] = {"run", "FILE.net [-- PROGRAM-OPTIONS]", "Builds in a cache and trains now."},
    [COMMAND_FIT] = {"fit", "FILE.net --budget BYTES",
                     "Finds the largest value of a const that fits the budget."},
};

static void print_help(CommandKind command)
{
    printf("usage: rematc %s %s [options]\n\n%s `-` reads the model from standard input.\n\n",
           texts[command].name, texts[command].operands, texts[command].help);
    for (int i = 0; i < N_ROWS; i++) {
        if (!(rows[i].commands & 1 << command))
            continue;
        char left[48];
        if (rows[i].key < 256)
            snprintf(left, sizeof left, "-%c, --%s %s", rows[i].key, rows[i].name,
                     rows[i].argument ? rows[i].argument : "");
        else
            snprintf(left, sizeof left, "    --%s %s", rows[i].name,
                     rows[i].argument ? rows[i].argument : "");
        printf("  %-28s %s\n", left, rows[i].help);
    }
}

/* The rows that the command knows, in getopt's form. */
static int fill_getopt(CommandKind command, struct option *longs, char *shorts)
{
    int n = 0;
    *shorts++ = ':';
    for (int i = 0; i < N_ROWS; i++) {
        if (!(rows[i].commands & 1 << command))
            continue;
        int takes = !rows[i].argument            ? no_argument
                    : rows[i].argument[0] == '[' ? optional_argument
                                                 : required_argument;
        longs[n++] = (struct option){rows[i].name, takes, NULL, rows[i].key};
        if (rows[i].key < 256) {
            *shorts++ = (char)rows[i].key;
            if (takes == required_argument)
                *shorts++ = ':';
        }
    }
    *shorts = '\0';
    return n;
}

__attribute__((format(printf, 2, 3))) static bool usage_error(CommandKind command,
                                                              const char *format, ...)
{
    va_list args;
    fprintf(stderr, "rematc %s: error: ", texts[command].name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nusage: rematc %s %s [options]; --help says more\n", texts[command].name,
            texts[command].operands);
    return false;
}

static bool parse_unsigned(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return !errno && end != text && !*end && text[0] != '-';
}

static bool is_number(const char *text)
{
    uint64_t value;
    return parse_unsigned(text, &value);
}

static bool parse_seconds(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && *value > 0 && *value < 1e6;
}

static bool take_budget(Options *options, const char *text)
{
    options->lift_budget = strcmp(text, "none") == 0;
    options->has_budget = !options->lift_budget;
    return options->lift_budget || size_parse(text, &options->budget_bytes);
}

static bool take_alignment(Options *options, const char *text)
{
    uint64_t value;
    if (!parse_unsigned(text, &value) || value == 0 || value > 1 << 20 || value & (value - 1))
        return false;
    options->alignment = (size_t)value;
    return true;
}

static bool take_pareto(Options *options, const char *text)
{
    uint64_t value = 10;
    if (text && (!parse_unsigned(text, &value) || value < 2 || value > 1000))
        return false;
    options->pareto = (int)value;
    return true;
}

/* False where the argument is not what the option takes. */
static bool take(Options *options, int key, const char *text)
{
    switch (key) {
    case 'D': options->defines[options->n_defines++] = text; return strchr(text, '=') != NULL;
    case OPTION_BUDGET: return take_budget(options, text);
    case OPTION_STRATEGY: options->strategy = text; return true;
    case OPTION_TARGET: options->target = text; return true;
    case OPTION_DEVICE: options->device = text; return true;
    case OPTION_PROFILE: options->profile = text; return true;
    case OPTION_ALIGNMENT: return take_alignment(options, text);
    case OPTION_SEED: return parse_unsigned(text, &options->seed);
    case OPTION_PLAN_SECONDS: return parse_seconds(text, &options->plan_seconds);
    case OPTION_FORMAT: options->format = text; return report_form(text) != NULL;
    case OPTION_COMPARE: options->compare = true; return true;
    case OPTION_PARETO: return take_pareto(options, text);
    case OPTION_WHY: options->why = text; return true;
    case OPTION_VARY: options->vary = text; return true;
    case 'o': options->output = text; return true;
    case 'd': options->dump = text; return true;
    case 'q': options->quiet = true; return true;
    case 'v': options->verbose = true; return true;
    default: return false;
    }
}

/* What is left after the options: one file, and for `run` the program's own options after `--`. */
static bool take_operands(Options *options, int argc, char **argv)
{
    CommandKind command = options->command;
    if (optind >= argc)
        return usage_error(command, "no model file is given");
    options->file = argv[optind++];
    options->program_arguments = argv + optind;
    if (optind < argc && command != COMMAND_RUN)
        return usage_error(command, "one model file is expected, and '%s' is one more",
                           argv[optind]);
    if (!options->output && (command == COMMAND_EMIT || command == COMMAND_BUILD))
        return usage_error(command, "-o DIR is missing: where to write");
    if ((options->compare || options->pareto) && !report_table_form(options->format))
        return usage_error(command, "--compare and --pareto take --format text or json, not %s",
                           options->format);
    if (!options->has_budget && command == COMMAND_FIT)
        return usage_error(command, "--budget BYTES is missing");
    return true;
}

/* `rematc run FILE -- ARGS`: getopt would mix what follows `--` with the file, so it is cut off. */
static int find_separator(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            return i;
    return argc;
}

static const OptionRow *find_row(int key)
{
    const OptionRow *row = rows;
    while (row->key != key)
        row++;
    return row;
}

bool options_parse(Arena *arena, CommandKind command, int argc, char **argv, Options *options,
                   int *status)
{
    struct option longs[N_ROWS + 1] = {{0}};
    char shorts[2 * N_ROWS + 2];
    fill_getopt(command, longs, shorts);
    *options = (Options){.command = command, .vary = "batch", .format = "text"};
    options->defines = NEW_N(arena, const char *, argc);
    *status = EXIT_USAGE;
    int end = find_separator(argc, argv), key;
    optind = 0;
    opterr = 0;
    while ((key = getopt_long(end, argv, shorts, longs, NULL)) != -1) {
        if (key == 'h') {
            print_help(command);
            *status = EXIT_DONE;
            return false;
        }
        if (key == '?')
            return usage_error(command, "there is no option '%s'", argv[optind - 1]);
        if (key == ':')
            return usage_error(command, "'%s' needs an argument", argv[optind - 1]);
        /* getopt takes `--pareto=8` alone; users write `--pareto 8`. */
        if (key == OPTION_PARETO && !optarg && optind < end && is_number(argv[optind]))
            optarg = argv[optind++];
        if (!take(options, key, optarg))
            return usage_error(command, "--%s takes %s (%s), not '%s'", find_row(key)->name,
                               find_row(key)->argument, find_row(key)->help, optarg ? optarg : "");
    }
    if (!take_operands(options, end, argv))
        return false;
    if (end < argc && command == COMMAND_RUN)
        options->program_arguments = argv + end + 1;
    else if (end < argc)
        return usage_error(command, "'--' is for `rematc run` only");
    else
        options->program_arguments = argv + argc;
    return true;
}
