/* See output.h. A link is followed, so that what it points to is replaced and not the link. */
#define _XOPEN_SOURCE 700
#include "base/output.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

Output output_open(Arena *arena, const char *path)
{
    struct stat status;
    char *real = realpath(path, NULL);
    Output output = {.path = arena_strdup(arena, real ? real : path)};
    free(real);
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        output.stream = fopen(path, "w");
    } else {
        output.temporary = arena_printf(arena, "%s.%ld.tmp", output.path, (long)getpid());
        output.stream = fopen(output.temporary, "w");
    }
    if (!output.stream)
        fatal("cannot write '%s':", path);
    return output;
}

static void give_up(const Output *output)
{
    if (output->temporary)
        remove(output->temporary);
    fatal("cannot write '%s':", output->path);
}

void output_commit(Output *output)
{
    bool failed = ferror(output->stream) != 0;
    if (fclose(output->stream) != 0 || failed)
        give_up(output);
    if (output->temporary && rename(output->temporary, output->path) != 0)
        give_up(output);
}

void output_abandon(Output *output)
{
    fclose(output->stream);
    if (output->temporary)
        remove(output->temporary);
}
