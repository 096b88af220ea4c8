/* The table of forms, which --format chooses from. */
#include "report/report.h"

#include <string.h>

static const struct {
    const char *name;
    ReportWrite *write;
} forms[] = {
    {"text", report_text}, {"json", report_json},         {"html", report_html},
    {"svg", report_svg},   {"perfetto", report_perfetto},
};

const char report_form_names[] = "text, json, html, svg or perfetto";

ReportWrite *report_form(const char *name)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(forms[i].name, name) == 0)
            return forms[i].write;
    return NULL;
}
