/* Puts the program together and writes the folder. */
#include "emit/emit.h"

#include "base/output.h"
#include "base/size.h"
#include "emit/embedded.h"
#include "emit/render.h"
#include "emit/schedule.h"
#include "emit/tables.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the program
 * ------------------------------------------------------------------------------------ */

/* A comment may not contain what would end it. */
static const char *comment_safe(Arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);
    for (char *at = strstr(copy, "*/"); at; at = strstr(copy, "*/"))
        at[1] = '|';
    return copy;
}

static const char *header_text(Arena *arena, const Emission *e)
{
    double forward_flops = 0;
    for (int i = 0; i < e->problem->n_nodes; i++)
        if (e->problem->nodes[i].phase == PHASE_forward)
            forward_flops += e->problem->nodes[i].flops;
    const double work =
        forward_flops > 0 ? (forward_flops + e->timeline->recompute_flops) / forward_flops : 1;
    Text out = text_new(arena);
    const char *name = comment_safe(arena, e->name);
    text_printf(&out, "/* %s%s, written by rematc from %s.net: edit that file, not this one.\n",
                name, e->target->suffix, name);
    text_printf(&out, " * strategy %s", e->plan->strategy);
    if (e->has_budget)
        text_printf(&out, ", budget %s", size_format(arena, e->budget_bytes));
    text_printf(&out, ": peak %s (keeping all: %s), %.2fx forward work. */\n",
                size_format(arena, e->layout->arena_bytes),
                size_format(arena, e->keep_all_peak_bytes), work);
    return out.data;
}

/* The program; `tables` stands for what the runtime must know of it. */
static const char *program_text_with(Arena *arena, const Emission *emission, const char *tables)
{
    const char *path = arena_printf(arena, "templates/%s/program%s", emission->target->name,
                                    emission->target->suffix);
    Names *names = names_new(arena);
    Calls *calls = calls_of(arena, emission, names);
    const Outline outline = outline_of(arena, emission, calls, names);
    const bool f64 = emission->graph->train.precision == DT_f64;
    const char *constants = arena_printf(
        arena, "static const size_t ARENA_BYTES = %zuu;\nstatic const size_t STEP = %zuu;\n",
        emission->layout->arena_bytes, tables_step_offset(emission));
    const Fill fills[] = {
        {"header", header_text(arena, emission)},
        {"precision", f64 ? "#define REAL_F64\n" : ""},
        {"constants", constants},
        {"formulas", kernels_formulas(calls->kernels)},
        {"kernels", calls->kernels->text.data},
        {"shapes", calls->shapes},
        {"functions", schedule_functions(arena, emission, calls, &outline)},
        {"schedule", schedule_calls(arena, emission, &outline)},
        {"tables", tables},
    };
    return render(arena, path, render_file(path), fills, (int)(sizeof fills / sizeof *fills));
}

const char *emit_text(Arena *arena, const Emission *emission)
{
    return program_text_with(arena, emission, tables_text(arena, emission));
}

/* ---- the folder
 * --------------------------------------------------------------------------------------- */

static void make_folder(Arena *arena, const char *path)
{
    char *copy = arena_strdup(arena, path);
    for (char *at = copy + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        mkdir(copy, 0777);
        *at = '/';
    }
    struct stat status;
    if (mkdir(copy, 0777) != 0 && (errno != EEXIST || stat(copy, &status) != 0))
        fatal("cannot make the folder '%s':", path);
}

static bool has_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "r");
    bool same = file != NULL;
    for (int c = 0; same && c != EOF; text++) {
        c = getc(file);
        same = c == (*text ? (unsigned char)*text : EOF);
    }
    if (file)
        fclose(file);
    return same;
}

/* A file that is right already keeps its date, so that make compiles only what changed. */
static void write_file(Arena *arena, const char *directory, const char *name, const char *text)
{
    const char *path = arena_printf(arena, "%s/%s", directory, name);
    if (has_text(path, text))
        return;
    Output output = output_open(arena, path);
    fputs(text, output.stream);
    output_commit(&output);
}

static bool uses_kernel(const Graph *graph, const char *name, size_t n)
{
    for (int i = 0; i < graph->n_nodes; i++) {
        const char *row = op_row(graph->nodes[i].op)->name;
        if (strlen(row) == n && strncmp(row, name, n) == 0)
            return true;
    }
    return false;
}

