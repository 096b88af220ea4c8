/* rematc solve: a raw recompute instance in, JSON on standard output, the schedule in a file. */
#include "base/base.h"
#include "base/output.h"
#include "base/size.h"
#include "commands.h"
#include "interrupt.h"
#include "plan/bounds.h"
#include "plan/exact.h"
#include "plan/instance.h"
#include "plan/replay.h"
#include "plan/retention.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: rematc solve FILE.g --budget BYTES [--strategy auto|optimal] [--seed N]\n"
    "                    [--plan-seconds S] [-o SCHEDULE] [-q]\n";

static const char help[] =
    "Finds a schedule, in which nodes may run again, whose live bytes never exceed the budget, at\n"
    "the least cost. FILE is a line `nodes edges`, a line `bytes cost is_backward` for each node "
    "in\n"
    "the order of first runs, and a line `from to` for each edge. `-` reads standard input. "
    "Prints\n"
    "JSON.\n"
    "\n"
    "  --budget BYTES    in bytes, or with k, M, G, Ki, Mi, Gi; or as a share of the peak without\n"
    "                    re-runs, such as 80%\n"
    "  --strategy NAME   auto (default): search; optimal: prove it, for small instances\n"
    "  --seed N          another seed for the search (default 0)\n"
    "  --plan-seconds S  how long to search, in nominal seconds, counted in work (default 2)\n"
    "  -o SCHEDULE       write the node ids in the order in which they run, one a line\n"
    "  -q                no progress on the terminal\n";

typedef struct {
    const char *path, *budget, *output;
    bool optimal, quiet;
    uint64_t seed;
    double seconds;
} Arguments;

/* --- the command line ---------------------------------------------------------------------------
 */

__attribute__((format(printf, 1, 2))) static int usage_error(const char *format, ...)
{
    va_list args;
    fputs("rematc solve: error: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n%s", usage);
    return EXIT_USAGE;
}

