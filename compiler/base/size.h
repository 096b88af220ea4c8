/* Sizes in bytes as people write them: `6GiB`, `512k`, `1.5 Gi`, `1048576`. */
#ifndef SIZE_H
#define SIZE_H

#include "base/base.h"

/* k, M, G, T are powers of 1000 and Ki, Mi, Gi, Ti of 1024, each with or without a B (or b) after
 * it; a fraction is allowed where the result is a whole number of bytes. False where the text is
 * not such a size or does not fit in a size_t. */
bool size_parse(const char *text, size_t *bytes);

/* `91.4 MiB`: the largest binary unit that leaves at least 1, with one decimal; `512 B` below that.
 */
char *size_format(Arena *arena, size_t bytes);

#endif
