/* rematc pack: a raw packing instance in, JSON on standard output, the offsets in a file. */
#include "base/output.h"
#include "base/size.h"
#include "commands.h"
#include "interrupt.h"
#include "place/instance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Enough for what is known of the hardest published instances, and a minute at most. */
static const double default_seconds = 20;

static const char usage[] =
    "usage: rematc pack FILE.csv [--capacity N] [-o OFFSETS] [--seed N] [--plan-seconds S] [-q]\n";

static const char help[] =
    "Finds an offset for each buffer so that no two that are alive together overlap, in an arena\n"
    "as small as can be found. FILE is CSV with the columns id,lower,upper,size (plain or gzip);\n"
    "a buffer lives at the times lower <= t < upper. `-` reads standard input. Prints JSON.\n"
    "\n"
    "  --capacity N      stop as soon as the arena is at most N bytes; exit 1 if it cannot be met\n"
    "                    (N in bytes, or with k, M, G, Ki, Mi, Gi)\n"
    "  -o OFFSETS        write id,lower,upper,size,offset as CSV\n"
    "  --seed N          another seed for the randomised methods (default 0)\n"
    "  --plan-seconds S  how long to search, in nominal seconds, counted in work (default 20)\n"
    "  -q                no progress on the terminal\n";

typedef struct {
    const char *path, *output;
    size_t capacity;
    uint64_t seed;
    double seconds;
    bool quiet;
} Arguments;

__attribute__((format(printf, 1, 2))) static int usage_error(const char *format, ...)
{
    va_list args;
    fputs("rematc pack: error: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n%s", usage);
    return EXIT_USAGE;
}

static bool parse_capacity(Arguments *arguments, const char *text)
{
    return size_parse(text, &arguments->capacity) && arguments->capacity > 0;
}

static bool parse_seed(Arguments *arguments, const char *text)
{
    arguments->seed = 0;
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' ||
            __builtin_mul_overflow(arguments->seed, 10, &arguments->seed) ||
            __builtin_add_overflow(arguments->seed, (uint64_t)(*text - '0'), &arguments->seed))
            return false;
    return true;
}

static bool parse_seconds(Arguments *arguments, const char *text)
{
    char *end;
    arguments->seconds = strtod(text, &end);
    return end != text && !*end && arguments->seconds >= 0 && arguments->seconds <= 1e9;
}

static bool parse_output(Arguments *arguments, const char *text)
{
    arguments->output = text;
    return *text && strcmp(text, "-") != 0;
}

typedef struct {
    const char *name;
    bool (*parse)(Arguments *arguments, const char *text);
    const char *wanted;
} Option;

static const Option options[] = {
    {"--capacity", parse_capacity, "a size in bytes, such as 1048576 or 1Mi"},
    {"--seed", parse_seed, "a whole number"},
    {"--plan-seconds", parse_seconds, "a number of seconds"},
    {"-o", parse_output, "a file (standard output has the JSON)"},
};

enum { N_OPTIONS = sizeof options / sizeof options[0] };

/* Takes the option at argv[*i], with its value there (--seed=1) or in the next argument. Returns
 * EXIT_DONE or EXIT_USAGE. */
static int take_option(Arguments *arguments, char **argv, int *i)
{
    const char *text = argv[*i];
    for (int k = 0; k < N_OPTIONS; k++) {
        const Option *option = &options[k];
        size_t n = strlen(option->name);
        const char *value;
        if (strcmp(text, option->name) == 0) {
            value = argv[++*i];
            if (!value)
                return usage_error("%s needs %s", option->name, option->wanted);
        } else if (strncmp(text, option->name, n) == 0 && text[n] == '=' && text[1] == '-') {
            value = text + n + 1;
        } else {
            continue;
        }
        if (!option->parse(arguments, value))
            return usage_error("%s needs %s, not '%s'", option->name, option->wanted, value);
        return EXIT_DONE;
    }
    return usage_error("there is no option '%s'", text);
}

static int parse_arguments(char **argv, Arguments *arguments)
{
    for (int i = 1; argv[i]; i++) {
        int status = EXIT_DONE;
        if (strcmp(argv[i], "-q") == 0)
            arguments->quiet = true;
        else if (argv[i][0] == '-' && argv[i][1])
            status = take_option(arguments, argv, &i);
        else if (arguments->path)
            status = usage_error("one file at a time: '%s' and '%s'", arguments->path, argv[i]);
        else
            arguments->path = argv[i];
        if (status != EXIT_DONE)
            return status;
    }
    return arguments->path ? EXIT_DONE : usage_error("which file?");
}

