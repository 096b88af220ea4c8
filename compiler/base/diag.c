/* Formats messages about the source, holds and sorts them on demand, and counts errors. */
#include "base/diag.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_PRINTED = 100,   /* errors; the rest is only counted */
    LINE_WIDTH = 100,    /* characters of a source line that are shown */
    NAME_LIMIT = 63,     /* longer names get no suggestion */
    SEEN_PREFIX_MAX = 40 /* room for two offsets in a key */
};

typedef enum { KIND_error, KIND_warning, KIND_note } Kind;

static const char *const kind_names[] = {"error", "warning", "note"};

typedef struct {
    int place, order; /* what held messages are sorted by: the place of the error a note is for */
    const char *text;
} Message;

struct Diag {
    Arena *arena;
    const Source *source;
    FILE *out;
    ARRAY(int) line_starts;
    Map *seen;
    int n_errors, n_unprinted;
    bool held;
    bool quiet; /* the last error was not printed, so its notes are not either */
    ARRAY(Message) messages;
};

Diag *diag_new(Arena *arena, const Source *source, FILE *out)
{
    Diag *diag = NEW(arena, Diag);
    diag->arena = arena;
    diag->source = source;
    diag->out = out;
    diag->seen = map_new(arena);
    PUSH(arena, diag->line_starts, 0);
    for (int i = 0; i < source->n; i++)
        if (source->text[i] == '\n')
            PUSH(arena, diag->line_starts, i + 1);
    return diag;
}

const Source *diag_source(const Diag *diag)
{
    return diag->source;
}

int diag_errors(const Diag *diag)
{
    return diag->n_errors;
}

bool diag_is_full(const Diag *diag)
{
    return diag->n_errors >= MAX_PRINTED;
}

