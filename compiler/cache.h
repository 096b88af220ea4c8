/* What is kept between runs in the user's cache folder ($XDG_CACHE_HOME/rematc, ~/.cache/rematc),
 * named by all that it depends on. It may be deleted at any time. */
#ifndef CACHE_H
#define CACHE_H

#include "base/base.h"

/* NAME-HASH of n texts and of what else a compiled program depends on: the compiler and its flags,
 * the processor and the number of threads. */
char *cache_path(Arena *arena, const char *name, const char *const *texts, int n);

/* The folders above a path; false (and errno) where they cannot be made. */
bool cache_make_folders(Arena *arena, const char *path);

/* A folder and all that is in it; nothing is said where that fails. */
void cache_remove(const char *folder);

/* "AMD EPYC 7713", as the system calls it. */
char *cache_processor(Arena *arena);

typedef enum { MAKE_DONE, MAKE_ABSENT, MAKE_FAILED } MakeResult;

/* Runs make in a folder; all that it prints goes to standard error, or nowhere. */
MakeResult cache_make(const char *folder, bool verbose, bool silent);

#endif