/* Headers and the kernels that are used; not the skeletons, which went into the program. */
static bool is_template_needed(const Emission *e, const char *name)
{
    const size_t stem = strcspn(name, ".");
    const bool skeleton = strncmp(name, "program.", 8) == 0 || strncmp(name, "fused.", 6) == 0 ||
                          strncmp(name, "reduce.", 7) == 0;
    if (skeleton || strcmp(name, "Makefile") == 0)
        return false;
    return strcmp(name + stem, e->target->suffix) != 0 || uses_kernel(e->graph, name, stem);
}

/* A runtime file named after another target is not for this one. */
static bool is_runtime_needed(const Emission *e, const char *name)
{
    for (int i = 0; i < n_targets; i++) {
        const size_t n = strlen(targets[i].name);
        if (&targets[i] != e->target && strncmp(name, targets[i].name, n) == 0 &&
            (name[n] == '.' || name[n] == '_'))
            return false;
    }
    return true;
}

/* Make and a shell agree on how a space is escaped. */
static const char *escaped(Arena *arena, const char *name)
{
    Text out = text_new(arena);
    for (; *name; name++)
        text_printf(&out, *name == ' ' ? "\\ " : "%c", *name);
    return out.n ? out.data : "";
}

static bool is_embedded_stem(const char *stem)
{
    const size_t n = strlen(stem);
    for (int i = 0; i < n_embedded_files; i++) {
        const char *name = strrchr(embedded_files[i].path, '/') + 1;
        if (strncmp(name, stem, n) == 0 && name[n] == '.')
            return true;
    }
    return false;
}

/* The program's name as that of a source: of letters that make's lists can hold, and no other
 * source's. */
static const char *source_stem(Arena *arena, const char *name)
{
    char *stem = arena_strdup(arena, name);
    for (char *c = stem; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && (*c != '-' || c == stem))
            *c = '_';
    return is_embedded_stem(stem) ? arena_printf(arena, "%s_model", stem) : stem;
}

/* Lists the sources, since the folder may hold those of another program. */
static void write_makefile(Arena *arena, const Emission *e, const char *directory,
                           const char *sources)
{
    const char *path = arena_printf(arena, "templates/%s/Makefile", e->target->name);
    const Fill fills[] = {
        {"name", arena_printf(arena, "NAME    := %s\nSOURCES :=%s %s%s\n", escaped(arena, e->name),
                              sources, source_stem(arena, e->name), e->target->suffix)}};
    write_file(arena, directory, "Makefile", render(arena, path, render_file(path), fills, 1));
}

/* The program and, beside it, its tables, which are for the runtime and not for readers. */
static void write_program(Arena *arena, const Emission *e, const char *directory)
{
    const char *stem = source_stem(arena, e->name);
    const char *tables_name = arena_printf(arena, "%s_tables.h", stem);
    const char *include = arena_printf(arena, "#include \"%s\"\n", tables_name);
    write_file(arena, directory, tables_name,
               arena_printf(arena,
                            "/* What the runtime must know of %s%s, which includes this. */\n\n%s",
                            stem, e->target->suffix, tables_text(arena, e)));
    write_file(arena, directory, arena_printf(arena, "%s%s", stem, e->target->suffix),
               program_text_with(arena, e, include));
}

void emit_program(Arena *arena, const Emission *emission, const char *directory)
{
    const char *folder = arena_printf(arena, "templates/%s/", emission->target->name);
    Text sources = text_new(arena);
    make_folder(arena, directory);
    for (int i = 0; i < n_embedded_files; i++) {
        const EmbeddedFile *file = &embedded_files[i];
        const char *name = strrchr(file->path, '/') + 1;
        const bool template = strncmp(file->path, folder, strlen(folder)) == 0;
        const bool runtime = strncmp(file->path, "runtime/", 8) == 0;
        if (!(template && is_template_needed(emission, name)) &&
            !(runtime && is_runtime_needed(emission, name)))
            continue;
        write_file(arena, directory, name, file->text);
        if (strcmp(strchr(name, '.'), ".h") != 0)
            text_printf(&sources, " %s", name);
    }
    write_makefile(arena, emission, directory, sources.data);
    write_program(arena, emission, directory);
}