static bool parse_seed(const char *text, uint64_t *seed)
{
    char *end;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

static bool parse_seconds(const char *text, double *seconds)
{
    char *end;
    *seconds = strtod(text, &end);
    return end != text && !*end && *seconds >= 0 && *seconds <= 1e6;
}

static int take_option(Arguments *a, int option, const char *text)
{
    switch (option) {
    case 'b': a->budget = optarg; return EXIT_DONE;
    case 'o': a->output = optarg; return EXIT_DONE;
    case 'q': a->quiet = true; return EXIT_DONE;
    case 't':
        a->optimal = strcmp(optarg, "optimal") == 0;
        if (!a->optimal && strcmp(optarg, "auto") != 0)
            return usage_error("--strategy is auto or optimal, not '%s'", optarg);
        return EXIT_DONE;
    case 's':
        if (!parse_seed(optarg, &a->seed))
            return usage_error("--seed needs a whole number, not '%s'", optarg);
        return EXIT_DONE;
    case 'p':
        if (!parse_seconds(optarg, &a->seconds))
            return usage_error("--plan-seconds needs a number of seconds, not '%s'", optarg);
        return EXIT_DONE;
    case ':': return usage_error("'%s' needs a value", text);
    default: return usage_error("'%s' is not an option, or takes no value", text);
    }
}

/* EXIT_DONE; *status is EXIT_USAGE, or EXIT_DONE after --help, where the run is over. */
static bool parse_arguments(int argc, char **argv, Arguments *a, int *status)
{
    static const struct option longs[] = {
        {"budget", required_argument, NULL, 'b'}, {"strategy", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},   {"plan-seconds", required_argument, NULL, 'p'},
        {"output", required_argument, NULL, 'o'}, {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int option;
    *status = EXIT_DONE;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:qh", longs, NULL)) != -1) {
        if (option == 'h') {
            printf("%s%s", usage, help);
            return false;
        }
        if ((*status = take_option(a, option, argv[optind - 1])) != EXIT_DONE)
            return false;
    }
    if (optind + 1 != argc)
        *status = usage_error(optind == argc ? "which file?" : "one file at a time");
    else if (!a->budget)
        *status = usage_error("how much memory? --budget BYTES, or --budget 80%%");
    else
        a->path = argv[optind];
    return *status == EXIT_DONE;
}

/* Bytes with a unit, or a share of the peak without re-runs. */
static bool parse_budget(const char *text, size_t peak_bytes, size_t *budget_bytes)
{
    char *end;
    double percent = strtod(text, &end);
    if (end == text || strcmp(end, "%") != 0)
        return size_parse(text, budget_bytes);
    double bytes = percent / 100 * (double)peak_bytes;
    if (!(bytes >= 0 && bytes < 0x1p63))
        return false;
    *budget_bytes = (size_t)bytes;
    return true;
}

/* --- progress -----------------------------------------------------------------------------------
 */

typedef struct {
    bool shows, drawn;
    double base_cost, started, shown;
} Progress;

/* One line, drawn again at most ten times a second:
 *   solve: +3.81 % so far, 42 % of the search done, 1.3 s (Ctrl-C: take it) */
static bool show_progress(void *context, double best_cost, double share)
{
    Progress *progress = context;
    if (!progress->shows || interrupted)
        return interrupted;
    double time = interrupt_clock();
    if (time - progress->shown < 0.1 || time - progress->started < 0.5)
        return false;
    progress->shown = time;
    progress->drawn = true;
    fputs("\r\033[Ksolve: ", stderr);
    if (best_cost >= 0)
        fprintf(stderr, "%+.2f %% so far", 100 * (best_cost / progress->base_cost - 1));
    else
        fputs("nothing fits yet", stderr);
    fprintf(stderr, ", %.0f %% of the search done, %.1f s (Ctrl-C: take it)", 100 * share,
            time - progress->started);
    return false;
}

static bool is_interrupted(void *context)
{
    (void)context;
    return interrupted;
}

/* --- solving ------------------------------------------------------------------------------------
 */

/* What one run of the command works on, and what it found. */
typedef struct {
    const Arguments *arguments;
    RecomputeProblem *problem;
    SearchOptions options;
    double base_cost, bound; /* bound: on the cost of re-runs */
    RecomputeSchedule schedule;
    bool proved;
} Solve;

/* False where no schedule fits; the schedule is then the one of the smallest peak found. */
static bool solve_auto(Solve *s)
{
    s->bound = bounds_extra_cost(s->problem);
    s->options.enough = s->base_cost * (1 + 1e-12) + s->bound; /* sums of doubles may round */
    size_t least = bounds_memory(s->problem);
    bool fits = least <= s->problem->budget_bytes &&
                retention_search(s->problem, &s->options, &s->schedule);
    if (!fits) {
        s->schedule = retention_least_peak(s->problem, &s->options);
        fits = s->schedule.peak_bytes <= s->problem->budget_bytes;
    }
    s->proved = fits ? s->schedule.cost <= s->options.enough : s->schedule.peak_bytes <= least;
    return fits;
}

static void replace_schedule(Solve *s, RecomputeSchedule schedule)
{
    recompute_schedule_free(&s->schedule);
    s->schedule = schedule;
}

static void warn_unproved(const Solve *s)
{
    if (!interrupted)
        fprintf(stderr,
                "%s: warning: too large to prove the optimum; this is the best found by search "
                "(--plan-seconds tries longer)\n",
                s->arguments->path);
}

/* Searches first: what that finds shortens the proof, or its bound is the proof. */
static bool solve_optimal(Solve *s)
{
    bool fits = solve_auto(s);
    double extra = s->schedule.cost - s->base_cost;
    ExactOptions exact = {.effort = s->arguments->seconds,
                          .worst_extra = fits ? extra - 1e-12 * s->base_cost : INFINITY,
                          .stop = is_interrupted};
    RecomputeSchedule found;
    if (s->proved)
        return fits;
    if (!fits && exact_least_peak(s->problem, &exact, &found) == EXACT_SOLVED) {
        replace_schedule(s, found);
        fits = found.peak_bytes <= s->problem->budget_bytes;
        s->proved = !fits;
    }
    if (fits)
        switch (exact_search(s->problem, &exact, &found)) {
        case EXACT_SOLVED:
            replace_schedule(s, found);
            s->proved = true;
            break;
        case EXACT_INFEASIBLE: s->proved = true; break;
        case EXACT_GAVE_UP: break;
        }
    if (!s->proved)
        warn_unproved(s);
    return fits;
}

static void print_result(const Solve *s, size_t base_peak_bytes, double seconds)
{
    double extra = s->schedule.cost - s->base_cost;
    double scale = s->base_cost > 0 ? 100 / s->base_cost : 0;
    printf("{\"nodes\": %d, \"budget_bytes\": %zu, \"base_cost\": %.15g, \"cost\": %.15g, "
           "\"tdi_percent\": %.6f, \"base_peak_bytes\": %zu, \"peak_bytes\": %zu, \"runs\": %d, "
           "\"lower_bound_tdi_percent\": %.6f, \"optimal\": %s, \"interrupted\": %s, "
           "\"seconds\": %.3f}\n",
           s->problem->n_nodes, s->problem->budget_bytes, s->base_cost, s->schedule.cost,
           scale * extra, base_peak_bytes, s->schedule.peak_bytes, s->schedule.n,
           scale * (s->proved ? extra : s->bound), s->proved ? "true" : "false",
           interrupted ? "true" : "false", seconds);
    if (fflush(stdout) != 0)
        fatal("cannot write to standard output:");
}

static void write_schedule(Arena *arena, const Solve *s)
{
    Output output = output_open(arena, s->arguments->output);
    for (int i = 0; i < s->schedule.n; i++)
        fprintf(output.stream, "%d\n", s->schedule.sequence[i]);
    output_commit(&output);
}

static int refuse_budget(Arena *arena, const Solve *s)
{
    if (interrupted) {
        fprintf(stderr, "%s: error: no plan that fits was found before the interruption\n",
                s->arguments->path);
        return EXIT_INPUT;
    }
    size_t budget = s->problem->budget_bytes;
    fprintf(stderr,
            "%s: error: no plan fits %s (%zu bytes): the smallest possible budget is %zu bytes\n",
            s->arguments->path, size_format(arena, budget), budget, s->schedule.peak_bytes);
    ReplayReport report = replay_sequence(s->problem, s->schedule.sequence, s->schedule.n);
    fprintf(stderr,
            "note: %s, at run %d, node %d; no schedule at all can have less than %zu bytes\n",
            s->proved ? "proved" : "as far as the search can see", report.peak_at,
            s->schedule.sequence[report.peak_at],
            s->proved ? s->schedule.peak_bytes : bounds_memory(s->problem));
    return EXIT_INPUT;
}

static int solve_problem(Arena *arena, const Arguments *arguments, RecomputeProblem *problem)
{
    RecomputeSchedule base = recompute_base_schedule(problem);
    size_t base_peak_bytes = base.peak_bytes;
    Progress progress = {.shows = !arguments->quiet && isatty(STDERR_FILENO),
                         .base_cost = base.cost,
                         .started = interrupt_clock()};
    recompute_schedule_free(&base);
    if (!parse_budget(arguments->budget, base_peak_bytes, &problem->budget_bytes))
        return usage_error("--budget needs a size such as 6GiB or 80%%, not '%s'",
                           arguments->budget);
    Solve s = {.arguments = arguments, .problem = problem, .base_cost = progress.base_cost};
    s.options = (SearchOptions){.seed = arguments->seed,
                                .effort = arguments->seconds,
                                .progress = show_progress,
                                .context = &progress};
    interrupt_catch();
    bool fits = arguments->optimal ? solve_optimal(&s) : solve_auto(&s);
    if (progress.drawn)
        fputs("\r\033[K", stderr);
    if (interrupted && fits)
        fputs("rematc solve: interrupted: this is the best found so far\n", stderr);
    if (fits) {
        if (arguments->output)
            write_schedule(arena, &s);
        print_result(&s, base_peak_bytes, interrupt_clock() - progress.started);
    }
    int status = fits ? EXIT_DONE : refuse_budget(arena, &s);
    recompute_schedule_free(&s.schedule);
    return status;
}

/* The whole file as text; NULL where it cannot be read. */
static char *read_all(Arena *arena, const char *path, size_t *n)
{
    bool standard = strcmp(path, "-") == 0; /* NOLINT: parse_arguments ends without a path */
    FILE *file = standard ? stdin : fopen(path, "r");
    if (!file)
        return NULL;
    Text text = text_new(arena);
    char part[65536];
    size_t got;
    while ((got = fread(part, 1, sizeof part, file)) > 0)
        text_append(&text, part, got);
    bool failed = ferror(file);
    if (file != stdin)
        fclose(file);
    *n = text.n;
    return failed ? NULL : text.data;
}

int solve_command(int argc, char **argv)
{
    Arguments arguments = {.seconds = 2};
    int status;
    if (!parse_arguments(argc, argv, &arguments, &status))
        return status;
    Arena *arena = arena_new();
    size_t n = 0;
    const char *message = NULL;
    char *text = read_all(arena, arguments.path, &n);
    RecomputeProblem *problem =
        text ? instance_parse(arena, arguments.path, text, n, &message) : NULL;
    status = EXIT_INPUT;
    if (!text)
        fprintf(stderr, "%s: error: cannot be read: %s\n", arguments.path, strerror(errno));
    else if (!problem)
        fprintf(stderr, "%s\n", message);
    else
        status = solve_problem(arena, &arguments, problem);
    arena_free(arena);
    return status;
}
