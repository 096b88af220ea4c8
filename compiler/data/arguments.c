/* Options with their value in the next argument (--size 8192) or behind = (--size=8192). */
#include "data/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int arguments_error(const CommandLine *line, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s: error: ", line->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n`%s --help` says more\n", line->name);
    return EXIT_USAGE;
}

static void print_help(const CommandLine *line)
{
    printf("usage: %s [OPTIONS] %s\n\n%s\n", line->name, line->files, line->help);
    for (int i = 0; i < line->n_options; i++) {
        const Option *option = &line->options[i];
        int n = printf("  %s %s", option->name, option->argument ? option->argument : "");
        printf("%*s%s\n", n < 25 ? 25 - n : 1, "", option->help);
    }
}

static bool parse_count(const char *text, int *count)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < 0 || value > INT32_MAX)
        return false;
    *count = (int)value;
    return true;
}

/* The option that text names; *value is what stands behind = or NULL. */
static const Option *find_option(const CommandLine *line, const char *text, const char **value)
{
    for (int i = 0; i < line->n_options; i++) {
        size_t n = strlen(line->options[i].name);
        if (strncmp(text, line->options[i].name, n) != 0 || (text[n] && text[n] != '='))
            continue;
        *value = text[n] ? text + n + 1 : NULL;
        return &line->options[i];
    }
    return NULL;
}

static int take_option(const CommandLine *line, char ***next)
{
    const char *value = NULL, *text = *(*next)++;
    const Option *option = find_option(line, text, &value);
    if (!option)
        return arguments_error(line, "there is no option '%s'", text);
    if (option->flag) {
        if (value)
            return arguments_error(line, "%s takes no value", option->name);
        *option->flag = true;
        return EXIT_DONE;
    }
    if (!value && !(value = **next))
        return arguments_error(line, "%s needs a value: %s", option->name, option->argument);
    if (value == **next)
        ++*next;
    if (option->text)
        *option->text = value;
    else if (!parse_count(value, option->count))
        return arguments_error(line, "%s needs a whole number, not '%s'", option->name, value);
    return EXIT_DONE;
}

int arguments_read(Arena *arena, const CommandLine *line, char **argv, Files *files)
{
    bool options_ended = false;
    for (char **next = argv + 1; *next;) {
        if (options_ended || (*next)[0] != '-' || !(*next)[1]) {
            PUSH(arena, *files, *next++);
        } else if (strcmp(*next, "--") == 0) {
            options_ended = true;
            next++;
        } else if (strcmp(*next, "--help") == 0) {
            print_help(line);
            return ARGUMENTS_HELP;
        } else {
            int status = take_option(line, &next);
            if (status != EXIT_DONE)
                return status;
        }
    }
    return EXIT_DONE;
}
