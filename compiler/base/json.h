/* Writing JSON into a Text. */
#ifndef JSON_H
#define JSON_H

#include "base/base.h"

/* A string with its quotes, escaped. */
void json_string(Text *out, const char *text);
/* The shortest decimal that reads back as the same double; null where it is not finite. */
void json_number(Text *out, double value);

#endif
