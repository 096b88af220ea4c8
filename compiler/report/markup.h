/* Text inside HTML and SVG. */
#ifndef MARKUP_H
#define MARKUP_H

#include "base/base.h"

/* Appends text with < and & escaped. */
void markup_escape(Text *out, const char *text);

#endif
