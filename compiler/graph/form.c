/* Tokens, fields and lists of the text form: printing and reading side by side. */
#include "graph/form.h"
#include "graph/build.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool form_reading(const Form *form)
{
    return form->out == NULL;
}

/* --- tokens
 * ------------------------------------------------------------------------------------------- */

void form_skip_space(Form *form)
{
    while (form->at < form->n) {
        char c = form->text[form->at];
        if (c == '#')
            while (form->at < form->n && form->text[form->at] != '\n')
                form->at++;
        else if (isspace((unsigned char)c))
            form->at++;
        else
            return;
    }
}

void form_expected(Form *form, const char *what)
{
    if (!form->failed)
        diag_error(form->diag, (Span){form->at, form->at + 1}, "expected %s", what);
    form->failed = true;
}

/* Takes a word or sign if it comes next. */
bool form_accept(Form *form, const char *token)
{
    if (form->failed)
        return false;
    form_skip_space(form);
    int length = (int)strlen(token);
    if (form->n - form->at < length || strncmp(form->text + form->at, token, (size_t)length) != 0)
        return false;
    char next = form->at + length < form->n ? form->text[form->at + length] : ' ';
    if (isalnum((unsigned char)token[length - 1]) && (isalnum((unsigned char)next) || next == '_'))
        return false;
    form->at += length;
    return true;
}

/* `key=` */
static bool accept_key(Form *form, const char *key)
{
    int start = form->at;
    if (form_accept(form, key) && form_accept(form, "="))
        return true;
    form->at = form->failed ? form->at : start;
    return false;
}

static double read_number(Form *form)
{
    char buffer[64], *end;
    form_skip_space(form);
    size_t n = 0;
    while (form->at + (int)n < form->n && n < sizeof buffer - 1 &&
           (isalnum((unsigned char)form->text[form->at + (int)n]) ||
            strchr("+-.", form->text[form->at + (int)n])))
        n++;
    memcpy(buffer, form->text + form->at, n);
    buffer[n] = '\0';
    double value = strtod(buffer, &end);
    if (n == 0 || *end)
        form_expected(form, "a number");
    else
        form->at += (int)n;
    return value;
}

static int64_t read_integer(Form *form, int64_t low, int64_t high)
{
    char *end;
    form_skip_space(form);
    errno = 0;
    long long value = strtoll(form->text + form->at, &end, 10);
    int n = (int)(end - (form->text + form->at));
    if (n == 0 || errno || n > form->n - form->at || value < low || value > high) {
        form_expected(form, "a whole number in range");
        return low;
    }
    form->at += n;
    return value;
}

static const char *read_string(Form *form)
{
    Text text = text_new(form->arena);
    if (!form_accept(form, "\"")) {
        form_expected(form, "a string in quotes");
        return "";
    }
    while (form->at < form->n && form->text[form->at] != '"') {
        if (form->text[form->at] == '\\' && form->at + 1 < form->n)
            form->at++;
        text_append(&text, form->text + form->at++, 1);
    }
    if (!form_accept(form, "\""))
        form_expected(form, "the closing quote");
    return text.data;
}

static void print_string(Form *form, const char *text)
{
    text_append(form->out, "\"", 1);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            text_append(form->out, "\\", 1);
        text_append(form->out, text, 1);
    }
    text_append(form->out, "\"", 1);
}

/* --- fields
 * --------------------------------------------------------------------------------------------- */

/* Prints the key where the value is not the usual one; reading: whether the key is there. */
static bool field(Form *form, const char *key, bool usual)
{
    if (form_reading(form))
        return accept_key(form, key);
    if (!usual)
        text_printf(form->out, " %s=", key);
    return !usual;
}

void form_long(Form *form, const char *key, int64_t *value, int64_t usual)
{
    bool there = field(form, key, *value == usual);
    if (!form_reading(form) && there)
        text_printf(form->out, "%lld", (long long)*value);
    else if (form_reading(form))
        *value = there ? read_integer(form, INT64_MIN, INT64_MAX) : usual;
}

void form_int(Form *form, const char *key, int *value, int usual)
{
    int64_t wide = *value;
    form_long(form, key, &wide, usual);
    if (wide < INT32_MIN || wide > INT32_MAX)
        form_expected(form, "a smaller number");
    else
        *value = (int)wide;
}

void form_bool(Form *form, const char *key, bool *value)
{
    int number = *value;
    form_int(form, key, &number, 0);
    *value = number != 0;
}

static void print_double(Form *form, double value)
{
    text_printf(form->out, "%.17g", value);
}

void form_double(Form *form, const char *key, double *value, double usual)
{
    bool there = field(form, key, *value == usual && !signbit(*value));
    if (!form_reading(form) && there)
        print_double(form, *value);
    else if (form_reading(form))
        *value = there ? read_number(form) : usual;
}

