/* Sizes are read with integers alone, so that each has exactly one value. */
#include "base/size.h"

#include <ctype.h>
#include <string.h>

static const char prefixes[] = "kMGT";

/* The unit's bytes; 0 where the text is not a unit. */
static size_t unit_parse(const char *text)
{
    size_t unit = 1, base = 1000;
    const char *prefix = *text ? strchr(prefixes, *text == 'K' ? 'k' : *text) : NULL;
    if (prefix) {
        text++;
        if (*text == 'i') {
            base = 1024;
            text++;
        }
        for (const char *p = prefixes; p <= prefix; p++)
            unit *= base;
    }
    if (*text == 'B' || *text == 'b')
        text++;
    while (isspace((unsigned char)*text))
        text++;
    return *text ? 0 : unit;
}

/* *sum = *sum * factor + more; false where that overflows. */
static bool accumulate(size_t *sum, size_t factor, size_t more)
{
    return !__builtin_mul_overflow(*sum, factor, sum) && !__builtin_add_overflow(*sum, more, sum);
}

bool size_parse(const char *text, size_t *bytes)
{
    size_t digits = 0, divisor = 1;
    bool seen = false, after_point = false;
    while (isspace((unsigned char)*text))
        text++;
    for (; isdigit((unsigned char)*text) || (*text == '.' && !after_point); text++) {
        if (*text == '.') {
            after_point = true;
            continue;
        }
        if (!accumulate(&digits, 10, (size_t)(*text - '0')))
            return false;
        if (after_point && !accumulate(&divisor, 10, 0))
            return false;
        seen = true;
    }
    while (isspace((unsigned char)*text))
        text++;
    size_t unit = unit_parse(text);
    if (!seen || !unit)
        return false;
    while (divisor % 2 == 0 && unit % 2 == 0)
        divisor /= 2, unit /= 2;
    while (divisor % 5 == 0 && unit % 5 == 0)
        divisor /= 5, unit /= 5;
    if (digits % divisor != 0)
        return false;
    digits /= divisor;
    if (!accumulate(&digits, unit, 0))
        return false;
    *bytes = digits;
    return true;
}

char *size_format(Arena *arena, size_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 1024;
    int k = 0;
    if (bytes < 1024)
        return arena_printf(arena, "%zu B", bytes);
    while (k < 5 && bytes / 1024 >= unit) {
        unit *= 1024;
        k++;
    }
    return arena_printf(arena, "%.1f %s", (double)bytes / (double)unit, units[k]);
}
