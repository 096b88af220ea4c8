/* rematc emit, build and run: the program written, compiled, and started. */
#include "commands.h"
#include "compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs make in a folder; what it prints is shown only when it fails. Ends the run (exit 3) then. */
static void run_make(const Compilation *model, const char *directory)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        fatal("cannot start make:");
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execlp("make", "make", model->options->verbose ? "--no-print-directory" : "--silent", "-C",
               directory, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        fatal("there is no `make` to compile the program with");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fatal("the program in '%s' could not be compiled for %s (see above)", directory,
              model->target->name);
}

static void say_peak(const Compilation *model, const Compiled *compiled, const char *directory)
{
    if (!model->options->quiet)
        fprintf(stderr, "%s: %s, strategy %s: peak %zu bytes (keeping all: %zu)\n", directory,
                model->target->name, compiled->plan->strategy, compiled->layout->arena_bytes,
                compiled->solution->keep_all_bytes);
}

static int emit_or_build(CommandKind command, int argc, char **argv)
{
    Arena *arena = arena_new();
    Options options;
    Compilation model;
    Compiled *compiled;
    int status;
    if (options_parse(arena, command, argc, argv, &options, &status) &&
        compile_problem(arena, &options, &model, &status) &&
        compile_asked(&model, &compiled, &status)) {
        compile_program(&model, compiled, options.output);
        if (command == COMMAND_BUILD)
            run_make(&model, options.output);
        say_peak(&model, compiled, options.output);
    }
    arena_free(arena);
    return status;
}

int emit_command(int argc, char **argv)
{
    return emit_or_build(COMMAND_EMIT, argc, argv);
}

int build_command(int argc, char **argv)
{
    return emit_or_build(COMMAND_BUILD, argc, argv);
}

/* FNV-1a. */
static uint64_t hash(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

/* One folder for each program, compiler and set of flags: what is there already is not built again.
 */
static char *cache_folder(Arena *arena, const Compilation *model, const Compiled *compiled)
{
    static const char *const variables[] = {"CC", "CFLAGS", "NVCC", "ARCH"};
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const char *base = cache && *cache ? arena_printf(arena, "%s/rematc", cache)
                       : home          ? arena_printf(arena, "%s/.cache/rematc", home)
                                       : arena_printf(arena, "/tmp/rematc-%d", (int)getuid());
    Emission emission = compile_emission(model, compiled);
    uint64_t h = hash(14695981039346656037u, emit_text(arena, &emission));
    struct stat self;
    if (stat("/proc/self/exe", &self) == 0)
        h = hash(
            h, arena_printf(arena, "%lld %lld", (long long)self.st_mtime, (long long)self.st_size));
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);
        h = hash(h, value ? value : "");
    }
    return arena_printf(arena, "%s/%s-%016llx", base, model->name, (unsigned long long)h);
}

static void make_folders(Arena *arena, const char *path)
{
    char *copy = arena_strdup(arena, path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            fatal("cannot make the folder '%s':", copy);
        *slash = '/';
    }
}

/* Built under a name of this process's own and then renamed: two runs may build the same program.
 */
static const char *built_program(Arena *arena, const Compilation *model, const Compiled *compiled)
{
    const char *folder = cache_folder(arena, model, compiled);
    const char *program = arena_printf(arena, "%s/%s", folder, model->name);
    if (access(program, X_OK) == 0)
        return program;
    const char *temporary = arena_printf(arena, "%s.%d", folder, (int)getpid());
    make_folders(arena, temporary);
    compile_program(model, compiled, temporary);
    run_make(model, temporary);
    if (rename(temporary, folder) != 0 && access(program, X_OK) != 0)
        fatal("cannot rename '%s' to '%s':", temporary, folder);
    return program;
}

int run_command(int argc, char **argv)
{
    Arena *arena = arena_new();
    Options options;
    Compilation model;
    Compiled *compiled;
    int status;
    if (options_parse(arena, COMMAND_RUN, argc, argv, &options, &status) &&
        compile_problem(arena, &options, &model, &status) &&
        compile_asked(&model, &compiled, &status)) {
        const char *program = built_program(arena, &model, compiled);
        say_peak(&model, compiled, "run");
        int n = 0;
        while (options.program_arguments[n])
            n++;
        char **arguments = NEW_N(arena, char *, n + 2);
        arguments[0] = arena_strdup(arena, program);
        memcpy(arguments + 1, options.program_arguments, (size_t)n * sizeof *arguments);
        fflush(NULL);
        execv(program, arguments);
        fatal("cannot start '%s':", program);
    }
    arena_free(arena);
    return status;
}
