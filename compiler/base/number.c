/* Text in, a whole or a floating number out, and back. */
#include "base/number.h"

#include "base/size.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Number number_int(int64_t i)
{
    return (Number){.is_float = false, .i = i, .f = (double)i};
}

Number number_float(double f)
{
    return (Number){.is_float = true, .f = f};
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* The length of the number before its unit, 0 where text does not begin with one; strtod alone
 * would also take hexadecimal, inf and nan. */
static size_t mantissa_length(const char *text, bool *is_float)
{
    size_t n = text[0] == '-';
    size_t whole = digits(text + n);
    n += whole;
    *is_float = text[n] == '.';
    size_t fraction = 0;
    if (text[n] == '.') {
        fraction = digits(text + n + 1);
        n += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    if (text[n] == 'e' || text[n] == 'E') {
        size_t sign = text[n + 1] == '-' || text[n + 1] == '+';
        size_t exponent = digits(text + n + 1 + sign);
        if (exponent == 0)
            return 0;
        *is_float = true;
        n += 1 + sign + exponent;
    }
    return n;
}

static NumberStatus whole_number(const char *text, Number *number)
{
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    *number = number_int(value);
    return errno == ERANGE ? NUMBER_too_large : NUMBER_ok;
}

static NumberStatus size_number(const char *text, Number *number)
{
    size_t bytes;
    if (!size_parse(text, &bytes))
        return NUMBER_malformed;
    *number = number_int((int64_t)bytes);
    return bytes > INT64_MAX ? NUMBER_too_large : NUMBER_ok;
}

NumberStatus number_parse(const char *text, Number *number)
{
    bool is_float;
    size_t n = mantissa_length(text, &is_float);
    if (n == 0)
        return NUMBER_malformed;
    if (text[n] != '\0')
        return size_number(text, number);
    if (!is_float)
        return whole_number(text, number);
    *number = number_float(strtod(text, NULL));
    return isfinite(number->f) ? NUMBER_ok : NUMBER_too_large;
}

const char *number_print(Arena *arena, Number number)
{
    if (!number.is_float)
        return arena_printf(arena, "%lld", (long long)number.i);
    char text[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, number.f);
        if (strtod(text, NULL) == number.f)
            break;
    }
    bool looks_whole = text[strspn(text, "-0123456789")] == '\0';
    return arena_printf(arena, "%s%s", text, looks_whole ? ".0" : "");
}
