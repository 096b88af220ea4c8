/* Commands run through the shell with their output in files of the scratch folder. */
#include "tests/support/command.h"

#include "base/base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *rematc_path(void)
{
    const char *path = getenv("REMATC");
    return path ? path : "build/rematc";
}

static char scratch[64];
static pid_t owner;

/* Check runs each test in a child: only the process that made the folder removes it. */
static void remove_scratch(void)
{
    char command[96];
    if (getpid() != owner)
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", scratch);
}

const char *scratch_folder(void)
{
    if (!scratch[0] || owner != getpid()) {
        strcpy(scratch, "/tmp/rematc-test-XXXXXX");
        if (!mkdtemp(scratch))
            fatal("cannot make a folder in /tmp:");
        owner = getpid();
        atexit(remove_scratch);
    }
    return scratch;
}

char *read_whole_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t capacity = 1 << 16, used = 0;
    char *text = xmalloc(capacity + 1);
    for (size_t got; (got = fread(text + used, 1, capacity - used, file)) > 0;) {
        used += got;
        if (used == capacity)
            text = xrealloc(text, (capacity *= 2) + 1);
    }
    fclose(file);
    text[used] = '\0';
    if (n)
        *n = used;
    return text;
}

bool same_files(const char *a, const char *b)
{
    size_t n_a = 0, n_b = 0;
    char *text_a = read_whole_file(a, &n_a), *text_b = read_whole_file(b, &n_b);
    bool same = text_a && text_b && n_a == n_b && memcmp(text_a, text_b, n_a) == 0;
    free(text_a);
    free(text_b);
    return same;
}

const CommandResult *run_shell(const char *format, ...)
{
    static CommandResult result;
    char command[8192], path[96];
    size_t head = (size_t)snprintf(command, sizeof command, "timeout 600 sh -c '");
    va_list args;
    va_start(args, format);
    int n = vsnprintf(command + head, sizeof command - head, format, args);
    va_end(args);
    if (n < 0 || head + (size_t)n + 128 > sizeof command)
        bug("a test's command is too long");
    snprintf(command + head + n, sizeof command - head - (size_t)n,
             "' >'%s/stdout' 2>'%s/stderr' </dev/null", scratch_folder(), scratch_folder());
    int status = system(command);
    free(result.out);
    free(result.err);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    snprintf(path, sizeof path, "%s/stdout", scratch);
    result.out = read_whole_file(path, NULL);
    snprintf(path, sizeof path, "%s/stderr", scratch);
    result.err = read_whole_file(path, NULL);
    return &result;
}

double last_number(const char *text, const char *key)
{
    char quoted[128];
    const char *found = NULL;
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    for (const char *at = text; (at = strstr(at, quoted)) != NULL; at++)
        found = at;
    return found ? strtod(found + strlen(quoted), NULL) : (double)NAN;
}

int text_lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

void say_skipped(const char *format, ...)
{
    va_list args;
    fputs("skipped: ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}
