/* Messages about the user's source. A span of bytes goes in; what comes out is
 *
 *     mlp.net:5:13: error: unknown operator 'rleu'; did you mean 'relu'?
 *             h = rleu(h)
 *                 ^~~~
 *
 * Line and column are worked out only here. A stage reports all its errors and goes on; the caller
 * looks at diag_errors() after it. */
#ifndef DIAG_H
#define DIAG_H

#include "base/base.h"

#include <stdio.h>

/* Bytes [start, end) of the source; start < 0 means no place in particular. */
typedef struct {
    int start, end;
} Span;

#define NO_SPAN ((Span){-1, -1})

typedef struct {
    const char *name; /* as messages write it */
    const char *text; /* n bytes, then a 0; bytes that are 0 may also be among them */
    int n;
} Source;

typedef struct Diag Diag;

/* source and out must outlive it. out may be NULL: errors are counted and nothing is printed. */
Diag *diag_new(Arena *arena, const Source *source, FILE *out);
const Source *diag_source(const Diag *diag);

/* The same message at the same place is printed once: a module may be instantiated many times. */
__attribute__((format(printf, 3, 4))) void diag_error(Diag *diag, Span span, const char *format,
                                                      ...);
__attribute__((format(printf, 3, 4))) void diag_warning(Diag *diag, Span span, const char *format,
                                                        ...);
/* Belongs to the error or warning before it, and shares its fate. */
__attribute__((format(printf, 3, 4))) void diag_note(Diag *diag, Span span, const char *format,
                                                     ...);

int diag_errors(const Diag *diag);
/* True where further errors are only counted, so that no work need go into their wording. */
bool diag_is_full(const Diag *diag);

/* Between the two, messages are held back; diag_release prints them in the order of their places,
 * so that a stage of many rules reads from top to bottom. */
void diag_hold(Diag *diag);
void diag_release(Diag *diag);

/* Says how many errors were above the limit of what is printed. Call once, at the end of the run.
 */
void diag_finish(Diag *diag);

/* 1-based; columns count characters, not bytes, and a tab is one. */
int diag_line(const Diag *diag, int offset);
int diag_column(const Diag *diag, int offset);

/* Finds what a misspelt name may have meant: start, offer every candidate, print the hint. */
typedef struct {
    const char *name, *best;
    int distance;
} Nearest;

Nearest nearest_start(const char *name);
void nearest_offer(Nearest *nearest, const char *candidate);
/* "; did you mean 'relu'?", or "" where nothing is near enough. */
const char *nearest_hint(Arena *arena, const Nearest *nearest);

#endif
