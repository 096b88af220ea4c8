/* The renderer of templates: text and fills in, text out. */
#include "emit/render.h"

#include "emit/embedded.h"

#include <string.h>

typedef struct {
    const char *start; /* of the line */
    size_t length;     /* without its end */
    size_t indent;
    const char *next;
} Line;

static Line line_at(const char *text)
{
    Line line = {.start = text, .length = strcspn(text, "\n")};
    while (line.indent < line.length && text[line.indent] == ' ')
        line.indent++;
    line.next = text + line.length + (text[line.length] == '\n');
    return line;
}

/* What follows the marker (`begin` or `end`) on a line that is one, else NULL. */
static const char *marker(const Line *line, const char *word)
{
    const char *at = line->start + line->indent;
    if (strncmp(at, "//@", 3) == 0)
        at += 3;
    else if (strncmp(at, "#@", 2) == 0)
        at += 2;
    else
        return NULL;
    size_t n = strlen(word);
    if (strncmp(at, word, n) != 0)
        return NULL;
    return at[n] == ' ' ? at + n + 1 : at + n;
}

/* The line that closes the region whose first inner line is at text. */
static Line region_end(const char *name, const char *text)
{
    int depth = 1;
    while (*text) {
        Line line = line_at(text);
        depth += marker(&line, "begin") != NULL;
        depth -= marker(&line, "end") != NULL;
        if (depth == 0)
            return line;
        text = line.next;
    }
    bug("a region of %s is not closed", name);
}

static void append_indented(Text *out, const char *text, size_t indent)
{
    while (*text) {
        Line line = line_at(text);
        if (line.length > 0 && line.start[0] != '#')
            text_printf(out, "%*s", (int)indent, "");
        text_append(out, line.start, line.length);
        text_append(out, "\n", 1);
        text = line.next;
    }
}

/* Length of the region's name, which is the rest of its marker's line. */
static size_t name_length(const Line *line, const char *name)
{
    return (size_t)(line->start + line->length - name);
}

static const Fill *fill_find(const Fill *fills, int n_fills, const char *region, size_t n)
{
    for (int i = 0; i < n_fills; i++)
        if (strlen(fills[i].region) == n && strncmp(fills[i].region, region, n) == 0)
            return &fills[i];
    return NULL;
}

const char *render(Arena *arena, const char *name, const char *text, const Fill *fills, int n_fills)
{
    Text out = text_new(arena);
    while (*text) {
        Line line = line_at(text);
        const char *found = marker(&line, "begin");
        if (marker(&line, "end"))
            bug("%s closes a region that is not open", name);
        if (!found) {
            text_append(&out, line.start, (size_t)(line.next - line.start));
            text = line.next;
            continue;
        }
        const size_t n = name_length(&line, found);
        const Fill *fill = fill_find(fills, n_fills, found, n);
        if (!fill)
            bug("%s has a region '%.*s' that nothing fills", name, (int)n, found);
        append_indented(&out, fill->text, line.indent);
        text = region_end(name, line.next).next;
    }
    return out.data;
}

const char *render_region(Arena *arena, const char *name, const char *text, const char *region)
{
    for (; *text; text = line_at(text).next) {
        Line line = line_at(text);
        const char *found = marker(&line, "begin");
        if (!found || name_length(&line, found) != strlen(region) ||
            strncmp(found, region, strlen(region)) != 0)
            continue;
        Text out = text_new(arena);
        const char *end = region_end(name, line.next).start;
        for (const char *at = line.next; at < end;) {
            Line inner = line_at(at);
            size_t cut = inner.indent < line.indent ? inner.indent : line.indent;
            text_append(&out, at + cut, (size_t)(inner.next - at) - cut);
            at = inner.next;
        }
        return out.data;
    }
    bug("%s has no region '%s'", name, region);
}

const char *render_file(const char *path)
{
    for (int i = 0; i < n_embedded_files; i++)
        if (strcmp(embedded_files[i].path, path) == 0)
            return embedded_files[i].text;
    bug("the template '%s' is missing", path);
}
