/* Text to buffers, line by line; every fault is reported with its place, up to a limit. */
#include "place/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { COLUMN_ID, COLUMN_LOWER, COLUMN_UPPER, COLUMN_SIZE, COLUMN_OFFSET, N_COLUMNS };
enum { N_NEEDED = COLUMN_OFFSET, MOST_ERRORS = 10 };

static const char *const column_names[N_COLUMNS] = {"id", "lower", "upper", "size", "offset"};

typedef struct {
    const char *start, *end;
} Field;

typedef struct {
    Arena *arena;
    const char *name;
    Text *errors;
    int n_errors;
    int line;
    const char *line_start;
    int columns[N_COLUMNS]; /* the meaning of each column of the file */
    int n_columns;
    Map *seen; /* id to line */
    size_t sum_bytes;
    ARRAY(Buffer) buffers;
    ARRAY(char *) ids;
} Reader;

__attribute__((format(printf, 3, 4))) static void report(Reader *reader, const char *at,
                                                         const char *format, ...)
{
    if (reader->n_errors++ >= MOST_ERRORS)
        return;
    va_list args;
    text_printf(reader->errors, "%s:%d:%d: error: ", reader->name, reader->line,
                (int)(at - reader->line_start) + 1);
    va_start(args, format);
    text_vprintf(reader->errors, format, args);
    va_end(args);
    text_append(reader->errors, "\n", 1);
}

static gzFile open_input(const char *path)
{
    int file = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY);
    if (file < 0)
        return NULL;
    gzFile input = gzdopen(file, "rb");
    if (!input)
        close(file);
    return input;
}

/* All bytes of the file, unpacked; NULL (and a report) where it cannot be read whole. */
static char *read_all(Reader *reader, const char *path, size_t *n)
{
    gzFile input = open_input(path);
    if (!input) {
        text_printf(reader->errors, "%s: error: cannot read: %s\n", reader->name, strerror(errno));
        return NULL;
    }
    size_t capacity = 1 << 16;
    char *bytes = xmalloc(capacity);
    int got;
    for (*n = 0; (got = gzread(input, bytes + *n, (unsigned)(capacity - *n - 1))) > 0;) {
        *n += (size_t)got;
        if (capacity - *n - 1 == 0)
            bytes = xrealloc(bytes, capacity *= 2);
        if (capacity > (size_t)1 << 31)
            break;
    }
    int status;
    const char *message = gzerror(input, &status);
    if (got > 0)
        text_printf(reader->errors, "%s: error: larger than 1 GiB\n", reader->name);
    else if (got < 0)
        text_printf(reader->errors, "%s: error: cannot read: %s\n", reader->name,
                    status == Z_ERRNO ? strerror(errno) : message);
    else if (status == Z_BUF_ERROR)
        text_printf(reader->errors, "%s: error: the gzip stream is truncated\n", reader->name);
    bool whole = got == 0 && status != Z_BUF_ERROR;
    gzclose_r(input);
    if (whole)
        return bytes;
    free(bytes);
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next field from *at on, without blanks around it; *at moves behind its comma. */
static Field next_field(const char **at, const char *end)
{
    const char *comma = memchr(*at, ',', (size_t)(end - *at));
    Field field = {*at, comma ? comma : end};
    *at = comma ? comma + 1 : end + 1;
    while (field.start < field.end && is_blank(*field.start))
        field.start++;
    while (field.start < field.end && is_blank(field.end[-1]))
        field.end--;
    return field;
}

static bool field_is(Field field, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(field.end - field.start) == n && memcmp(field.start, text, n) == 0;
}

/* For messages: printable, and not longer than a name should be. */
static const char *field_text(Reader *reader, Field field)
{
    int n = field.end - field.start > 40 ? 40 : (int)(field.end - field.start);
    char *text = arena_strndup(reader->arena, field.start, (size_t)n);
    for (int i = 0; i < n; i++)
        if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
    return text;
}

static bool parse_integer(Field field, int64_t *value)
{
    const char *p = field.start;
    bool negative = p < field.end && *p == '-';
    p += negative;
    if (p == field.end)
        return false;
    for (*value = 0; p < field.end; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(*value, 10, value))
            return false;
        int digit = negative ? '0' - *p : *p - '0';
        if (__builtin_add_overflow(*value, digit, value))
            return false;
    }
    return true;
}

static bool read_integer(Reader *reader, Field field, int column, int64_t *value)
{
    if (parse_integer(field, value))
        return true;
    report(reader, field.start, "expected the %s as an integer of 64 bits, not '%s'",
           column_names[column], field_text(reader, field));
    return false;
}

static bool check_buffer(Reader *reader, const Field *fields, const int64_t *values)
{
    int64_t size = values[COLUMN_SIZE], life;
    if (size < 0)
        report(reader, fields[COLUMN_SIZE].start, "the size is negative: %" PRId64, size);
    else if (values[COLUMN_UPPER] < values[COLUMN_LOWER])
        report(reader, fields[COLUMN_UPPER].start,
               "the lifetime ends before it begins: lower %" PRId64 ", upper %" PRId64,
               values[COLUMN_LOWER], values[COLUMN_UPPER]);
    else if (__builtin_sub_overflow(values[COLUMN_UPPER], values[COLUMN_LOWER], &life))
        report(reader, fields[COLUMN_UPPER].start, "the lifetime does not fit in 63 bits");
    else if ((size_t)size > (SIZE_MAX >> 2) - reader->sum_bytes)
        report(reader, fields[COLUMN_SIZE].start, "the sizes up to here add up to 2^62 or more");
    else
        return true;
    return false;
}

