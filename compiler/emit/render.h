/* Copies a template and replaces its regions.
 *
 *     //@begin NAME        (or #@begin NAME, in a Makefile)
 *     default text: the template compiles as it stands
 *     //@end
 *
 * Regions nest. A replacement is indented as its marker is. */
#ifndef RENDER_H
#define RENDER_H

#include "base/base.h"

typedef struct {
    const char *region, *text;
} Fill;

/* The template with each region replaced by the fill of its name. A region without a fill, or one
 * that is not closed, is a bug of ours and ends the run; fills without a region are allowed: not
 * every target needs all that the compiler knows. `name` is for messages. */
const char *render(Arena *arena, const char *name, const char *text, const Fill *fills,
                   int n_fills);

/* The inside of the first region of that name, with the markers of regions in it, and with the
 * indent of its own marker taken off. */
const char *render_region(Arena *arena, const char *name, const char *text, const char *region);

/* The embedded file at that path; a missing one is a bug of ours. */
const char *render_file(const char *path);

#endif
