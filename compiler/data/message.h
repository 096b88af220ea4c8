/* What the data tool says to its user on standard error: errors and warnings that name the file
 * and, where there is one, the line; and a progress line where standard error is a terminal. */
#ifndef DATA_MESSAGE_H
#define DATA_MESSAGE_H

#include <stddef.h>

/* `PATH: error: ...`, or `PATH:LINE: error: ...` where line > 0. A format that ends in ':' has
 * errno's text appended. Both return status, so that a caller can say and leave in one statement.
 */
__attribute__((format(printf, 4, 5))) int message_error(int status, const char *path, size_t line,
                                                        const char *format, ...);
__attribute__((format(printf, 3, 4))) void message_warning(const char *path, size_t line,
                                                           const char *format, ...);

/* Shows "WHAT 12%" on a terminal when done of total has passed a percent since before, or is 0;
 * done == total erases the line. */
void message_progress(const char *what, size_t before, size_t done, size_t total);

#endif
