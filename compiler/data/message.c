/* Errors, warnings and progress of the data tool; nothing here ends the run. */
#include "data/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print(const char *kind, const char *path, size_t line, const char *format, va_list args)
{
    int error = errno;
    size_t n = strlen(format);
    fprintf(stderr, "%s:", path);
    if (line)
        fprintf(stderr, "%zu:", line);
    fprintf(stderr, " %s: ", kind);
    vfprintf(stderr, format, args);
    if (n && format[n - 1] == ':')
        fprintf(stderr, " %s", strerror(error));
    fputc('\n', stderr);
}

int message_error(int status, const char *path, size_t line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print("error", path, line, format, args);
    va_end(args);
    return status;
}

void message_warning(const char *path, size_t line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print("warning", path, line, format, args);
    va_end(args);
}

void message_progress(const char *what, size_t before, size_t done, size_t total)
{
    if (total == 0 || !isatty(STDERR_FILENO))
        return;
    if (done >= total) {
        fprintf(stderr, "\r\033[K");
    } else if (done == 0 || done * 100 / total != before * 100 / total) {
        fprintf(stderr, "\r%s %zu%%\033[K", what, done * 100 / total);
        fflush(stderr);
    }
}
