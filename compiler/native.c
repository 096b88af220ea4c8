/* Writes the micro-benchmark (templates/native) with the kernels that programs use, compiles it as
 * they are compiled, and keeps what it prints. */
#define _DEFAULT_SOURCE
#include "native.h"

#include "cache.h"
#include "emit/render.h"
#include "interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The whole of a stream; NULL where it cannot be read. */
static char *read_all(Arena *arena, FILE *stream)
{
    char piece[4096];
    Text text = text_new(arena);
    for (size_t n; (n = fread(piece, 1, sizeof piece, stream)) > 0;)
        text_append(&text, piece, n);
    return text.n > 0 && !ferror(stream) ? text.data : NULL;
}

/* NULL where there is none, or what there is is no device file. */
static const Device *read_cached(Arena *arena, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    const char *error, *text = read_all(arena, file);
    fclose(file);
    return text ? device_read(arena, "native", text, &error) : NULL;
}

/* ---- the benchmark ---- */

static bool write_text(Arena *arena, const char *folder, const char *name, const char *text)
{
    FILE *file = fopen(arena_printf(arena, "%s/%s", folder, name), "w");
    if (!file)
        return false;
    const bool good = fputs(text, file) >= 0;
    return fclose(file) == 0 && good;
}

static const char *const files[] = {"templates/native/native.c", "templates/cpu/matmul.c",
                                    "templates/cpu/kernels.h", "runtime/kernel.h", "runtime/rt.h"};
enum { N_FILES = sizeof files / sizeof *files };

static bool write_benchmark(Arena *arena, const char *folder)
{
    const char *makefile = "templates/cpu/Makefile";
    const Fill fill = {"name", "NAME    := native\nSOURCES := native.c matmul.c\n"};
    bool good = write_text(arena, folder, "Makefile",
                           render(arena, makefile, render_file(makefile), &fill, 1));
    for (int i = 0; i < N_FILES; i++)
        good = good && write_text(arena, folder, strrchr(files[i], '/') + 1, render_file(files[i]));
    return good;
}

/* Threads wait as those of programs do: see runtime/cpu.c. */
static void start_benchmark(const char *folder, const char *processor, int out)
{
    dup2(out, STDOUT_FILENO);
    if (!getenv("GOMP_SPINCOUNT"))
        setenv("OMP_WAIT_POLICY", "passive", 0);
    if (chdir(folder) == 0)
        execl("./native", "native", processor, (char *)NULL);
    _exit(127);
}

/* What it prints; NULL where it fails. */
static const char *run_benchmark(Arena *arena, const char *folder)
{
    const char *processor = cache_processor(arena);
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        return NULL;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        start_benchmark(folder, processor, ends[1]);
    close(ends[1]);
    FILE *stream = fdopen(ends[0], "r");
    const char *text = stream ? read_all(arena, stream) : NULL;
    if (stream)
        fclose(stream);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : NULL;
}

/* The text of the device file, or NULL and why. */
static const char *measure_in(Arena *arena, const char *folder, const char **reason)
{
    *reason = "the benchmark's files cannot be written";
    if (!write_benchmark(arena, folder))
        return NULL;
    const MakeResult made = cache_make(folder, false, true);
    *reason = made == MAKE_ABSENT ? "there is no `make`"
                                  : "the benchmark does not compile: is there a C compiler, and "
                                    "OpenBLAS (Debian: libopenblas-openmp-dev)?";
    if (made != MAKE_DONE)
        return NULL;
    *reason = "the benchmark does not run";
    return run_benchmark(arena, folder);
}

/* ---- the cache ---- */

static bool keep(Arena *arena, const char *path, const char *text, bool quiet)
{
    const char *temporary = arena_printf(arena, "%s.%d.tmp", path, (int)getpid());
    FILE *file = cache_make_folders(arena, path) ? fopen(temporary, "w") : NULL;
    bool good = file && fputs(text, file) >= 0;
    if (file)
        good = fclose(file) == 0 && good;
    if (good && rename(temporary, path) == 0)
        return true;
    if (file)
        remove(temporary);
    if (!quiet)
        fprintf(stderr, "rematc: warning: what was measured cannot be kept in '%s': %s\n", path,
                strerror(errno));
    return false;
}

/* The text of the device file, or NULL and why. */
static const char *measure(Arena *arena, const char **reason)
{
    const char *place = getenv("TMPDIR");
    char *folder = arena_printf(arena, "%s/rematc-native-XXXXXX", place && *place ? place : "/tmp");
    *reason = "there is no room for temporary files";
    if (!mkdtemp(folder))
        return NULL;
    interrupt_catch();
    const char *text = measure_in(arena, folder, reason);
    interrupt_release();
    cache_remove(folder);
    if (!interrupted)
        return text;
    *reason = "it was stopped";
    return NULL;
}

static char *device_path(Arena *arena)
{
    const char *texts[N_FILES];
    for (int i = 0; i < N_FILES; i++)
        texts[i] = render_file(files[i]);
    return arena_printf(arena, "%s.device", cache_path(arena, "native", texts, N_FILES));
}

static void say_busy(const char *path)
{
    double load = 0;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (getloadavg(&load, 1) == 1 && load > 0.5 * (double)processors)
        fprintf(
            stderr,
            "rematc: note: other programs run here, so the rates may be too low; remove '%s' to "
            "measure again\n",
            path);
}

const Device *native_device(Arena *arena, bool quiet, const char **reason)
{
    static char known[1024]; /* for commands that plan often, where there is no cache */
    const char *error, *path = device_path(arena);
    const Device *device =
        *known ? device_read(arena, "native", known, &error) : read_cached(arena, path);
    if (device)
        return device;
    if (!quiet)
        fprintf(stderr, "rematc: measuring this machine once, which takes a few seconds...\n");
    const char *text = measure(arena, reason);
    device = text ? device_read(arena, "native", text, &error) : NULL;
    if (!device)
        return NULL;
    if (keep(arena, path, text, quiet) && !quiet)
        say_busy(path);
    snprintf(known, sizeof known, "%s", text);
    return device;
}
