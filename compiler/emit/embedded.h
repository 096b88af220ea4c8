/* The templates and the runtime, as text within the compiler (made by emit/embed.c). */
#ifndef EMBEDDED_H
#define EMBEDDED_H

typedef struct {
    const char *path; /* `templates/cpu/matmul.c`, in order of paths */
    const char *text;
} EmbeddedFile;

extern const EmbeddedFile embedded_files[];
extern const int n_embedded_files;

#endif
