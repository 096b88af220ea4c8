/* Reads whole files; a text may be plain or packed by gzip. (base/output.h writes.) */
#ifndef DATA_FILES_H
#define DATA_FILES_H

#include <stddef.h>

typedef struct {
    char *data; /* malloc'ed, followed by a NUL that is not counted */
    size_t n;
} Bytes;

/* Reads all of path ("-": standard input), unpacking gzip. Returns EXIT_DONE, or EXIT_INPUT after a
 * message; the caller frees bytes->data. */
int file_read(const char *path, Bytes *bytes);
/* The same for a binary file, whose first bytes may look like gzip's and mean something else. */
int file_read_binary(const char *path, Bytes *bytes);

#endif
