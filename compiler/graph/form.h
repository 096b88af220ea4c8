/* A walk over the fields of records that either prints them as text or reads them back. One line a
 * record, `tensor name="x" shape=[16, 512] dtype=f32 ...`; fields are in a fixed order, and those
 * that have their usual value are left out. `#` starts a comment. */
#ifndef FORM_H
#define FORM_H

#include "base/diag.h"
#include "graph/shape.h"

typedef struct {
    Arena *arena;
    Text *out; /* printing, or NULL: reading */
    Diag *diag;
    const char *text;
    int at, n;
    bool failed;
} Form;

/* True while reading. */
bool form_reading(const Form *form);

/* Reading: takes a word or sign if it comes next. */
bool form_accept(Form *form, const char *token);

/* Reading: the error `expected WHAT` at what comes next; the first one counts. */
void form_expected(Form *form, const char *what);

/* Reading: to the next token. */
void form_skip_space(Form *form);

/* Starts record i of n (printing: on a new line), or whether it comes next (reading). */
bool form_record(Form *form, const char *word, int i, int n);

/* A record that must be there. */
void form_one(Form *form, const char *word);

/* Fields `KEY=VALUE`. A value that is the usual one is left out. */
void form_long(Form *form, const char *key, int64_t *value, int64_t usual);
void form_int(Form *form, const char *key, int *value, int usual);
void form_bool(Form *form, const char *key, bool *value);
void form_double(Form *form, const char *key, double *value, double usual);
void form_text(Form *form, const char *key, const char **value);

/* One of n names, without a key. */
int form_name(Form *form, int value, int n, const char *(*name_of)(int));

/* Lists; empty ones are left out. */
void form_longs(Form *form, const char *key, int64_t **values, int *n);
void form_ints(Form *form, const char *key, int **values, int *n);

/* A list of n values. */
void form_array(Form *form, const char *key, int64_t *values, int n);
void form_doubles(Form *form, const char *key, double **values, int *n);

/* Never left out. */
void form_shape(Form *form, const char *key, Shape *shape);
void form_span(Form *form, Span *span);

#endif