void form_text(Form *form, const char *key, const char **value)
{
    bool there = field(form, key, *value == NULL);
    if (!form_reading(form) && *value)
        print_string(form, *value);
    else if (form_reading(form))
        *value = there ? read_string(form) : NULL;
}

/* One of n names. */
int form_name(Form *form, int value, int n, const char *(*name_of)(int))
{
    if (!form_reading(form)) {
        text_printf(form->out, "%s", name_of(value));
        return value;
    }
    for (int i = 0; i < n; i++)
        if (form_accept(form, name_of(i)))
            return i;
    form_expected(form, "a name that belongs here");
    return 0;
}

static void list_open(Form *form)
{
    if (!form_reading(form))
        text_printf(form->out, "[");
    else if (!form_accept(form, "["))
        form_expected(form, "'['");
}

/* Before element i of n (printing), or whether there is another one (reading). */
static bool list_next(Form *form, int i, int n)
{
    if (!form_reading(form)) {
        text_printf(form->out, i == n ? "]" : i ? ", " : "");
        return i < n;
    }
    if (form->failed || form_accept(form, "]"))
        return false;
    if (i > 0 && !form_accept(form, ","))
        form_expected(form, "',' or ']'");
    return !form->failed;
}

void form_longs(Form *form, const char *key, int64_t **values, int *n)
{
    if (!field(form, key, *n == 0))
        return;
    list_open(form);
    for (int i = 0; list_next(form, i, *n); i++) {
        if (!form_reading(form) && *values) {
            text_printf(form->out, "%lld", (long long)(*values)[i]);
            continue;
        }
        *values = array_room(form->arena, *values, *n, sizeof **values);
        (*values)[(*n)++] = read_integer(form, INT64_MIN, INT64_MAX);
    }
}

void form_ints(Form *form, const char *key, int **values, int *n)
{
    int64_t *wide = form_reading(form) ? NULL : NEW_N(form->arena, int64_t, *n + 1);
    int n_wide = form_reading(form) ? 0 : *n;
    for (int i = 0; i < n_wide; i++)
        wide[i] = (*values)[i];
    form_longs(form, key, &wide, &n_wide);
    if (!form_reading(form))
        return;
    *values = nones(form->arena, n_wide);
    *n = n_wide;
    for (int i = 0; i < n_wide; i++) {
        if (wide[i] < INT32_MIN || wide[i] > INT32_MAX)
            form_expected(form, "smaller numbers");
        else
            (*values)[i] = (int)wide[i];
    }
}

void form_array(Form *form, const char *key, int64_t *values, int n)
{
    int64_t *list = form_reading(form) ? NULL : values;
    int n_list = form_reading(form) ? 0 : n;
    form_longs(form, key, &list, &n_list);
    if (form_reading(form) && n_list != n)
        form_expected(form, "a list of another length");
    for (int i = 0; i < n && form_reading(form) && !form->failed; i++)
        values[i] = list[i];
}

void form_doubles(Form *form, const char *key, double **values, int *n)
{
    if (!field(form, key, *n == 0))
        return;
    list_open(form);
    for (int i = 0; list_next(form, i, *n); i++) {
        if (!form_reading(form) && *values) {
            print_double(form, (*values)[i]);
            continue;
        }
        *values = array_room(form->arena, *values, *n, sizeof **values);
        (*values)[(*n)++] = read_number(form);
    }
}

void form_shape(Form *form, const char *key, Shape *shape)
{
    if (!field(form, key, false)) {
        form_expected(form, arena_printf(form->arena, "'%s='", key));
        return;
    }
    int rank = shape->rank;
    list_open(form);
    for (int i = 0; list_next(form, i, rank); i++) {
        if (!form_reading(form)) {
            text_printf(form->out, "%lld", (long long)shape->size[i]);
        } else if (i == MAX_RANK) {
            form_expected(form, "fewer axes");
        } else {
            shape->size[i] = read_integer(form, 1, INT64_MAX);
            shape->rank = i + 1;
        }
    }
}

void form_span(Form *form, Span *span)
{
    form_int(form, "start", &span->start, -1);
    form_int(form, "end", &span->end, -1);
}

/* Starts a record (printing: on a new line), or whether it comes next (reading). */
bool form_record(Form *form, const char *word, int i, int n)
{
    if (form_reading(form))
        return form_accept(form, word);
    if (i < n)
        text_printf(form->out, "\n%s", word);
    return i < n;
}

/* A record that must be there. */
void form_one(Form *form, const char *word)
{
    if (!form_record(form, word, 0, 1))
        form_expected(form, word);
}
