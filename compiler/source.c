/* Options in, a Compilation ready for the first stage out. */
#include "source.h"

#include "gpu.h"
#include "native.h"
#include "plan/profile.h"
#include "plan/strategies/strategies.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What make and a shell take as it is, once a space is escaped. */
static bool is_plain(char c)
{
    return (unsigned char)c >= 128 || strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789_-+,@. ",
                                             c);
}

/* The program lies beside its sources: it cannot be called like what make reads or removes. */
static bool is_taken(const char *name)
{
    static const char *const names[] = {"Makefile", "makefile", "GNUmakefile", "clean"};
    static const char *const suffixes[] = {".c", ".cu", ".h", ".o"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (dot && strcmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

/* "examples/bert/bert.net" is called bert, standard input is called model. The name becomes a
 * program's: what make or a shell would read as something else becomes _. */
static const char *stem(Arena *arena, const char *file)
{
    if (strcmp(file, "-") == 0)
        return "model";
    const char *slash = strrchr(file, '/');
    char *name = arena_strdup(arena, slash ? slash + 1 : file);
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = '\0';
    if (!*name)
        return "model";
    char *last = name + strlen(name) - 1;
    for (char *c = name; *c; c++)
        if (!is_plain(*c) || (*c == ' ' && (c == name || c == last)) || (*c == '.' && c == name))
            *c = '_';
    return is_taken(name) ? arena_printf(arena, "%s_model", name) : name;
}

/* NULL after saying why. A model is text that a person writes: 64 MiB are more than enough. */
static Source *read_source(Arena *arena, const char *file)
{
    enum { MOST_BYTES = 1 << 26 };
    bool standard = strcmp(file, "-") == 0;
    errno = 0;
    FILE *stream = standard ? stdin : fopen(file, "rb");
    char piece[1 << 14];
    Text text = text_new(arena);
    for (size_t n;
         stream && text.n <= MOST_BYTES && (n = fread(piece, 1, sizeof piece, stream)) > 0;)
        text_append(&text, piece, n);
    bool failed = !stream || ferror(stream);
    if (failed)
        fprintf(stderr, "%s: error: cannot be read: %s\n", file, strerror(errno));
    else if (text.n > MOST_BYTES)
        fprintf(stderr, "%s: error: this is no model: it has over 64 MiB\n", file);
    if (stream && !standard)
        fclose(stream);
    if (failed || text.n > MOST_BYTES)
        return NULL;
    Source *source = NEW(arena, Source);
    *source = (Source){standard ? "standard input" : file, text.data, (int)text.n};
    return source;
}

static bool usage(const char *what, const char *name, const char *names)
{
    fprintf(stderr, "rematc: error: there is no %s '%s'; there are: %s\n", what, name, names);
    return false;
}

static bool find_target(Compilation *model)
{
    const char *name = model->options->target;
    bool on_cpu = !name && model->options->command == COMMAND_RUN && !gpu_usable();
    model->target = target_find(name ? name : on_cpu ? "cpu" : "cuda");
    Text names = text_new(model->arena);
    for (int i = 0; i < n_targets; i++)
        text_printf(&names, "%s%s", i ? ", " : "", targets[i].name);
    return model->target || usage("target", name, names.data);
}

static bool find_strategy(const Compilation *model)
{
    const char *name = model->options->strategy;
    Text names = text_new(model->arena);
    for (int i = 0; i < N_STRATEGIES; i++)
        text_printf(&names, "%s%s", i ? ", " : "", strategies[i].name);
    return !name || strategy_find(name) || usage("strategy", name, names.data);
}

static const Device *find_native(const Compilation *model)
{
    const char *reason = "";
    const Device *native = native_device(model->arena, model->options->quiet, &reason);
    if (!native)
        fatal("this machine could not be measured: %s", reason);
    return native;
}

const Device *source_clock(const Compilation *model)
{
    const Options *options = model->options;
    const char *reason = "";
    if (options->device || options->profile || strcmp(model->target->name, "cpu") != 0)
        return model->device;
    const Device *native = native_device(model->arena, options->quiet, &reason);
    if (!native && !options->quiet)
        fprintf(stderr,
                "rematc: warning: this machine could not be measured: %s; times are those of the "
                "device cpu\n",
                reason);
    return native ? native : model->device;
}

/* A built-in device, this machine, or a file. */
static bool find_device(Compilation *model)
{
    const char *usual = strcmp(model->target->name, "cpu") == 0 ? "cpu" : "a100";
    const char *name = model->options->device ? model->options->device : usual;
    model->device =
        strcmp(name, "native") == 0 ? find_native(model) : device_find(model->arena, name);
    if (model->device)
        return true;
    if (strchr(name, '/') || strchr(name, '.')) {
        const char *error = NULL;
        Source *source = read_source(model->arena, name);
        if (source)
            model->device = device_read(model->arena, name, source->text, &error);
        if (error)
            fprintf(stderr, "%s:%s\n", name, error);
        return model->device != NULL;
    }
    Text names = text_new(model->arena);
    for (int i = 0; i < device_count(); i++)
        text_printf(&names, "%s, ", device_name(i));
    text_printf(&names, "native, or a file");
    return usage("device", name, names.data);
}

int source_open(Compilation *model)
{
    Arena *arena = model->arena;
    if (!find_target(model) || !find_strategy(model) || !find_device(model))
        return EXIT_USAGE;
    const Source *source = read_source(arena, model->options->file);
    if (!source)
        return EXIT_INPUT;
    model->name = stem(arena, model->options->file);
    model->diag = diag_new(arena, source, model->options->silent ? NULL : stderr);
    return EXIT_DONE;
}

bool source_profile(const Compilation *model, Problem *problem)
{
    const char *path = model->options->profile, *error = NULL;
    const Source *source = read_source(model->arena, path);
    if (!source)
        return false;
    int n_known = profile_apply(model->arena, problem, source->text, &error);
    if (n_known == 0)
        error = "no row of this profile is about this model";
    if (error)
        fprintf(stderr, "%s: error: %s\n", path, error);
    else if (n_known < problem->n_nodes && !model->options->quiet)
        fprintf(stderr, "%s: note: %d of %d kernels have no row; their times are estimated\n", path,
                problem->n_nodes - n_known, problem->n_nodes);
    return !error;
}

const Override *source_overrides(Arena *arena, const Options *options)
{
    Override *overrides = NEW_N(arena, Override, options->n_defines + 1);
    for (int i = 0; i < options->n_defines; i++) {
        const char *text = options->defines[i], *equals = strchr(text, '=');
        overrides[i] = (Override){arena_strndup(arena, text, (size_t)(equals - text)), equals + 1};
    }
    return overrides;
}
