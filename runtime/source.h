/* What the data sources share: files, options, and the fields of a batch. */
#ifndef SOURCE_H
#define SOURCE_H

#include "data.h"

/* Zeroed memory; ends the program where there is none. */
void *rt_data_alloc(size_t n, size_t bytes);

/* The rows of the table in data.c. */
extern const RtSourceKind rt_source_synthetic, rt_source_idx, rt_source_tokens,
    rt_source_bert_pairs;

/* A file's bytes. Ends the program where it cannot be read. */
typedef struct {
    const char *path;
    unsigned char *data; /* not to be written */
    size_t n;
    bool mapped;
} RtFile;

RtFile rt_file_map(const char *path);
/* The same for a file that may be packed by gzip. */
RtFile rt_file_unpack(const char *path);
void rt_file_close(RtFile *file);

/* The path to read: --data where it is given, else the option of that name, else the first option
 * that is text. Ends the program where there is none. */
const char *rt_data_path(const RtProgram *program, const char *path, const char *option);

/* What a source gives: for error messages, and to be matched with the fields by name. */
typedef struct {
    const char *name;
    const char *type; /* as in a model: i32[batch, seq] */
    bool real;        /* f32, bf16 or f64 may be asked for ... */
    bool integer;     /* ... or i32 ... */
    bool truth;       /* ... or bool */
    int rank;         /* 0: any */
} RtGives;

/* Copies the field of each of gives[0..n) to found[i], whose input is NULL where the model does not
 * ask for it. Ends the program, with a list of what the source gives, where a field is none of
 * them, has another type or rank, or has another batch (the first size) than the fields before it.
 */
void rt_fields_match(const char *source, const RtField *fields, int n_fields, const RtGives *gives,
                     int n, RtField *found);

int64_t rt_field_count(const RtField *field);
/* Element i becomes value, in whatever type the field has. */
void rt_field_set(const RtField *field, int64_t i, double value);

#endif