static void add_buffer(Reader *reader, const Field *fields)
{
    int64_t values[N_COLUMNS] = {0};
    for (int c = COLUMN_LOWER; c <= COLUMN_SIZE; c++)
        if (!read_integer(reader, fields[c], c, &values[c]))
            return;
    if (!check_buffer(reader, fields, values))
        return;
    Field id = fields[COLUMN_ID];
    if (id.start == id.end || memchr(id.start, '\0', (size_t)(id.end - id.start))) {
        report(reader, id.start, "expected an id, not '%s'", field_text(reader, id));
        return;
    }
    char *name = arena_strndup(reader->arena, id.start, (size_t)(id.end - id.start));
    if (!map_add(reader->seen, name, reader->line)) {
        report(reader, id.start, "the id '%s' is on line %d already", field_text(reader, id),
               map_get(reader->seen, name));
        return;
    }
    Buffer buffer = {values[COLUMN_LOWER], values[COLUMN_UPPER], (size_t)values[COLUMN_SIZE]};
    reader->sum_bytes += buffer.size;
    PUSH(reader->arena, reader->buffers, buffer);
    PUSH(reader->arena, reader->ids, name);
}

/* A header is a first line that names at least one column. */
static bool is_header(const char *at, const char *end)
{
    while (at <= end) {
        Field field = next_field(&at, end);
        for (int c = 0; c < N_COLUMNS; c++)
            if (field_is(field, column_names[c]))
                return true;
    }
    return false;
}

static int column_of(Reader *reader, Field field)
{
    for (int c = 0; c < N_COLUMNS; c++)
        if (field_is(field, column_names[c]))
            return c;
    report(reader, field.start, "there is no column '%s'; expected id,lower,upper,size",
           field_text(reader, field));
    return -1;
}

static bool read_header(Reader *reader, const char *end)
{
    bool seen[N_COLUMNS] = {false};
    reader->n_columns = 0;
    for (const char *at = reader->line_start; at <= end;) {
        Field field = next_field(&at, end);
        int column = column_of(reader, field);
        if (column < 0)
            return false;
        if (seen[column]) {
            report(reader, field.start, "the column '%s' is there twice", column_names[column]);
            return false;
        }
        seen[column] = true;
        reader->columns[reader->n_columns++] = column;
    }
    for (int c = 0; c < N_NEEDED; c++)
        if (!seen[c])
            report(reader, end, "the column '%s' is missing; expected id,lower,upper,size",
                   column_names[c]);
    return reader->n_errors == 0;
}

static void read_line(Reader *reader, const char *end)
{
    Field fields[N_COLUMNS] = {{NULL, NULL}};
    int n = 0;
    const char *at = reader->line_start;
    Field first = next_field(&at, end);
    if (first.start == first.end && at > end)
        return;
    for (at = reader->line_start; at <= end; n++) {
        const char *start = at;
        Field field = next_field(&at, end);
        if (n == reader->n_columns) {
            report(reader, start, "expected %d fields, found more", reader->n_columns);
            return;
        }
        fields[reader->columns[n]] = field;
    }
    if (n < reader->n_columns)
        report(reader, end, "expected %d fields, found %d; the line or the file is truncated",
               reader->n_columns, n);
    else
        add_buffer(reader, fields);
}

static void read_lines(Reader *reader, const char *bytes, size_t n)
{
    const char *limit = bytes + n;
    for (const char *at = bytes; at < limit && reader->n_errors < MOST_ERRORS;) {
        const char *end = memchr(at, '\n', (size_t)(limit - at));
        if (!end)
            end = limit;
        reader->line++;
        reader->line_start = at;
        if (reader->line > 1 || !is_header(at, end))
            read_line(reader, end);
        else if (!read_header(reader, end))
            return;
        at = end + 1;
    }
    if (reader->buffers.n == 0 && reader->n_errors == 0) {
        reader->line++;
        reader->line_start = limit;
        report(reader, limit, "no buffers: expected lines of id,lower,upper,size");
    }
}

bool instance_read(Arena *arena, const char *path, Instance *instance, Text *errors)
{
    Reader reader = {
        .arena = arena,
        .name = strcmp(path, "-") == 0 ? "<stdin>" : path,
        .errors = errors,
        .columns = {COLUMN_ID, COLUMN_LOWER, COLUMN_UPPER, COLUMN_SIZE},
        .n_columns = N_NEEDED,
        .seen = map_new(arena),
    };
    size_t n;
    char *bytes = read_all(&reader, path, &n);
    if (!bytes)
        return false;
    read_lines(&reader, bytes, n);
    free(bytes);
    *instance = (Instance){reader.buffers.n, reader.buffers.data, reader.ids.data};
    return reader.n_errors == 0;
}

void instance_write(FILE *out, const Instance *instance, const size_t *offsets)
{
    fputs("id,lower,upper,size,offset\n", out);
    for (int i = 0; i < instance->n; i++) {
        const Buffer *buffer = &instance->buffers[i];
        fprintf(out, "%s,%" PRId64 ",%" PRId64 ",%zu,%zu\n", instance->ids[i], buffer->lower,
                buffer->upper, buffer->size, offsets[i]);
    }
}
