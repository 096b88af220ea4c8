/* Numbers as the language and the command line spell them: 12, 0.5, 1e-3, 6 GiB, 512M. */
#ifndef NUMBER_H
#define NUMBER_H

#include "base/base.h"

typedef struct {
    bool is_float;
    int64_t i; /* where !is_float */
    double f;  /* always */
} Number;

typedef enum { NUMBER_ok, NUMBER_malformed, NUMBER_too_large } NumberStatus;

/* Reads all of text: an optional minus and digits with an optional fraction and exponent, or a size
 * in bytes as size_parse takes it. */
NumberStatus number_parse(const char *text, Number *number);

Number number_int(int64_t i);
Number number_float(double f);

/* The shortest text that number_parse reads back to the same number. */
const char *number_print(Arena *arena, Number number);

#endif
