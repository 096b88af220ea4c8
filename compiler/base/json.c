/* JSON has no control characters in strings and no infinities; both are dealt with here. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_string(Text *out, const char *text)
{
    text_append(out, "\"", 1);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            text_printf(out, "\\%c", c);
        else if (c < 0x20)
            text_printf(out, "\\u%04x", c);
        else
            text_append(out, text, 1);
    }
    text_append(out, "\"", 1);
}

void json_number(Text *out, double value)
{
    char digits[32];
    if (!isfinite(value)) {
        text_append(out, "null", 4);
        return;
    }
    for (int precision = 6; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    text_printf(out, "%s", digits);
}
