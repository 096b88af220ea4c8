/* rematc emit, build and run: the program written, compiled, and started. */
#include "cache.h"
#include "commands.h"
#include "compile.h"
#include "emit/embedded.h"
#include "interrupt.h"
#include "source.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* label: what messages begin with. */
static MakeResult run_make(const Compilation *model, const char *directory, const char *label)
{
    if (!model->options->quiet)
        fprintf(stderr, "%s: compiling for %s...\n", label, model->target->name);
    return cache_make(directory, model->options->verbose, false);
}

/* Ends the run (exit 3) where the program did not compile. */
static void check_made(const Compilation *model, MakeResult made)
{
    if (made == MAKE_ABSENT)
        fatal("there is no `make` to compile the program with");
    if (made == MAKE_FAILED)
        fatal("the program could not be compiled for %s (see above)", model->target->name);
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
        say_peak(&model, compiled, options.output);
        if (command == COMMAND_BUILD)
            check_made(&model, run_make(&model, options.output, options.output));
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

/* The folder is there where another run made it meanwhile, or where its program was taken away. */
static void move_into_cache(Arena *arena, const char *temporary, const char *folder,
                            const char *program)
{
    if (rename(temporary, folder) == 0)
        return;
    if (access(program, X_OK) == 0) {
        cache_remove(temporary);
        return;
    }
    const char *old = arena_printf(arena, "%s.old", temporary);
    if (rename(folder, old) != 0 || rename(temporary, folder) != 0)
        fatal("cannot rename '%s' to '%s':", temporary, folder);
    cache_remove(old);
}

/* Of the program, and of the runtime, kernels and Makefile that this rematc writes beside it. */
static char *cache_folder(Arena *arena, const Compilation *model, const Compiled *compiled)
{
    const Emission emission = compile_emission(model, compiled);
    const char **texts = NEW_N(arena, const char *, n_embedded_files + 1);
    for (int i = 0; i < n_embedded_files; i++)
        texts[i] = embedded_files[i].text;
    texts[n_embedded_files] = emit_text(arena, &emission);
    return cache_path(arena, model->name, texts, n_embedded_files + 1);
}

/* One folder for each program: what is there already is not built again. It is built under a name
 * of this process's own and then renamed: two runs may build the same program. */
static const char *built_program(Arena *arena, const Compilation *model, const Compiled *compiled)
{
    const char *folder = cache_folder(arena, model, compiled);
    const char *program = arena_printf(arena, "%s/%s", folder, model->name);
    if (access(program, X_OK) == 0)
        return program;
    const char *temporary = arena_printf(arena, "%s.%d", folder, (int)getpid());
    if (!cache_make_folders(arena, temporary))
        fatal("cannot make a folder for '%s':", temporary);
    interrupt_catch();
    compile_program(model, compiled, temporary);
    const MakeResult made = run_make(model, temporary, "run");
    interrupt_release();
    if (made != MAKE_DONE || interrupted)
        cache_remove(temporary);
    if (interrupted)
        fatal("stopped before the program was compiled");
    check_made(model, made);
    move_into_cache(arena, temporary, folder, program);
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
        say_peak(&model, compiled, "run");
        model.clock = source_clock(&model);
        const char *program = built_program(arena, &model, compiled);
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
