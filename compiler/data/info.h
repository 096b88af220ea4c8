/* What a .bin/.idx pair, a token file or a vocabulary holds, for people or as JSON. */
#ifndef DATA_INFO_H
#define DATA_INFO_H

#include "base/base.h"

/* path: PREFIX, PREFIX.idx, PREFIX.bin, a token file or a vocabulary. Prints to standard output;
 * returns EXIT_DONE, or EXIT_INPUT after a message. */
int info_print(Arena *arena, const char *path, bool json);

#endif