int diag_line(const Diag *diag, int offset)
{
    int low = 0, high = diag->line_starts.n;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (diag->line_starts.data[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low + 1;
}

/* Bytes of the character at text[0]; a byte that begins no valid UTF-8 sequence is one by itself.
 */
static int character_bytes(const char *text, const char *end)
{
    unsigned char first = (unsigned char)text[0];
    int n = first >= 0xf0 && first < 0xf5   ? 4
            : first >= 0xe0 && first < 0xf0 ? 3
            : first >= 0xc2 && first < 0xe0 ? 2
                                            : 1;
    if (n > end - text)
        return 1;
    for (int i = 1; i < n; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 1;
    return n;
}

static int count_characters(const char *text, const char *end)
{
    int n = 0;
    for (; text < end; text += character_bytes(text, end))
        n++;
    return n;
}

int diag_column(const Diag *diag, int offset)
{
    int start = diag->line_starts.data[diag_line(diag, offset) - 1];
    return 1 + count_characters(diag->source->text + start, diag->source->text + offset);
}

/* Control characters and broken UTF-8 would upset the terminal; they show as '?'. */
static void append_character(Text *text, const char *at, int bytes)
{
    unsigned char c = (unsigned char)*at;
    if (bytes == 1 && c != '\t' && (c < 0x20 || c >= 0x7f))
        text_append(text, "?", 1);
    else
        text_append(text, at, (size_t)bytes);
}

/* The piece of a line that is shown: all of it, or a window around the span. */
typedef struct {
    const char *start, *end;
    bool cut_before, cut_after;
} Window;

static Window window_around(const char *line, const char *end, const char *focus)
{
    Window window = {line, end, false, false};
    int before = count_characters(line, focus);
    int skip = before + count_characters(focus, end) > LINE_WIDTH ? before - LINE_WIDTH / 2 : 0;
    for (; skip > 0; skip--) {
        window.start += character_bytes(window.start, end);
        window.cut_before = true;
    }
    const char *stop = window.start;
    for (int shown = 0; stop < end && shown < LINE_WIDTH; shown++)
        stop += character_bytes(stop, end);
    window.cut_after = stop < end;
    window.end = stop;
    return window;
}

/* The caret line repeats the tabs of the source line, so that both align at any tab width. */
static void append_carets(Text *text, Window window, const char *from, const char *to)
{
    const char *at = window.start;
    for (; at < from && at < window.end; at += character_bytes(at, window.end))
        text_append(text, *at == '\t' ? "\t" : " ", 1);
    text_append(text, "^", 1);
    if (at < window.end)
        at += character_bytes(at, window.end);
    for (; at < to && at < window.end; at += character_bytes(at, window.end))
        text_append(text, "~", 1);
    text_append(text, "\n", 1);
}

static void append_excerpt(Text *text, const Diag *diag, Span span)
{
    int line = diag_line(diag, span.start);
    const char *start = diag->source->text + diag->line_starts.data[line - 1];
    const char *end = line < diag->line_starts.n
                          ? diag->source->text + diag->line_starts.data[line] - 1
                          : diag->source->text + diag->source->n;
    if (end > start && end[-1] == '\r')
        end--;
    const char *from = diag->source->text + span.start;
    if (from > end)
        from = end;
    Window window = window_around(start, end, from);
    const char *dots = window.cut_before ? "..." : "";
    text_printf(text, "%s", dots);
    for (const char *at = window.start; at < window.end;) {
        int bytes = character_bytes(at, window.end);
        append_character(text, at, bytes);
        at += bytes;
    }
    text_printf(text, "%s\n%*s", window.cut_after ? "..." : "", (int)strlen(dots), "");
    append_carets(text, window, from, diag->source->text + span.end);
}

static const char *render(const Diag *diag, Kind kind, Span span, const char *message)
{
    Text text = text_new(diag->arena);
    text_printf(&text, "%s:", diag->source->name);
    if (span.start >= 0)
        text_printf(&text, "%d:%d:", diag_line(diag, span.start), diag_column(diag, span.start));
    text_printf(&text, " %s: %s\n", kind_names[kind], message);
    if (span.start >= 0)
        append_excerpt(&text, diag, span);
    return text.data;
}

/* Whether this message is to be printed, after counting it. */
static bool admit(Diag *diag, Kind kind, Span span, const char *message)
{
    if (kind == KIND_note)
        return !diag->quiet;
    char *key = arena_alloc(diag->arena, strlen(message) + SEEN_PREFIX_MAX);
    snprintf(key, strlen(message) + SEEN_PREFIX_MAX, "%d %d %s", span.start, span.end, message);
    diag->quiet = !map_add(diag->seen, key, 0);
    if (diag->quiet || kind != KIND_error)
        return !diag->quiet;
    diag->n_errors++;
    diag->quiet = diag->n_errors > MAX_PRINTED;
    diag->n_unprinted += diag->quiet;
    return !diag->quiet;
}

static void put(const Diag *diag, const char *text)
{
    if (diag->out)
        fputs(text, diag->out);
}

static void report(Diag *diag, Kind kind, Span span, const char *format, va_list args)
{
    Text message = text_new(diag->arena);
    text_vprintf(&message, format, args);
    if (!admit(diag, kind, span, message.data))
        return;
    const char *text = render(diag, kind, span, message.data);
    if (!diag->held) {
        put(diag, text);
        return;
    }
    int n = diag->messages.n;
    int place = kind == KIND_note && n ? diag->messages.data[n - 1].place : span.start;
    Message held = {place, n, text};
    PUSH(diag->arena, diag->messages, held);
}

void diag_error(Diag *diag, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(diag, KIND_error, span, format, args);
    va_end(args);
}

void diag_warning(Diag *diag, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(diag, KIND_warning, span, format, args);
    va_end(args);
}

void diag_note(Diag *diag, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(diag, KIND_note, span, format, args);
    va_end(args);
}

static int compare_messages(const void *left, const void *right)
{
    const Message *a = left, *b = right;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return a->order - b->order;
}

void diag_hold(Diag *diag)
{
    diag->held = true;
}

void diag_release(Diag *diag)
{
    diag->held = false;
    if (diag->messages.n)
        qsort(diag->messages.data, (size_t)diag->messages.n, sizeof(Message), compare_messages);
    for (int i = 0; i < diag->messages.n; i++)
        put(diag, diag->messages.data[i].text);
    diag->messages.n = 0;
}

void diag_finish(Diag *diag)
{
    if (diag->n_unprinted && diag->out)
        fprintf(diag->out, "%s: %d more errors\n", diag->source->name, diag->n_unprinted);
    diag->n_unprinted = 0;
}

static int min3(int a, int b, int c)
{
    int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static int minimum(int a, int b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) between two names, letter case apart. */
static int edit_distance(const char *a, const char *b)
{
    int n = (int)strlen(a), m = (int)strlen(b);
    int rows[3][NAME_LIMIT + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (int j = 0; j <= m; j++)
        last[j] = j;
    for (int i = 1; i <= n; i++) {
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int differs = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + differs);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = minimum(row[j], before[j - 2] + 1);
        }
        int *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[m];
}

Nearest nearest_start(const char *name)
{
    size_t n = strlen(name);
    return (Nearest){.name = name, .distance = n < 3 ? 2 : (int)(n / 3 + 2)};
}

void nearest_offer(Nearest *nearest, const char *candidate)
{
    if (strlen(nearest->name) > NAME_LIMIT || strlen(candidate) > NAME_LIMIT)
        return;
    int distance = edit_distance(nearest->name, candidate);
    if (distance < nearest->distance && distance < (int)strlen(candidate)) {
        nearest->distance = distance;
        nearest->best = candidate;
    }
}

const char *nearest_hint(Arena *arena, const Nearest *nearest)
{
    return nearest->best ? arena_printf(arena, "; did you mean '%s'?", nearest->best) : "";
}