typedef struct {
    double started, shown;
    bool drawn;
} Progress;

/* One line, drawn again at most ten times a second:
 *   pack: 1036288 bytes, 4.76 % over the bound, by search, 3.1 s (Ctrl-C: take it) */
static void show_progress(void *context, size_t best, size_t bound, const char *method)
{
    Progress *progress = context;
    double time = interrupt_clock();
    if (time - progress->shown < 0.1 || time - progress->started < 0.5)
        return;
    progress->shown = time;
    progress->drawn = true;
    fprintf(stderr,
            "\r\033[Kpack: %zu bytes, %.2f %% over the bound, by %s, %.1f s (Ctrl-C: take it)",
            best, 100 * ((double)best / (double)bound - 1), method, time - progress->started);
    fflush(stderr);
}

static void print_result(const Instance *instance, const Placement *placement, double seconds)
{
    double bound = (double)placement->lower_bound_bytes, arena = (double)placement->arena_bytes;
    printf("{\"buffers\": %d, \"lower_bound\": %zu, \"arena\": %zu, \"optimal\": %s, "
           "\"fragmentation_percent\": %.4f, \"method\": \"%s\", \"seconds\": %.6f}\n",
           instance->n, placement->lower_bound_bytes, placement->arena_bytes,
           placement->optimal ? "true" : "false", bound > 0 ? 100 * (arena - bound) / bound : 0,
           placement->method, seconds);
    if (fflush(stdout) != 0)
        fatal("cannot write to standard output:");
}

static int refuse_capacity(Arena *arena, const Arguments *arguments, const Placement *placement)
{
    fprintf(stderr,
            "%s: error: no placement fits the capacity of %s (%zu bytes): ", arguments->path,
            size_format(arena, arguments->capacity), arguments->capacity);
    if (arguments->capacity < placement->lower_bound_bytes)
        fprintf(stderr, "%zu bytes are alive at one time\n", placement->lower_bound_bytes);
    else if (placement->infeasible)
        fputs("proved, every placement was searched\n", stderr);
    else
        fprintf(stderr,
                "none was found, which proves nothing%s; the best is %zu bytes, and no fewer than "
                "%zu can do (--plan-seconds searches longer)\n",
                interrupted ? " (interrupted)" : "", placement->arena_bytes,
                placement->lower_bound_bytes);
    return EXIT_INPUT;
}

static Placement search(Arena *arena, const Arguments *arguments, const Instance *instance)
{
    Progress progress = {.started = interrupt_clock()};
    PlaceWatch watch = {.context = &progress, .stop = &interrupted};
    if (!arguments->quiet && isatty(STDERR_FILENO))
        watch.report = show_progress;
    interrupt_catch();
    Placement placement = place(arena, instance->buffers, instance->n,
                                &(PlaceOptions){.capacity = arguments->capacity,
                                                .effort = arguments->seconds,
                                                .seed = arguments->seed,
                                                .watch = &watch});
    if (progress.drawn)
        fputs("\r\033[K", stderr);
    if (interrupted)
        fprintf(stderr, "rematc pack: interrupted: this is the best found so far\n");
    const char *wrong = place_verify(arena, instance->buffers, instance->n, &placement);
    if (wrong)
        bug("the placement is wrong: %s", wrong);
    return placement;
}

static int pack_file(Arena *arena, const Arguments *arguments)
{
    Instance instance;
    Text errors = text_new(arena);
    if (!instance_read(arena, arguments->path, &instance, &errors)) {
        fputs(errors.data, stderr);
        return EXIT_INPUT;
    }
    double start = interrupt_clock();
    Placement placement = search(arena, arguments, &instance);
    double seconds = interrupt_clock() - start;
    if (arguments->capacity && placement.arena_bytes > arguments->capacity)
        return refuse_capacity(arena, arguments, &placement);
    if (arguments->output) {
        Output output = output_open(arena, arguments->output);
        instance_write(output.stream, &instance, placement.offsets);
        output_commit(&output);
    }
    print_result(&instance, &placement, seconds);
    return EXIT_DONE;
}

int pack_command(int argc, char **argv)
{
    Arguments arguments = {.seconds = default_seconds};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s%s", usage, help);
            return EXIT_DONE;
        }
    int status = parse_arguments(argv, &arguments);
    if (status != EXIT_DONE)
        return status;
    Arena *arena = arena_new();
    status = pack_file(arena, &arguments);
    arena_free(arena);
    return status;
}
