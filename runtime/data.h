/* Data sources: where batches come from. A source is a file data_NAME.c and a row of the table in
 * data.c. Batch k is a function of the seed and of k alone, so that a resumed run needs no state
 * and a second run sees the same batches. All memory is taken in open; next_batch takes none. */
#ifndef DATA_H
#define DATA_H

#include "rt.h"

/* One input or target to be filled: where a batch of it goes (host memory). */
typedef struct {
    const RtInput *input;
    void *batch; /* input->tensor.bytes bytes */
} RtField;

typedef struct RtSource RtSource;

typedef struct {
    const char *name;
    /* Opens the source for these fields; ends the program with a message where a file is missing or
     * broken, or a field does not fit. path: --data, or NULL. */
    RtSource *(*open)(const RtProgram *program, const char *path, const RtField *fields,
                      int n_fields, uint64_t seed);
    void (*next_batch)(RtSource *source, int64_t step);
    void (*close)(RtSource *source);
} RtSourceKind;

/* NULL where there is none of that name. */
const RtSourceKind *rt_source_find(const char *name);

/* The option of the program's data source, or NULL. */
const RtDataOption *rt_data_option(const RtProgram *program, const char *name);

#endif
