/* Names come from the user's file and may hold anything. */
#include "report/markup.h"

void markup_escape(Text *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            text_printf(out, "&lt;");
        else if (*text == '&')
            text_printf(out, "&amp;");
        else
            text_append(out, text, 1);
    }
}
