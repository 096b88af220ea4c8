/* See cache.h. */
#define _GNU_SOURCE
#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- names ---- */

/* FNV-1a, with an end after each text. */
static uint64_t hash(uint64_t h, const char *text)
{
    do
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    while (*text++);
    return h;
}

char *cache_processor(Arena *arena)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[512], *name = NULL;
    while (file && !name && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon)
            name = arena_strndup(arena, colon + 2, strcspn(colon + 2, "\n"));
    }
    if (file)
        fclose(file);
    struct utsname system;
    return name ? name : uname(&system) == 0 ? arena_strdup(arena, system.machine) : "this machine";
}

/* The processors that this process may use: as many threads does a program start. */
static int count_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* A compiler that is replaced has another size or date. */
static uint64_t hash_command(Arena *arena, uint64_t h, const char *command)
{
    const char *name = arena_strndup(arena, command, strcspn(command, " "));
    const char *path = getenv("PATH");
    while (path && *path) {
        const size_t n = strcspn(path, ":");
        struct stat status;
        const char *file =
            strchr(name, '/') ? name : arena_printf(arena, "%.*s/%s", (int)n, path, name);
        if (stat(file, &status) == 0)
            return hash(h, arena_printf(arena, "%s %lld %lld", file, (long long)status.st_size,
                                        (long long)status.st_mtime));
        path += n + (path[n] == ':');
    }
    return h;
}

static uint64_t hash_environment(Arena *arena, uint64_t h)
{
    static const char *const variables[] = {
        "CC", "CFLAGS", "LDFLAGS", "LIBS", "NVCC", "ARCH", "NVCCFLAGS", "TF32", "OMP_NUM_THREADS"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);
        h = hash(h, value ? value : "");
    }
    /* What make was told and tells the makes that it starts: `make CC=clang demo`. */
    const char *flags = getenv("MAKEFLAGS"), *overrides = flags ? strstr(flags, "-- ") : NULL;
    h = hash(h, overrides ? overrides : "");
    h = hash_command(arena, h, getenv("CC") ? getenv("CC") : "cc");
    h = hash_command(arena, h, getenv("NVCC") ? getenv("NVCC") : "nvcc");
    h = hash(h, cache_processor(arena));
    return hash(h, arena_printf(arena, "%d", count_processors()));
}

char *cache_path(Arena *arena, const char *name, const char *const *texts, int n)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const char *base = cache && *cache ? arena_printf(arena, "%s/rematc", cache)
                       : home && *home ? arena_printf(arena, "%s/.cache/rematc", home)
                                       : arena_printf(arena, "/tmp/rematc-%d", (int)getuid());
    uint64_t h = hash_environment(arena, 14695981039346656037u);
    for (int i = 0; i < n; i++)
        h = hash(h, texts[i]);
    return arena_printf(arena, "%s/%s-%016llx", base, name, (unsigned long long)h);
}

/* ---- folders ---- */

bool cache_make_folders(Arena *arena, const char *path)
{
    char *copy = arena_strdup(arena, path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    remove(path);
    return 0;
}

void cache_remove(const char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- make ---- */

static void start_make(const char *folder, bool verbose, bool silent)
{
    const int nowhere = silent ? open("/dev/null", O_WRONLY) : -1;
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execlp("make", "make", verbose ? "--no-print-directory" : "--silent", "-C", folder,
           (char *)NULL);
    _exit(127);
}

MakeResult cache_make(const char *folder, bool verbose, bool silent)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child < 0)
        fatal("cannot start make:");
    if (child == 0)
        start_make(folder, verbose, silent);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return MAKE_ABSENT;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? MAKE_DONE : MAKE_FAILED;
}
